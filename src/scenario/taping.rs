//! The parts of a recorded run, ready to be wired: taps for the feeds, marks of the engine, and
//! the ends that the recorder holds.

use std::sync::Arc;

use crate::engine::agent::Engine;
use crate::engine::limits::EnginePlan;
use crate::engine::marks::MarkPort;
use crate::feed::recorder::MarkPorts;
use crate::feed::recorder::Ports;
use crate::feed::reel::Refuse;
use crate::feed::tap::Tap;
use crate::feed::tap::TapCount;
use crate::runtime::link::MARKS;
use crate::runtime::link::TAPED;
use crate::scenario::begun::head;
use crate::types::ids::VenueId;

/// A tap for the feed of each of these venues, and the recorder's ends. `refuse` is raised by
/// fault injection.
///
/// No waker: the recorder looks by itself, so that a feed makes no system call for it.
pub fn taping(venues: &[VenueId], refuse: Refuse) -> (Vec<(VenueId, Tap)>, Ports) {
    let (link, taped) = TAPED.open();
    let taps_count = Arc::new(TapCount::default());
    let tap = |venue: &VenueId| {
        let (tap, back) = Tap::new(*venue, link.clone(), Arc::clone(&taps_count));
        ((*venue, tap), back)
    };
    let (taps, returns) = venues.iter().map(tap).unzip();
    (taps, Ports { taped, returns, taps: taps_count, marks: None, refuse })
}

/// Lets the engine mark what it takes, so that the recorded run can be repeated exactly. Before its
/// first turn; `plan` is the one that it decides by, with the rules of its venues.
pub fn mark(plan: &EnginePlan, engine: &mut Engine, ports: &mut Ports) {
    if !engine.core().is_new(plan) {
        log::warn!(
            "this run continues an earlier one: its recording can be replayed with --simulate, but \
             not repeated exactly; use a new --run-dir for that"
        );
    }
    let (link, marks) = MARKS.open();
    let is_broken = Arc::default();
    ports.marks = Some(MarkPorts {
        link: marks,
        is_broken: Arc::clone(&is_broken),
        head: head(plan, engine.core()),
    });
    engine.mark_to(Some(MarkPort { link, is_broken }));
}
