//! Minimum order and fee rules of Binance spot (`VENUES.md` 2.3). Ticks and lots are per symbol.

use crate::types::market::BuyFee;
use crate::types::units::SCALE;

/// Smallest order value, USDT × 10⁻⁸ (NOTIONAL filter of BTCUSDT).
pub const MIN_NOTIONAL_RAW: i64 = 5 * SCALE;

/// Buys pay their fee out of the coins received (no BNB discount).
pub const BUY_FEE: BuyFee = BuyFee::Base;
