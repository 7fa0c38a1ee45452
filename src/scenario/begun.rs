//! What a recorded run was begun with, as the head of its marks: enough to begin another engine
//! alike, or to say why that cannot be.

use std::fmt::Write;

use crate::engine::core::Core;
use crate::engine::limits::EnginePlan;
use crate::types::market::Instrument;
use crate::types::market::TickBand;
use crate::types::market::TickTable;
use crate::types::rng::mix;
use crate::types::units::Qty;

/// Why the decisions of a recording cannot be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeadFault {
    /// The engine continued what an earlier process had left.
    #[error("the recorded engine continued an earlier run, whose state is not in the recording")]
    Carried,
    /// The plan is another one.
    #[error("the recording was made under another configuration")]
    OtherPlan,
    /// The head is not one that this program writes.
    #[error("the head of the marks is damaged, or of another version")]
    Damaged,
}

/// The lines for a run that begins with this plan and this engine.
pub fn head(plan: &EnginePlan, core: &Core) -> Vec<String> {
    let state = if core.is_new(plan) { "new" } else { "carried" };
    let mut lines = vec![format!("core {state}")];
    lines.extend(plan.instruments.iter().map(rule));
    lines.push(format!("plan {:016x}", plan_hash(plan)));
    lines
}

/// The plan of the recorded run: this one with the rules that its venues had then.
///
/// # Errors
/// [`HeadFault`].
pub fn adopt(plan: &EnginePlan, head: &[String]) -> Result<EnginePlan, HeadFault> {
    let mut plan = plan.clone();
    let mut is_new = None;
    let mut hash = None;
    for line in head {
        let (key, rest) = line.split_once(' ').ok_or(HeadFault::Damaged)?;
        match key {
            "core" => is_new = Some(rest == "new"),
            "plan" => hash = u64::from_str_radix(rest, 16).ok(),
            "rule" => adopt_rule(&mut plan, rest)?,
            _ => return Err(HeadFault::Damaged),
        }
    }
    let (Some(is_new), Some(hash)) = (is_new, hash) else { return Err(HeadFault::Damaged) };
    match () {
        () if !is_new => Err(HeadFault::Carried),
        () if hash != plan_hash(&plan) => Err(HeadFault::OtherPlan),
        () => Ok(plan),
    }
}

fn rule(instrument: &Instrument) -> String {
    let Instrument { id, venue, name, lot, min_notional_raw, ticks, .. } = instrument;
    let (id, venue) = (id.0, venue.name());
    let mut line = format!("rule {id} {venue} {name} {} {min_notional_raw}", lot.raw());
    for TickBand { from_raw, tick_raw } in ticks.bands() {
        // Writing to a string does not fail.
        let _ = write!(line, " {from_raw}:{tick_raw}");
    }
    line
}

fn adopt_rule(plan: &mut EnginePlan, rule: &str) -> Result<(), HeadFault> {
    let mut words = rule.split(' ');
    let index: Option<usize> = words.next().and_then(|word| word.parse().ok());
    let found = index.and_then(|index| plan.instruments.get_mut(index));
    let instrument = found.ok_or(HeadFault::OtherPlan)?;
    let is_same = words.next() == Some(instrument.venue.name())
        && words.next() == Some(instrument.name.as_str());
    if !is_same {
        return Err(HeadFault::OtherPlan);
    }
    let mut raw = || words.next().and_then(|word| word.parse::<i64>().ok());
    let lot = raw().and_then(Qty::from_raw).ok_or(HeadFault::Damaged)?;
    let min_notional_raw = raw().ok_or(HeadFault::Damaged)?;
    let band = |word: &str| {
        let (from, tick) = word.split_once(':')?;
        Some(TickBand { from_raw: from.parse().ok()?, tick_raw: tick.parse().ok()? })
    };
    let bands: Option<Vec<TickBand>> = words.map(band).collect();
    let ticks = bands.and_then(|bands| TickTable::banded(&bands)).ok_or(HeadFault::Damaged)?;
    (instrument.lot, instrument.min_notional_raw, instrument.ticks) =
        (lot, min_notional_raw, ticks);
    Ok(())
}

/// A hash of everything that the engine decides by. Two programs of different versions may give
/// different ones for the same configuration; then neither claims to repeat the other.
fn plan_hash(plan: &EnginePlan) -> u64 {
    let text = format!("{plan:?}");
    text.bytes().fold(0, |hash: u64, byte| mix(hash.rotate_left(8) ^ u64::from(byte)))
}
