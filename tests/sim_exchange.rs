//! The simulated venue without its protocol: matching, locks, fees, client ids, and a ledger
//! that always adds up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use arb::sim::exchange::core::Doors;
use arb::sim::exchange::core::Exchange;
use arb::sim::exchange::listing;
use arb::sim::exchange::order::AccountEvent;
use arb::sim::exchange::order::AccountId;
use arb::sim::exchange::order::NewOrder;
use arb::sim::exchange::order::OrderKind;
use arb::sim::exchange::order::OrderRef;
use arb::sim::exchange::order::Refused;
use arb::sim::exchange::order::SimState;
use arb::sim::exchange::order::Tif;
use arb::sim::exchange::report;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::units::Ppm;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::types::units::Round;
use arb::types::units::SCALE;
use proptest::prelude::*;

const TRADER: AccountId = AccountId(0);

fn exchange(venue: VenueId) -> Exchange {
    let bases = ["BTC", "ETH"].map(|code| asset(code).unwrap());
    let table = listing::instruments(&bases).unwrap();
    Exchange::new(&listing::plan(table, 7), venue, 1_000).unwrap()
}

fn limit(side: Side, price: Price, qty: Qty) -> NewOrder {
    let kind = OrderKind::Limit { price, qty };
    NewOrder { account: TRADER, instrument: 0, side, kind, tif: Tif::Gtc, client_id: None }
}

fn named(order: NewOrder, id: &str) -> NewOrder {
    NewOrder { client_id: Some(id.to_owned()), ..order }
}

fn qty(raw: i64) -> Qty {
    Qty::from_raw(raw).unwrap()
}

fn free(exchange: &Exchange, code: &str) -> i64 {
    let rows = exchange.balances(TRADER);
    rows.iter().find(|row| row.0.as_str() == code).map_or(0, |row| row.1)
}

fn locked(exchange: &Exchange, code: &str) -> i64 {
    let rows = exchange.balances(TRADER);
    rows.iter().find(|row| row.0.as_str() == code).map_or(0, |row| row.2)
}

fn best_ask(exchange: &Exchange) -> Level {
    exchange.book(0).asks[0]
}

/// Far below the market, on the grid.
fn low_price(exchange: &Exchange) -> Price {
    let raw = exchange.book(0).bids[0].price.raw() / 2;
    let instrument = &exchange.instruments()[0];
    instrument.ticks.snap(Price::from_raw(raw).unwrap(), Round::Down).unwrap()
}

#[test]
fn a_won_buy_pays_its_fee_on_top_and_a_tether_buy_pays_it_in_coins() {
    let mut upbit = exchange(VenueId::Upbit);
    let (ask, lot) = (best_ask(&upbit), qty(100_000));
    let before = free(&upbit, "KRW");
    let id = upbit.place(limit(Side::Buy, ask.price, lot), 2_000).unwrap();
    let order = upbit.order(TRADER, OrderRef::Id(id)).unwrap();
    let value = ask.price.raw() as i128 * 100_000 / SCALE as i128;
    assert_eq!((order.state, order.filled, order.locked_raw), (SimState::Filled, lot, 0));
    assert_eq!(i128::from(order.fills[0].fee_raw), value * 500 / 1_000_000);
    assert_eq!(order.fills[0].fee_asset.as_str(), "KRW");
    let paid = i128::from(before - free(&upbit, "KRW"));
    assert_eq!(paid, value + value * 500 / 1_000_000);
    assert_eq!(free(&upbit, "BTC"), 10 * SCALE + 100_000);

    let mut binance = exchange(VenueId::Binance);
    let ask = best_ask(&binance);
    let id = binance.place(limit(Side::Buy, ask.price, lot), 2_000).unwrap();
    let order = binance.order(TRADER, OrderRef::Id(id)).unwrap();
    assert_eq!((order.fills[0].fee_raw, order.fills[0].fee_asset.as_str()), (100, "BTC"));
    assert_eq!(free(&binance, "BTC"), 10 * SCALE + 100_000 - 100);
    assert!(upbit.ledger().broken().is_empty() && binance.ledger().broken().is_empty());
}

#[test]
fn a_resting_bid_locks_cost_and_fee_and_frees_them_when_it_is_cancelled() {
    let mut upbit = exchange(VenueId::Upbit);
    let before = free(&upbit, "KRW");
    let price = low_price(&upbit);
    let id = upbit.place(named(limit(Side::Buy, price, qty(SCALE)), "mine"), 2_000).unwrap();
    let fee = price.raw() / 1_000_000 * 500;
    assert_eq!(locked(&upbit, "KRW"), price.raw() + fee);
    assert_eq!(free(&upbit, "KRW"), before - price.raw() - fee);
    assert_eq!(upbit.cancel(TRADER, OrderRef::Client("mine"), 3_000), Ok(id));
    assert_eq!((locked(&upbit, "KRW"), free(&upbit, "KRW")), (0, before));
    assert_eq!(upbit.cancel(TRADER, OrderRef::Id(id), 3_000), Err(Refused::Over));
    assert_eq!(upbit.cancel(TRADER, OrderRef::Id(1), 3_000), Err(Refused::NoOrder));
}

