//! A recording through the same agents on a virtual clock. Bit-for-bit repeatable.

use crate::feed::agent::Feed;
use crate::feed::tape::Progress;
use crate::feed::tape::RecordKind;
use crate::feed::tape::Tape;
use crate::feed::tape::TapeError;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::step::Stepper;
use crate::scenario::delivery::Delivery;
use crate::scenario::record::Record;
use crate::sim::limits::Fault;
use crate::sim::spoiled::Blocks;
use crate::sim::spoiled::Lent;
use crate::sim::spoiled::Spoiler;
use crate::stats::shared::SharedHistogram;
use crate::topology::Outlets;
use crate::topology::Plan;
use crate::topology::Plant;
use crate::topology::replay_plant;
use crate::types::control::Permission;
use crate::types::fact::Fact;
use crate::types::ids::VenueId;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;

/// Records between two progress reports.
const REPORT_EVERY: u64 = 4_096;

/// What the caller wants to see while a replay runs.
pub trait Watch {
    /// Called now and then.
    fn on_progress(&mut self, _progress: Progress) -> KeepGoing {
        KeepGoing::Yes
    }
    /// Called with every fact, in order.
    fn on_fact(&mut self, _fact: &Fact) {}
}

/// Whether a replay goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeepGoing {
    /// On to the next record.
    Yes,
    /// Stop here; the result so far stands.
    No,
}

/// A watcher that looks at nothing.
pub struct Blind;

impl Watch for Blind {}

/// A replay, to be run once.
pub struct Replay {
    /// The agents, readable after the run.
    pub plant: Plant<(VenueId, Feed)>,
    outlets: Outlets,
    /// Real time from a frame's first byte to the engine's decision. Decides nothing.
    pub tick_to_decision: SharedHistogram,
    /// Real time from a frame's first byte to the order's hand-over. Decides nothing.
    pub tick_to_order: SharedHistogram,
    /// Records read.
    pub records: u64,
    /// Recorded time covered.
    pub span: DurNs,
    /// True if the watcher ended it early.
    pub interrupted: bool,
    clock: Clock,
    stepper: Option<(Stepper, WallNs)>,
    record: Record,
    delivery: Option<Box<Delivery>>,
    spoilers: Spoilers,
}

/// What happens to the threads that the agents would have.
#[derive(Default)]
struct Spoilers {
    engine: Option<Spoiler>,
    gateway: Option<Spoiler>,
}

impl Replay {
    /// Builds the plant. Nothing is read yet.
    pub fn new(plan: &Plan, clock: Clock) -> Replay {
        let (plant, outlets) = replay_plant(plan);
        Replay {
            plant,
            outlets,
            tick_to_decision: SharedHistogram::new(),
            tick_to_order: SharedHistogram::new(),
            records: 0,
            span: DurNs(0),
            interrupted: false,
            clock,
            stepper: None,
            record: Record::new(&plan.engine),
            delivery: None,
            spoilers: Spoilers::default(),
        }
    }
    /// The same under a fault schedule that [`crate::sim::limits::Stage::Replay`] does not refuse.
    /// A break in a stream of differences lasts until the recording holds a snapshot.
    pub fn with_faults(mut self, faults: &[Fault]) -> Replay {
        let spoiler = |name| Spoiler::new(name, (faults, MonoNs(0)), Blocks::Virtually);
        self.spoilers = Spoilers { engine: spoiler("engine"), gateway: spoiler("gateway") };
        self.delivery = (!faults.is_empty()).then(|| Box::new(Delivery::new(faults)));
        self
    }

    /// Runs a recording to its end and lets the orders at work come to theirs.
    ///
    /// # Errors
    /// Where and how the recording is damaged; what came before it has been run and counts.
    pub fn run(&mut self, tape: &mut Tape, watch: &mut dyn Watch) -> Result<(), TapeError> {
        let ended = self.run_records(tape, watch);
        self.drain(watch);
        ended
    }

    fn run_records(&mut self, tape: &mut Tape, watch: &mut dyn Watch) -> Result<(), TapeError> {
        loop {
            if self.records.is_multiple_of(REPORT_EVERY)
                && watch.on_progress(tape.progress()) == KeepGoing::No
            {
                self.interrupted = true;
                return Ok(());
            }
            let Some(record) = tape.next_record()? else {
                self.deliver_held(MonoNs(u64::MAX), watch);
                return Ok(());
            };
            self.records += 1;
            let at = self.begin(record.recv);
            self.deliver_held(at, watch);
            self.advance_to(at, watch);
            self.span = DurNs(at.0);
            let mut delivery = self.delivery.take();
            let payload = match &mut delivery {
                None => Some(record.payload),
                Some(delivery) => delivery.meet(&record, at),
            };
            if let Some(payload) = payload {
                self.feed_record(record.venue, record.kind, payload);
            }
            self.delivery = delivery;
            self.settle(watch);
        }
    }

