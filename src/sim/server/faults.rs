//! Which faults act now: a script that requests may add to, and what of it acts on one venue.

use serde_json::Value;
use serde_json::json;

use crate::sim::server::limits::FAULTS;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::limits::SimFault;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;

/// Where a fault stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stand {
    Waits,
    Acts,
    Over,
}

/// A beginning or an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// It begins.
    Begins,
    /// It ends.
    Ends,
}

/// The whole script. At most [`FAULTS`] that are not over; what is over goes when room is needed.
#[derive(Clone, Debug, Default)]
pub struct Script {
    faults: Vec<(SimFault, Stand)>,
    start: MonoNs,
}

/// There are too many faults already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{FAULTS} faults wait or act already; wait until some are over")]
pub struct Crowded;

impl Script {
    /// Of these, with times counted from `start`. What is too many is left out.
    pub fn new(faults: &[SimFault], start: MonoNs) -> Script {
        let faults = faults.iter().take(FAULTS).map(|fault| (*fault, Stand::Waits)).collect();
        Script { faults, start }
    }
    /// From when times count.
    pub const fn start(&self) -> MonoNs {
        self.start
    }
    /// Adds one.
    ///
    /// # Errors
    /// [`Crowded`].
    pub fn add(&mut self, fault: SimFault) -> Result<(), Crowded> {
        if self.faults.len() >= FAULTS {
            self.faults.retain(|(_, stand)| *stand != Stand::Over);
        }
        if self.faults.len() >= FAULTS {
            return Err(Crowded);
        }
        self.faults.push((fault, Stand::Waits));
        Ok(())
    }
    /// Everything that waits or acts ends with the next [`Script::edges`].
    pub fn clear(&mut self, now: MonoNs) {
        let passed = now.since(self.start);
        self.faults.retain(|(_, stand)| *stand != Stand::Waits);
        for (fault, _) in &mut self.faults {
            fault.lasts = fault.lasts.min(DurNs(passed.0.saturating_sub(fault.at.0)));
        }
    }
    /// Beginnings and ends up to `now`, ends first. What would begin and end at once does both.
    pub fn edges(&mut self, now: MonoNs) -> Vec<(SimFault, Edge)> {
        let passed = now.since(self.start);
        let mut edges = Vec::new();
        for (fault, stand) in &mut self.faults {
            if *stand == Stand::Acts && fault.ends_at() <= passed {
                *stand = Stand::Over;
                edges.push((*fault, Edge::Ends));
            }
        }
        for (fault, stand) in &mut self.faults {
            if *stand == Stand::Waits && fault.at <= passed {
                *stand = Stand::Acts;
                edges.push((*fault, Edge::Begins));
            }
        }
        edges
    }
    /// When the next edge is due.
    pub fn due(&self) -> Option<MonoNs> {
        let at = |(fault, stand): &(SimFault, Stand)| match stand {
            Stand::Waits => Some(fault.at),
            Stand::Acts => Some(fault.ends_at()),
            Stand::Over => None,
        };
        self.faults.iter().filter_map(at).min().map(|at| self.start.plus(at))
    }
    /// What acts on a venue.
    pub fn active(&self, venue: VenueId) -> Troubles {
        let acts = self.faults.iter().filter(|(_, stand)| *stand == Stand::Acts);
        Troubles(acts.map(|(fault, _)| *fault).filter(|fault| fault.is_of(venue)).collect())
    }
    /// Every fault with its state.
    pub fn json(&self) -> Value {
        self.faults.iter().map(|(fault, stand)| fault_json(fault, *stand)).collect()
    }
}

fn fault_json(fault: &SimFault, stand: Stand) -> Value {
    json!({
        "kind": fault.effect.name(),
        "venue": fault.venue.map_or("all", VenueId::name),
        "symbol": fault.symbol.map(|symbol| symbol.to_string()),
        "at_ms": fault.at.0 / NS_PER_MS,
        "for_ms": fault.lasts.0 / NS_PER_MS,
        "state": match stand {
            Stand::Waits => "waits",
            Stand::Acts => "acts",
            Stand::Over => "over",
        },
    })
}

/// What acts on one venue now.
#[derive(Clone, Debug, Default)]
pub struct Troubles(Vec<SimFault>);

impl Troubles {
    /// Nothing does.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The first fault of which `pick` makes something.
    pub fn find<T>(&self, pick: impl Fn(&SimFault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }
    /// A fault of this effect without an amount.
    pub fn has(&self, effect: SimEffect) -> bool {
        self.0.iter().any(|fault| fault.effect == effect)
    }
    /// A fault of this effect.
    pub fn of(&self, effect: SimEffect) -> Option<&SimFault> {
        self.0.iter().find(|fault| fault.effect == effect)
    }
    /// All of them.
    pub fn all(&self) -> &[SimFault] {
        &self.0
    }
    /// How far the venue's clock is off, ms.
    pub fn skew_ms(&self) -> i64 {
        let ms = |effect| match effect {
            SimEffect::ClockSkew { by_ns } => Some(by_ns / NS_PER_MS as i64),
            _ => None,
        };
        self.find(|fault| ms(fault.effect)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(at: u64, lasts: u64) -> SimFault {
        let effect = SimEffect::Silence;
        SimFault { at: DurNs(at), lasts: DurNs(lasts), venue: None, symbol: None, effect }
    }

    #[test]
    fn each_fault_begins_once_and_ends_once() {
        let mut script = Script::new(&[fault(10, 5), fault(15, 5)], MonoNs(100));
        assert_eq!(script.due(), Some(MonoNs(110)));
        assert!(script.edges(MonoNs(109)).is_empty());
        assert_eq!(script.edges(MonoNs(110)), [(fault(10, 5), Edge::Begins)]);
        assert!(script.active(VenueId::Okx).has(SimEffect::Silence));
        let both = [(fault(10, 5), Edge::Ends), (fault(15, 5), Edge::Begins)];
        assert_eq!(script.edges(MonoNs(116)), both);
        assert_eq!(script.edges(MonoNs(120)), [(fault(15, 5), Edge::Ends)]);
        assert_eq!(script.due(), None);
        assert!(script.active(VenueId::Okx).is_empty());
    }

    #[test]
    fn a_full_script_refuses_until_something_is_over() {
        let mut script = Script::new(&[fault(0, 1); FAULTS], MonoNs(0));
        assert_eq!(script.add(fault(5, 5)), Err(Crowded));
        script.edges(MonoNs(0));
        script.edges(MonoNs(1));
        assert_eq!(script.add(fault(5, 5)), Ok(()));
        script.clear(MonoNs(2));
        assert_eq!(script.due(), None, "what waited is gone");
    }
}
