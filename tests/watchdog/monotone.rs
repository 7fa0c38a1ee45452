//! A worse history never gives a freer state.

use std::collections::HashSet;

use crate::SECOND;
use crate::SHUTDOWN;
use crate::at;
use crate::live;
use crate::random_severity;
use arb::types::control::Permission;
use arb::types::rng::SplitMix64;
use arb::watchdog::limits::Limits;
use arb::watchdog::limits::OnCritical;
use arb::watchdog::machine::Machine;
use arb::watchdog::state::Severity;
use arb::watchdog::state::State;
use arb::watchdog::step::Drain;
use arb::watchdog::step::Tick;

/// How far a state is from trading freely. States in which nothing is opened or finished are one.
fn rank(machine: &Machine) -> (u8, u8) {
    let state = match machine.state() {
        State::Normal => 0,
        State::Warn => 1,
        State::Error => 2,
        _ => 3,
    };
    let permission = match machine.permission() {
        Permission::Trade => 0,
        Permission::Finish => 1,
        _ => 2,
    };
    (state, permission)
}

fn assert_no_freer(worse: &Machine, better: &Machine) {
    let (worse_rank, better_rank) = (rank(worse), rank(better));
    let monotone = worse_rank.0 >= better_rank.0 && worse_rank.1 >= better_rank.1;
    assert!(monotone, "a worse past gave a freer state:\n{worse:?}\n{better:?}");
}

/// Both machines take a tick and a cycle, the second with a severity that is nowhere better.
fn step_pair((better, worse): &mut (Machine, Machine), severities: [Severity; 2]) {
    for (machine, severity) in [better, worse].into_iter().zip(severities) {
        let _ = machine.tick(Tick { drain: Drain::Clean, ..at(severity, SECOND) });
        let _ = machine.cycle(severity);
    }
}

/// All pairs of states that a history and a worse one can reach together.
fn search_pairs(limits: Limits) -> usize {
    let start = live(limits);
    let mut seen = HashSet::from([(start.clone(), start.clone())]);
    let mut waiting = vec![(start.clone(), start)];
    let all = Severity::ALL.iter().flat_map(|a| Severity::ALL.iter().map(|b| [*a, *b]));
    let ordered: Vec<[Severity; 2]> = all.filter(|[better, worse]| better <= worse).collect();
    while let Some(pair) = waiting.pop() {
        for severities in &ordered {
            let mut next = pair.clone();
            step_pair(&mut next, *severities);
            assert_no_freer(&next.1, &next.0);
            if seen.insert(next.clone()) {
                waiting.push(next);
            }
            assert!(seen.len() < 50_000, "a number in the machine grows without end");
        }
    }
    seen.len()
}

/// Remembering a CRITICAL no longer than a cooldown keeps the count below three: that a run with
/// three spaced faults ends, while one with a single endless fault only rests, is no matter of
/// being freer. Cooldowns are shorter than E cycles here, as they are in every shipped file.
#[test]
fn a_worse_history_never_gives_a_freer_state() {
    for on_critical in [OnCritical::Shutdown, OnCritical::Cooldown] {
        let pairs = search_pairs(Limits {
            warn_reset_cycles: 1,
            error_reset_cycles: 2,
            strike_decay_cycles: 4,
            entry_hold: SECOND,
            on_critical,
            cooldown: SECOND,
            drain: SECOND,
            critical_memory: SECOND,
        });
        assert!(pairs > 300, "only {pairs} pairs: the search is cut short");
    }
}

#[test]
fn a_worse_history_never_gives_a_freer_state_with_the_limits_of_production() {
    let mut parted = 0;
    for seed in 0..100 {
        let (mut rng, mut calm) = (SplitMix64::new(seed, 2), 0);
        let mut pair = (live(SHUTDOWN), live(SHUTDOWN));
        for _ in 0..500 {
            let better = random_severity(&mut rng, &mut calm);
            let extra = Severity::ALL[rng.below(4) as usize];
            let worse = if rng.below(16) == 0 { better.max(extra) } else { better };
            step_pair(&mut pair, [better, worse]);
            assert_no_freer(&pair.1, &pair.0);
            parted += u32::from(rank(&pair.0) != rank(&pair.1));
        }
    }
    assert!(parted > 1_000, "the histories must differ in their effect: {parted}");
}
