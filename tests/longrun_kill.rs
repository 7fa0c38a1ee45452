//! `kill -9` in the middle of writing snapshots: the reader never meets half of one.

#![allow(clippy::expect_used, reason = "a test without its files must fail loudly")]

#[path = "support/witness.rs"]
mod witness;

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use arb::telemetry::store::Refuse;
use arb::telemetry::store::SnapshotStore;
use arb::types::time::NS_PER_SEC;
use arb::types::time::WallNs;
use witness::START;
use witness::files;
use witness::folder;
use witness::limits;

const KILLS: usize = 20;
/// Told to the child: where it writes.
const DIR: &str = "ARB_TEST_SNAPSHOT_DIR";
/// A child that nobody kills ends by itself.
const MOST: u64 = 200;
/// Large, so that most of the time is spent between the first byte and the last.
const BYTES: usize = 4 << 20;

/// Not a test by itself: the process that is killed. It says a word before each snapshot.
#[test]
fn a_child_that_writes_snapshots_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let limits = limits(Path::new(&dir));
    let mut store = SnapshotStore::open(&limits, Refuse::default()).expect("a store");
    let text = format!("{{\"filler\": \"{}\"}}", "x".repeat(BYTES));
    for number in 0..MOST {
        println!("next {number}");
        let wall = WallNs(START.0 + number * NS_PER_SEC);
        store.keep(wall, text.as_bytes()).expect("kept");
    }
}

#[test]
fn no_kill_leaves_half_a_snapshot_to_be_seen() {
    for round in 0..KILLS {
        let dir = folder(&format!("kill_{round}"));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "a_child_that_writes_snapshots_until_it_is_killed", "--nocapture"])
            .env(DIR, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let words = BufReader::new(child.stdout.take().expect("its words")).lines();
        let said = words.map(|line| line.expect("a line")).filter(|line| line.contains("next"));
        assert_eq!(said.take(1 + round % 3).count(), 1 + round % 3);
        child.kill().expect("killed");
        child.wait().expect("gone");
        let snapshots = files(&dir, "snapshot_");
        for path in snapshots {
            let text = fs::read(&path).expect("a file");
            assert!(text.len() > BYTES && text.ends_with(b"\"}"), "{path:?}: {}", text.len());
        }
        fs::remove_dir_all(&dir).expect("removed");
    }
}
