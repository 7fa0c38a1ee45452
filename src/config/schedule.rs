//! Fault schedules (`--faults FILE`): YAML to a checked list, all faults of the file at once.
//!
//! ```yaml
//! faults:
//!   - {at: 10m, for: 5s, kind: feed_silence, venue: upbit}
//!   - {at: 30m, for: 2m, kind: price_leap, venue: binance, factor: 0.68}
//! ```

use std::path::Path;

use crate::config::document::Entry;
use crate::config::document::Node;
use crate::config::document::Value;
use crate::config::fault::Fault as Problem;
use crate::config::fault::Faults;
use crate::config::fault::Place;
use crate::config::fault::nearest;
use crate::config::load::lines_of;
use crate::config::load::read_file;
use crate::config::load::read_tree;
use crate::config::scan::Mark;
use crate::sim::limits;
use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::sim::limits::KINDS;
use crate::sim::limits::THREADS;
use crate::types::ids::VenueId;
use crate::types::number::parse_fixed;
use crate::types::time::DurNs;
use crate::types::time::NS_PER_MS;
use crate::types::time::NS_PER_SEC;
use crate::types::units::Ppm;

const MIB: u64 = 1 << 20;
/// Raw 10⁻⁸ units in one part per million.
const RAW_PER_PPM: i64 = 100;
/// Units of a length of time.
const UNITS: [(&str, u64); 4] =
    [("ms", NS_PER_MS), ("s", NS_PER_SEC), ("m", 60 * NS_PER_SEC), ("h", 3_600 * NS_PER_SEC)];
const TIME: &str = "whole number and unit: 250ms, 5s, 10m, 2h";

/// Reads a schedule.
///
/// # Errors
/// [`Faults`], all of them in one go.
pub fn load(path: &Path) -> Result<Vec<Fault>, Faults> {
    parse(&path.display().to_string(), &read_file(path)?)
}

/// Checks the bytes of a schedule called `name`.
///
/// # Errors
/// [`Faults`], all of them in one go.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Vec<Fault>, Faults> {
    let (text, node) = read_tree(name, bytes)?;
    let mut reader = Reader::default();
    let mut schedule = reader.schedule(&node);
    reader.refuse_overlaps(&schedule);
    if reader.problems.is_empty() {
        schedule.sort_by_key(|(_, fault)| fault.at);
        return Ok(schedule.into_iter().map(|(_, fault)| fault).collect());
    }
    reader.problems.sort_by_key(|problem| match problem.place {
        Place::File(mark) => mark,
        _ => Mark::default(),
    });
    Err(Faults { name: name.to_owned(), lines: lines_of(text), list: reader.problems })
}

/// What a kind takes besides `at`, `for` and `kind`; all of it must be there, but for the thread
/// of a stall.
const fn keys_of(kind: &str) -> &'static [&'static str] {
    match kind.as_bytes() {
        b"feed_lag" => &["venue", "by"],
        b"feed_silence" | b"feed_gap" | b"crossed_book" | b"zero_price" => &["venue"],
        b"price_leap" => &["venue", "factor"],
        b"engine_stall" | b"thread_death" => &["thread"],
        b"cpu_burn" => &["cores"],
        b"memory_step" => &["mb"],
        b"clock_step" => &["by"],
        _ => &[],
    }
}

#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
}

/// One entry of the list while it is read.
struct Item<'n> {
    path: String,
    mark: Mark,
    entries: &'n [Entry],
}