#[test]
fn bithumb_locks_exactly_one_won_more() {
    let mut bithumb = exchange(VenueId::Bithumb);
    let price = low_price(&bithumb);
    bithumb.place(limit(Side::Buy, price, qty(SCALE)), 2_000).unwrap();
    assert_eq!(locked(&bithumb, "KRW"), price.raw() + price.raw() / 1_000_000 * 2_500 + SCALE);
}

#[test]
fn what_an_order_took_is_gone_until_the_next_image_of_that_book() {
    let mut binance = exchange(VenueId::Binance);
    let ask = best_ask(&binance);
    let all = Qty::floor_to(ask.qty, qty(1_000));
    let buy = || NewOrder { tif: Tif::Ioc, ..limit(Side::Buy, ask.price, all) };
    let first = binance.place(buy(), 2_000).unwrap();
    let second = binance.place(buy(), 2_001).unwrap();
    let state = |id| binance.order(TRADER, OrderRef::Id(id)).unwrap().state;
    assert_eq!(state(first), SimState::Filled);
    assert_eq!(state(second), SimState::Expired, "nothing is left at that price");
    assert_eq!(binance.book(0).asks[0], ask, "what is published changes with the next image");
    while binance.advance(2_100) != 0 {}
    let ask = best_ask(&binance);
    let again = NewOrder { tif: Tif::Ioc, ..limit(Side::Buy, ask.price, qty(10_000)) };
    let third = binance.place(again, 2_101).unwrap();
    assert_eq!(binance.order(TRADER, OrderRef::Id(third)).unwrap().state, SimState::Filled);
}

#[test]
fn fill_or_kill_and_maker_only_do_all_or_nothing() {
    let mut okx = exchange(VenueId::Okx);
    let ask = best_ask(&okx);
    let more = ask.qty.plus(qty(1_000)).unwrap().floor_to(qty(100));
    let kill = NewOrder { tif: Tif::Fok, ..limit(Side::Buy, ask.price, more) };
    let id = okx.place(kill, 2_000).unwrap();
    let order = okx.order(TRADER, OrderRef::Id(id)).unwrap();
    assert_eq!((order.state, order.fills.len()), (SimState::Expired, 0));
    let taking = NewOrder { tif: Tif::PostOnly, ..limit(Side::Buy, ask.price, qty(100_000)) };
    assert_eq!(okx.place(taking, 2_000), Err(Refused::WouldTake));
    let low = low_price(&okx);
    let resting = NewOrder { tif: Tif::PostOnly, ..limit(Side::Buy, low, qty(100_000)) };
    let id = okx.place(resting, 2_000).unwrap();
    assert_eq!(okx.order(TRADER, OrderRef::Id(id)).unwrap().state, SimState::Open);
    assert!(okx.ledger().broken().is_empty());
}

#[test]
fn a_resting_order_fills_as_maker_at_its_own_price_when_an_image_crosses_it() {
    let mut bybit = exchange(VenueId::Bybit);
    let bid = bybit.book(0).bids[0].price;
    let id = bybit.place(limit(Side::Buy, bid, qty(100_000)), 2_000).unwrap();
    for at in 0..2_000_000 {
        bybit.advance(2_000 + at);
        if !bybit.order(TRADER, OrderRef::Id(id)).unwrap().state.is_open() {
            break;
        }
    }
    let order = bybit.order(TRADER, OrderRef::Id(id)).unwrap();
    assert_eq!(order.state, SimState::Filled);
    assert!(order.fills.iter().all(|fill| fill.is_maker && fill.price == bid));
    assert!(bybit.ledger().broken().is_empty());
}

