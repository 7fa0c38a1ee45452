//! Faults of the local exchange that concern orders: lost answers, fills told twice or too early,
//! thin books, maintenance, a wrong clock. The protocol is a plain one made for this test.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/simworld.rs"]
mod simworld;

use arb::net::serve::Request;
use arb::net::serve::Response;
use arb::sim::dialect::Dialect;
use arb::sim::dialect::Opened;
use arb::sim::dialect::Out;
use arb::sim::dialect::SimNow;
use arb::sim::dialect::seat::Seat;
use arb::sim::dialect::seat::SeatState;
use arb::sim::exchange::core::Exchange;
use arb::sim::exchange::order::AccountEvent;
use arb::sim::exchange::order::AccountId;
use arb::sim::exchange::order::NewOrder;
use arb::sim::exchange::order::OrderKind;
use arb::sim::exchange::order::Tif;
use arb::types::ids::VenueId;
use arb::types::market::Side;
use arb::types::units::SCALE;
use simworld::World;
use simworld::fault;
use simworld::texts;

/// A protocol of four requests: POST /order buys 0.001 of the first coin at any price, POST /deep
/// as much as the best level has, GET /time tells the clock, GET /orders counts orders. Each
/// WebSocket is told of the first account's fills.
struct Plain;

impl Dialect for Plain {
    fn http(&mut self, request: &Request, exchange: &mut Exchange, now: SimNow) -> Response {
        let best = exchange.book(0).asks[0].qty.raw();
        let qty_raw = match request.path.as_str() {
            "/time" => return Response::json(200, now.wall_ms.to_string()),
            "/orders" => {
                let count = exchange.orders(AccountId(0)).count();
                return Response::json(200, count.to_string());
            }
            "/deep" => best / 100_000 * 100_000,
            _ => SCALE / 1_000,
        };
        let qty = arb::types::units::Qty::from_raw(qty_raw).expect("positive");
        let price = exchange.book(0).asks[0].price;
        let order = NewOrder {
            account: AccountId(0),
            instrument: 0,
            side: Side::Buy,
            kind: OrderKind::Limit { price, qty },
            tif: Tif::Ioc,
            client_id: None,
        };
        match exchange.place(order, now.wall_ms) {
            Ok(id) => Response::json(201, id.to_string()),
            Err(why) => Response::json(400, why.to_string()),
        }
    }
    fn open(&mut self, request: &Request, at: (&Exchange, SimNow)) -> Opened {
        let opened = at.1.now.mono;
        let (account, path) = (Some(AccountId(0)), request.path.clone());
        let state = SeatState::default();
        Ok((Seat { account, path, opened, heard: opened, state }, Vec::new()))
    }
    fn message(&mut self, _: &mut Seat, _: &[u8], _: (&mut Exchange, SimNow)) -> Vec<Out> {
        Vec::new()
    }
    fn pinged(&mut self, _: &mut Seat, _: SimNow) -> Vec<Out> {
        Vec::new()
    }
    fn book(&mut self, _: &mut Seat, _: usize, _: (&Exchange, SimNow)) -> Vec<Out> {
        Vec::new()
    }
    fn account(&mut self, _: &mut Seat, event: &AccountEvent, _: (&Exchange, SimNow)) -> Vec<Out> {
        match event {
            AccountEvent::Filled(order, fill) => {
                vec![Out::Text(format!("fill {} {} {}", fill.trade_id, fill.qty, order.filled))]
            }
            _ => Vec::new(),
        }
    }
    fn tick(&mut self, _: &mut Seat, _: (&Exchange, SimNow)) -> Vec<Out> {
        Vec::new()
    }
    fn shut_down(&mut self, _: &mut Seat, _: SimNow) -> Vec<Out> {
        Vec::new()
    }
}

fn trading(kind: &str) -> World {
    let faults = vec![fault(VenueId::Upbit, &format!("kind={kind} at=0s for=10s"))];
    let mut world = World::with(faults, |_| Box::new(Plain), None);
    world.pass(10);
    world
}

#[test]
fn an_order_is_done_although_its_answer_is_lost_or_never_comes() {
    for kind in ["lost_reply", "timeout_after_accept"] {
        let mut world = trading(kind);
        let port = world.port(VenueId::Upbit);
        assert_eq!(world.ask(port, "POST /order", ""), None, "{kind}");
        let orders = world.ask(port, "GET /orders", "").expect("questions are answered");
        assert_eq!(orders.1, "1", "{kind}: it was taken");
        world.pass(10_000);
        assert_eq!(world.ask(port, "POST /order", "").map(|answer| answer.0), Some(201));
    }
}

#[test]
fn a_fill_is_told_twice_or_before_the_answer() {
    let mut world = trading("duplicate_fill");
    let port = world.port(VenueId::Upbit);
    let mut socket = world.dial(VenueId::Upbit, "/").expect("a WebSocket");
    world.ask(port, "POST /order", "").expect("an answer");
    let fills = texts(&world.listen(&mut socket, 100).0);
    assert_eq!((fills.len(), &fills[0]), (2, &fills[1]));

    let mut world = trading("fill_before_ack");
    let port = world.port(VenueId::Upbit);
    let mut socket = world.dial(VenueId::Upbit, "/").expect("a WebSocket");
    let before = world.now.mono;
    assert_eq!(world.ask(port, "POST /order", "").map(|answer| answer.0), Some(201));
    assert!(world.now.mono.since(before).as_ms() >= 200, "the answer waits");
    assert_eq!(texts(&world.listen(&mut socket, 2).0).len(), 1, "the fill did not");
}

#[test]
fn orders_find_a_part_of_a_level_and_none_in_maintenance() {
    let mut world = trading("partial_fill factor=0.5");
    let port = world.port(VenueId::Upbit);
    let mut socket = world.dial(VenueId::Upbit, "/").expect("a WebSocket");
    assert_eq!(world.ask(port, "POST /deep", "").map(|answer| answer.0), Some(201));
    assert_eq!(texts(&world.listen(&mut socket, 50).0).len(), 1);
    let (_, ledger) = world.admin("GET /_sim/ledger?venue=upbit", "");
    assert_eq!(ledger["orders"][0]["state"], "expired", "half of it was there");

    let mut world = trading("maintenance");
    let port = world.port(VenueId::Upbit);
    let (status, why) = world.ask(port, "POST /order", "").expect("an answer");
    assert_eq!((status, why.as_str()), (400, "the venue takes no orders now"));
}

#[test]
fn the_clock_of_a_venue_may_be_off() {
    let mut world = trading("clock_skew by=-5s");
    let (skewed, right) = (world.port(VenueId::Upbit), world.port(VenueId::Okx));
    let mut time = |port| {
        let (_, text) = world.ask(port, "GET /time", "").expect("an answer");
        text.parse::<u64>().expect("a number")
    };
    let (behind, there) = (time(skewed), time(right));
    assert!((4_900..=5_200).contains(&(there - behind)), "{behind} {there}");
}
