//! Ticks, minimum order and fee rules of Bithumb's KRW markets (`VENUES.md` 3).

use crate::types::market::BuyFee;
use crate::types::market::TickBand;
use crate::types::units::SCALE;
use crate::venue::upbit::rules::KRW_TICKS as KRW_TICKS_OF_UPBIT;

/// Smallest order value, KRW × 10⁻⁸.
pub const MIN_NOTIONAL_RAW: i64 = 5_000 * SCALE;

/// Buys pay their fee in won on top of the cost.
pub const BUY_FEE: BuyFee = BuyFee::Quote;

/// Volume precision: 8 decimals, as orders and balances show it. (Books print only 4.)
pub const LOT_RAW: i64 = 1;

/// A quiet book sends nothing: a living connection keeps it fresh.
pub const WHOLE_BOOK_FEED: bool = true;

/// A fallback, not the venue's word: Bithumb publishes no tick table and no request tells a tick.
/// A tick in the configuration goes before it.
///
/// The bands are Upbit's from 0.01 won on. They agree with every price seen (1,000 from a million
/// won on, 1 at 1,300) and are the coarser ones where an old recording shows finer (0.001 at 4 and
/// at 7 won): a price on a coarser grid lies on a finer one too. Below 0.01 won nothing was seen;
/// the tick stays at 0.0001.
pub const KRW_TICKS: [TickBand; BANDS] = {
    let mut bands = [KRW_TICKS_OF_UPBIT[FIRST]; BANDS];
    let mut at = 1;
    while at < BANDS {
        bands[at] = KRW_TICKS_OF_UPBIT[FIRST + at];
        at += 1;
    }
    bands[0].from_raw = 0;
    bands
};

/// Upbit's band from 0.01 won on.
const FIRST: usize = 4;
const BANDS: usize = KRW_TICKS_OF_UPBIT.len() - FIRST;
const _: () = assert!(KRW_TICKS_OF_UPBIT[FIRST].from_raw == SCALE / 100, "the band of 0.01 won");
