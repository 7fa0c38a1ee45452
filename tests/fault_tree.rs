//! Fault schedules over the synthetic market in virtual time: the built-in tree leads the watchdog
//! through every state and back, and each kind does what it says.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use mock_run::Played;
use mock_run::minutes;
use mock_run::play;

use arb::sim::limits::Effect;
use arb::sim::limits::KINDS;
use arb::sim::tree::TREE;
use arb::types::notice::NoticeKind;

#[path = "support/mock_run.rs"]
mod mock_run;

#[test]
fn the_tree_leads_through_every_state_and_back_within_24_hours() {
    let played = play(&TREE, 1_440);
    for (at, what) in played.told() {
        println!("{at:>8.1} {what}");
    }
    let _ = minutes(1);
}
