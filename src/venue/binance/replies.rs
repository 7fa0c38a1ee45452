//! Results of Binance's requests, over HTTP and over the WebSocket API alike (`VENUES.md` 2.2 and
//! 2.3). Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::types::market::Level;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::Codec;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;
use crate::venue::binance::market::BinanceCodec;
use crate::venue::binance::values::Fixed;
use crate::venue::binance::values::OnBook;
use crate::venue::binance::values::balance;
use crate::venue::binance::values::parse;
use crate::venue::binance::values::side;
use crate::venue::binance::values::state;
use crate::venue::private::BalanceUpdate;
use crate::venue::private::FeeRates;
use crate::venue::private::OrderState;
use crate::venue::private::OrderUpdate;
use crate::venue::private::Reply;
use crate::venue::private::VenueFill;

/// An order in any answer: the keys differ between placing, cancelling, asking and amending.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    symbol: String,
    order_id: u64,
    client_order_id: Option<String>,
    /// Of a cancel or an amendment: the order's own id.
    orig_client_order_id: Option<String>,
    side: Option<String>,
    status: Option<String>,
    is_working: Option<bool>,
    price: Option<Fixed>,
    #[serde(alias = "qty")]
    orig_qty: Option<Fixed>,
    executed_qty: Option<Fixed>,
    /// The venue's own spelling; an amendment spells it right.
    #[serde(alias = "cumulativeQuoteQty")]
    cummulative_quote_qty: Option<Fixed>,
    transact_time: Option<u64>,
    update_time: Option<u64>,
    time: Option<u64>,
    #[serde(default)]
    fills: Vec<OrderFill>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderFill {
    price: Fixed,
    qty: Fixed,
    commission: Fixed,
    commission_asset: String,
    trade_id: u64,
}

/// The order in an answer. A full answer with several matches is one update a match, as a stream
/// would tell them: the quantity matched rises from one to the next, and only the last one tells
/// state and value of the whole.
///
/// # Errors
/// [`DecodeError`].
pub fn order(text: &str) -> Result<Vec<OrderUpdate>, DecodeError> {
    let order: Order = parse(text)?;
    let whole = order.update()?;
    let Some((last, before)) = order.fills.split_last() else { return Ok(vec![whole]) };
    let mut updates = Vec::with_capacity(order.fills.len());
    let mut filled = Qty::ZERO;
    for fill in before {
        let fill = fill.fill()?;
        filled = filled.plus(fill.qty).ok_or(DecodeError::Value)?;
        updates.push(OrderUpdate {
            state: Some(OrderState::PartlyFilled),
            filled: Some(filled),
            filled_value_raw: None,
            fill: Some(fill),
            ..whole.clone()
        });
    }
    updates.push(OrderUpdate { fill: Some(last.fill()?), ..whole });
    Ok(updates)
}

impl Order {
    fn update(&self) -> Result<OrderUpdate, DecodeError> {
        let client_id = self.orig_client_order_id.as_ref().or(self.client_order_id.as_ref());
        let qty = self.orig_qty.map(Fixed::qty).transpose()?;
        let on_book = OnBook::of(self.is_working);
        let time_ms = self.transact_time.or(self.update_time).or(self.time);
        Ok(OrderUpdate {
            symbol: self.symbol.clone(),
            venue_order_id: self.order_id.to_string(),
            client_order_id: client_id.filter(|id| !id.is_empty()).cloned(),
            side: self.side.as_deref().map(side).transpose()?,
            state: self.status.as_deref().and_then(|status| state(status, on_book)),
            price: self.price.map(Fixed::price).transpose()?.flatten(),
            qty: qty.filter(|qty| !qty.is_zero()),
            filled: self.executed_qty.map(Fixed::qty).transpose()?,
            filled_value_raw: self.cummulative_quote_qty.map(Fixed::amount).transpose()?,
            fill: None,
            venue_ts_ms: time_ms.unwrap_or(0),
        })
    }
}

