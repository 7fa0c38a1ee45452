//! Notices as lines of the events. Pure; bounded by lines a second.

use serde_json::Value;
use serde_json::json;

use crate::types::calendar::Utc;
use crate::types::evidence::Event;
use crate::types::evidence::FAULT_BEGIN;
use crate::types::evidence::FAULT_END;
use crate::types::evidence::FAULT_EVENT;
use crate::types::evidence::WATCHDOG_EVENT;
use crate::types::fact::CloseReason;
use crate::types::fact::Fact;
use crate::types::fact::FactKind;
use crate::types::fact::FxRates;
use crate::types::fact::PairChange;
use crate::types::fact::Refusal;
use crate::types::notice::Cause;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;
use crate::types::order::Ending;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::order::OrderEventKind;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;
use crate::types::time::Now;
use crate::types::units::Plain;

/// Most lines in one second of the run's clock.
const LINES_PER_SEC: u64 = 1_000;

/// Turns news into events of one run.
#[derive(Clone, Debug)]
pub struct EventWriter {
    run_id: String,
    refusals: [u64; Refusal::COUNT],
    /// When the last blocks were told.
    blocked_at: Option<MonoNs>,
    second: u64,
    lines: u64,
    dropped: u64,
}

impl EventWriter {
    /// Before the first one.
    pub fn new(run_id: &str) -> EventWriter {
        let refusals = [0; Refusal::COUNT];
        EventWriter {
            run_id: run_id.to_owned(),
            refusals,
            blocked_at: None,
            second: 0,
            lines: 0,
            dropped: 0,
        }
    }
    /// Events dropped because too many came in one second, so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
    /// The event of a notice, after so many cycles; `None` if it is no event, or one too many.
    pub fn on_notice(&mut self, notice: &Notice, cycles: u64) -> Option<Event> {
        let event = event_of(&notice.kind)?;
        self.stamped(event, notice.at, cycles)
    }
    /// One event a second at most, for all blocks since the last one, if there were any. Signals
    /// that are too small, or whose route is at work, are no blocks but the everyday.
    pub fn on_refusals(
        &mut self,
        at: Now,
        cycles: u64,
        counts: &[u64; Refusal::COUNT],
    ) -> Option<Event> {
        if self.blocked_at.is_some_and(|last| at.mono.since(last).0 < NS_PER_SEC) {
            return None;
        }
        let everyday = [Refusal::BelowMinSpread, Refusal::Busy];
        let is_block = |(refusal, _): &&(Refusal, &'static str)| !everyday.contains(refusal);
        let new = |(refusal, name): &(Refusal, &'static str)| {
            let at = *refusal as usize;
            let new = counts[at].saturating_sub(self.refusals[at]);
            (new > 0).then(|| ((*name).to_owned(), Value::from(new)))
        };
        let reasons: serde_json::Map<String, Value> =
            Refusal::ALL.iter().filter(is_block).filter_map(new).collect();
        self.refusals = *counts;
        if reasons.is_empty() {
            return None;
        }
        self.blocked_at = Some(at.mono);
        let event = typed("risk_block", Value::Object(reasons));
        self.stamped(event, at, cycles)
    }

    fn stamped(&mut self, event: Event, at: Now, cycles: u64) -> Option<Event> {
        if !self.passes(at.mono) {
            self.dropped += 1;
            return None;
        }
        Some(Event {
            timestamp: Some(Utc::of(at.wall).iso().to_string()),
            loop_count: Some(cycles),
            run_id: Some(self.run_id.clone()),
            ..event
        })
    }
    fn passes(&mut self, at: MonoNs) -> bool {
        let second = at.0 / NS_PER_SEC;
        if second != self.second {
            (self.second, self.lines) = (second, 0);
        }
        self.lines += 1;
        self.lines <= LINES_PER_SEC
    }
}

fn typed(event_type: &str, data: Value) -> Event {
    Event { event_type: event_type.to_owned(), data: Some(data), ..Event::default() }
}

fn event_of(kind: &NoticeKind) -> Option<Event> {
    let told = |cause: &Option<Cause>| cause.map(|cause| cause.to_string());
    let value = |cause: &Option<Cause>| cause.and_then(|cause| cause.value);
    let word = |word: &str| Some(word.to_owned());
    Some(match kind {
        NoticeKind::Transition { cycle, from, to, reason, cause, strikes } => Event {
            cycle: Some(*cycle),
            from: word(from),
            to: word(to),
            // What no gauge is behind has its rule for a cause.
            cause: told(cause).or_else(|| word(reason)),
            ..typed(
                WATCHDOG_EVENT,
                json!({ "reason": reason, "strikes": strikes, "value": value(cause) }),
            )
        },
        NoticeKind::Severity { severity, cause } => Event {
            to: word(severity),
            cause: told(cause),
            ..typed("severity", json!({ "value": value(cause) }))
        },
        NoticeKind::SoftReset { is_cleared, cause } => {
            Event { cause: told(cause), ..typed("soft_reset", json!({ "cleared": is_cleared })) }
        }
        NoticeKind::Fault { name, of, begins } => Event {
            event_type: FAULT_EVENT.to_owned(),
            cause: Some(Cause { signal: name, of, value: None }.to_string()),
            phase: word(if *begins { FAULT_BEGIN } else { FAULT_END }),
            ..Event::default()
        },
        NoticeKind::Reconnect { venue, after } => {
            typed("reconnect", json!({ "venue": venue, "after_ms": after.as_ms() }))
        }
        NoticeKind::Feed { venue, news } => Event {
            cause: Some(news.to_string()),
            ..typed("feed", json!({ "venue": venue, "what": news.name() }))
        },
        NoticeKind::Fact(fact) => return event_of_fact(fact),
    })
}

fn event_of_fact(fact: &Fact) -> Option<Event> {
    match &fact.kind {
        FactKind::Order { event, fx } => match &event.kind {
            OrderEventKind::Fill(fill) => Some(typed("trade", trade(event.id.0, fill, *fx))),
            OrderEventKind::Done { ending: Ending::Rejected(reason), .. } => {
                let data = json!({ "order": event.id.0, "reason": format!("{reason:?}") });
                Some(typed("reject", data))
            }
            OrderEventKind::Ack | OrderEventKind::Done { .. } => None,
        },
        FactKind::Pair {
            id,
            change: PairChange::Closing { reason: CloseReason::Rebalance, .. },
        } => Some(typed("rebalance", json!({ "pair": id.0 }))),
        FactKind::Imbalance { part } => Some(typed("rebalance", json!({ "part_ppm": part.get() }))),
        FactKind::Intent { .. } | FactKind::Pair { .. } => None,
    }
}

/// Amounts as decimal text, as the journal writes them: exact.
fn trade(order: u64, fill: &Fill, fx: Option<FxRates>) -> Value {
    let (fee, fee_in) = match fill.fee {
        Fee::Quote(raw) => (Plain(raw).to_string(), "quote"),
        Fee::Base(qty) => (qty.to_string(), "base"),
    };
    json!({
        "order": order,
        "trade": fill.trade.0,
        "price": fill.price.to_string(),
        "qty": fill.qty.to_string(),
        "fee": fee,
        "fee_in": fee_in,
        "fx_bid": fx.map(|fx| fx.bid.to_string()),
        "fx_ask": fx.map(|fx| fx.ask.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::WallNs;

    #[test]
    fn blocks_are_told_once_a_second_all_of_them_and_the_everyday_never() {
        let mut events = EventWriter::new("a1");
        let mut counts = [0; Refusal::COUNT];
        let mut told = Vec::new();
        for ms in (0..2_500_u64).step_by(100) {
            counts[Refusal::Balance as usize] += 1;
            counts[Refusal::Busy as usize] += 1;
            counts[Refusal::BelowMinSpread as usize] += 1;
            let at = Now { mono: MonoNs(ms * 1_000_000), wall: WallNs(1) };
            told.extend(events.on_refusals(at, ms, &counts).and_then(|event| event.data));
        }
        let blocks = |count: u64| json!({ "balance": count });
        assert_eq!(told, [blocks(1), blocks(10), blocks(10)]);
    }
}
