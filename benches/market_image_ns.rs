//! What does one image of the synthetic market cost? Minimum, P50, P95, P99 and maximum in ns.
//!
//! Times batches of 100 images over all five books and divides: one image is too short for the
//! clock. `cargo bench --bench market_image_ns`; goal: below 2,000 ns, so that 72 virtual hours
//! (13 million images) take a small part of 180 s.

#![allow(missing_docs, reason = "a program, not an interface")]

use arb::sim::market::Market;
use arb::sim::plan::MarketPlan;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::ids::instrument_name;
use arb::types::market::BuyFee;
use arb::types::market::Instrument;
use arb::types::market::Quote;
use arb::types::market::TickTable;
use arb::types::time::Clock;
use arb::types::units::Ppm;
use arb::types::units::Qty;
use arb::types::units::SCALE;
use arb::venue::upbit::rules::KRW_TICKS;

const BATCH: u64 = 100;
const BATCHES: usize = 20_000;

fn main() {
    let Some(instruments) = instruments() else {
        eprintln!("market_image_ns: the instrument table is wrong; correct `instruments()`");
        std::process::exit(1);
    };
    let plan = MarketPlan::of(instruments, 7);
    let mut market = match Market::new(&plan, &VenueId::ALL) {
        Ok(market) => market,
        Err(error) => {
            eprintln!("market_image_ns: {error}");
            std::process::exit(1);
        }
    };
    let clock = Clock::start();
    let mut samples: Vec<u64> = (0..BATCHES).map(|_| batch_ns(&clock, &mut market)).collect();
    samples.sort_unstable();
    let rank = |per_mille: usize| samples[(samples.len() * per_mille).div_ceil(1_000) - 1];
    println!(
        "market_image_ns min {} p50 {} p95 {} p99 {} max {} ({} images)",
        samples[0],
        rank(500),
        rank(950),
        rank(990),
        rank(1_000),
        BATCHES as u64 * BATCH
    );
}

fn batch_ns(clock: &Clock, market: &mut Market) -> u64 {
    let before = clock.mono();
    for _ in 0..BATCH {
        std::hint::black_box(market.next_image());
    }
    clock.mono().since(before).0 / BATCH
}

fn instruments() -> Option<Vec<Instrument>> {
    use VenueId::Binance;
    use VenueId::Upbit;
    let rows = [
        (Upbit, "BTC", Quote::Krw),
        (Upbit, "ETH", Quote::Krw),
        (Upbit, "USDT", Quote::Krw),
        (Binance, "BTC", Quote::Usdt),
        (Binance, "ETH", Quote::Usdt),
    ];
    rows.into_iter()
        .zip(0..)
        .map(|((venue, base, quote), id)| {
            let upbit = venue == Upbit;
            Some(Instrument {
                id: InstrumentId(id),
                venue,
                name: instrument_name(base, quote.code())?,
                base: asset(base)?,
                quote,
                lot: Qty::from_raw(if upbit { 1 } else { 1_000 })?,
                ticks: if upbit {
                    TickTable::banded(&KRW_TICKS)?
                } else {
                    TickTable::fixed(SCALE / 100)?
                },
                min_notional_raw: if upbit { 5_000 * SCALE } else { 5 * SCALE },
                fee: Ppm::new(if upbit { 500 } else { 1_000 }),
                buy_fee: if upbit { BuyFee::Quote } else { BuyFee::Base },
                whole_book_feed: upbit,
            })
        })
        .collect()
}
