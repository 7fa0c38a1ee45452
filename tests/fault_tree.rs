//! The built-in fault schedule leads the watchdog through every state and back in 24 virtual hours.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use arb::sim::tree::TREE;
use arb::types::notice::NoticeKind;
use mock_run::Played;

#[path = "support/mock_run.rs"]
mod mock_run;

/// The changes that led into a state, as (minute, from).
fn into(played: &Played, state: &str) -> Vec<(u64, &'static str)> {
    let changes = played.transitions().into_iter();
    changes.filter(|(_, _, to)| *to == state).map(|(at, from, _)| (at, from)).collect()
}

#[test]
fn the_tree_leads_through_every_state_and_back_within_24_hours() {
    let played = mock_run::play(&TREE, 1_440);
    let all = played.transitions();
    assert_eq!(played.simulation.ending(), Some(0), "never a third CRITICAL: {all:?}");
    assert_eq!(played.reports.len(), 1_440);
    assert!(played.simulation.invariants_ok());

    let errors: Vec<u64> = into(&played, "ERROR").iter().map(|(at, _)| *at).collect();
    assert!(matches!(errors[..], [60..=61, 700..=701]), "{errors:?}");
    let cleared = all.iter().find(|(_, from, _)| *from == "ERROR").expect("it clears");
    assert!((85..=90).contains(&cleared.0) && cleared.2 != "CRITICAL", "{cleared:?}");
    let warned = |(at, from, to): &(u64, &str, &str)| (*at, *from, *to) == (31, "NORMAL", "WARN");
    assert!(all.iter().any(warned), "{all:?}");
    let calm = |(at, from): &(u64, &str)| *from == "WARN" && (36..60).contains(at);
    assert!(into(&played, "NORMAL").iter().any(calm), "{all:?}");

    let critical = into(&played, "CRITICAL");
    assert_eq!(critical.first().map(|(_, from)| *from), Some("ERROR"), "the lasting one");
    assert!((740..=741).contains(&critical[0].0), "40 cycles, the third strike: {critical:?}");
    assert!(critical[1..].iter().all(|(at, _)| (899..=900).contains(at)), "FATAL: {critical:?}");
    assert!(critical.len() > 1, "{critical:?}");
    let cooled = into(&played, "COOLDOWN");
    assert_eq!(cooled.len(), critical.len());
    let resumed: Vec<u64> = all
        .iter()
        .filter(|(_, from, to)| *from == "COOLDOWN" && *to != "CRITICAL")
        .map(|c| c.0)
        .collect();
    assert!(matches!(resumed[..], [765..=766, 920..=921]), "{resumed:?}");
    let ends_calm = into(&played, "NORMAL").last().map(|(at, _)| *at);
    assert!(ends_calm >= Some(921), "{all:?}");
}

#[test]
fn every_fault_of_the_tree_is_told_at_its_beginning_and_its_end() {
    // Shortened to its first two faults: telling does not depend on what they are.
    let played = mock_run::play(&TREE[..2], 62);
    let mut told: BTreeMap<&str, Vec<(u64, bool)>> = BTreeMap::new();
    for notice in &played.notices {
        if let NoticeKind::Fault { name, begins, .. } = notice.kind {
            told.entry(name).or_default().push((notice.at.mono.0, begins));
        }
    }
    for fault in &TREE[..2] {
        let edges = [(fault.at.0, true), (fault.ends_at().0, false)];
        assert_eq!(told[fault.effect.name()], edges);
    }
}

#[test]
fn a_market_without_faults_never_raises_an_error() {
    let played = mock_run::play(&[], 720);
    let told = into(&played, "ERROR").len() + into(&played, "CRITICAL").len();
    assert_eq!(told, 0, "{:?}", played.transitions());
    assert_eq!(into(&played, "NORMAL").first().map(|(_, from)| *from), Some("BOOT"));
    assert_eq!(played.simulation.ending(), Some(0));
}
