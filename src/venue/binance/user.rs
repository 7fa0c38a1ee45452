//! Events of Binance's user data stream (`user-data-stream.md`, `VENUES.md` 2.2). Pure.

use serde::Deserialize;

use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::binance::values::Fixed;
use crate::venue::binance::values::OnBook;
use crate::venue::binance::values::balance;
use crate::venue::binance::values::parse;
use crate::venue::binance::values::side;
use crate::venue::binance::values::state;
use crate::venue::private::BalanceUpdate;
use crate::venue::private::OrderUpdate;
use crate::venue::private::PrivateEvent;
use crate::venue::private::VenueFill;

#[derive(Deserialize)]
struct Kind {
    e: String,
}

/// What one event says. A `balanceUpdate` or `externalLockUpdate` tells a difference only, and a
/// `listStatus` nothing about single orders: they are [`Control::Unused`] once they are readable,
/// and `outboundAccountPosition` and `executionReport` tell the rest.
///
/// # Errors
/// [`DecodeError`].
pub fn event(text: &str) -> Result<Vec<PrivateEvent>, DecodeError> {
    let kind: Kind = parse(text)?;
    match kind.e.as_str() {
        "executionReport" => {
            let report: Report = parse(text)?;
            Ok(vec![PrivateEvent::Order(report.update()?)])
        }
        "outboundAccountPosition" => positions(text),
        "balanceUpdate" | "externalLockUpdate" => {
            parse::<Difference>(text)?;
            Ok(vec![PrivateEvent::Control(Control::Unused)])
        }
        "eventStreamTerminated" => Ok(vec![PrivateEvent::Ended]),
        "serverShutdown" => Ok(vec![PrivateEvent::Control(Control::ShuttingDown)]),
        _ => Ok(vec![PrivateEvent::Control(Control::Unused)]),
    }
}

/// A change of a balance, of which only the form is checked.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what cannot be read is no such event")]
struct Difference {
    a: String,
    d: Fixed,
}

#[derive(Deserialize)]
struct Positions {
    #[serde(rename = "B")]
    balances: Vec<Position>,
}

#[derive(Deserialize)]
struct Position {
    #[serde(rename = "a")]
    asset: String,
    #[serde(rename = "f")]
    free: String,
    #[serde(rename = "l")]
    locked: String,
}

fn positions(text: &str) -> Result<Vec<PrivateEvent>, DecodeError> {
    let update = |position: Position| {
        Ok(PrivateEvent::Balance(BalanceUpdate {
            free_raw: balance(&position.free)?,
            locked_raw: balance(&position.locked)?,
            asset: position.asset,
        }))
    };
    parse::<Positions>(text)?.balances.into_iter().map(update).collect()
}

/// `executionReport`.
#[derive(Deserialize)]
struct Report {
    #[serde(rename = "s")]
    symbol: String,
    #[serde(rename = "c")]
    client_id: String,
    /// The order's own id where `c` is that of a cancel or amendment; else empty.
    #[serde(rename = "C", default)]
    original_client_id: String,
    #[serde(rename = "S")]
    side: String,
    #[serde(rename = "q")]
    qty: Fixed,
    #[serde(rename = "p")]
    price: Fixed,
    #[serde(rename = "x")]
    execution: String,
    #[serde(rename = "X")]
    status: String,
    #[serde(rename = "i")]
    order_id: u64,
    #[serde(rename = "l")]
    last_qty: Fixed,
    #[serde(rename = "L")]
    last_price: Fixed,
    #[serde(rename = "z")]
    filled: Fixed,
    #[serde(rename = "Z")]
    filled_value: Fixed,
    #[serde(rename = "n")]
    fee: Option<Fixed>,
    #[serde(rename = "N")]
    fee_asset: Option<String>,
    #[serde(rename = "t")]
    trade_id: i64,
    #[serde(rename = "T")]
    time_ms: u64,
    #[serde(rename = "w")]
    is_working: Option<bool>,
    #[serde(rename = "m")]
    is_maker: bool,
}

