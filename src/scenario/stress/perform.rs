//! Plays scenarios: turns each one's script on its stage, two at once where neither needs the
//! whole machine, and writes down what came of it.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::runtime::idle::rest_for;
use crate::scenario::stress::evidence::Harvest;
use crate::scenario::stress::report::Outcome;
use crate::scenario::stress::report::Report;
use crate::scenario::stress::report::Row;
use crate::scenario::stress::script::By;
use crate::scenario::stress::script::Script;
use crate::scenario::stress::server;
use crate::scenario::stress::stage::Ground;
use crate::scenario::stress::stage::Stage;
use crate::scenario::stress::stage::explain;
use crate::scenario::stress::table::Needs;
use crate::scenario::stress::table::Scenario;
use crate::scenario::stress::table::Share;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;

/// Time between two looks: how late something is seen.
const LOOK: DurNs = DurNs::from_ms(10);
/// Most scenarios at once.
const AT_ONCE: usize = 2;

/// What is told while scenarios are played.
pub enum News<'n> {
    /// One begins.
    Begins(&'static str),
    /// One is over.
    Over(&'n Row),
}

/// Plays these scenarios in their order.
pub fn perform(
    list: &[&'static Scenario],
    ground: &Ground,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(News<'_>),
) -> Report {
    let clock = Clock::start();
    let has_redis = server::is_installed();
    let mut waiting: VecDeque<&'static Scenario> = list.iter().copied().collect();
    let mut playing: Vec<Play> = Vec::new();
    let mut report = Report::default();
    let mut harvest = Harvest::default();
    let is_over =
        |waiting: &VecDeque<_>, playing: &Vec<_>| waiting.is_empty() && playing.is_empty();
    while !is_over(&waiting, &playing) && !stop.load(Ordering::Relaxed) {
        while let Some(next) = waiting.pop_front_if(|next| has_room(&playing, next)) {
            tell(News::Begins(next.name));
            match open(next, has_redis, (ground, &harvest)) {
                Ok(play) => playing.push(play),
                Err(row) => settle(*row, &mut report, tell),
            }
        }
        for mut play in std::mem::take(&mut playing) {
            match play.turn(clock.mono(), Clock::wall()) {
                None => playing.push(play),
                Some(row) => {
                    harvest.gather(&play.stage.run_dir(), &play.stage.watch);
                    settle(row, &mut report, tell);
                }
            }
        }
        rest_for(LOOK);
    }
    report.is_partial = !is_over(&waiting, &playing);
    let place = |row: &Row| list.iter().position(|scenario| scenario.name == row.name);
    report.rows.sort_by_key(place);
    report
}

fn settle(row: Row, report: &mut Report, tell: &mut dyn FnMut(News<'_>)) {
    tell(News::Over(&row));
    report.rows.push(row);
}

fn has_room(playing: &[Play], next: &Scenario) -> bool {
    let alone = |scenario: &Scenario| scenario.share == Share::Alone;
    match playing {
        [] => true,
        _ => {
            playing.len() < AT_ONCE
                && !alone(next)
                && !playing.iter().any(|play| alone(play.scenario))
        }
    }
}

/// A stage for a scenario, or why there is none.
fn open(
    scenario: &'static Scenario,
    has_redis: bool,
    (ground, harvest): (&Ground, &Harvest),
) -> Result<Play, Box<Row>> {
    let script = (scenario.script)(harvest);
    let limit = script.limit();
    let refused = |outcome| Box::new(row_of(scenario, (None, limit), outcome));
    if scenario.needs == Needs::Redis && !has_redis {
        let why = format!("{} is not installed", server::SERVER);
        return Err(refused(Outcome::NotRun(why)));
    }
    let stage = Stage::new(ground, scenario.name).map_err(|error| {
        refused(Outcome::Failed(explain(&ground.folder.join(scenario.name), &error)))
    })?;
    Ok(Play { scenario, stage, script, limit, at: 0, step_began: None, injected: None })
}

fn row_of(
    scenario: &'static Scenario,
    (observed, limit): (Option<DurNs>, DurNs),
    outcome: Outcome,
) -> Row {
    let Scenario { name, injected, expected, .. } = scenario;
    Row { name, injected, expected, observed, limit, outcome }
}

/// A scenario on its stage.
struct Play {
    scenario: &'static Scenario,
    stage: Stage,
    script: Script,
    limit: DurNs,
    at: usize,
    step_began: Option<MonoNs>,
    injected: Option<MonoNs>,
}

impl Play {
    /// Looks once and goes on as far as it can; a row when it is over.
    fn turn(&mut self, now: MonoNs, wall: WallNs) -> Option<Row> {
        // A death may be told and end the run between two looks: this one still reads what it said.
        let had_ended = self.stage.exit().is_some();
        self.stage.look(now, wall);
        for guard in &mut self.script.guards {
            if let Err(why) = guard(&mut self.stage) {
                return Some(self.failed(why));
            }
        }
        while let Some(step) = self.script.steps.get_mut(self.at) {
            let began = *self.step_began.get_or_insert(now);
            let (since, time) = match step.by {
                By::Itself(time) => (began, time),
                By::Injection(time) => (self.injected.unwrap_or(began), time),
            };
            match (step.act)(&mut self.stage) {
                Err(why) => {
                    let why = format!("{}: {why}", step.what);
                    return Some(self.failed(why));
                }
                // What is seen at the very end still counts as late.
                Ok(_) if now.since(since) > time => {
                    let why = format!("not within {} ms: {}", time.as_ms(), step.what);
                    return Some(self.failed(why));
                }
                Ok(false) if self.injected.is_none() && had_ended => {
                    return Some(self.failed("nothing was done to the run yet".to_owned()));
                }
                Ok(false) => return None,
                Ok(true) => {}
            }
            if step.injects {
                (self.injected, self.stage.injected) = (Some(now), wall);
            }
            (self.at, self.step_began) = (self.at + 1, None);
        }
        let observed = self.injected.map(|at| now.since(at));
        Some(row_of(self.scenario, (observed, self.limit), Outcome::Passed))
    }

    fn failed(&mut self, mut why: String) -> Row {
        if let Some(code) = self.stage.exit() {
            why = format!("{why} (the run ended with exit {code}: {})", self.stage.last_words());
        } else if let Some(last) = self.stage.watch.last_transition() {
            let to = last.event.to.as_deref().unwrap_or("?");
            let cause = last.event.cause.as_deref().unwrap_or("?");
            why = format!("{why} (the watchdog's last state: {to} by {cause})");
        }
        row_of(self.scenario, (None, self.limit), Outcome::Failed(why))
    }
}
