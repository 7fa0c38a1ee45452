//! A fault of the local exchange from its keys and their texts: the one reader behind files and
//! requests.

use crate::sim::server::limits::KINDS;
use crate::sim::server::limits::LATEST;
use crate::sim::server::limits::LONGEST;
use crate::sim::server::limits::MOST_BURST;
use crate::sim::server::limits::MOST_LAG;
use crate::sim::server::limits::MOST_SHIFT;
use crate::sim::server::limits::SHORTEST;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::limits::SimFault;
use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::ids::instrument_name;
use crate::types::number::parse_fixed;
use crate::types::time::DurNs;
use crate::types::time::NS_PER_MS;
use crate::types::time::NS_PER_SEC;
use crate::types::units::Ppm;

/// A key of a fault, as text, and what is wrong with it: what it must be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Wrong {
    /// The key; empty if the fault as a whole is wrong.
    pub key: String,
    /// What it must be.
    pub what: String,
}

/// Keys that a fault may have; `kind` and `for` it must have.
pub const KEYS: [&str; 7] = ["at", "for", "kind", "venue", "symbol", "by", "factor"];

/// Reads a fault from its keys and their texts. Without `at` it begins at `now`; without `venue`,
/// or with `all`, it concerns every venue; without `symbol` every instrument.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(pairs: &[(&str, &str)], now: DurNs) -> Result<SimFault, Vec<Wrong>> {
    let mut wrong = odd_keys(pairs);
    let mut fail = |key: &str, what: String| {
        wrong.push(Wrong { key: key.to_owned(), what });
    };
    let text = |key: &str| pairs.iter().find(|(own, _)| *own == key).map(|(_, text)| *text);
    let kind = text("kind").and_then(|name| KINDS.into_iter().find(|kind| *kind == name));
    if kind.is_none() {
        fail("kind", format!("must be one of {}", KINDS.join(", ")));
    }
    let at = text("at").map_or(Some(now), time).filter(|at| *at <= LATEST);
    if at.is_none() {
        fail("at", "must be a whole number and unit: 250ms, 5s, 10m, at most 24h".to_owned());
    }
    let lasts = text("for").and_then(time).filter(|t| (SHORTEST..=LONGEST).contains(t));
    if lasts.is_none() {
        fail("for", "must be a whole number and unit, 1ms to 1h: 250ms, 5s, 10m".to_owned());
    }
    let venue = match text("venue") {
        None | Some("all") => Some(None),
        Some(name) => VenueId::from_name(name).map(Some),
    };
    if venue.is_none() {
        let names = VenueId::ALL.map(VenueId::name).join(", ");
        fail("venue", format!("must be one of {names}, all"));
    }
    let symbol = text("symbol").map(symbol);
    if symbol == Some(None) {
        fail("symbol", "must be BASE-QUOTE in capitals: BTC-KRW, ETH-USDT".to_owned());
    }
    let by = kind.map(|kind| by(kind, text("by")));
    if let Some(Err(what)) = &by {
        fail("by", what.clone());
    }
    let factor = kind.map(|kind| factor(kind, text("factor")));
    if let Some(Err(what)) = &factor {
        fail("factor", what.clone());
    }
    let parts = (kind, at, lasts, venue, by, factor);
    let (Some(kind), Some(at), Some(lasts), Some(venue), Some(Ok(by)), Some(Ok(factor))) = parts
    else {
        return Err(wrong);
    };
    match SimEffect::of(kind, by, factor).filter(|_| wrong.is_empty()) {
        Some(effect) => Ok(SimFault { at, lasts, venue, symbol: symbol.flatten(), effect }),
        None => Err(wrong),
    }
}

fn odd_keys(pairs: &[(&str, &str)]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    for (at, (key, _)) in pairs.iter().enumerate() {
        let what = if !KEYS.contains(key) {
            format!("no such key; a fault has {}", KEYS.join(", "))
        } else if pairs[..at].iter().any(|(earlier, _)| earlier == key) {
            "is here twice".to_owned()
        } else {
            continue;
        };
        wrong.push(Wrong { key: (*key).to_owned(), what });
    }
    wrong
}

