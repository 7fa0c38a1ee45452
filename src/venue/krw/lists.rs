//! Answers that no [`crate::venue::private::Call`] asks for: last prices, past trades, wallets.

use crate::types::market::Side;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::krw::account::side;
use crate::venue::krw::object::each;
use crate::venue::krw::object::need;

/// The price of the last trade of a market. When that was is left out: Bithumb tells it in Korean
/// time as if it were UTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastPrice {
    /// The venue's code.
    pub symbol: String,
    /// The price.
    pub price: Price,
}

/// A trade that took place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastTrade {
    /// The venue's code.
    pub symbol: String,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// What the taker did.
    pub taker: Side,
    /// The venue's number of the trade.
    pub trade_id: u64,
    /// Venue time, ms since 1970.
    pub venue_ts_ms: u64,
}

/// Whether a coin can be moved over one of its networks. Upbit tells this minutes late.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wallet {
    /// The coin.
    pub asset: String,
    /// The network; empty if not told.
    pub network: String,
    /// Deposits are taken.
    pub may_deposit: bool,
    /// Withdrawals are taken.
    pub may_withdraw: bool,
    /// The venue follows the blocks of the network without delay.
    pub is_in_step: bool,
}

/// Last prices in the answer to `/v1/ticker`.
///
/// # Errors
/// [`DecodeError`] if the answer is not what the venue documents.
pub fn last_prices(body: &[u8]) -> Result<Vec<LastPrice>, DecodeError> {
    each(body, |row| {
        let symbol = need(row.text(&["market"])?)?;
        Ok(LastPrice { symbol, price: need(row.price(&["trade_price"])?)? })
    })
}

/// Trades in the answer to `/v1/trades/ticks`, in its order.
///
/// # Errors
/// As [`last_prices`].
pub fn past_trades(body: &[u8]) -> Result<Vec<PastTrade>, DecodeError> {
    each(body, |row| {
        Ok(PastTrade {
            symbol: need(row.text(&["market"])?)?,
            price: need(row.price(&["trade_price"])?)?,
            qty: need(row.qty(&["trade_volume"])?)?,
            taker: need(side(row.text(&["ask_bid"])?)?)?,
            trade_id: need(row.whole(&["sequential_id"])?)?,
            venue_ts_ms: need(row.whole(&["timestamp"])?)?,
        })
    })
}

/// Wallets in the answer to `/v1/status/wallet`. A state that is not documented moves nothing.
///
/// # Errors
/// As [`last_prices`].
pub fn wallets(body: &[u8]) -> Result<Vec<Wallet>, DecodeError> {
    each(body, |row| {
        let state = need(row.text(&["wallet_state"])?)?;
        Ok(Wallet {
            asset: need(row.text(&["currency"])?)?,
            network: row.text(&["net_type"])?.unwrap_or_default(),
            may_deposit: matches!(state.as_str(), "working" | "deposit_only"),
            may_withdraw: matches!(state.as_str(), "working" | "withdraw_only"),
            is_in_step: row.text(&["block_state"])?.as_deref() == Some("normal"),
        })
    })
}