#[test]
fn a_market_order_spends_its_value_and_upbit_calls_the_dust_cancelled() {
    let order = |side, kind| NewOrder {
        kind,
        tif: Tif::Ioc,
        ..limit(side, Price::from_raw(SCALE).unwrap(), Qty::ZERO)
    };
    let spend = |raw| order(Side::Buy, OrderKind::MarketValue { raw });
    let mut upbit = exchange(VenueId::Upbit);
    let id = upbit.place(spend(123_457 * SCALE), 2_000).unwrap();
    let bought = upbit.order(TRADER, OrderRef::Id(id)).unwrap();
    assert_eq!(bought.state, SimState::Expired);
    let rest = 123_457 * SCALE - bought.filled_value_raw;
    assert!((0..SCALE).contains(&rest), "less than one won is left: {rest}");
    assert_eq!(locked(&upbit, "KRW"), 0);
    let mut binance = exchange(VenueId::Binance);
    let id = binance.place(spend(1_000 * SCALE), 2_000).unwrap();
    assert_eq!(binance.order(TRADER, OrderRef::Id(id)).unwrap().state, SimState::Filled);
    let sell = order(Side::Sell, OrderKind::MarketQty(qty(1_000_000)));
    let id = binance.place(sell, 2_000).unwrap();
    assert_eq!(binance.order(TRADER, OrderRef::Id(id)).unwrap().state, SimState::Filled);
    assert!(upbit.ledger().broken().is_empty() && binance.ledger().broken().is_empty());
}

#[test]
fn the_rules_of_the_instrument_and_the_account_refuse_by_name() {
    let mut binance = exchange(VenueId::Binance);
    let ask = best_ask(&binance).price;
    let mut place = |order: NewOrder| binance.place(order, 2_000).unwrap_err();
    let off_grid = Price::from_raw(ask.raw() + 1).unwrap();
    assert_eq!(place(limit(Side::Buy, off_grid, qty(100_000))), Refused::Tick);
    assert_eq!(place(limit(Side::Buy, ask, qty(100_001))), Refused::Lot);
    assert_eq!(place(limit(Side::Buy, ask, Qty::ZERO)), Refused::Lot);
    assert_eq!(place(limit(Side::Buy, ask, qty(1_000))), Refused::MinValue);
    assert_eq!(place(limit(Side::Buy, ask, qty(1_000 * SCALE))), Refused::MaxValue);
    let usdt = asset("USDT").unwrap();
    assert_eq!(place(limit(Side::Buy, ask, qty(50 * SCALE))), Refused::Balance { asset: usdt });
    let btc = asset("BTC").unwrap();
    assert_eq!(place(limit(Side::Sell, ask, qty(11 * SCALE))), Refused::Balance { asset: btc });
    let nowhere = NewOrder { instrument: 9, ..limit(Side::Buy, ask, qty(100_000)) };
    assert_eq!(place(nowhere), Refused::NoInstrument);
    binance.set_doors(Doors::Halted);
    let halted = binance.place(limit(Side::Buy, ask, qty(100_000)), 2_000);
    assert_eq!(halted, Err(Refused::Halted));
    assert_eq!(binance.balances(TRADER), exchange(VenueId::Binance).balances(TRADER));
}

#[test]
fn client_ids_are_burnt_for_ever_on_upbit_and_free_again_on_binance() {
    let mut upbit = exchange(VenueId::Upbit);
    let low = low_price(&upbit);
    let order = || named(limit(Side::Buy, low, qty(SCALE)), "a");
    upbit.place(order(), 2_000).unwrap();
    upbit.cancel(TRADER, OrderRef::Client("a"), 2_000).unwrap();
    assert_eq!(upbit.place(order(), 2_000), Err(Refused::DuplicateId));
    let small = named(limit(Side::Buy, low, qty(1)), "b");
    assert_eq!(upbit.place(small, 2_000), Err(Refused::MinValue));
    let retry = named(limit(Side::Buy, low, qty(SCALE)), "b");
    assert_eq!(upbit.place(retry, 2_000), Err(Refused::DuplicateId), "also a refused id");

    let mut binance = exchange(VenueId::Binance);
    let low = low_price(&binance);
    let order = || named(limit(Side::Buy, low, qty(SCALE)), "a");
    let first = binance.place(order(), 2_000).unwrap();
    assert_eq!(binance.place(order(), 2_000), Err(Refused::DuplicateId));
    binance.cancel(TRADER, OrderRef::Id(first), 2_000).unwrap();
    let second = binance.place(order(), 2_000).unwrap();
    let newest = binance.order(TRADER, OrderRef::Client("a")).unwrap();
    assert_eq!((newest.id, second > first), (second, true));
    let stranger = binance.order(AccountId(1), OrderRef::Client("a"));
    assert!(stranger.is_none(), "ids belong to their account");
}