impl Report {
    /// The execution type decides whether there is a fill and nothing else: where the order stands
    /// is said by its status.
    fn update(self) -> Result<OrderUpdate, DecodeError> {
        let fill = if self.execution == "TRADE" { Some(self.fill()?) } else { None };
        let qty = self.qty.qty()?;
        let is_original = self.original_client_id.is_empty();
        let client_id = if is_original { self.client_id } else { self.original_client_id };
        Ok(OrderUpdate {
            symbol: self.symbol,
            venue_order_id: self.order_id.to_string(),
            client_order_id: (!client_id.is_empty()).then_some(client_id),
            side: Some(side(&self.side)?),
            state: state(&self.status, OnBook::of(self.is_working)),
            price: self.price.price()?,
            qty: (!qty.is_zero()).then_some(qty),
            filled: Some(self.filled.qty()?),
            filled_value_raw: Some(self.filled_value.amount()?),
            fill,
            venue_ts_ms: self.time_ms,
        })
    }

    fn fill(&self) -> Result<VenueFill, DecodeError> {
        let trade_id = u64::try_from(self.trade_id).map_err(|_| DecodeError::Malformed)?;
        Ok(VenueFill {
            trade_id: trade_id.to_string(),
            price: self.last_price.some_price()?,
            qty: self.last_qty.some_qty()?,
            fee_raw: self.fee.map(|fee| fee.0),
            fee_asset: self.fee_asset.clone().unwrap_or_default(),
            is_maker: Some(self.is_maker),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::market::Side;
    use crate::types::units::Price;
    use crate::types::units::Qty;
    use crate::venue::private::OrderState;

    /// A report of a sell of 2 at 10 of which 1 is matched, with these fields changed.
    fn report(changes: &[(&str, &str)]) -> Result<OrderUpdate, DecodeError> {
        let mut text = String::from(
            r#"{"e":"executionReport","E":2,"s":"BTCUSDT","c":"ours","S":"SELL","o":"LIMIT",
            "f":"GTC","q":"2","p":"10","P":"0","F":"0","g":-1,"C":"","x":"NEW","X":"NEW",
            "r":"NONE","i":7,"l":"0","z":"1","L":"0","n":"0","N":null,"T":1,"t":-1,"v":3,"I":8,
            "w":true,"m":false,"M":false,"O":1,"Z":"10.5","Y":"0","Q":"0","W":1,"V":"NONE"}"#,
        );
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        match event(&text)?.as_slice() {
            [PrivateEvent::Order(update)] => Ok(update.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn changed(execution: &str, status: &str) -> OrderUpdate {
        let execution = format!(r#""x":"{execution}""#);
        let status = format!(r#""X":"{status}""#);
        report(&[(r#""x":"NEW""#, &execution), (r#""X":"NEW""#, &status)]).expect("a report")
    }

    #[test]
    fn the_status_says_where_the_order_stands_whatever_the_execution_type() {
        for (execution, status, expected) in [
            ("NEW", "NEW", Some(OrderState::Open)),
            ("NEW", "PENDING_NEW", Some(OrderState::Waiting)),
            ("CANCELED", "CANCELED", Some(OrderState::Cancelled)),
            ("REPLACED", "NEW", Some(OrderState::Open)),
            ("REPLACED", "PARTIALLY_FILLED", Some(OrderState::PartlyFilled)),
            ("REJECTED", "REJECTED", Some(OrderState::Rejected)),
            ("EXPIRED", "EXPIRED", Some(OrderState::Cancelled)),
            ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", Some(OrderState::Cancelled)),
            ("TRADE_PREVENTION", "NEW", Some(OrderState::Open)),
            ("NEW", "PENDING_CANCEL", Some(OrderState::Open)),
            ("EXPIRED", "A_STATUS_OF_NEXT_YEAR", None),
        ] {
            let update = changed(execution, status);
            assert_eq!(update.state, expected, "{execution} {status}");
            assert_eq!(update.fill, None);
            assert_eq!(update.filled, Qty::from_raw(100_000_000));
            assert_eq!(update.filled_value_raw, Some(1_050_000_000));
        }
        let waiting = report(&[(r#""w":true"#, r#""w":false"#)]).expect("a report");
        assert_eq!(waiting.state, Some(OrderState::Waiting));
    }

    #[test]
    fn a_trade_carries_its_fill() {
        let traded = [
            (r#""x":"NEW""#, r#""x":"TRADE""#),
            (r#""X":"NEW""#, r#""X":"PARTIALLY_FILLED""#),
            (r#""l":"0""#, r#""l":"0.5""#),
            (r#""L":"0""#, r#""L":"10.5""#),
            (r#""n":"0","N":null"#, r#""n":"0.005","N":"USDT""#),
            (r#""t":-1"#, r#""t":99"#),
            (r#""m":false"#, r#""m":true"#),
        ];
        let update = report(&traded).expect("a report");
        let fill = VenueFill {
            trade_id: "99".into(),
            price: Price::from_raw(1_050_000_000).expect("positive"),
            qty: Qty::from_raw(50_000_000).expect("positive"),
            fee_raw: Some(500_000),
            fee_asset: "USDT".into(),
            is_maker: Some(true),
        };
        assert_eq!((update.fill, update.side), (Some(fill), Some(Side::Sell)));
        assert_eq!(update.state, Some(OrderState::PartlyFilled));
        for (field, worse) in [(2, r#""l":"0""#), (3, r#""L":"0""#), (5, r#""t":-1"#)] {
            let mut broken = traded;
            broken[field].1 = worse;
            assert!(report(&broken).is_err(), "a match without {worse}");
        }
    }

    #[test]
    fn a_cancel_is_told_under_the_orders_own_id() {
        let cancel = [(r#""c":"ours","#, r#""c":"cancel1","#), (r#""C":"""#, r#""C":"ours""#)];
        let update = report(&cancel).expect("a report");
        assert_eq!(update.client_order_id.as_deref(), Some("ours"));
        assert_eq!(report(&[]).expect("a report").client_order_id.as_deref(), Some("ours"));
        let by_market = report(&[(r#""p":"10""#, r#""p":"0.00""#), (r#""q":"2""#, r#""q":"0""#)]);
        let by_market = by_market.expect("a report");
        assert_eq!((by_market.price, by_market.qty), (None, None));
    }

    #[test]
    fn values_below_zero_and_unreadable_events_are_refused() {
        for (from, to) in [
            (r#""p":"10""#, r#""p":"-10""#),
            (r#""z":"1""#, r#""z":"-1""#),
            (r#""Z":"10.5""#, r#""Z":"-1""#),
        ] {
            assert_eq!(report(&[(from, to)]), Err(DecodeError::Value), "{to}");
        }
        for (from, to) in [
            (r#""S":"SELL""#, r#""S":"HOLD""#),
            (r#""q":"2""#, r#""q":2"#),
            (r#""z":"1""#, r#""z":"1","z":"1""#),
            (r#""i":7"#, r#""i":-7"#),
        ] {
            assert_eq!(report(&[(from, to)]), Err(DecodeError::Malformed), "{to}");
        }
        for text in [r#"{"e":"balanceUpdate","a":"BTC","d":"x"}"#, r#"{"e":7}"#, "{}", "[]"] {
            assert_eq!(event(text), Err(DecodeError::Malformed), "{text}");
        }
        let short = r#"{"e":"outboundAccountPosition","B":[{"a":"ETH","f":"1"}]}"#;
        assert_eq!(event(short), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_balance_is_cut_and_never_rounded_up() {
        assert_eq!(balance("1.999999999"), Ok(199_999_999));
        assert_eq!(balance("0.00000000999"), Ok(0));
        assert_eq!(balance("1e3"), Ok(100_000_000_000));
        assert_eq!(balance("4000000000000.5"), Ok(i64::MAX));
        assert_eq!(balance("-1"), Err(DecodeError::Value));
        assert!(balance("1.x").is_err() && balance("").is_err() && balance("-1e30").is_err());
    }
}