impl<'n> Item<'n> {
    fn find(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Reader {
    fn add(&mut self, (path, mark): (&str, Mark), what: String, fix: impl Into<String>) {
        let place = Place::File(mark);
        self.problems.push(Problem { path: path.to_owned(), place, what, fix: fix.into() });
    }

    /// The faults that can be read, each with its place.
    fn schedule(&mut self, root: &Node) -> Vec<(Mark, Fault)> {
        let fix = "write `faults:` and under it a list of {at, for, kind, …}";
        let Value::Map(entries) = &root.value else {
            self.add(("", root.mark), "must be a map".to_owned(), fix);
            return Vec::new();
        };
        let mut schedule = Vec::new();
        let mut lists = 0;
        for entry in entries {
            match (&entry.node.value, entry.key.as_str()) {
                (Value::List(items), "faults") if lists == 0 => {
                    lists += 1;
                    self.limit(entry.mark, items.len());
                    for (index, item) in items.iter().enumerate() {
                        schedule.extend(self.item(index, item));
                    }
                }
                (_, "faults") if lists > 0 => {
                    self.add(("faults", entry.mark), "is here twice".to_owned(), "join the lists");
                }
                (_, "faults") => {
                    self.add(("faults", entry.mark), "must be a list".to_owned(), fix);
                }
                (_, other) => self.add((other, entry.mark), "no such key".to_owned(), fix),
            }
        }
        if entries.is_empty() {
            self.add(("", root.mark), "holds no faults".to_owned(), fix);
        }
        schedule
    }

    fn limit(&mut self, mark: Mark, count: usize) {
        let most = limits::MOST_FAULTS;
        if count == 0 || count > most {
            let what = format!("must hold 1..={most} faults, got {count}");
            self.add(("faults", mark), what, "leave --faults out for a run without");
        }
    }

    fn item(&mut self, index: usize, node: &Node) -> Option<(Mark, Fault)> {
        let path = format!("faults[{index}]");
        let Value::Map(entries) = &node.value else {
            let fix = "write {at: 10m, for: 5s, kind: feed_silence, venue: upbit}";
            self.add((&path, node.mark), "must be a map".to_owned(), fix);
            return None;
        };
        let mark = entries.first().map_or(node.mark, |entry| entry.mark);
        let item = Item { path, mark, entries };
        let before = self.problems.len();
        let kind = self.kind(&item)?;
        self.refuse_keys(&item, kind);
        let at = self.time(&item, "at", (DurNs(0), limits::LATEST));
        let lasts = match kind {
            "thread_death" => Some(DurNs(u64::MAX)),
            _ => self.time(&item, "for", (limits::SHORTEST, limits::LONGEST)),
        };
        let effect = self.effect(&item, kind);
        let fault = Fault { at: at?, lasts: lasts?, effect: effect? };
        (self.problems.len() == before).then_some((mark, fault))
    }

    fn kind(&mut self, item: &Item<'_>) -> Option<&'static str> {
        self.name(item, "kind", &KINDS)
    }

    /// Keys that this kind does not take, and keys that are there twice.
    fn refuse_keys(&mut self, item: &Item<'_>, kind: &str) {
        let all: &[&str] = if kind == "thread_death" { &["at"] } else { &["at", "for"] };
        let known: Vec<&str> = [all, &["kind"], keys_of(kind)].concat().into_iter().collect();
        for (index, entry) in item.entries.iter().enumerate() {
            let path = format!("{}.{}", item.path, entry.key);
            if item.entries[..index].iter().any(|earlier| earlier.key == entry.key) {
                self.add((&path, entry.mark), "is here twice".to_owned(), "remove one of them");
            } else if !known.contains(&entry.key.as_str()) {
                let fix = match nearest(&entry.key, known.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("{kind} takes {}", known.join(", ")),
                };
                self.add((&path, entry.mark), format!("{kind} has no such key"), fix);
            }
        }
    }

    fn effect(&mut self, item: &Item<'_>, kind: &str) -> Option<Effect> {
        let venue = |reader: &mut Reader| {
            let names = VenueId::ALL.map(VenueId::name);
            reader.name(item, "venue", &names).and_then(VenueId::from_name)
        };
        Some(match kind {
            "feed_lag" => {
                let by = self.time(item, "by", (limits::SHORTEST, limits::MOST_LAG));
                Effect::FeedLag { venue: venue(self)?, by: by? }
            }
            "feed_silence" => Effect::FeedSilence { venue: venue(self)? },
            "feed_gap" => Effect::FeedGap { venue: venue(self)? },
            "crossed_book" => Effect::CrossedBook { venue: venue(self)? },
            "zero_price" => Effect::ZeroPrice { venue: venue(self)? },
            "price_leap" => {
                let to = self.factor(item);
                Effect::PriceLeap { venue: venue(self)?, to: to? }
            }
            "fx_loss" => Effect::FxLoss,
            "redis_stall" => Effect::RedisStall,
            "engine_stall" if item.find("thread").is_none() => {
                Effect::EngineStall { thread: "engine" }
            }
            "engine_stall" => Effect::EngineStall { thread: self.name(item, "thread", &THREADS)? },
            "thread_death" => Effect::ThreadDeath { thread: self.name(item, "thread", &THREADS)? },
            "cpu_burn" => {
                let cores = self.whole(item, "cores", u64::from(limits::MOST_CORES))?;
                Effect::CpuBurn { cores: u8::try_from(cores).ok()? }
            }
            "memory_step" => {
                let mb = self.whole(item, "mb", limits::MOST_MEMORY_MIB)?;
                Effect::MemoryStep { bytes: mb * MIB }
            }
            "disk_full" => Effect::DiskFull,
            "clock_step" => Effect::ClockStep { by_ns: self.signed_time(item)? },
            _ => Effect::HostPause,
        })
    }

    /// The text under a key; a number comes as its text.
    fn text<'n>(&mut self, item: &Item<'n>, key: &str, allowed: &str) -> Option<(&'n str, Mark)> {
        let path = format!("{}.{key}", item.path);
        let Some(entry) = item.find(key) else {
            let fix = format!("add {key}: {allowed}");
            self.add((&path, item.mark), "is missing".to_owned(), fix);
            return None;
        };
        match &entry.node.value {
            Value::Text(text) | Value::Number(text) => Some((text, entry.node.mark)),
            _ => {
                self.refuse(item, (key, entry.node.mark), (allowed, "something else"));
                None
            }
        }
    }

    fn refuse(&mut self, item: &Item<'_>, (key, mark): (&str, Mark), pair: (&str, &str)) {
        let (allowed, got) = pair;
        let shown: String = got.chars().take(40).filter(|c| !c.is_control()).collect();
        let what = format!("must be {allowed}, got {shown}");
        self.add((&format!("{}.{key}", item.path), mark), what, "see the README, fault schedules");
    }

    /// One of the names.
    fn name<'k>(&mut self, item: &Item<'_>, key: &str, names: &[&'k str]) -> Option<&'k str> {
        let list = names.join(", ");
        let (text, mark) = self.text(item, key, &list)?;
        let found = names.iter().find(|name| **name == text);
        if found.is_none() {
            let fix = match nearest(text, names.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known are {list}"),
            };
            let what = format!("is no {key} that is known");
            self.add((&format!("{}.{key}", item.path), mark), what, fix);
        }
        found.copied()
    }

    fn time(&mut self, item: &Item<'_>, key: &str, (least, most): (DurNs, DurNs)) -> Option<DurNs> {
        let (text, mark) = self.text(item, key, TIME)?;
        let time = time(text);
        match time {
            None => self.refuse(item, (key, mark), (TIME, text)),
            Some(time) if !(least..=most).contains(&time) => {
                let allowed = format!("{}..={}", shown(least), shown(most));
                self.refuse(item, (key, mark), (&allowed, text));
            }
            Some(time) => return Some(time),
        }
        None
    }

    /// `by` of a clock step: may be negative, not zero.
    fn signed_time(&mut self, item: &Item<'_>) -> Option<i64> {
        let (text, mark) = self.text(item, "by", TIME)?;
        let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
        let range = limits::SHORTEST..=limits::MOST_CLOCK_STEP;
        let by = time(size).filter(|by| range.contains(by)).and_then(|by| i64::try_from(by.0).ok());
        if by.is_none() {
            let most = shown(limits::MOST_CLOCK_STEP);
            let allowed = format!("a time of 1ms..={most}, with - to go back");
            self.refuse(item, ("by", mark), (&allowed, text));
        }
        by.map(|by| sign * by)
    }

    fn whole(&mut self, item: &Item<'_>, key: &str, most: u64) -> Option<u64> {
        let allowed = format!("1..={most}");
        let (text, mark) = self.text(item, key, &allowed)?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let value = text.parse().ok().filter(|value| is_plain && (1..=most).contains(value));
        if value.is_none() {
            self.refuse(item, (key, mark), (&allowed, text));
        }
        value
    }

    fn factor(&mut self, item: &Item<'_>) -> Option<Ppm> {
        let (least, most) = limits::LEAP;
        let allowed = "a factor of 0.01..=100 in steps of 0.000001, not 1";
        let (text, mark) = self.text(item, "factor", allowed)?;
        let raw = parse_fixed(text.as_bytes()).ok().filter(|raw| raw % RAW_PER_PPM == 0);
        let factor = raw
            .map(|raw| Ppm::new(raw / RAW_PER_PPM))
            .filter(|factor| (least..=most).contains(factor) && *factor != Ppm::ONE);
        if factor.is_none() {
            self.refuse(item, ("factor", mark), (allowed, text));
        }
        factor
    }

    fn refuse_overlaps(&mut self, schedule: &[(Mark, Fault)]) {
        for (index, (mark, fault)) in schedule.iter().enumerate() {
            let earlier = schedule[..index].iter().find(|(_, earlier)| earlier.overlaps(fault));
            let Some((first, _)) = earlier else { continue };
            let name = fault.effect.name();
            let what = format!("overlaps the {name} of line {}", first.line);
            self.add(("faults", *mark), what, "one fault of a kind at a time on a target");
        }
    }
}

/// Digits and a unit.
fn time(text: &str) -> Option<DurNs> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(split);
    let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*unit_ns).map(DurNs)
}

/// In the largest unit that divides it.
fn shown(time: DurNs) -> String {
    let whole = UNITS.iter().rev().find(|(_, unit_ns)| time.0.is_multiple_of(*unit_ns));
    whole.map_or_else(String::new, |(unit, unit_ns)| format!("{}{unit}", time.0 / unit_ns))
}
