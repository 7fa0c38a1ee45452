//! Fee side of Bybit spot, and what holds until the venue's own rules were read (`VENUES.md` 4,
//! `instruments-info`). The fallbacks are coarse on purpose: a multiple of a grid lies on it.

use crate::types::market::BuyFee;
use crate::types::units::SCALE;

/// Buys pay their fee out of the coins received.
pub const BUY_FEE: BuyFee = BuyFee::Base;

/// Smallest order value, USDT × 10⁻⁸ (`minOrderAmt` of BTCUSDT and ETHUSDT).
pub const MIN_NOTIONAL_RAW: i64 = 5 * SCALE;

/// Price grid of BTCUSDT, raw 10⁻⁸ USDT.
pub const BTC_TICK_RAW: i64 = SCALE / 10;
/// Quantity grid of BTCUSDT, raw 10⁻⁸ BTC.
pub const BTC_LOT_RAW: i64 = SCALE / 1_000_000;
/// Price grid of ETHUSDT, raw 10⁻⁸ USDT.
pub const ETH_TICK_RAW: i64 = SCALE / 100;
/// Quantity grid of ETHUSDT, raw 10⁻⁸ ETH.
pub const ETH_LOT_RAW: i64 = SCALE / 10_000;
