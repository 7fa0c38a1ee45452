//! Ticks, minimum order and fee rules of Bithumb's KRW markets (`VENUES.md` 3).

use crate::types::market::BuyFee;
use crate::types::market::TickBand;
use crate::types::units::SCALE;

/// Smallest order value, KRW × 10⁻⁸.
pub const MIN_NOTIONAL_RAW: i64 = 5_000 * SCALE;

/// Buys pay their fee in won on top of the cost.
pub const BUY_FEE: BuyFee = BuyFee::Quote;

/// Volume precision: 8 decimals, as orders and balances show it. (Books print only 4.)
pub const LOT_RAW: i64 = 1;

/// A quiet book sends nothing: a living connection keeps it fresh.
pub const WHOLE_BOOK_FEED: bool = true;

/// A fallback, not the venue's word: Bithumb publishes no tick table and no request tells a tick.
/// These bands agree with every price seen (1,000 from a million won on, 1 at 1,300) and are
/// Upbit's from 0.01 won on, which are the coarser ones where recordings of Bithumb show finer
/// (0.001 at 4 and at 7 won). A price on a coarser grid lies on a finer one too. Below 0.01 won
/// nothing was seen; the tick stays at 0.0001. A tick in the configuration goes before it.
pub const KRW_TICKS: [TickBand; 11] = [
    TickBand { from_raw: 0, tick_raw: SCALE / 10_000 },
    TickBand { from_raw: SCALE / 10, tick_raw: SCALE / 1_000 },
    TickBand { from_raw: SCALE, tick_raw: SCALE / 100 },
    TickBand { from_raw: 10 * SCALE, tick_raw: SCALE / 10 },
    TickBand { from_raw: 100 * SCALE, tick_raw: SCALE },
    TickBand { from_raw: 5_000 * SCALE, tick_raw: 5 * SCALE },
    TickBand { from_raw: 10_000 * SCALE, tick_raw: 10 * SCALE },
    TickBand { from_raw: 50_000 * SCALE, tick_raw: 50 * SCALE },
    TickBand { from_raw: 100_000 * SCALE, tick_raw: 100 * SCALE },
    TickBand { from_raw: 500_000 * SCALE, tick_raw: 500 * SCALE },
    TickBand { from_raw: 1_000_000 * SCALE, tick_raw: 1_000 * SCALE },
];