#[test]
fn an_account_is_told_in_order_and_its_last_word_is_the_balance_and_the_end() {
    let mut upbit = exchange(VenueId::Upbit);
    let ask = best_ask(&upbit);
    upbit.place(limit(Side::Buy, ask.price, qty(100_000)), 2_000).unwrap();
    let events = upbit.take_events();
    let names: Vec<_> = events
        .iter()
        .map(|(account, event)| {
            assert_eq!(*account, TRADER);
            match event {
                AccountEvent::Placed(_) => "placed",
                AccountEvent::Filled(order, fill) => {
                    assert_eq!(order.fills.last(), Some(fill));
                    "filled"
                }
                AccountEvent::Done(_) => "done",
                AccountEvent::Balance { .. } => "balance",
            }
        })
        .collect();
    assert_eq!(names, ["placed", "balance", "filled", "balance", "balance", "done"]);
    assert!(upbit.take_events().is_empty());
}

#[test]
fn the_ledger_is_exported_with_its_orders_fills_and_sums() {
    let mut upbit = exchange(VenueId::Upbit);
    let ask = best_ask(&upbit);
    upbit.place(named(limit(Side::Buy, ask.price, qty(100_000)), "x"), 2_000).unwrap();
    let ledger = report::ledger(&upbit);
    assert_eq!(ledger["conserved"], true);
    assert_eq!(ledger["orders"][0]["client_id"], "x");
    assert_eq!(ledger["orders"][0]["state"], "filled");
    assert_eq!(ledger["orders"][0]["fills"][0]["price"], ask.price.to_string());
    assert!(ledger["fees"]["KRW"].is_string());
}

#[derive(Clone, Debug)]
enum Step {
    Place(NewOrder),
    Cancel(usize),
    Image,
}

fn steps() -> impl Strategy<Value = Vec<(u8, u8, u8, i64, i64)>> {
    let step = (0u8..6, 0u8..5, 0u8..4, -40i64..40, 1i64..40_000_000);
    prop::collection::vec(step, 1..120)
}

fn step_of(exchange: &Exchange, (what, kind, tif, away, size): (u8, u8, u8, i64, i64)) -> Step {
    let (at, account) = ((size % 3) as usize % exchange.instruments().len(), AccountId(0));
    let side = if what % 2 == 0 { Side::Buy } else { Side::Sell };
    let instrument = &exchange.instruments()[at];
    let mid = exchange.book(at).bids[0].price;
    let tick = instrument.ticks.tick_at(mid);
    let price = Price::from_raw(mid.raw() + away * tick).unwrap_or(mid);
    let price = instrument.ticks.snap(price, Round::Down).unwrap_or(mid);
    let qty = qty(size).floor_to(instrument.lot);
    let tif = [Tif::Gtc, Tif::Ioc, Tif::Fok, Tif::PostOnly][usize::from(tif)];
    let value = mid.times::<()>(qty, Round::Up).map_or(0, |value| value.raw());
    let kind = match kind {
        0 | 1 => OrderKind::Limit { price, qty },
        2 => OrderKind::MarketQty(qty),
        3 => OrderKind::MarketValue { raw: value },
        _ if side == Side::Buy => OrderKind::Best { qty: None, value_raw: Some(value) },
        _ => OrderKind::Best { qty: Some(qty), value_raw: None },
    };
    match what {
        5 => Step::Image,
        4 => Step::Cancel(size as usize),
        _ => Step::Place(NewOrder { account, instrument: at, side, kind, tif, client_id: None }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_is_ever_made_or_lost_and_locks_belong_to_open_orders(
        venue in 0usize..5,
        depth in 1i64..=4,
        steps in steps(),
    ) {
        let mut exchange = exchange(VenueId::ALL[venue]);
        exchange.set_depth(Ppm::new(depth * 250_000));
        for (at, step) in steps.into_iter().enumerate() {
            match step_of(&exchange, step) {
                Step::Image => { exchange.advance(at as u64); }
                Step::Place(order) => { let _ = exchange.place(order, at as u64); }
                Step::Cancel(which) => {
                    let open: Vec<u64> = exchange
                        .orders(TRADER)
                        .filter(|order| order.state.is_open())
                        .map(|order| order.id)
                        .collect();
                    if let Some(id) = open.get(which % open.len().max(1)) {
                        let ended = exchange.cancel(TRADER, OrderRef::Id(*id), at as u64);
                        prop_assert_eq!(ended, Ok(*id));
                    }
                }
            }
            prop_assert!(exchange.ledger().broken().is_empty());
            let locks: i64 = exchange.orders(TRADER).map(|order| order.locked_raw).sum();
            let locked: i64 = exchange.balances(TRADER).iter().map(|row| row.2).sum();
            prop_assert_eq!(locks, locked);
            for order in exchange.orders(TRADER) {
                let filled: i64 = order.fills.iter().map(|fill| fill.qty.raw()).sum();
                prop_assert_eq!(filled, order.filled.raw());
                prop_assert!(order.state.is_open() || order.locked_raw == 0);
            }
        }
    }
}
