//! A cursor over a fault schedule: which faults act now, and when that changes.

use crate::sim::limits::Fault;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// One reader's part of a schedule. Time only goes on; no heap after the start.
#[derive(Clone, Debug)]
pub struct Script {
    /// By beginning.
    faults: Vec<Fault>,
    start: MonoNs,
    /// How many have begun.
    begun: usize,
    active: Vec<Fault>,
    next: Option<MonoNs>,
}

/// A beginning or an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// When it was due; not later than the reader's now.
    pub at: MonoNs,
    /// The fault.
    pub fault: Fault,
    /// False at its end.
    pub begins: bool,
}

impl Script {
    /// The faults that concern one reader, in a run that began at `start`.
    pub fn new(faults: impl IntoIterator<Item = Fault>, start: MonoNs) -> Script {
        let mut faults: Vec<Fault> = faults.into_iter().collect();
        faults.sort_by_key(|fault| fault.at);
        let active = Vec::with_capacity(faults.len());
        let mut script = Script { faults, start, begun: 0, active, next: None };
        script.next = script.find_next().map(|(at, _)| script.start.plus(at));
        script
    }
    /// Nothing is scheduled, or all of it is over.
    pub fn is_over(&self) -> bool {
        self.next.is_none() && self.active.is_empty()
    }
    /// What acts, as of the last [`Script::next_edge`].
    pub fn active(&self) -> &[Fault] {
        &self.active
    }
    /// When that changes; `None` if it never will.
    pub fn due(&self) -> Option<MonoNs> {
        self.next
    }
    /// The next beginning or end up to `now`, in the order of time, ends first; each once. `None`
    /// when the script has come to `now`: one comparison in most turns.
    pub fn next_edge(&mut self, now: MonoNs) -> Option<Edge> {
        let at = self.next.filter(|next| *next <= now)?;
        let (_, ending) = self.find_next()?;
        let edge = match ending {
            Some(index) => Edge { at, fault: self.active.swap_remove(index), begins: false },
            None => {
                let fault = self.faults[self.begun];
                self.begun += 1;
                self.active.push(fault);
                Edge { at, fault, begins: true }
            }
        };
        self.next = self.find_next().map(|(at, _)| self.start.plus(at));
        Some(edge)
    }
    /// Comes to `now`; true if something changed.
    pub fn advance(&mut self, now: MonoNs) -> bool {
        let mut changed = false;
        while self.next_edge(now).is_some() {
            changed = true;
        }
        changed
    }

    /// When the next edge lies, since the start, and the index of the fault that ends there.
    fn find_next(&self) -> Option<(DurNs, Option<usize>)> {
        let ends = self.active.iter().enumerate().map(|(index, f)| (f.ends_at(), index));
        let end = ends.min().filter(|(at, _)| *at < DurNs(u64::MAX));
        let begin = self.faults.get(self.begun).map(|fault| fault.at);
        match (begin, end) {
            (Some(begin), Some((end, _))) if begin < end => Some((begin, None)),
            (_, Some((end, index))) => Some((end, Some(index))),
            (Some(begin), None) => Some((begin, None)),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::limits::Effect;

    fn fault(at: u64, lasts: u64, effect: Effect) -> Fault {
        Fault { at: DurNs(at), lasts: DurNs(lasts), effect }
    }

    #[test]
    fn each_fault_acts_from_its_beginning_to_before_its_end() {
        let faults = [fault(10, 5, Effect::DiskFull), fault(12, 10, Effect::FxLoss)];
        let mut script = Script::new(faults, MonoNs(100));
        let seen = [109, 110, 111, 114, 115, 121, 122].map(|now| {
            script.advance(MonoNs(now));
            script.active().len()
        });
        assert_eq!(seen, [0, 1, 1, 2, 1, 1, 0]);
        assert!(script.is_over());
    }

    #[test]
    fn edges_that_were_slept_through_come_in_order_each_once() {
        let faults = [fault(20, 5, Effect::FxLoss), fault(10, 10, Effect::DiskFull)];
        let mut script = Script::new(faults, MonoNs(0));
        let mut seen = Vec::new();
        while let Some(edge) = script.next_edge(MonoNs(1_000)) {
            seen.push((edge.at.0, edge.fault.effect.name(), edge.begins));
        }
        let (disk, fx) = ("disk_full", "fx_loss");
        assert_eq!(seen, [(10, disk, true), (20, disk, false), (20, fx, true), (25, fx, false)]);
        assert_eq!(script.due(), None);
    }

    #[test]
    fn what_lasts_for_good_has_no_end_to_wait_for() {
        let mut script = Script::new([fault(1, u64::MAX, Effect::FxLoss)], MonoNs(0));
        assert_eq!(script.due(), Some(MonoNs(1)));
        script.advance(MonoNs(1));
        assert_eq!(script.due(), None);
        assert!(!script.is_over());
    }
}
