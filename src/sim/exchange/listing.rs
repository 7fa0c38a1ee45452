//! What the simulated venues list: instruments with their grids and fees, the market behind them,
//! accounts with their keys and funds. The same for everybody who starts one with the same seed.

use crate::sim::exchange::account::Account;
use crate::sim::exchange::order::AccountId;
use crate::sim::plan::MarketPlan;
use crate::types::ids::Asset;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::ids::instrument_name;
use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::TickTable;
use crate::types::rng::mix;
use crate::types::time::DurNs;
use crate::types::units::Ppm;
use crate::types::units::Qty;
use crate::types::units::SCALE;
use crate::venue::upbit::rules::KRW_TICKS;

/// Most coins: with six each of five venues has its row in an instrument table of 32.
pub const MOST_BASES: usize = 6;
/// Deviation of the quick part of the premium, ppm, and its half-life: an engine at its defaults
/// wants 0.5 % after fees, and finds it every few minutes.
const LIVELY_PREMIUM_PPM: u32 = 7_000;
const LIVELY_HALF_LIFE: DurNs = DurNs::from_secs(75);

/// The public key of RFC 8032, 7.1, test 1. Its secret half is printed in that document.
const TEST_ED25519: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];
/// The secret half of the account's Ed25519 key, hexadecimal (RFC 8032, 7.1, test 1).
pub const TEST_ED25519_SECRET: &str =
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// Every instrument of every venue for these coins: each coin on all five, and USDT in won on the
/// two Korean ones. `None` without a coin, with more than [`MOST_BASES`], or with one that is money
/// or named twice.
pub fn instruments(bases: &[Asset]) -> Option<Vec<Instrument>> {
    let is_money = |base: &Asset| matches!(base.as_str(), "KRW" | "USDT");
    let is_twice = |at: usize| bases[..at].contains(&bases[at]);
    let odd = bases.iter().any(is_money) || (0..bases.len()).any(is_twice);
    if odd || bases.is_empty() || bases.len() > MOST_BASES {
        return None;
    }
    let usdt = asset("USDT")?;
    let mut table = Vec::new();
    for venue in VenueId::ALL {
        let fx = (quote_of(venue) == Quote::Krw).then_some(usdt);
        for base in bases.iter().copied().chain(fx) {
            let id = InstrumentId(u8::try_from(table.len()).ok()?);
            table.push(instrument(venue, base, id)?);
        }
    }
    Some(table)
}

/// The market behind the venues: that of the shipped mock with a livelier premium, shown without
/// delay. Whoever is connected has a delay of his own.
pub fn plan(instruments: Vec<Instrument>, seed: u64) -> MarketPlan {
    let mut plan = MarketPlan::of(instruments, seed);
    plan.paths.premium_ppm = LIVELY_PREMIUM_PPM;
    plan.paths.premium_half_life = LIVELY_HALF_LIFE;
    plan.transport.latency_min = DurNs(0);
    plan.transport.latency_mean = DurNs(0);
    plan.transport.stall_max = DurNs(0);
    plan
}

/// In which money a venue's coins are quoted.
pub const fn quote_of(venue: VenueId) -> Quote {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => Quote::Krw,
        VenueId::Binance | VenueId::Bybit | VenueId::Okx => Quote::Usdt,
    }
}

/// The taker and maker fee of a venue (`VENUES.md` 0).
pub const fn fee_of(venue: VenueId) -> Ppm {
    match venue {
        VenueId::Upbit => Ppm::new(500),
        VenueId::Bithumb => Ppm::new(2_500),
        VenueId::Binance | VenueId::Bybit | VenueId::Okx => Ppm::new(1_000),
    }
}

fn instrument(venue: VenueId, base: Asset, id: InstrumentId) -> Option<Instrument> {
    let quote = quote_of(venue);
    let (ticks, lot_raw, min_raw, buy_fee) = match quote {
        Quote::Krw => (TickTable::banded(&KRW_TICKS)?, 1, 5_000 * SCALE, BuyFee::Quote),
        Quote::Usdt => {
            let (tick_raw, lot_raw) = usdt_grid(venue, &base);
            (TickTable::fixed(tick_raw)?, lot_raw, 5 * SCALE, BuyFee::Base)
        }
    };
    Some(Instrument {
        id,
        venue,
        name: instrument_name(&base, quote.code())?,
        base,
        quote,
        lot: Qty::from_raw(lot_raw)?,
        ticks,
        min_notional_raw: min_raw,
        fee: fee_of(venue),
        buy_fee,
        whole_book_feed: quote == Quote::Krw,
    })
}

/// Price and quantity steps of a coin in USDT, × 10⁻⁸.
fn usdt_grid(venue: VenueId, base: &Asset) -> (i64, i64) {
    let (tick, lot) = match base.as_str() {
        "BTC" => (SCALE / 100, SCALE / 100_000),
        "ETH" => (SCALE / 100, SCALE / 10_000),
        "SOL" => (SCALE / 100, SCALE / 1_000),
        "XRP" => (SCALE / 10_000, SCALE / 10),
        "DOGE" => (SCALE / 100_000, SCALE),
        _ => (SCALE / 1_000, SCALE / 100),
    };
    match (venue, base.as_str()) {
        (VenueId::Bybit | VenueId::Okx, "BTC") => (SCALE / 10, SCALE / 1_000_000),
        (VenueId::Bybit | VenueId::Okx, _) => (tick, lot / 10),
        _ => (tick, lot),
    }
}

/// The accounts of a venue: one that trades, and one whose key may also withdraw, which a careful
/// client refuses to use.
pub fn accounts(venue: VenueId, seed: u64) -> Vec<Account> {
    ["trade", "withdraw"]
        .into_iter()
        .enumerate()
        .map(|(id, role)| {
            let part = |salt: u64| hex(mix(seed ^ salt ^ (venue.index() as u64) << 8 ^ id as u64));
            Account {
                id: AccountId(id),
                key: format!("sim-{}-{role}-{}", venue.name(), part(0x6b65_7900)),
                secret: format!(
                    "sim{}{}{}{}",
                    part(1 << 20),
                    part(2 << 20),
                    part(3 << 20),
                    part(4 << 20)
                ),
                passphrase: match venue {
                    VenueId::Okx => format!("sim-{}", part(5 << 20)),
                    _ => String::new(),
                },
                ed25519: (venue == VenueId::Binance && id == 0).then(|| TEST_ED25519.to_vec()),
                may_withdraw: role == "withdraw",
            }
        })
        .collect()
}

fn hex(word: u64) -> String {
    format!("{word:016x}")
}

/// What an account owns at the start, × 10⁻⁸: money and some of each coin.
pub fn funds(venue: VenueId, bases: &[Asset]) -> Vec<(Asset, i64)> {
    let (code, whole) = match quote_of(venue) {
        Quote::Krw => ("KRW", 1_000_000_000),
        Quote::Usdt => ("USDT", 1_000_000),
    };
    let coins = |base: &Asset| match base.as_str() {
        "BTC" => 10,
        "ETH" => 200,
        "SOL" => 2_000,
        _ => 500_000,
    };
    let usdt = (quote_of(venue) == Quote::Krw).then_some(("USDT", 1_000_000));
    let money = [(code, whole)].into_iter().chain(usdt);
    let money = money.filter_map(|(code, whole)| Some((asset(code)?, whole)));
    let coins = bases.iter().map(|base| (*base, coins(base)));
    money.chain(coins).map(|(asset, whole)| (asset, whole * SCALE)).collect()
}
