//! Orders and balances: what a dialect answers and tells, our decoders read back.

use arb::net::serve::Response;
use arb::sim::dialect::Out;
use arb::types::ids::VenueId;
use arb::types::market::Side;
use arb::types::time::DurNs;
use arb::types::units::Plain;
use arb::venue::private::Call;
use arb::venue::private::OrderState;
use arb::venue::private::OrderUpdate;
use arb::venue::private::Private;
use arb::venue::private::PrivateEvent;
use arb::venue::private::Reply;

use crate::hall::Hall;
use crate::hall::bytes;
use crate::keys::private_seat;
use crate::keys::signed;

pub fn reader(venue: VenueId) -> Box<dyn Private> {
    match venue {
        VenueId::Upbit => Box::new(arb::venue::upbit::orders::PRIVATE),
        VenueId::Bithumb => Box::new(arb::venue::bithumb::orders::PRIVATE),
        VenueId::Binance => Box::new(arb::venue::binance::orders::BinancePrivate),
        VenueId::Bybit => Box::new(arb::venue::bybit::orders::BybitPrivate),
        VenueId::Okx => Box::new(arb::venue::okx::orders::OkxPrivate),
    }
}

/// How an order stands in the book.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Rests,
    Now,
}

/// A limit order of the trader over REST.
pub fn place(hall: &mut Hall, of: (Side, i64, i64), stand: Stand, own: &str) -> Response {
    let (side, price, qty) = of;
    let (price, qty) = (Plain(price).to_string(), Plain(qty).to_string());
    let symbol = hall.symbol(0);
    let now = stand == Stand::Now;
    let (bid, buy) = (side == Side::Buy, side == Side::Buy);
    let korean = |kind, id| {
        let side = if bid { "bid" } else { "ask" };
        let mut fields = vec![("market", symbol.as_str()), ("side", side), (kind, "limit")];
        fields.extend([("price", price.as_str()), ("volume", qty.as_str())]);
        if now {
            fields.push(("time_in_force", "ioc"));
        }
        fields.push((id, own));
        fields
    };
    let (path, fields) = match hall.venue {
        VenueId::Upbit => ("/v1/orders", korean("ord_type", "identifier")),
        VenueId::Bithumb => ("/v2/orders", korean("order_type", "client_order_id")),
        VenueId::Binance => (
            "/api/v3/order",
            vec![
                ("symbol", symbol.as_str()),
                ("side", if buy { "BUY" } else { "SELL" }),
                ("type", "LIMIT"),
                ("timeInForce", if now { "IOC" } else { "GTC" }),
                ("quantity", qty.as_str()),
                ("price", price.as_str()),
                ("newClientOrderId", own),
            ],
        ),
        VenueId::Bybit => (
            "/v5/order/create",
            vec![
                ("category", "spot"),
                ("symbol", symbol.as_str()),
                ("side", if buy { "Buy" } else { "Sell" }),
                ("orderType", "Limit"),
                ("qty", qty.as_str()),
                ("price", price.as_str()),
                ("timeInForce", if now { "IOC" } else { "GTC" }),
                ("orderLinkId", own),
            ],
        ),
        VenueId::Okx => (
            "/api/v5/trade/order",
            vec![
                ("instId", symbol.as_str()),
                ("tdMode", "cash"),
                ("side", side.name()),
                ("ordType", if now { "ioc" } else { "limit" }),
                ("px", price.as_str()),
                ("sz", qty.as_str()),
                ("clOrdId", own),
            ],
        ),
    };
    let request = signed(hall, ("POST", path), &fields);
    hall.http(&request)
}

/// Method, path and fields of a request for the order, or for its cancel.
fn about(hall: &mut Hall, own: &str, call: Call) -> Response {
    let symbol = hall.symbol(0);
    let is_cancel = call == Call::Cancel;
    let (method, path, id) = match (hall.venue, is_cancel) {
        (VenueId::Upbit, true) => ("DELETE", "/v1/order", "identifier"),
        (VenueId::Upbit, false) => ("GET", "/v1/order", "identifier"),
        (VenueId::Bithumb, true) => ("DELETE", "/v2/order", "client_order_id"),
        (VenueId::Bithumb, false) => ("GET", "/v1/order", "client_order_id"),
        (VenueId::Binance, true) => ("DELETE", "/api/v3/order", "origClientOrderId"),
        (VenueId::Binance, false) => ("GET", "/api/v3/order", "origClientOrderId"),
        (VenueId::Bybit, true) => ("POST", "/v5/order/cancel", "orderLinkId"),
        (VenueId::Bybit, false) => ("GET", "/v5/order/realtime", "orderLinkId"),
        (VenueId::Okx, true) => ("POST", "/api/v5/trade/cancel-order", "clOrdId"),
        (VenueId::Okx, false) => ("GET", "/api/v5/trade/order", "clOrdId"),
    };
    let named: &[(&str, &str)] = match hall.venue {
        VenueId::Upbit | VenueId::Bithumb => &[],
        VenueId::Binance => &[("symbol", &symbol)],
        VenueId::Bybit => &[("category", "spot"), ("symbol", &symbol)],
        VenueId::Okx => &[("instId", &symbol)],
    };
    let fields: Vec<(&str, &str)> = named.iter().copied().chain([(id, own)]).collect();
    let request = signed(hall, (method, path), &fields);
    hall.http(&request)
}