/// `by` of a kind, nanoseconds; only a clock may go back.
fn by(kind: &str, text: Option<&str>) -> Result<Option<i64>, String> {
    let Some(text) = text else { return Ok(None) };
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (most, signs) = match kind {
        "lag" => (MOST_LAG, 1..=1),
        "stale_timestamps" | "future_timestamps" => (MOST_SHIFT, 1..=1),
        "clock_skew" => (MOST_SHIFT, -1..=1),
        _ => return Err(format!("{kind} has no such key")),
    };
    let length = time(size).filter(|by| (SHORTEST..=most).contains(by) && signs.contains(&sign));
    let ns = length.and_then(|by| i64::try_from(by.0).ok());
    ns.map(|ns| Some(sign * ns)).ok_or_else(|| {
        let back = if kind == "clock_skew" { ", with - to go back" } else { "" };
        format!("must be a time of 1ms to {}s{back}", most.0 / NS_PER_SEC)
    })
}

/// `factor` of a kind.
fn factor(kind: &str, text: Option<&str>) -> Result<Option<Ppm>, String> {
    let Some(text) = text else { return Ok(None) };
    let parsed = parse_fixed(text.as_bytes()).ok().filter(|raw| raw % 100 == 0);
    let ppm = parsed.map(|raw| Ppm::new(raw / 100));
    let (what, fits): (&str, fn(Ppm) -> bool) = match kind {
        "burst" => ("a whole number of 2 to 1000", |f| {
            f.get() % 1_000_000 == 0 && (2..=i64::from(MOST_BURST)).contains(&(f.get() / 1_000_000))
        }),
        "partial_fill" => ("a part of 0.01 to 0.99", |f| (10_000..=990_000).contains(&f.get())),
        _ => return Err(format!("{kind} has no such key")),
    };
    match ppm.filter(|ppm| fits(*ppm)) {
        Some(ppm) => Ok(Some(ppm)),
        None => Err(format!("must be {what}")),
    }
}

fn symbol(text: &str) -> Option<InstrumentName> {
    let (base, quote) = text.split_once('-')?;
    instrument_name(base, quote)
}

/// A whole number and its unit.
pub fn time(text: &str) -> Option<DurNs> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ns = match unit {
        "ms" => NS_PER_MS,
        "s" => NS_PER_SEC,
        "m" => 60 * NS_PER_SEC,
        "h" => 3_600 * NS_PER_SEC,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ns).map(DurNs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_under_its_own_name() {
        for kind in KINDS {
            let fault = read(&[("kind", kind), ("for", "5s"), ("venue", "okx")], DurNs(7));
            let fault = fault.unwrap_or_else(|wrong| panic!("{kind}: {wrong:?}"));
            assert_eq!((fault.effect.name(), fault.at), (kind, DurNs(7)));
        }
    }

    #[test]
    fn everything_wrong_with_a_fault_is_told_at_once() {
        let pairs = [("kind", "lag"), ("by", "61s"), ("factor", "2"), ("venue", "mtgox")];
        let wrong = read(&pairs, DurNs(0)).expect_err("four faults");
        let keys: Vec<&str> = wrong.iter().map(|wrong| wrong.key.as_str()).collect();
        assert_eq!(keys, ["for", "venue", "by", "factor"]);
        let unknown = read(&[("kind", "meteor"), ("for", "1s"), ("size", "1")], DurNs(0));
        let keys: Vec<String> = unknown.expect_err("two").into_iter().map(|w| w.key).collect();
        assert_eq!(keys, ["size", "kind"]);
    }

    #[test]
    fn amounts_have_their_ranges_and_a_clock_may_go_back() {
        let effect = |kind, key, text| {
            read(&[("kind", kind), ("for", "5s"), (key, text)], DurNs(0)).map(|f| f.effect).ok()
        };
        let back = Some(SimEffect::ClockSkew { by_ns: -2_000_000_000 });
        assert_eq!(effect("clock_skew", "by", "-2s"), back);
        assert_eq!(effect("lag", "by", "-2s"), None);
        assert_eq!(effect("burst", "factor", "50"), Some(SimEffect::Burst { factor: 50 }));
        assert_eq!(effect("burst", "factor", "1.5"), None);
        let part = Ppm::new(100_000);
        assert_eq!(effect("partial_fill", "factor", "0.1"), Some(SimEffect::PartialFill { part }));
        assert_eq!(effect("silence", "by", "1s"), None);
        assert_eq!(effect("gap", "symbol", "btc"), None);
    }
}
