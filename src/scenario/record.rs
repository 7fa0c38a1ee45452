//! The record of a run on one thread: every fact audited, and the exact checks at its end.

use crate::engine::agent::Engine;
use crate::engine::limits::EnginePlan;
use crate::gateway::paper::Paper;
use crate::runtime::link::Rx;
use crate::types::carry::Carry;
use crate::types::fact::Fact;
use crate::types::fact::FactKind;
use crate::verdict::audit::Audit;
use crate::verdict::audit::Claim;
use crate::verdict::audit::Row;

/// Counts the orders on record that left: intents, but for those that the last hop turned back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    intents: u64,
    turned_back: u64,
}

impl Flow {
    /// Takes in one fact.
    pub fn take(&mut self, fact: &Fact) {
        match &fact.kind {
            FactKind::Intent { .. } => self.intents += 1,
            FactKind::Order { event, .. } => {
                self.turned_back += u64::from(event.kind.never_left());
            }
            FactKind::Pair { .. } | FactKind::Imbalance { .. } => {}
        }
    }
    /// Orders that left, those on their way included.
    pub const fn left(&self) -> u64 {
        self.intents.saturating_sub(self.turned_back)
    }
}

/// Audits the facts of a run as they come.
pub struct Record {
    audit: Audit,
}

impl Record {
    /// Before the first fact.
    pub fn new(engine: &EnginePlan) -> Record {
        let start: Vec<Row> = engine.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect();
        Record { audit: Audit::new(&engine.instruments, &start) }
    }

    /// Behind what an earlier process left: its balances, results, pairs and orders.
    pub fn resumed(engine: &EnginePlan, carry: &Carry) -> Record {
        Record { audit: Audit::resumed(&engine.instruments, carry) }
    }

    /// Takes in one fact.
    pub fn take(&mut self, fact: &Fact) {
        self.audit.on_fact(fact);
    }

    /// Takes in every waiting fact and shows it to `watch`.
    pub fn drain(&mut self, facts: &Rx<Fact>, watch: &mut dyn FnMut(&Fact)) {
        while let Some(fact) = facts.take() {
            self.audit.on_fact(&fact);
            watch(&fact);
        }
    }

    /// The part of [`Record::is_sound`] that needs no venue's ledger: a repetition has none.
    pub fn agrees_with(&self, engine: &Engine) -> bool {
        let (portfolio, counts) = (engine.core().portfolio(), engine.core().counts());
        let held: Vec<Row> =
            portfolio.holdings().iter().map(|h| (h.venue, h.asset, h.raw)).collect();
        let claim = Claim {
            balances: &held,
            realized_raw: portfolio.realized.raw(),
            fees_raw: portfolio.fees.raw(),
            fills: portfolio.fills,
        };
        self.audit.agrees_with(&claim)
            && counts.crossed_books == 0
            && counts.contradictions == 0
            && engine.facts_lost() == 0
    }

    /// True if every exact check holds: books uncrossed, balances of engine and venue equal to the
    /// start plus fills less fees, results equal to the sum of their fills, nothing lost.
    pub fn is_sound(&self, engine: &Engine, gateway: &Paper) -> bool {
        let (portfolio, counts) = (engine.core().portfolio(), engine.core().counts());
        let held: Vec<Row> =
            portfolio.holdings().iter().map(|h| (h.venue, h.asset, h.raw)).collect();
        let claim = |balances| Claim {
            balances,
            realized_raw: portfolio.realized.raw(),
            fees_raw: portfolio.fees.raw(),
            fills: portfolio.fills,
        };
        self.audit.agrees_with(&claim(&held))
            && self.audit.agrees_with(&claim(gateway.ledger()))
            && counts.crossed_books == 0
            && counts.contradictions == 0
            && engine.facts_lost() + gateway.events_lost() == 0
    }
}
