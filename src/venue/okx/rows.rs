//! Rows of OKX's private messages and answers (channels `orders`, `fills`, `account`, and the
//! answers over HTTP of the same shape): wire text to values.
//!
//! Fees are credits: negative when we pay. Fills are told apart by `tradeId`; a push without one
//! repeats an order and matches nothing, also where `accFillSz` stands at what it was.

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

/// An acknowledgement or a refusal of one order.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckRow<'f> {
    #[serde(borrow, default)]
    ord_id: Text<'f>,
    #[serde(borrow, default)]
    cl_ord_id: Text<'f>,
    #[serde(borrow, default)]
    ts: Text<'f>,
    /// `0` if it was taken.
    #[serde(borrow, default)]
    pub s_code: Text<'f>,
    /// Why it was not.
    #[serde(borrow, default)]
    pub s_msg: Text<'f>,
}

impl AckRow<'_> {
    /// The order that was taken, at `out_us` if the row does not say when.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn update(&self, out_us: u64) -> Result<OrderUpdate, DecodeError> {
        const US_PER_MS: u64 = 1_000;
        let is_timed = !self.ts.is_empty();
        Ok(OrderUpdate {
            symbol: String::new(),
            venue_order_id: fields::id(&self.ord_id).ok_or(DecodeError::Malformed)?,
            client_order_id: fields::id(&self.cl_ord_id),
            side: None,
            state: None,
            price: None,
            qty: None,
            filled: None,
            filled_value_raw: None,
            fill: None,
            venue_ts_ms: if is_timed { fields::whole(&self.ts)? } else { out_us / US_PER_MS },
        })
    }
}

/// An order, on the stream and over HTTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow<'f> {
    #[serde(borrow)]
    inst_id: Text<'f>,
    #[serde(borrow)]
    ord_id: Text<'f>,
    #[serde(borrow)]
    cl_ord_id: Text<'f>,
    #[serde(borrow)]
    side: Text<'f>,
    #[serde(borrow)]
    ord_type: Text<'f>,
    #[serde(borrow)]
    state: Text<'f>,
    #[serde(borrow)]
    px: Text<'f>,
    #[serde(borrow)]
    sz: Text<'f>,
    #[serde(borrow, default)]
    tgt_ccy: Text<'f>,
    #[serde(borrow)]
    acc_fill_sz: Text<'f>,
    #[serde(borrow)]
    u_time: Text<'f>,
    #[serde(borrow, default)]
    trade_id: Text<'f>,
    #[serde(borrow, default)]
    fill_px: Text<'f>,
    #[serde(borrow, default)]
    fill_sz: Text<'f>,
    #[serde(borrow, default)]
    fill_fee: Text<'f>,
    #[serde(borrow, default)]
    fill_fee_ccy: Text<'f>,
    #[serde(borrow, default)]
    exec_type: Text<'f>,
}

impl OrderRow<'_> {
    /// The order, with the match that it tells of. The answer over HTTP repeats the latest match
    /// without the fee of it.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn update(&self) -> Result<OrderUpdate, DecodeError> {
        let side = side(&self.side)?;
        let qty = fields::qty(&self.sz)?;
        Ok(OrderUpdate {
            symbol: self.inst_id.clone().into_owned(),
            venue_order_id: self.ord_id.clone().into_owned(),
            client_order_id: fields::id(&self.cl_ord_id),
            side: Some(side),
            state: Some(state(&self.state)?),
            price: fields::price(&self.px)?,
            qty: qty.filter(|_| !self.is_by_value(side)),
            filled: fields::qty(&self.acc_fill_sz)?,
            filled_value_raw: None,
            fill: self.fill()?,
            venue_ts_ms: fields::whole(&self.u_time)?,
        })
    }

    /// A market buy is one of money, unless it says otherwise.
    fn is_by_value(&self, side: Side) -> bool {
        let is_market_buy = self.ord_type == "market" && side == Side::Buy;
        self.tgt_ccy == "quote_ccy" || self.tgt_ccy.is_empty() && is_market_buy
    }

    fn fill(&self) -> Result<Option<VenueFill>, DecodeError> {
        let qty = fields::qty(&self.fill_sz)?.filter(|qty| !qty.is_zero());
        let Some(qty) = qty.filter(|_| !self.trade_id.is_empty()) else { return Ok(None) };
        Ok(Some(VenueFill {
            trade_id: self.trade_id.clone().into_owned(),
            price: fields::needed(fields::price(&self.fill_px)?)?,
            qty,
            fee_raw: fields::fee(&self.fill_fee, Sense::Credited)?,
            fee_asset: self.fill_fee_ccy.clone().into_owned(),
            is_maker: is_maker(&self.exec_type),
        }))
    }
}

