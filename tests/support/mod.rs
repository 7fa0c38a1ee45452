//! Shared by the scenario tests: a small two-venue world with round numbers.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

pub mod restart;
pub mod world;

use arb::engine::limits::Accounting;
use arb::engine::limits::AgeLimits;
use arb::engine::limits::Balance;
use arb::engine::limits::EnginePlan;
use arb::engine::limits::ExitLimits;
use arb::engine::limits::RebalanceLimits;
use arb::engine::limits::RiskLimits;
use arb::engine::limits::SignalLimits;
use arb::engine::limits::StopMode;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::ids::instrument_name;
use arb::types::limit;
use arb::types::market::BookTop;
use arb::types::market::BuyFee;
use arb::types::market::Instrument;
use arb::types::market::Level;
use arb::types::market::Quote;
use arb::types::market::TickTable;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::NS_PER_SEC;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Krw;
use arb::types::units::Ppm;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::types::units::SCALE;

/// Index of BTC-KRW on Upbit.
pub const KRW: InstrumentId = InstrumentId(0);
/// Index of BTC-USDT on Binance.
pub const USDT: InstrumentId = InstrumentId(1);
/// Index of USDT-KRW on Upbit.
pub const FX: InstrumentId = InstrumentId(2);

/// Whole won.
pub fn krw(whole: i64) -> Krw {
    Krw::from_whole(whole).expect("in range")
}

/// A price from raw units.
pub fn price(raw: i64) -> Price {
    Price::from_raw(raw).expect("positive")
}

/// A quantity from raw units.
pub fn qty(raw: i64) -> Qty {
    Qty::from_raw(raw).expect("not negative")
}

/// A moment, by seconds and nanoseconds since the start.
pub fn at(secs: u64, nanos: u64) -> Now {
    let ns = secs * NS_PER_SEC + nanos;
    Now { mono: MonoNs(ns), wall: WallNs(1_723_161_255 * NS_PER_SEC + ns) }
}

fn instrument(id: InstrumentId, venue: VenueId, names: (&str, Quote)) -> Instrument {
    let (base, quote) = names;
    let upbit = venue == VenueId::Upbit;
    Instrument {
        id,
        venue,
        name: instrument_name(base, quote.code()).expect("a name"),
        base: asset(base).expect("a code"),
        quote,
        lot: qty(if upbit { 1 } else { 1_000 }),
        ticks: TickTable::fixed(if upbit { SCALE } else { 1_000_000 }).expect("a tick"),
        min_notional_raw: if upbit { 5_000 * SCALE } else { 5 * SCALE },
        fee: Ppm::new(if upbit { 500 } else { 1_000 }),
        buy_fee: if upbit { BuyFee::Quote } else { BuyFee::Base },
        whole_book_feed: upbit,
    }
}

/// BTC on both venues, FX, ample limits, balances of 10 million won a side and 1 BTC each.
pub fn plan(accounting: Accounting) -> EnginePlan {
    let holding = |venue, code, whole: i64| Balance {
        venue,
        asset: asset(code).expect("a code"),
        raw: whole * SCALE,
    };
    EnginePlan {
        instruments: vec![
            instrument(KRW, VenueId::Upbit, ("BTC", Quote::Krw)),
            instrument(USDT, VenueId::Binance, ("BTC", Quote::Usdt)),
            instrument(FX, VenueId::Upbit, ("USDT", Quote::Krw)),
        ],
        fx: VenueId::Upbit,
        balances: vec![
            holding(VenueId::Upbit, "KRW", 10_000_000),
            holding(VenueId::Upbit, "BTC", 1),
            holding(VenueId::Binance, "USDT", 7_000),
            holding(VenueId::Binance, "BTC", 1),
        ],
        signal: SignalLimits {
            position_size: krw(100_000),
            max_btc_qty: qty(SCALE),
            min_trade: krw(5_000),
            min_edge: Ppm::new(5_000),
            edge_collar: Ppm::new(50_000),
            slippage: Ppm::new(2_000),
            min_liquidity: krw(0),
            entry_interval: DurNs::from_secs(1),
            unwind_edge: Ppm::new(1_000),
        },
        ages: AgeLimits {
            max_quote_age: DurNs::from_secs(1_000_000),
            alive_within: DurNs::from_secs(5),
            max_quiet_book: DurNs::from_secs(60),
            max_fx_age: DurNs::from_secs(1_000_000),
            max_fx_jump: Ppm::new(10_000),
            max_fx_gap: Ppm::new(10_000),
            fx_settle: DurNs::from_secs(5),
        },
        risk: risk(),
        exit: ExitLimits {
            accounting,
            take_profit: Ppm::new(3_000),
            max_holding: DurNs::from_secs(3_600),
            stop: StopMode::Static(Ppm::new(12_000)),
            residual_stop: Ppm::new(12_000),
        },
        rebalance: RebalanceLimits {
            enabled: true,
            max_exposure: krw(600_000),
            overshoot: Ppm::new(300_000),
            max_imbalance: Ppm::new(300_000),
        },
    }
}

fn risk() -> RiskLimits {
    RiskLimits {
        price_collar: Ppm::new(3_000),
        hedge_collar: Ppm::new(5_000),
        max_order_value: krw(300_000),
        orders_per_second: 10,
        orders_per_minute: 600,
        max_day_notional: krw(1_000_000_000),
        max_open_orders: 16,
        max_unknown_orders: 0,
        max_open_positions: 5,
        max_exposure: krw(1_000_000),
        max_daily_loss: krw(150_000),
        max_skew: krw(1_000_000),
        max_residual: krw(10_000),
        order_timeout: DurNs::from_ms(2_500),
        hedge_loss: Ppm::new(10_000),
        hedge_attempts: 2,
        retry_delay: DurNs::from_secs(1),
    }
}

/// A book of one instrument: best prices in whole quote units, three levels a side of `each` raw.
pub fn book(id: InstrumentId, best: (i64, i64), each: i64, now: Now) -> BookTop {
    let mut top = BookTop::empty(id);
    top.invalid = None;
    top.image = now.mono.0 + 1;
    top.received_at = now.mono;
    (top.arrived_at, top.oldest_at) = (now.mono, now.mono);
    top.alive_at = now.mono;
    let step = if id == USDT { SCALE } else { 1_000 * SCALE };
    let step = if best.0 < 10_000 { SCALE } else { step };
    for deep in 0..3 {
        let level = |raw: i64| Level { price: price(raw), qty: qty(each) };
        top.bids.push(level(best.0 * SCALE - deep * step));
        top.asks.push(level(best.1 * SCALE + deep * step));
    }
    assert!(top.bids.len() <= limit::TOP_LEVELS, "three levels fit");
    top
}
