//! Text to samples: one snapshot file, one line of the series. Pure.

use crate::types::evidence::Event;
use crate::types::evidence::Minute;
use crate::types::evidence::SCHEMA_VERSION;
use crate::types::evidence::Snapshot;
use crate::types::evidence::Spread;
use crate::types::evidence::WatchdogFigures;
use crate::verdict::problem::Kind;
use crate::verdict::sample::Gauge;
use crate::verdict::sample::Origin;
use crate::verdict::sample::Reading;
use crate::verdict::sample::Sample;
use crate::verdict::sample::State;
use crate::verdict::stamp;

/// Nanoseconds in a millisecond, for gauges.
const NS_PER_MS: f64 = 1e6;

/// Why a text is no evidence.
pub type Refused = (Kind, String);

/// Reads a snapshot of this program or of the source.
///
/// # Errors
/// What is wrong with it, in words.
pub fn snapshot(text: &[u8]) -> Result<Snapshot, Refused> {
    let read: Snapshot = serde_json::from_slice(text).map_err(|error| refused(&error))?;
    same_schema(read.schema_version.unwrap_or(SCHEMA_VERSION))?;
    if read.timestamp.is_none() || read.loop_count.is_none() {
        return Err((Kind::Foreign, "no `timestamp` or `loop_count`: not a snapshot".into()));
    }
    Ok(read)
}

/// Reads a line of the series.
///
/// # Errors
/// What is wrong with it, in words.
pub fn minute(text: &[u8]) -> Result<Minute, Refused> {
    let read: Minute = serde_json::from_slice(text).map_err(|error| refused(&error))?;
    let Some(schema) = read.schema_version else {
        return Err((Kind::Foreign, "no `schema_version`: not a line of the series".into()));
    };
    same_schema(schema)?;
    Ok(read)
}

/// Reads a line of the events.
///
/// # Errors
/// What is wrong with it, in words.
pub fn event(text: &[u8]) -> Result<Event, Refused> {
    serde_json::from_slice(text).map_err(|error| refused(&error))
}

/// The gauges of a snapshot.
///
/// # Errors
/// A timestamp that is none.
pub fn sample_of_snapshot(read: &Snapshot, origin: Origin) -> Result<Sample, Refused> {
    let mut sample = Sample::empty(origin, wall(read.timestamp.as_deref())?);
    sample.seq = read.stamp.seq;
    sample.mono_ns = read.stamp.mono_ns;
    sample.loop_count = read.loop_count;
    let whole = |count: Option<u64>| count.map(|count| count as f64);
    let gauges = [
        (Gauge::Cpu, read.cpu_pct),
        (Gauge::Rss, read.rss_mb),
        (Gauge::Files, whole(read.open_files)),
        (Gauge::Threads, whole(read.num_threads)),
        (Gauge::WsLag, read.ws_lag_ms),
        (Gauge::RedisAge, read.redis_heartbeat_age_ms),
        (Gauge::Loop, read.loop_latency_ms),
        (Gauge::LoopP95, read.loop_latency_p95_ms),
    ];
    for (gauge, value) in gauges {
        let measured = read.measured.get(gauge.name()) != Some(&false);
        sample.set(gauge, value.filter(|_| measured));
    }
    sample.modelled = modelled(&read.modelled);
    sample.state = state(read.watchdog.as_ref());
    sample.stable = read.is_stable;
    sample.healthy = read.watchdog_healthy;
    sample.is_final = read.is_final == Some(true);
    Ok(sample)
}

/// The gauges of a minute.
///
/// # Errors
/// A timestamp that is none.
pub fn sample_of_minute(read: &Minute, origin: Origin) -> Result<Sample, Refused> {
    let mut sample = Sample::empty(origin, wall(read.timestamp.as_deref())?);
    sample.seq = read.stamp.seq;
    sample.mono_ns = read.stamp.mono_ns;
    sample.loop_count = read.loop_count;
    for gauge in Gauge::IN_SNAPSHOTS {
        let spread = read.gauges.get(gauge.name());
        sample.readings[gauge as usize] = spread.and_then(|spread| reading(gauge, spread));
    }
    let histogram = read.intervals.get("loop").filter(|interval| interval.count > 0);
    sample.set(Gauge::LoopP99, histogram.map(|interval| interval.p99 as f64 / NS_PER_MS));
    sample.modelled = modelled(&read.modelled);
    sample.state = state(read.watchdog.as_ref());
    Ok(sample)
}

