//! The exact checks: conservation identities and counters that never fall (`FAULTS.md` 4.2 a).
//! Holds a few maps per run, however long the run was.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::types::evidence::Snapshot;
use crate::types::evidence::Term;

/// What is lost stays lost, what is in flight arrives: so an identity is broken when each of this
/// many last snapshots shows a difference. One is enough if it was taken on exit.
const LAST: usize = 3;
/// Most faults that are kept per run.
const MOST_FAULTS: usize = 20;
/// Most counters and terms of one file.
const MOST_COUNTERS: usize = 1_000;

/// The left side equals the sum of the right side.
struct Identity {
    left: Term,
    right: &'static [Term],
}

const IDENTITIES: [Identity; 7] = [
    Identity { left: Term::Frames, right: &[Term::FramesParsed, Term::FramesRejected] },
    Identity {
        left: Term::Updates,
        right: &[Term::UpdatesApplied, Term::UpdatesConflated, Term::UpdatesDropped],
    },
    Identity {
        left: Term::Intents,
        right: &[
            Term::OrdersEnded,
            Term::OrdersRejected,
            Term::OrdersResolved,
            Term::OrdersOpen,
            Term::OrdersUnknown,
        ],
    },
    Identity { left: Term::Sends, right: &[Term::Approvals] },
    Identity { left: Term::Sends, right: &[Term::IntentsJournaled] },
    Identity { left: Term::FillsBooked, right: &[Term::FillsVenue] },
    Identity { left: Term::SnapshotsDue, right: &[Term::SnapshotsWritten, Term::SnapshotsSkipped] },
];
/// Terms that only some runs have: an identity with one of them missing does not apply.
const OPTIONAL: [Term; 2] = [Term::IntentsJournaled, Term::FillsVenue];
/// Terms that must be zero, at the end and before it.
const ZERO: [Term; 3] = [Term::Panics, Term::ThreadRestarts, Term::InvariantFaults];

/// The counts of one run.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    last: VecDeque<BTreeMap<Term, u64>>,
    last_seq: u64,
    counters: BTreeMap<String, u64>,
    counters_seq: u64,
    ended: bool,
    faults: Vec<String>,
    snapshots: u64,
}

/// What the exact checks found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Identities that hold.
    pub held: usize,
    /// What does not hold.
    pub broken: Vec<String>,
    /// Terms that should be there and are not.
    pub unmeasured: Vec<String>,
    /// What differs in the last snapshot, but not in each of the last few.
    pub in_flight: Vec<String>,
}