/// A match, on the channel `fills` (which names no fee) and over HTTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillRow<'f> {
    #[serde(borrow)]
    inst_id: Text<'f>,
    #[serde(borrow)]
    ord_id: Text<'f>,
    #[serde(borrow, default)]
    cl_ord_id: Text<'f>,
    #[serde(borrow)]
    side: Text<'f>,
    #[serde(borrow)]
    trade_id: Text<'f>,
    #[serde(borrow)]
    fill_px: Text<'f>,
    #[serde(borrow)]
    fill_sz: Text<'f>,
    #[serde(borrow, default)]
    fee: Text<'f>,
    #[serde(borrow, default)]
    fee_ccy: Text<'f>,
    #[serde(borrow, default)]
    exec_type: Text<'f>,
    #[serde(borrow)]
    ts: Text<'f>,
}

impl FillRow<'_> {
    /// The match and the id of its order.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn named(&self) -> Result<(String, VenueFill), DecodeError> {
        Ok((self.ord_id.clone().into_owned(), self.fill()?))
    }

    /// What it says of its order.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn update(&self) -> Result<OrderUpdate, DecodeError> {
        Ok(OrderUpdate {
            symbol: self.inst_id.clone().into_owned(),
            venue_order_id: self.ord_id.clone().into_owned(),
            client_order_id: fields::id(&self.cl_ord_id),
            side: Some(side(&self.side)?),
            state: None,
            price: None,
            qty: None,
            filled: None,
            filled_value_raw: None,
            fill: Some(self.fill()?),
            venue_ts_ms: fields::whole(&self.ts)?,
        })
    }

    fn fill(&self) -> Result<VenueFill, DecodeError> {
        Ok(VenueFill {
            trade_id: self.trade_id.clone().into_owned(),
            price: fields::needed(fields::price(&self.fill_px)?)?,
            qty: fields::needed(fields::qty(&self.fill_sz)?)?,
            fee_raw: fields::fee(&self.fee, Sense::Credited)?,
            fee_asset: self.fee_ccy.clone().into_owned(),
            is_maker: is_maker(&self.exec_type),
        })
    }
}

fn is_maker(exec_type: &str) -> Option<bool> {
    match exec_type {
        "M" => Some(true),
        "T" => Some(false),
        _ => None,
    }
}

fn side(text: &str) -> Result<Side, DecodeError> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        _ => Err(DecodeError::Malformed),
    }
}

fn state(text: &str) -> Result<OrderState, DecodeError> {
    match text {
        "live" => Ok(OrderState::Open),
        "partially_filled" => Ok(OrderState::PartlyFilled),
        "filled" => Ok(OrderState::Filled),
        "canceled" | "mmp_canceled" => Ok(OrderState::Cancelled),
        _ => Err(DecodeError::Malformed),
    }
}

/// An account.
#[derive(Deserialize)]
pub struct Account<'f> {
    #[serde(borrow)]
    details: Vec<Coin<'f>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Coin<'f> {
    #[serde(borrow)]
    ccy: Text<'f>,
    #[serde(borrow)]
    avail_bal: Text<'f>,
    #[serde(borrow)]
    frozen_bal: Text<'f>,
}

/// Balances of every coin.
///
/// # Errors
/// [`DecodeError`] if a value is none.
pub fn balances(accounts: &[Account<'_>]) -> Result<Vec<BalanceUpdate>, DecodeError> {
    let balance = |coin: &Coin<'_>| {
        Ok(BalanceUpdate {
            asset: coin.ccy.clone().into_owned(),
            free_raw: fields::amount(&coin.avail_bal, Round::Down)?,
            locked_raw: fields::amount(&coin.frozen_bal, Round::Down)?,
        })
    };
    accounts.iter().flat_map(|account| &account.details).map(balance).collect()
}

/// Fees of the account.
#[derive(Deserialize)]
pub struct FeeRow<'f> {
    #[serde(borrow)]
    maker: Text<'f>,
    #[serde(borrow)]
    taker: Text<'f>,
}

impl FeeRow<'_> {
    /// The rates, which hold for every spot symbol.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is none.
    pub fn rates(&self) -> Result<FeeRates, DecodeError> {
        Ok(FeeRates {
            symbol: String::new(),
            maker_ppm: fields::rate_ppm(&self.maker, Sense::Credited)?,
            taker_ppm: fields::rate_ppm(&self.taker, Sense::Credited)?,
        })
    }
}