pub fn cancel(hall: &mut Hall, own: &str) -> Response {
    about(hall, own, Call::Cancel)
}

pub fn read(hall: &Hall, call: Call, answer: &Response) -> Reply {
    let reply = reader(hall.venue).decode_reply(call, answer.status, &answer.body);
    reply.unwrap_or_else(|error| {
        panic!("{:?} {call:?} {error}: {}", hall.venue, String::from_utf8_lossy(&answer.body))
    })
}

pub fn query(hall: &mut Hall, own: &str) -> OrderUpdate {
    let answer = about(hall, own, Call::Order);
    match read(hall, Call::Order, &answer) {
        Reply::Orders(orders) if orders.len() == 1 => orders[0].clone(),
        other => panic!("{:?}: {other:?}", hall.venue),
    }
}

/// Every private event in these frames.
fn heard(hall: &Hall, out: &[Out]) -> Vec<PrivateEvent> {
    let reader = reader(hall.venue);
    let frames = out.iter().filter_map(bytes);
    frames
        .flat_map(|frame| {
            let shown = || String::from_utf8_lossy(frame).into_owned();
            let events = reader.decode_private(frame);
            events.unwrap_or_else(|error| panic!("{:?} {error}: {}", hall.venue, shown()))
        })
        .collect()
}

fn orders(events: &[PrivateEvent]) -> Vec<&OrderUpdate> {
    let mut found = Vec::new();
    for event in events {
        if let PrivateEvent::Order(order) = event {
            found.push(order);
        }
    }
    found
}

fn levels(hall: &Hall) -> (i64, i64, i64) {
    let book = hall.exchange.book(0);
    let lot = hall.exchange.instruments()[0].lot.raw().max(100_000);
    (book.bids[0].price.raw(), book.asks[0].price.raw(), lot)
}

/// A price on the grid, so far below the best bid that nothing reaches it.
fn far_below(hall: &Hall) -> i64 {
    use arb::types::units::Price;
    use arb::types::units::Round;
    let (bid, ..) = levels(hall);
    let price = Price::from_raw(bid / 10 * 9).expect("above zero");
    let ticks = &hall.exchange.instruments()[0].ticks;
    ticks.snap(price, Round::Down).expect("on the grid").raw()
}

#[test]
fn an_order_that_takes_is_told_match_by_match_and_balances_are_those_of_the_ledger() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        let (mut seat, greeting) = private_seat(&mut hall);
        heard(&hall, &greeting);
        let (_, ask, lot) = levels(&hall);
        let answer = place(&mut hall, (Side::Buy, ask, lot), Stand::Now, "own1");
        match read(&hall, Call::Place, &answer) {
            Reply::Orders(orders) => assert_eq!(orders.len(), 1, "{venue:?}"),
            other => panic!("{venue:?}: {other:?}"),
        }
        let out = hall.tell(&mut seat);
        let events = heard(&hall, &out);
        let updates = orders(&events);
        let fills: Vec<_> = updates.iter().filter_map(|update| update.fill.as_ref()).collect();
        assert!(!fills.is_empty(), "{venue:?}: {updates:?}");
        assert!(fills.iter().all(|fill| fill.price.raw() <= ask), "{venue:?}");
        let last = query(&mut hall, "own1");
        assert_eq!(last.filled.map(|qty| qty.raw()), Some(lot), "{venue:?}: {last:?}");
        let mut states = updates.iter().filter_map(|update| update.state);
        assert_eq!(states.next_back(), Some(OrderState::Filled), "{venue:?}: {updates:?}");
        let told = updates.iter().all(|update| update.venue_order_id == last.venue_order_id);
        assert!(told, "{venue:?}: one id everywhere");
        let real = hall.exchange.balances(seat.account.expect("an account"));
        for event in events.iter().rev() {
            let PrivateEvent::Balance(balance) = event else { continue };
            let mut rows = real.iter();
            let row = rows.find(|(asset, ..)| asset.as_str() == balance.asset).expect("a row");
            if balance.asset == hall.exchange.instruments()[0].base.as_str() {
                assert_eq!((balance.free_raw, balance.locked_raw), (row.1, row.2), "{venue:?}");
                break;
            }
        }
    }
}