impl OrderFill {
    fn fill(&self) -> Result<VenueFill, DecodeError> {
        Ok(VenueFill {
            trade_id: self.trade_id.to_string(),
            price: self.price.some_price()?,
            qty: self.qty.some_qty()?,
            fee_raw: Some(self.commission.0),
            fee_asset: self.commission_asset.clone(),
            is_maker: None,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amended<'f> {
    transact_time: u64,
    #[serde(borrow)]
    amended_order: &'f RawValue,
}

/// The order in an answer to an amendment.
///
/// # Errors
/// [`DecodeError`].
pub fn amended(text: &str) -> Result<Vec<OrderUpdate>, DecodeError> {
    let amended: Amended<'_> = parse(text)?;
    let mut orders = order(amended.amended_order.get())?;
    for order in &mut orders {
        order.venue_ts_ms = amended.transact_time;
    }
    Ok(orders)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    id: u64,
    order_id: u64,
    price: Fixed,
    qty: Fixed,
    commission: Fixed,
    commission_asset: String,
    is_maker: bool,
}

/// Our matches, each with the id of its order.
///
/// # Errors
/// [`DecodeError`].
pub fn fills(text: &str) -> Result<Reply, DecodeError> {
    let fill = |trade: Trade| {
        let fill = VenueFill {
            trade_id: trade.id.to_string(),
            price: trade.price.some_price()?,
            qty: trade.qty.some_qty()?,
            fee_raw: Some(trade.commission.0),
            fee_asset: trade.commission_asset,
            is_maker: Some(trade.is_maker),
        };
        Ok((trade.order_id.to_string(), fill))
    };
    let fills: Result<_, DecodeError> = parse::<Vec<Trade>>(text)?.into_iter().map(fill).collect();
    Ok(Reply::Fills(fills?))
}

#[derive(Deserialize)]
struct Account {
    balances: Vec<Balance>,
}

#[derive(Deserialize)]
struct Balance {
    asset: String,
    free: String,
    locked: String,
}

/// Balances of an account.
///
/// # Errors
/// [`DecodeError`].
pub fn balances(text: &str) -> Result<Reply, DecodeError> {
    let update = |one: Balance| {
        let (free_raw, locked_raw) = (balance(&one.free)?, balance(&one.locked)?);
        Ok(BalanceUpdate { asset: one.asset, free_raw, locked_raw })
    };
    let account: Account = parse(text)?;
    let balances: Result<_, DecodeError> = account.balances.into_iter().map(update).collect();
    Ok(Reply::Balances(balances?))
}

/// Rates of one kind, each a fraction of the value.
#[derive(Deserialize)]
struct Rates {
    maker: Fixed,
    taker: Fixed,
    buyer: Fixed,
    seller: Fixed,
}

/// `account/commission`: a symbol pays the sum of three kinds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commission {
    symbol: String,
    standard_commission: Rates,
    special_commission: Option<Rates>,
    tax_commission: Option<Rates>,
}

/// `account`: rates without a symbol.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountRates {
    commission_rates: Rates,
}

/// Fees of a symbol, or of the account. What buying or selling costs on top is added at the higher
/// of the two, discounts are left out, and fractions of a ppm are rounded up: never too cheap.
///
/// # Errors
/// [`DecodeError`].
pub fn fees(text: &str) -> Result<Reply, DecodeError> {
    let (symbol, kinds) = match parse::<Commission>(text) {
        Ok(fees) => {
            let kinds = [Some(fees.standard_commission), fees.special_commission];
            let kinds = kinds.into_iter().chain([fees.tax_commission]).flatten().collect();
            (fees.symbol, kinds)
        }
        Err(_) => (String::new(), vec![parse::<AccountRates>(text)?.commission_rates]),
    };
    let sum = |of: fn(&Rates) -> Fixed| {
        let total = |rates: &Rates| {
            let extra = rates.buyer.amount()?.max(rates.seller.amount()?);
            of(rates).amount()?.checked_add(extra).ok_or(DecodeError::Value)
        };
        kinds
            .iter()
            .try_fold(0i64, |sum, rates| sum.checked_add(total(rates)?).ok_or(DecodeError::Value))
    };
    // A fraction in raw 10⁻⁸ units is 100 times as many as ppm.
    let ppm = |raw: i64| raw / 100 + i64::from(raw % 100 != 0);
    let (maker_ppm, taker_ppm) = (ppm(sum(|rates| rates.maker)?), ppm(sum(|rates| rates.taker)?));
    Ok(Reply::Fees(vec![FeeRates { symbol, maker_ppm, taker_ppm }]))
}

/// A book snapshot.
///
/// # Errors
/// [`DecodeError`].
pub fn book(text: &str) -> Result<Reply, DecodeError> {
    let mut scratch = Scratch::default();
    let event = BinanceCodec.decode(FrameKind::RestDepth, text.as_bytes(), &mut scratch)?;
    let Event::Snapshot { last_id } = event else { return Err(DecodeError::Malformed) };
    let side = |levels: &[Level]| -> Vec<(Price, Qty)> {
        levels.iter().map(|level| (level.price, level.qty)).collect()
    };
    let (bids, asks) = (side(&scratch.bids), side(&scratch.asks));
    Ok(Reply::Book { bids, asks, update_id: Some(last_id) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Time {
    server_time: u64,
}

/// The venue's time.
///
/// # Errors
/// [`DecodeError`].
pub fn time(text: &str) -> Result<Reply, DecodeError> {
    Ok(Reply::Time(parse::<Time>(text)?.server_time))
}
