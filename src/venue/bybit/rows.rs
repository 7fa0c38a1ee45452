//! Rows of Bybit's private messages and answers (Bybit v5 `order`, `execution`, `wallet`, and the
//! answers over HTTP of the same shape): wire text to values.

use serde::Deserialize;

use crate::types::market::Side;
use crate::types::units::Round;
use crate::venue::DecodeError;
use crate::venue::fields;
use crate::venue::fields::Sense;
use crate::venue::fields::Text;
use crate::venue::private::BalanceUpdate;
use crate::venue::private::FeeRates;
use crate::venue::private::OrderState;
use crate::venue::private::OrderUpdate;
use crate::venue::private::VenueFill;

/// An acknowledgement.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckRow<'f> {
    #[serde(borrow)]
    order_id: Text<'f>,
    #[serde(borrow, default)]
    order_link_id: Text<'f>,
}

impl AckRow<'_> {
    /// What it says: the ids, and when.
    pub fn update(&self, venue_ts_ms: u64) -> OrderUpdate {
        OrderUpdate {
            symbol: String::new(),
            venue_order_id: self.order_id.clone().into_owned(),
            client_order_id: fields::id(&self.order_link_id),
            side: None,
            state: None,
            price: None,
            qty: None,
            filled: None,
            filled_value_raw: None,
            fill: None,
            venue_ts_ms,
        }
    }
}

/// What tells whether the quantity of an order is one of coins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind<'f> {
    #[serde(borrow, default)]
    category: Text<'f>,
    #[serde(borrow, default)]
    order_type: Text<'f>,
    #[serde(borrow, default)]
    market_unit: Text<'f>,
}

impl Kind<'_> {
    /// A market buy on spot is one of money, unless it says otherwise.
    fn is_by_value(&self, category: &str, side: Side) -> bool {
        let category = if self.category.is_empty() { category } else { &self.category };
        let is_market_buy = self.order_type == "Market" && side == Side::Buy;
        category == "spot" && is_market_buy && self.market_unit != "baseCoin"
    }
}

/// An order, on the stream and over HTTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow<'f> {
    #[serde(borrow)]
    symbol: Text<'f>,
    #[serde(borrow)]
    order_id: Text<'f>,
    #[serde(borrow)]
    order_link_id: Text<'f>,
    #[serde(borrow)]
    side: Text<'f>,
    #[serde(borrow)]
    order_status: Text<'f>,
    #[serde(borrow)]
    price: Text<'f>,
    #[serde(borrow)]
    qty: Text<'f>,
    #[serde(borrow)]
    cum_exec_qty: Text<'f>,
    #[serde(borrow)]
    cum_exec_value: Text<'f>,
    #[serde(borrow)]
    updated_time: Text<'f>,
    #[serde(borrow, flatten)]
    kind: Kind<'f>,
}

impl OrderRow<'_> {
    /// The order. `category` is what the answer says where the row does not.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn update(&self, category: &str) -> Result<OrderUpdate, DecodeError> {
        let side = side(&self.side)?;
        let qty = fields::qty(&self.qty)?;
        let has_value = !self.cum_exec_value.is_empty();
        let value_raw = fields::amount(&self.cum_exec_value, Round::Down)?;
        Ok(OrderUpdate {
            symbol: self.symbol.clone().into_owned(),
            venue_order_id: self.order_id.clone().into_owned(),
            client_order_id: fields::id(&self.order_link_id),
            side: Some(side),
            state: Some(state(&self.order_status)?),
            price: fields::price(&self.price)?,
            qty: qty.filter(|_| !self.kind.is_by_value(category, side)),
            filled: fields::qty(&self.cum_exec_qty)?,
            filled_value_raw: has_value.then_some(value_raw),
            fill: None,
            venue_ts_ms: fields::whole(&self.updated_time)?,
        })
    }
}

/// A match, on the streams and over HTTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillRow<'f> {
    #[serde(borrow)]
    symbol: Text<'f>,
    #[serde(borrow)]
    order_id: Text<'f>,
    #[serde(borrow)]
    order_link_id: Text<'f>,
    #[serde(borrow)]
    side: Text<'f>,
    #[serde(borrow)]
    exec_id: Text<'f>,
    #[serde(borrow)]
    exec_price: Text<'f>,
    #[serde(borrow)]
    exec_qty: Text<'f>,
    #[serde(borrow)]
    exec_time: Text<'f>,
    #[serde(borrow, default)]
    exec_type: Text<'f>,
    #[serde(borrow, default)]
    exec_fee: Text<'f>,
    #[serde(borrow, default)]
    fee_currency: Text<'f>,
    #[serde(borrow, default)]
    order_price: Text<'f>,
    #[serde(borrow, default)]
    order_qty: Text<'f>,
    is_maker: Option<bool>,
    #[serde(borrow, flatten)]
    kind: Kind<'f>,
}

