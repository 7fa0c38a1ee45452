//! Ticks, minimum order and fee rules of Upbit's KRW markets (`VENUES.md` 1.3).

use crate::types::market::BuyFee;
use crate::types::market::TickBand;
use crate::types::units::SCALE;

/// Smallest order value, KRW × 10⁻⁸.
pub const MIN_NOTIONAL_RAW: i64 = 5_000 * SCALE;

/// Buys pay their fee in won on top of the cost.
pub const BUY_FEE: BuyFee = BuyFee::Quote;

/// Volume precision: 8 decimals.
pub const LOT_RAW: i64 = 1;

/// KRW tick table since 2025-07-31, from each band's first price on.
pub const KRW_TICKS: [TickBand; 16] = [
    TickBand { from_raw: 0, tick_raw: 1 },
    TickBand { from_raw: SCALE / 100_000, tick_raw: 10 },
    TickBand { from_raw: SCALE / 10_000, tick_raw: 100 },
    TickBand { from_raw: SCALE / 1_000, tick_raw: 1_000 },
    TickBand { from_raw: SCALE / 100, tick_raw: 10_000 },
    TickBand { from_raw: SCALE / 10, tick_raw: 100_000 },
    TickBand { from_raw: SCALE, tick_raw: 1_000_000 },
    TickBand { from_raw: 10 * SCALE, tick_raw: 10_000_000 },
    TickBand { from_raw: 100 * SCALE, tick_raw: SCALE },
    TickBand { from_raw: 1_000 * SCALE, tick_raw: SCALE },
    TickBand { from_raw: 5_000 * SCALE, tick_raw: 5 * SCALE },
    TickBand { from_raw: 10_000 * SCALE, tick_raw: 10 * SCALE },
    TickBand { from_raw: 50_000 * SCALE, tick_raw: 50 * SCALE },
    TickBand { from_raw: 100_000 * SCALE, tick_raw: 100 * SCALE },
    TickBand { from_raw: 500_000 * SCALE, tick_raw: 500 * SCALE },
    TickBand { from_raw: 1_000_000 * SCALE, tick_raw: 1_000 * SCALE },
];