impl Ledger {
    /// Takes in a snapshot of this program. `name` is for the report.
    pub fn on_snapshot(&mut self, read: &Snapshot, name: &str) {
        self.snapshots += 1;
        let seq = read.stamp.seq.unwrap_or(self.snapshots);
        self.on_counters(&read.counters, seq, name);
        let open = read.num_open_positions.zip(read.total_exposure_krw);
        if let Some((open, exposure)) = open.filter(|(open, krw)| (*open > 0) != (*krw > 0.0)) {
            self.fault(format!("{name}: {open} open positions with exposure {exposure}"));
        }
        for term in ZERO {
            if let Some(count) = read.conservation.get(&term).filter(|count| **count > 0) {
                self.fault(format!("{name}: {} = {count}", label(term)));
            }
        }
        if seq < self.last_seq {
            return;
        }
        self.last_seq = seq;
        self.ended = read.is_final == Some(true);
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(read.conservation.clone());
    }
    /// Takes in counters; with a higher `seq` none may be lower.
    fn on_counters(&mut self, counters: &BTreeMap<String, u64>, seq: u64, name: &str) {
        let newer = seq >= self.counters_seq;
        let mut fell = Vec::new();
        for (counter, count) in counters {
            let before = self.counters.get(counter);
            let falls = |held: &u64| if newer { count < held } else { count > held };
            if let Some(held) = before.filter(|held| falls(held)) {
                fell.push(format!("{name}: counter {counter} went from {held} to {count}"));
            }
        }
        fell.into_iter().for_each(|fault| self.fault(fault));
        if newer && counters.len() <= MOST_COUNTERS {
            self.counters.clone_from(counters);
            self.counters_seq = seq;
        }
    }
    fn fault(&mut self, fault: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
    /// True if the last snapshot is the checkpoint on exit.
    pub fn ended(&self) -> bool {
        self.ended
    }
    /// The verdict of the exact checks.
    pub fn balance(&self) -> Balance {
        let mut balance = Balance { broken: self.faults.clone(), ..Balance::default() };
        let Some(newest) = self.last.back() else { return balance };
        for identity in &IDENTITIES {
            self.weigh(identity, newest, &mut balance);
        }
        if let Some(unknown) = newest.get(&Term::OrdersUnknown).filter(|count| **count > 0) {
            let text = format!("{unknown} orders of unknown outcome");
            if self.ended { &mut balance.broken } else { &mut balance.in_flight }.push(text);
        }
        balance
    }
    fn weigh(&self, identity: &Identity, newest: &BTreeMap<Term, u64>, balance: &mut Balance) {
        let terms = || std::iter::once(&identity.left).chain(identity.right);
        let missing: Vec<Term> = terms().copied().filter(|t| !newest.contains_key(t)).collect();
        if missing.iter().any(|term| OPTIONAL.contains(term)) {
            return;
        }
        if !missing.is_empty() {
            balance.unmeasured.extend(missing.into_iter().map(label));
            return;
        }
        let gap = |map: &BTreeMap<Term, u64>| {
            let count = |term: &Term| map.get(term).copied().map(i128::from);
            let right: Option<i128> = identity.right.iter().map(count).sum();
            Some(count(&identity.left)? - right?)
        };
        let differs = |map: &BTreeMap<Term, u64>| gap(map).is_some_and(|gap| gap != 0);
        let sides: Vec<String> = identity.right.iter().copied().map(label).collect();
        let text = || {
            let lost = gap(newest).unwrap_or_default();
            format!("{} = {} is off by {lost}", label(identity.left), sides.join(" + "))
        };
        let lasting = self.ended || self.last.len() == LAST && self.last.iter().all(differs);
        match differs(newest) {
            false => balance.held += 1,
            true if lasting => balance.broken.push(text()),
            true => balance.in_flight.push(text()),
        }
    }
}

fn label(term: Term) -> String {
    let name = serde_json::to_value(term).ok();
    name.and_then(|name| name.as_str().map(str::to_string)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(seq: u64, frames: u64, parsed: u64) -> Snapshot {
        let mut read = Snapshot::default();
        read.stamp.seq = Some(seq);
        let required = IDENTITIES.iter().filter(|i| !i.right.iter().any(|t| OPTIONAL.contains(t)));
        for identity in required {
            read.conservation.insert(identity.left, 0);
            read.conservation.extend(identity.right.iter().map(|term| (*term, 0)));
        }
        read.conservation.insert(Term::Frames, frames);
        read.conservation.insert(Term::FramesParsed, parsed);
        read
    }

    fn balance(snapshots: &[Snapshot]) -> Balance {
        let mut ledger = Ledger::default();
        snapshots.iter().for_each(|read| ledger.on_snapshot(read, "a.json"));
        ledger.balance()
    }

    #[test]
    fn what_is_in_flight_is_not_lost_and_what_is_lost_stays_so() {
        let flight = balance(&[snapshot(1, 5, 5), snapshot(2, 9, 9), snapshot(3, 12, 11)]);
        assert_eq!((flight.held, flight.broken.len(), flight.in_flight.len()), (4, 0, 1));
        let lost = balance(&[snapshot(1, 5, 4), snapshot(2, 9, 8), snapshot(3, 12, 11)]);
        assert_eq!(lost.broken, ["frames = frames_parsed + frames_rejected is off by 1"]);
        let mut last = snapshot(1, 5, 4);
        last.is_final = Some(true);
        assert_eq!(balance(&[last]).broken.len(), 1);
    }

    #[test]
    fn a_term_that_is_missing_is_not_zero() {
        let mut read = snapshot(1, 0, 0);
        read.conservation.remove(&Term::FramesRejected);
        assert_eq!(balance(&[read]).unmeasured, ["frames_rejected"]);
    }

    #[test]
    fn an_identity_of_a_journal_applies_where_there_is_one() {
        let mut read = snapshot(1, 0, 0);
        read.is_final = Some(true);
        assert_eq!(balance(std::slice::from_ref(&read)).held, 5);
        read.conservation.insert(Term::IntentsJournaled, 1);
        assert_eq!(balance(&[read]).broken, ["sends = intents_journaled is off by -1"]);
    }

    #[test]
    fn a_counter_that_falls_is_named_with_its_file_whatever_the_order_of_reading() {
        let with = |seq: u64, count: u64| {
            let mut read = snapshot(seq, 0, 0);
            read.counters.insert("gaps".into(), count);
            read
        };
        assert_eq!(balance(&[with(1, 4), with(2, 4), with(3, 5)]).broken, [] as [String; 0]);
        assert_eq!(balance(&[with(2, 5), with(1, 4), with(3, 5)]).broken, [] as [String; 0]);
        let found = balance(&[with(1, 4), with(2, 3)]).broken;
        assert_eq!(found, ["a.json: counter gaps went from 4 to 3"]);
    }

    #[test]
    fn exposure_without_a_position_and_a_panic_are_faults() {
        let mut read = snapshot(1, 0, 0);
        (read.num_open_positions, read.total_exposure_krw) = (Some(0), Some(5.0));
        read.conservation.insert(Term::Panics, 1);
        assert_eq!(balance(&[read]).broken.len(), 2);
    }
}