    /// What faults held back and is due until then reaches the books, each at its time.
    fn deliver_held(&mut self, until: MonoNs, watch: &mut dyn Watch) {
        let next = |replay: &mut Replay| replay.delivery.as_mut()?.next_held(until);
        while let Some(held) = next(self) {
            self.advance_to(held.due, watch);
            self.feed_record(held.venue, held.kind, &held.payload);
            self.settle(watch);
        }
    }

    /// When a record was received, since the first one. With that one time begins.
    fn begin(&mut self, recv: WallNs) -> MonoNs {
        let permission = &self.plant.permission;
        let (_, start) = self.stepper.get_or_insert_with(|| {
            // A replay has no watchdog yet: orders may do everything, for ever.
            permission.grant(Permission::Trade, MonoNs(u64::MAX));
            (Stepper::at(recv), recv)
        });
        MonoNs(recv.0.saturating_sub(start.0))
    }

    /// Moves virtual time on, through every instant at which an agent is due.
    fn advance_to(&mut self, until: MonoNs, watch: &mut dyn Watch) {
        let Some((stepper, _)) = &mut self.stepper else { return };
        let [mut engine, mut gateway] = self.spoilers.lend(&mut self.plant);
        stepper.advance_to(until, &mut [&mut engine, &mut gateway]);
        drain_outlets(&self.outlets, &mut self.record, watch);
    }

    fn feed_record(&mut self, venue: VenueId, kind: RecordKind, payload: &[u8]) {
        let Some((stepper, _)) = &self.stepper else { return };
        let now = stepper.now();
        let Some(feed) = feed_of(&mut self.plant, venue) else { return };
        let begun = self.clock.mono();
        feed.on_record(kind, payload, now);
        let before = self.plant.engine.progress();
        let [mut engine, _] = self.spoilers.lend(&mut self.plant);
        let worked = engine.turn(now) == Turn::Worked;
        let after = self.plant.engine.progress();
        if worked && after.decided > before.decided {
            let took = self.clock.mono().since(begun);
            self.tick_to_decision.record(took.0);
            if after.sent > before.sent {
                self.tick_to_order.record(took.0);
            }
        }
    }

    fn settle(&mut self, watch: &mut dyn Watch) {
        let Some((stepper, _)) = &mut self.stepper else { return };
        loop {
            let [mut engine, mut gateway] = self.spoilers.lend(&mut self.plant);
            stepper.settle(&mut [&mut gateway, &mut engine]);
            // A link that was full holds tops back; every image has to be seen.
            let held = self.plant.feeds.iter_mut().any(|(_, feed)| feed.flush() == Turn::Worked);
            drain_outlets(&self.outlets, &mut self.record, watch);
            if !held {
                return;
            }
        }
    }

    /// After the last record: no new pairs, and time for the orders at work to end.
    fn drain(&mut self, watch: &mut dyn Watch) {
        let Some((stepper, _)) = &mut self.stepper else { return };
        self.plant.permission.grant(Permission::Finish, MonoNs(u64::MAX));
        while self.plant.gateway.due().is_some() {
            let [mut engine, mut gateway] = self.spoilers.lend(&mut self.plant);
            let Some(due) = gateway.due() else { break };
            stepper.advance_to(due, &mut [&mut engine, &mut gateway]);
            stepper.settle(&mut [&mut gateway, &mut engine]);
            drain_outlets(&self.outlets, &mut self.record, watch);
        }
        let plant = &mut self.plant;
        let digests: Vec<u64> = plant.feeds.iter().map(|(_, feed)| feed.digest()).collect();
        for digest in digests {
            plant.engine.core_mut().add_to_trace(digest);
        }
    }

    /// True if every exact check held and no instant saw agents keep each other busy for ever.
    pub fn invariants_ok(&self) -> bool {
        let stuck = self.stepper.as_ref().map_or(0, |(stepper, _)| stepper.livelocks());
        self.record.is_sound(&self.plant.engine, &self.plant.gateway) && stuck == 0
    }
}

impl Spoilers {
    /// Engine and gateway with what happens to their threads.
    fn lend<'l>(&'l mut self, plant: &'l mut Plant<(VenueId, Feed)>) -> [Lent<'l>; 2] {
        let engine = Lent::new(&mut plant.engine, self.engine.as_mut());
        [engine, Lent::new(&mut plant.gateway, self.gateway.as_mut())]
    }
}

fn feed_of(plant: &mut Plant<(VenueId, Feed)>, venue: VenueId) -> Option<&mut Feed> {
    plant.feeds.iter_mut().find(|(of, _)| *of == venue).map(|(_, feed)| feed)
}

fn drain_outlets(outlets: &Outlets, record: &mut Record, watch: &mut dyn Watch) {
    record.drain(&outlets.facts, &mut |fact| watch.on_fact(fact));
    // A replay shows its end, not its cycles.
    while outlets.reports.take().is_some() {}
}