impl FillRow<'_> {
    /// Other kinds (funding, liquidation, delivery) do not occur on spot. The fast topic names
    /// none and holds trades only.
    pub fn is_trade(&self) -> bool {
        self.exec_type.is_empty() || self.exec_type == "Trade"
    }

    /// The match and the id of its order.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn named(&self) -> Result<(String, VenueFill), DecodeError> {
        Ok((self.order_id.clone().into_owned(), self.fill()?))
    }

    fn fill(&self) -> Result<VenueFill, DecodeError> {
        Ok(VenueFill {
            trade_id: self.exec_id.clone().into_owned(),
            price: fields::needed(fields::price(&self.exec_price)?)?,
            qty: fields::needed(fields::qty(&self.exec_qty)?)?,
            fee_raw: fields::fee(&self.exec_fee, Sense::Paid)?,
            fee_asset: self.fee_currency.clone().into_owned(),
            is_maker: self.is_maker,
        })
    }

    /// What it says of its order.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn update(&self) -> Result<OrderUpdate, DecodeError> {
        let side = side(&self.side)?;
        let qty = fields::qty(&self.order_qty)?;
        Ok(OrderUpdate {
            symbol: self.symbol.clone().into_owned(),
            venue_order_id: self.order_id.clone().into_owned(),
            client_order_id: fields::id(&self.order_link_id),
            side: Some(side),
            state: None,
            price: fields::price(&self.order_price)?,
            qty: qty.filter(|_| !self.kind.is_by_value("", side)),
            filled: None,
            filled_value_raw: None,
            fill: Some(self.fill()?),
            venue_ts_ms: fields::whole(&self.exec_time)?,
        })
    }
}

fn side(text: &str) -> Result<Side, DecodeError> {
    match text {
        "Buy" => Ok(Side::Buy),
        "Sell" => Ok(Side::Sell),
        _ => Err(DecodeError::Malformed),
    }
}

fn state(text: &str) -> Result<OrderState, DecodeError> {
    match text {
        "New" | "Triggered" => Ok(OrderState::Open),
        "PartiallyFilled" => Ok(OrderState::PartlyFilled),
        "Filled" => Ok(OrderState::Filled),
        "Cancelled" | "PartiallyFilledCanceled" | "Deactivated" => Ok(OrderState::Cancelled),
        "Rejected" => Ok(OrderState::Rejected),
        "Untriggered" => Ok(OrderState::Waiting),
        _ => Err(DecodeError::Malformed),
    }
}

/// An account.
#[derive(Deserialize)]
pub struct Wallet<'f> {
    #[serde(borrow)]
    coin: Vec<Coin<'f>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Coin<'f> {
    #[serde(borrow)]
    coin: Text<'f>,
    #[serde(borrow)]
    wallet_balance: Text<'f>,
    #[serde(borrow, default)]
    locked: Text<'f>,
}

/// Balances of every coin. What is free is the wallet less what spot orders lock.
///
/// # Errors
/// [`DecodeError`] if a value is none.
pub fn balances(wallets: &[Wallet<'_>]) -> Result<Vec<BalanceUpdate>, DecodeError> {
    let balance = |coin: &Coin<'_>| {
        let locked_raw = fields::amount(&coin.locked, Round::Down)?;
        let wallet_raw = fields::amount(&coin.wallet_balance, Round::Down)?;
        let free_raw = wallet_raw.checked_sub(locked_raw).ok_or(DecodeError::Value)?;
        Ok(BalanceUpdate { asset: coin.coin.clone().into_owned(), free_raw, locked_raw })
    };
    wallets.iter().flat_map(|wallet| &wallet.coin).map(balance).collect()
}

/// Fees of a symbol.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeeRow<'f> {
    #[serde(borrow)]
    symbol: Text<'f>,
    #[serde(borrow)]
    maker_fee_rate: Text<'f>,
    #[serde(borrow)]
    taker_fee_rate: Text<'f>,
}

impl FeeRow<'_> {
    /// The rates.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn rates(&self) -> Result<FeeRates, DecodeError> {
        Ok(FeeRates {
            symbol: self.symbol.clone().into_owned(),
            maker_ppm: fields::rate_ppm(&self.maker_fee_rate, Sense::Paid)?,
            taker_ppm: fields::rate_ppm(&self.taker_fee_rate, Sense::Paid)?,
        })
    }
}
