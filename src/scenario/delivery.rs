//! What of a recording reaches the books, and when, under a fault schedule.

use std::collections::VecDeque;

use crate::feed::tape::Record;
use crate::feed::tape::RecordKind;
use crate::scenario::rewrite::BookPrice;
use crate::scenario::rewrite::rewrite;
use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::sim::script::Script;
use crate::types::ids::VenueId;
use crate::types::time::MonoNs;
use crate::types::units::Ppm;
use crate::types::units::Round;
use crate::types::units::mul_div;

/// Most bytes of frames that are held back; beyond it the oldest arrives early.
const MOST_HELD_BYTES: usize = 64 << 20;
/// How Upbit names KRW per USDT.
const FX_SYMBOL: &[u8] = b"\"KRW-USDT\"";
/// What a Binance depth diff says of itself.
const DIFF: &[u8] = b"\"depthUpdate\"";

/// The faults of a replay's frames.
#[derive(Debug)]
pub struct Delivery {
    script: Script,
    held: VecDeque<Held>,
    held_bytes: usize,
    text: Vec<u8>,
}

/// A record that arrives later.
#[derive(Debug)]
pub struct Held {
    /// When it arrives.
    pub due: MonoNs,
    /// From which venue.
    pub venue: VenueId,
    /// What it is.
    pub kind: RecordKind,
    /// The frame.
    pub payload: Vec<u8>,
}

impl Delivery {
    /// The faults of a schedule that concern frames; times count from the first record.
    pub fn new(faults: &[Fault]) -> Delivery {
        let concerns = |fault: &&Fault| {
            fault.effect.is_of_feeds() || matches!(fault.effect, Effect::HostPause)
        };
        let script = Script::new(faults.iter().filter(concerns).copied(), MonoNs(0));
        Delivery { script, held: VecDeque::new(), held_bytes: 0, text: Vec::new() }
    }

    /// Comes to `now`: what a lag that is over held back arrives at its end.
    fn advance(&mut self, now: MonoNs) {
        while let Some(edge) = self.script.next_edge(now) {
            let Effect::FeedLag { venue, .. } = edge.fault.effect else { continue };
            if !edge.begins {
                let late = self.held.iter_mut().filter(|held| held.venue == venue);
                late.for_each(|held| held.due = held.due.min(edge.at));
            }
        }
    }

    /// The next held record that arrives up to `until`, in the order of arrival; of one venue they
    /// never overtake each other.
    pub fn next_held(&mut self, until: MonoNs) -> Option<Held> {
        self.advance(until);
        let is_due = |held: &Held| held.due <= until || self.held_bytes > MOST_HELD_BYTES;
        let first = self.held.iter().enumerate().min_by_key(|(_, held)| held.due);
        let index = first.filter(|(_, held)| is_due(held))?.0;
        let held = self.held.remove(index)?;
        self.held_bytes -= held.payload.len();
        Some(held)
    }

    /// The frame as it reaches the books now; `None` if it does not.
    pub fn meet<'f>(&'f mut self, record: &Record<'f>, now: MonoNs) -> Option<&'f [u8]> {
        self.advance(now);
        let is_frame = matches!(record.kind, RecordKind::Ws | RecordKind::RestDepth);
        let mut hold_until = None;
        let mut rewrites = None;
        for fault in self.script.active() {
            let of_venue = fault.effect.venue() == Some(record.venue);
            match fault.effect {
                Effect::HostPause => hold_until = hold_until.max(Some(fault.ends_at().0)),
                Effect::FeedLag { by, .. } if of_venue => {
                    hold_until = hold_until.max(Some(now.plus(by).0));
                }
                _ if !is_frame => {}
                Effect::FxLoss if holds(record.payload, FX_SYMBOL) => return None,
                Effect::FeedSilence { .. } if of_venue => return None,
                Effect::FeedGap { .. } if of_venue && holds(record.payload, DIFF) => return None,
                effect if of_venue => rewrites = Some(effect).filter(is_rewriting).or(rewrites),
                _ => {}
            }
        }
        let text = match rewrites {
            Some(effect) if !holds(record.payload, FX_SYMBOL) || !is_leap(effect) => {
                rewrite(record.venue, record.payload, &mut self.text, &|p| edited(effect, p));
                &self.text[..]
            }
            _ => record.payload,
        };
        let Some(due) = hold_until else { return Some(text) };
        let payload = text.to_vec();
        self.held_bytes += payload.len();
        let (venue, kind) = (record.venue, record.kind);
        self.held.push_back(Held { due: MonoNs(due), venue, kind, payload });
        None
    }
}

const fn is_rewriting(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::CrossedBook { .. } | Effect::ZeroPrice { .. } | Effect::PriceLeap { .. }
    )
}

const fn is_leap(effect: Effect) -> bool {
    matches!(effect, Effect::PriceLeap { .. })
}

fn edited(effect: Effect, price: BookPrice) -> i64 {
    match (effect, price) {
        // A tenth above: beyond any spread.
        (Effect::CrossedBook { .. }, BookPrice::Bid(raw)) => raw.saturating_add(raw / 10),
        (Effect::ZeroPrice { .. }, BookPrice::Ask(_)) => 0,
        (Effect::PriceLeap { to, .. }, BookPrice::Bid(raw) | BookPrice::Ask(raw)) => {
            mul_div(raw, to.get(), Ppm::ONE.get(), Round::Down).unwrap_or(raw)
        }
        (_, BookPrice::Bid(raw) | BookPrice::Ask(raw)) => raw,
    }
}

fn holds(frame: &[u8], text: &[u8]) -> bool {
    frame.windows(text.len()).any(|part| part == text)
}
