//! A recording through the same agents on a virtual clock. Bit-for-bit repeatable.

use crate::engine::limits::EnginePlan;
use crate::feed::agent::Feed;
use crate::feed::tape::Progress;
use crate::feed::tape::RecordKind;
use crate::feed::tape::Tape;
use crate::feed::tape::TapeError;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::step::Stepper;
use crate::stats::latency::LatencyHistogram;
use crate::topology::Plan;
use crate::topology::Plant;
use crate::topology::paper_plant;
use crate::types::control::Permission;
use crate::types::fact::Fact;
use crate::types::ids::VenueId;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;
use crate::venue::FrameKind;
use crate::verdict::audit::Audit;
use crate::verdict::audit::Claim;
use crate::verdict::audit::Row;

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
    pub plant: Plant,
    /// Real time from a frame's first byte to the engine's decision. Decides nothing.
    pub tick_to_decision: LatencyHistogram,
    /// Real time from a frame's first byte to the order's hand-over. Decides nothing.
    pub tick_to_order: LatencyHistogram,
    /// Records read.
    pub records: u64,
    /// Recorded time covered.
    pub span: DurNs,
    /// True if the watcher ended it early.
    pub interrupted: bool,
    clock: Clock,
    stepper: Option<(Stepper, WallNs)>,
    audit: Audit,
    plan: Plan,
}

impl Replay {
    /// Builds the plant. Nothing is read yet.
    pub fn new(plan: &Plan, clock: Clock) -> Replay {
        let audit = Audit::new(&plan.engine.instruments, &start_rows(&plan.engine));
        Replay {
            plant: paper_plant(plan),
            tick_to_decision: LatencyHistogram::new(),
            tick_to_order: LatencyHistogram::new(),
            records: 0,
            span: DurNs(0),
            interrupted: false,
            clock,
            stepper: None,
            audit,
            plan: plan.clone(),
        }
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
            let Some(record) = tape.next_record()? else { return Ok(()) };
            self.records += 1;
            self.advance_to(record.recv, watch);
            self.feed_record(record.venue, record.kind, record.payload);
            self.settle(watch);
        }
    }

    /// Moves virtual time to the record's, through every instant at which an agent is due.
    fn advance_to(&mut self, recv: WallNs, watch: &mut dyn Watch) {
        let plant = &mut self.plant;
        let (stepper, start) = self.stepper.get_or_insert_with(|| {
            // A replay has no watchdog yet: orders may do everything, for ever.
            plant.permission.grant(Permission::Trade, MonoNs(u64::MAX));
            (Stepper::at(recv), recv)
        });
        self.span = DurNs(recv.0.saturating_sub(start.0));
        stepper.advance_to(MonoNs(self.span.0), &mut [&mut plant.engine, &mut plant.gateway]);
        drain_facts(plant, &mut self.audit, watch);
    }

    fn feed_record(&mut self, venue: VenueId, kind: RecordKind, payload: &[u8]) {
        let Some((stepper, _)) = &self.stepper else { return };
        let now = stepper.now();
        let Some(feed) = feed_of(&mut self.plant, venue) else { return };
        let begun = self.clock.mono();
        match kind {
            RecordKind::Ws => drop(feed.on_frame(FrameKind::Ws, payload, now)),
            RecordKind::RestDepth => drop(feed.on_frame(FrameKind::RestDepth, payload, now)),
            RecordKind::Open => feed.on_open(now),
            RecordKind::Close => feed.on_close(),
        }
        let before = self.plant.engine.progress();
        let worked = self.plant.engine.turn(now) == Turn::Worked;
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
        let plant = &mut self.plant;
        loop {
            stepper.settle(&mut [&mut plant.gateway, &mut plant.engine]);
            // A link that was full holds tops back; every image has to be seen.
            let held = plant.feeds.iter_mut().any(|(_, feed)| feed.flush() == Turn::Worked);
            drain_facts(plant, &mut self.audit, watch);
            if !held {
                return;
            }
        }
    }

    /// After the last record: no new pairs, and time for the orders at work to end.
    fn drain(&mut self, watch: &mut dyn Watch) {
        let Some((stepper, _)) = &mut self.stepper else { return };
        let plant = &mut self.plant;
        plant.permission.grant(Permission::Finish, MonoNs(u64::MAX));
        while let Some(due) = plant.gateway.due() {
            stepper.advance_to(due, &mut [&mut plant.engine, &mut plant.gateway]);
            stepper.settle(&mut [&mut plant.gateway, &mut plant.engine]);
            drain_facts(plant, &mut self.audit, watch);
        }
        let digests: Vec<u64> = plant.feeds.iter().map(|(_, feed)| feed.digest()).collect();
        for digest in digests {
            plant.engine.core_mut().add_to_trace(digest);
        }
    }

    /// True if every exact check held: books uncrossed, balances of engine and venue equal to the
    /// start plus fills less fees, results equal to the sum of their fills, nothing lost.
    pub fn invariants_ok(&self) -> bool {
        let core = self.plant.engine.core();
        let portfolio = core.portfolio();
        let held: Vec<Row> =
            portfolio.holdings().iter().map(|h| (h.venue, h.asset, h.raw)).collect();
        let claim = |balances| Claim {
            balances,
            realized_raw: portfolio.realized.raw(),
            fees_raw: portfolio.fees.raw(),
            fills: portfolio.fills,
        };
        let lost = self.plant.engine.facts_lost() + self.plant.gateway.events_lost();
        let stuck = self.stepper.as_ref().map_or(0, |(stepper, _)| stepper.livelocks());
        self.audit.agrees_with(&claim(&held))
            && self.audit.agrees_with(&claim(self.plant.gateway.ledger()))
            && core.counts().crossed_books == 0
            && core.counts().contradictions == 0
            && lost + stuck == 0
    }

    /// What the plant was built from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

fn feed_of(plant: &mut Plant, venue: VenueId) -> Option<&mut Feed> {
    plant.feeds.iter_mut().find(|(of, _)| *of == venue).map(|(_, feed)| feed)
}

fn drain_facts(plant: &mut Plant, audit: &mut Audit, watch: &mut dyn Watch) {
    while let Some(fact) = plant.facts.take() {
        audit.on_fact(&fact);
        watch.on_fact(&fact);
    }
}

fn start_rows(engine: &EnginePlan) -> Vec<Row> {
    engine.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect()
}
