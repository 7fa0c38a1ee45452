//! Answers to requests about our account and about books, alike on both venues (`VENUES.md` 1.3
//! and 3).

use crate::types::market::Level;
use crate::types::market::TickBand;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::Scratch;
use crate::venue::krw::account::Matched;
use crate::venue::krw::account::balance;
use crate::venue::krw::account::side;
use crate::venue::krw::account::state;
use crate::venue::krw::listing;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::message;
use crate::venue::krw::object::need;
use crate::venue::krw::object::rows;
use crate::venue::krw::public;
use crate::venue::krw::refusal::Heard;
use crate::venue::krw::refusal::refusal;
use crate::venue::krw::refusal::unreadable;
use crate::venue::krw::stamp;
use crate::venue::private::Call;
use crate::venue::private::FeeRates;
use crate::venue::private::OrderUpdate;
use crate::venue::private::Reply;
use crate::venue::private::VenueError;
use crate::venue::private::VenueFill;

/// One part of a whole as raw 10⁻⁸ units: `0.0005` is 500 ppm.
const RAW_PER_PPM: i64 = 100;

/// The answer to a request. Matches are told with the order that they belong to.
///
/// # Errors
/// As [`crate::venue::private::Private::decode_reply`].
pub fn decode(heard: Heard, body: &[u8], krw_ticks: &[TickBand]) -> Result<Reply, DecodeError> {
    let refused = refused(heard, body);
    if heard.status >= 400 {
        let error = refused.ok().flatten().unwrap_or_else(|| unreadable(heard, body));
        return Ok(Reply::Refused(error));
    }
    if let Some(error) = refused? {
        return Ok(Reply::Refused(error));
    }
    match heard.call {
        Call::Book => book(body),
        Call::Rules => listing::rules(body, krw_ticks).map(Reply::Rules),
        // Neither venue tells its time but in the head of an answer.
        Call::Time => Err(DecodeError::Malformed),
        call => match rows(message(body)?)?.as_slice() {
            // What should name one order names none.
            [] if matches!(call, Call::Place | Call::Cancel | Call::Order) => {
                Err(DecodeError::Malformed)
            }
            rows => account(call, rows),
        },
    }
}

fn refused(heard: Heard, body: &[u8]) -> Result<Option<VenueError>, DecodeError> {
    let text = message(body)?;
    if text.trim_start().starts_with('[') {
        return Ok(None);
    }
    refusal(&Object::read(text)?, heard)
}

fn account(call: Call, rows: &[Object<'_>]) -> Result<Reply, DecodeError> {
    match call {
        Call::Balances => Ok(Reply::Balances(all(rows, balance)?)),
        Call::Fees => Ok(Reply::Fees(all(rows, fees)?)),
        Call::Fills => Ok(Reply::Fills(all(rows, fills)?.into_iter().flatten().collect())),
        call => Ok(Reply::Orders(all(rows, |row| order(row, call))?)),
    }
}

fn all<'r, 'f, T>(
    rows: &'r [Object<'f>],
    read: impl FnMut(&'r Object<'f>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    rows.iter().map(read).collect()
}

/// An order, as v1 and v2 spell it. The answer to a cancel says that the cancel was taken; the
/// `wait` in it is where the order stood, and no state to act on.
fn order(row: &Object<'_>, call: Call) -> Result<OrderUpdate, DecodeError> {
    let filled = row.qty(&["executed_volume"])?;
    let matched = Matched { filled, remaining: row.qty(&["remaining_volume"])? };
    let state = match row.text(&["state"])? {
        Some(word) if call == Call::Cancel && word == "wait" => None,
        Some(word) => state(&word, matched)?,
        None => None,
    };
    // The price of an order by value is the money to spend.
    let is_limit = row.text(&["ord_type", "order_type"])?.as_deref() == Some("limit");
    let price = if is_limit { row.price(&["price"])? } else { None };
    // When it was created is no time of a later update.
    let created = if call == Call::Place { row.text(&["created_at"])? } else { None };
    let venue_ts_ms = created.and_then(|text| stamp::to_ms(&text)).unwrap_or(0);
    Ok(OrderUpdate {
        symbol: row.text(&["market"])?.unwrap_or_default(),
        venue_order_id: need(row.text(&["uuid", "order_id"])?)?,
        client_order_id: row.text(&["identifier", "client_order_id"])?,
        side: side(row.text(&["side"])?)?,
        state,
        price,
        qty: row.qty(&["volume"])?,
        filled,
        filled_value_raw: filled_value(row)?,
        fill: None,
        venue_ts_ms,
    })
}

/// The value matched: told, or the sum over all matches where these are.
fn filled_value(row: &Object<'_>) -> Result<Option<i64>, DecodeError> {
    let told = row.amount(&["executed_funds"])?;
    let Some(trades) = row.list(&["trades"])?.filter(|_| told.is_none()) else { return Ok(told) };
    let mut sum = 0i64;
    for trade in trades {
        let funds = need(trade.amount(&["funds"])?)?;
        sum = need(sum.checked_add(funds))?;
    }
    Ok(Some(sum))
}

/// The matches of one order. Their fees are told for the whole order only.
fn fills(row: &Object<'_>) -> Result<Vec<(String, VenueFill)>, DecodeError> {
    let order_id = need(row.text(&["uuid", "order_id"])?)?;
    let trades = need(row.list(&["trades"])?)?;
    all(&trades, |trade| Ok((order_id.clone(), fill(trade)?)))
}

fn fill(trade: &Object<'_>) -> Result<VenueFill, DecodeError> {
    Ok(VenueFill {
        trade_id: need(trade.text(&["uuid"])?)?,
        price: need(trade.price(&["price"])?)?,
        qty: need(trade.qty(&["volume"])?)?,
        fee_raw: None,
        fee_asset: String::new(),
        is_maker: None,
    })
}

/// Fees of one market: the dearer side counts. Where no maker fee is told, makers pay the same.
fn fees(row: &Object<'_>) -> Result<FeeRates, DecodeError> {
    let market = Object::read(need(row.raw(&["market"]))?)?;
    let taker = dearer([row.amount(&["bid_fee"])?, row.amount(&["ask_fee"])?]);
    let maker = dearer([row.amount(&["maker_bid_fee"])?, row.amount(&["maker_ask_fee"])?]);
    let taker_ppm = need(taker)?;
    Ok(FeeRates {
        symbol: need(market.text(&["id"])?)?,
        maker_ppm: maker.unwrap_or(taker_ppm),
        taker_ppm,
    })
}

/// The larger of the rates that are told, ppm, rounded up.
fn dearer(raw: [Option<i64>; 2]) -> Option<i64> {
    let raw = raw.into_iter().flatten().max()?;
    Some(raw.div_euclid(RAW_PER_PPM) + i64::from(raw.rem_euclid(RAW_PER_PPM) > 0))
}

fn book(body: &[u8]) -> Result<Reply, DecodeError> {
    let mut scratch = Scratch::default();
    public::requested_book(body, &mut scratch)?;
    Ok(Reply::Book { bids: pairs(&scratch.bids), asks: pairs(&scratch.asks), update_id: None })
}

fn pairs(side: &[Level]) -> Vec<(Price, Qty)> {
    side.iter().map(|level| (level.price, level.qty)).collect()
}