#[test]
fn an_order_that_rests_is_open_until_its_cancel_and_is_told_as_cancelled() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        let (mut seat, _) = private_seat(&mut hall);
        let price = far_below(&hall);
        let (_, _, lot) = levels(&hall);
        place(&mut hall, (Side::Buy, price, lot), Stand::Rests, "own1");
        assert_eq!(query(&mut hall, "own1").state, Some(OrderState::Open), "{venue:?}");
        hall.pass(DurNs::from_ms(50));
        let answer = cancel(&mut hall, "own1");
        assert_eq!(answer.status, 200, "{venue:?}");
        match read(&hall, Call::Cancel, &answer) {
            Reply::Orders(_) | Reply::Done => {}
            other => panic!("{venue:?}: {other:?}"),
        }
        let out = hall.tell(&mut seat);
        let events = heard(&hall, &out);
        let states: Vec<_> = orders(&events).iter().filter_map(|update| update.state).collect();
        assert_eq!(states.first(), Some(&OrderState::Open), "{venue:?}");
        assert_eq!(states.last(), Some(&OrderState::Cancelled), "{venue:?}");
        let last = query(&mut hall, "own1");
        assert_eq!(last.state, Some(OrderState::Cancelled), "{venue:?}");
        assert_eq!(last.filled.map(|qty| qty.raw()), Some(0), "{venue:?}");
        let answer = cancel(&mut hall, "own1");
        match read(&hall, Call::Cancel, &answer) {
            Reply::Refused(_) => {}
            other => panic!("{venue:?}: a second cancel is refused: {other:?}"),
        }
    }
}

#[test]
fn balances_and_fees_by_request_are_those_of_the_exchange() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        let symbol = hall.symbol(0);
        let (balances, fees, named): (_, _, &[(&str, &str)]) = match venue {
            VenueId::Upbit | VenueId::Bithumb => {
                ("/v1/accounts", "/v1/orders/chance", &[("market", &symbol)])
            }
            VenueId::Binance => {
                ("/api/v3/account", "/api/v3/account/commission", &[("symbol", &symbol)])
            }
            VenueId::Bybit => (
                "/v5/account/wallet-balance",
                "/v5/account/fee-rate",
                &[("category", "spot"), ("symbol", &symbol)],
            ),
            VenueId::Okx => (
                "/api/v5/account/balance",
                "/api/v5/account/trade-fee",
                &[("instType", "SPOT"), ("instId", &symbol)],
            ),
        };
        let request = signed(&mut hall, ("GET", balances), &[]);
        let answer = hall.http(&request);
        let Reply::Balances(rows) = read(&hall, Call::Balances, &answer) else {
            panic!("{venue:?}")
        };
        for (asset, free, locked) in hall.exchange.balances(crate::keys::trader(&hall).id) {
            let row = rows.iter().find(|row| row.asset == asset.as_str());
            let row = row.map(|row| (row.free_raw, row.locked_raw));
            assert_eq!(row, Some((free, locked)), "{venue:?} {asset}");
        }
        let request = signed(&mut hall, ("GET", fees), named);
        let answer = hall.http(&request);
        let Reply::Fees(rates) = read(&hall, Call::Fees, &answer) else { panic!("{venue:?}") };
        let fee = hall.exchange.instruments()[0].fee.get();
        assert_eq!(rates.first().map(|rate| rate.taker_ppm), Some(fee), "{venue:?}");
    }
}

#[test]
fn matches_by_request_carry_their_fees() {
    let paths = [
        (VenueId::Binance, "/api/v3/myTrades", ("symbol", "BTCUSDT")),
        (VenueId::Bybit, "/v5/execution/list", ("symbol", "BTCUSDT")),
        (VenueId::Okx, "/api/v5/trade/fills", ("instId", "BTC-USDT")),
    ];
    for (venue, path, named) in paths {
        let mut hall = Hall::of(venue);
        let (_, ask, lot) = levels(&hall);
        place(&mut hall, (Side::Buy, ask, lot), Stand::Now, "own1");
        let request = signed(&mut hall, ("GET", path), &[named]);
        let answer = hall.http(&request);
        let Reply::Fills(fills) = read(&hall, Call::Fills, &answer) else { panic!("{venue:?}") };
        assert!(fills.iter().all(|(_, fill)| fill.fee_asset == "BTC"), "{venue:?}: {fills:?}");
        let fee: i64 = fills.iter().filter_map(|(_, fill)| fill.fee_raw).sum();
        assert_eq!(fee, lot / 1_000, "{venue:?}: 0.1 % of what was received");
    }
}