fn reading(gauge: Gauge, spread: &Spread) -> Option<Reading> {
    let usual = match gauge {
        Gauge::WsLag => spread.p95.or(spread.median),
        _ => spread.median,
    };
    let value = gauge.plausible(usual)?;
    let low = gauge.plausible(spread.min).unwrap_or(value);
    let high = gauge.plausible(spread.max).unwrap_or(value);
    Some(Reading { value, low, high })
}

fn refused(error: &serde_json::Error) -> Refused {
    let kind = if error.is_data() { Kind::Foreign } else { Kind::Cut };
    (kind, error.to_string())
}

fn same_schema(schema: u32) -> Result<(), Refused> {
    if schema == SCHEMA_VERSION {
        return Ok(());
    }
    let text = format!("schema {schema}; this program reads {SCHEMA_VERSION}");
    Err((Kind::Foreign, text))
}

fn wall(timestamp: Option<&str>) -> Result<u64, Refused> {
    let parsed = timestamp.and_then(stamp::parse);
    let wrong = || format!("`timestamp` {} is no time", timestamp.unwrap_or("(absent)"));
    parsed.map(|wall| wall.0).ok_or_else(|| (Kind::Foreign, wrong()))
}

fn state(figures: Option<&WatchdogFigures>) -> Option<State> {
    figures.and_then(|figures| State::named(&figures.state))
}

fn modelled(names: &[String]) -> u16 {
    let named = Gauge::IN_SNAPSHOTS.iter().filter(|gauge| names.iter().any(|n| n == gauge.name()));
    named.fold(0, |set, gauge| set | gauge.bit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_that_no_process_can_have_was_not_measured() {
        let text = br#"{"timestamp":"2025-11-15T20:57:22Z","loop_count":50,"cpu_pct":0,"rss_mb":0,
            "open_files":0,"num_threads":0,"ws_lag_ms":-1}"#;
        let sample = sample_of_snapshot(&snapshot(text).unwrap(), Origin::default()).unwrap();
        for gauge in [Gauge::Rss, Gauge::Files, Gauge::Threads, Gauge::WsLag] {
            assert_eq!(sample.value(gauge), None, "{}", gauge.name());
        }
        assert_eq!(sample.value(Gauge::Cpu), Some(0.0));
    }

    #[test]
    fn a_value_that_was_not_measured_does_not_count() {
        let text = br#"{"timestamp":"2025-11-15T20:57:22Z","loop_count":50,"rss_mb":60.5,
            "ws_lag_ms":1.5,"measured":{"rss_mb":false,"ws_lag_ms":true}}"#;
        let sample = sample_of_snapshot(&snapshot(text).unwrap(), Origin::default()).unwrap();
        assert_eq!(sample.value(Gauge::Rss), None);
        assert_eq!(sample.value(Gauge::WsLag), Some(1.5));
    }

    #[test]
    fn a_cut_text_and_a_foreign_one_are_told_apart() {
        let kind = |text: &str| snapshot(text.as_bytes()).map_err(|(kind, _)| kind).err();
        assert_eq!(kind(r#"{"timestamp":"2025-11-15T20:57:22Z","loop_"#), Some(Kind::Cut));
        assert_eq!(kind(""), Some(Kind::Cut));
        assert_eq!(kind("{}"), Some(Kind::Foreign));
        assert_eq!(kind("[1]"), Some(Kind::Foreign));
        let other = r#"{"timestamp":"2025-11-15T20:57:22Z","loop_count":50,"schema_version":7}"#;
        assert_eq!(kind(other), Some(Kind::Foreign));
        assert_eq!(minute(b"{}").map_err(|(kind, _)| kind).err(), Some(Kind::Foreign));
    }

    #[test]
    fn a_lag_is_judged_by_its_p95_where_a_minute_has_one() {
        let text = br#"{"timestamp":"2025-11-15T20:57:22Z","schema_version":1,"gauges":{
            "ws_lag_ms":{"median":10,"p95":40,"min":1,"max":90,"count":60},
            "rss_mb":{"median":60,"min":59,"max":61,"count":60}},
            "intervals":{"loop":{"count":3,"p99":2500000}}}"#;
        let sample = sample_of_minute(&minute(text).unwrap(), Origin::default()).unwrap();
        assert_eq!(sample.value(Gauge::WsLag), Some(40.0));
        assert_eq!(sample.reading(Gauge::Rss).unwrap().high, 61.0);
        assert_eq!(sample.value(Gauge::LoopP99), Some(2.5));
        assert_eq!(sample.value(Gauge::Cpu), None);
    }
}
