//! Recordings as files: what is written reads back, whatever a payload holds; files follow each
//! other in bounded room; a full disk ends the recording and nothing else.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arb::feed::recorder::Recorder;
use arb::feed::recorder::RecorderCount;
use arb::feed::reel::Refuse;
use arb::feed::reel::TapeFile;
use arb::feed::series::Series;
use arb::feed::series::recordings;
use arb::feed::spool::SpoolLimits;
use arb::feed::tap::Input;
use arb::feed::tap::Tap;
use arb::feed::tape::Damage;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::feed::wire_text::payload_sum;
use arb::feed::wire_text::put_line;
use arb::runtime::agent::Agent;
use arb::runtime::link::TAPED;
use arb::scenario::taping::taping;
use arb::types::ids::VenueId;
use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::NS_PER_SEC;
use arb::types::time::Now;
use arb::types::time::WallNs;
use proptest::prelude::*;

const WALL: u64 = 1_764_000_000 * NS_PER_SEC;
const KINDS: [RecordKind; 4] =
    [RecordKind::Ws, RecordKind::RestDepth, RecordKind::Open, RecordKind::Close];

fn now(ms: u64) -> Now {
    let ns = ms * 1_000_000;
    Now { mono: MonoNs(ns), wall: WallNs(WALL + ns) }
}

fn fresh(name: &str, file: &str) -> (PathBuf, Series) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    (folder.clone(), Series::of(&folder.join(file)).expect("a name"))
}

fn roomy(series: Series) -> SpoolLimits {
    SpoolLimits {
        series,
        rotate_bytes: u64::MAX,
        rotate_after: DurNs(u64::MAX),
        max_bytes: u64::MAX,
        max_files: usize::MAX,
    }
}

/// A recorder on the test's own thread, and the taps of two feeds.
struct Desk {
    recorder: Recorder,
    taps: Vec<(VenueId, Tap)>,
    numbers: [u64; 5],
    count: Arc<RecorderCount>,
    refuse: Refuse,
}

impl Desk {
    fn open(limits: SpoolLimits) -> Desk {
        let refuse = Refuse::default();
        let (taps, ports) = taping(&[VenueId::Upbit, VenueId::Binance], Arc::clone(&refuse));
        let recorder = Recorder::begin(limits, ports, now(0)).expect("a writable folder");
        let count = recorder.count();
        Desk { recorder, taps, numbers: [0; 5], count, refuse }
    }
    fn offer(&mut self, venue: VenueId, kind: RecordKind, payload: &[u8], at: Now) {
        let number = &mut self.numbers[venue.index()];
        *number += 1;
        let (_, tap) = self.taps.iter_mut().find(|(of, _)| *of == venue).expect("a tap");
        tap.offer(Input::Record(kind), payload, (*number, at));
    }
    fn turn(&mut self, ms: u64) {
        self.recorder.turn(now(ms));
    }
    fn lines(&self) -> u64 {
        self.count.lines.load(Ordering::Relaxed)
    }
}

fn read_all(paths: &[PathBuf]) -> Vec<(u64, VenueId, RecordKind, Vec<u8>)> {
    let mut tape = Tape::open_series(paths).expect("the files open");
    let mut records = Vec::new();
    while let Some(record) = tape.next_record().expect("a whole recording") {
        let payload = record.payload.to_vec();
        records.push((record.recv.0, record.venue, record.kind, payload));
    }
    records
}

fn of_series(series: &Series) -> Vec<PathBuf> {
    series.parts().expect("a folder").into_iter().map(|part| part.recording).collect()
}

fn quick() -> ProptestConfig {
    ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn every_payload_reads_back_as_it_was_received(
        records in proptest::collection::vec(
            (0..5usize, 0..4usize, proptest::collection::vec(any::<u8>(), 0..200), any::<bool>()),
            1..30,
        ),
        plain in any::<bool>(),
    ) {
        let ending = if plain { "rec" } else { "rec.gz" };
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("round_trip.{ending}"));
        let _ = fs::remove_file(&path);
        let mut text = Vec::new();
        let mut written = Vec::new();
        for (at, (venue, kind, mut payload, is_text)) in records.into_iter().enumerate() {
            if is_text {
                let text = String::from_utf8_lossy(&payload);
                payload = format!("{{\"a\":\"{text}\"}} \r\t").into();
            }
            let (venue, kind) = (VenueId::ALL[venue], KINDS[kind]);
            put_line(&mut text, WallNs(at as u64), (venue, kind), &payload);
            let sum = payload_sum(kind, &payload);
            if kind != RecordKind::Ws {
                // A newline in JSON is white space.
                payload.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
            }
            prop_assert_eq!(payload_sum(kind, &payload), sum, "the sum is of what reads back");
            written.push((at as u64, venue, kind, payload));
        }
        let mut file = TapeFile::begin(&path, Refuse::default()).expect("new");
        file.write(&text).expect("written");
        file.end().expect("ended");
        prop_assert_eq!(read_all(&[path]), written);
    }
}

#[test]
fn frames_of_several_threads_are_written_in_the_order_of_the_clock() {
    let (folder, series) = fresh("tape_order", "tape.rec");
    let mut desk = Desk::open(roomy(series));
    let mut rng = SplitMix64::new(7, 1);
    // Each venue is up to 150 ms behind with handing over; the window is 200 ms.
    let mut waiting: Vec<(u64, VenueId, u64)> = Vec::new();
    for ms in 0..3_000 {
        for venue in [VenueId::Upbit, VenueId::Binance] {
            let last = waiting.iter().filter(|w| w.1 == venue).map(|w| w.0).max().unwrap_or(0);
            waiting.push((last.max(ms + rng.below(150)), venue, ms));
        }
        let due: Vec<_> = waiting.iter().filter(|w| w.0 <= ms).copied().collect();
        waiting.retain(|w| w.0 > ms);
        for (_, venue, taken) in due {
            desk.offer(venue, RecordKind::Ws, format!("{taken}").as_bytes(), now(taken));
        }
        desk.turn(ms);
    }
    assert!(desk.lines() > 5_000);
    let late = desk.count.late.load(Ordering::Relaxed);
    desk.recorder.finish(None, now(4_000)).expect("ended");
    let records = read_all(&recordings(&[folder]).expect("one series"));
    assert_eq!(late, 0);
    for (recv, _, _, payload) in &records {
        let taken: u64 = String::from_utf8_lossy(payload).parse().expect("a number");
        assert_eq!(*recv, now(taken).wall.0, "each line has its own time");
    }
}

#[test]
fn a_wall_clock_that_goes_back_does_not_make_the_recording_unreadable() {
    let (_, series) = fresh("tape_clock", "tape.rec.gz");
    let mut desk = Desk::open(roomy(series.clone()));
    for ms in 0..100 {
        let back = if ms >= 50 { 3_600 * NS_PER_SEC } else { 0 };
        let at = Now { wall: WallNs(now(ms).wall.0 - back), ..now(ms) };
        desk.offer(VenueId::Upbit, RecordKind::Ws, b"{}", at);
    }
    desk.recorder.finish(None, now(200)).expect("ended");
    assert_eq!(read_all(&of_series(&series)).len(), 100);
}

#[test]
fn files_follow_each_other_by_size_and_age_and_each_reads_alone() {
    let (folder, series) = fresh("tape_rotation", "tape.rec");
    let by_size = SpoolLimits { rotate_bytes: 10_000, ..roomy(series.clone()) };
    let mut desk = Desk::open(by_size);
    let frame = [b'7'; 100];
    for ms in 0..1_000 {
        desk.offer(VenueId::Binance, RecordKind::Ws, &frame, now(ms));
        desk.turn(ms);
    }
    desk.recorder.finish(None, now(2_000)).expect("ended");
    let first = of_series(&series);
    assert!(first.len() > 5, "{first:?}");
    let alone: usize = first.iter().map(|file| read_all(std::slice::from_ref(file)).len()).sum();
    assert_eq!((alone, read_all(&first).len()), (1_000, 1_000));
    // The next recording goes on behind them and overwrites nothing.
    let by_age = SpoolLimits { rotate_after: DurNs::from_secs(1), ..roomy(series.clone()) };
    let mut desk = Desk::open(by_age);
    for ms in (3_000..6_500).step_by(10) {
        desk.offer(VenueId::Binance, RecordKind::Ws, &frame, now(ms));
        desk.turn(ms);
    }
    desk.recorder.finish(None, now(7_000)).expect("ended");
    let all = of_series(&series);
    assert_eq!(all[..first.len()], first);
    // The first file is as old as the recorder, which was begun at zero.
    assert!((4..=6).contains(&(all.len() - first.len())), "{all:?}");
    assert_eq!(read_all(&recordings(&[folder]).expect("one series")).len(), 1_350);
}

#[test]
fn the_oldest_files_go_when_all_of_them_take_too_much_room() {
    let (_, series) = fresh("tape_retention", "tape.rec");
    let mut limits =
        SpoolLimits { rotate_bytes: 10_000, max_bytes: 50_000, ..roomy(series.clone()) };
    let mut desk = Desk::open(limits.clone());
    for ms in 0..3_000 {
        desk.offer(VenueId::Upbit, RecordKind::Ws, &[b'7'; 100], now(ms));
        desk.turn(ms);
    }
    (3_000..3_300).for_each(|ms| desk.turn(ms));
    desk.recorder.finish(None, now(5_000)).expect("ended");
    let parts = series.parts().expect("a folder");
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    // A turn may take a file a little above its size.
    assert!(bytes <= 55_000 && parts.len() >= 3, "{bytes} bytes in {} files", parts.len());
    assert!(parts[0].number > 1, "the first files are gone");
    limits.max_files = 2;
    let desk = Desk::open(limits);
    desk.recorder.finish(None, now(6_000)).expect("ended");
    assert_eq!(series.parts().expect("a folder").len(), 2);
}

#[test]
fn a_full_disk_ends_the_recording_and_leaves_what_was_written() {
    let (_, series) = fresh("tape_full", "tape.rec.gz");
    let mut desk = Desk::open(roomy(series.clone()));
    for ms in 0..2_000 {
        if ms == 1_000 {
            desk.turn(ms + 600);
            desk.refuse.store(true, Ordering::Relaxed);
        }
        desk.offer(VenueId::Upbit, RecordKind::Ws, b"{\"a\":1}", now(ms));
        desk.turn(ms);
    }
    // The feeds notice nothing: buffers come back, nothing waits.
    desk.turn(3_000);
    assert!(desk.count.has_stopped());
    assert!(desk.recorder.is_drained());
    assert!(desk.recorder.finish(None, now(4_000)).is_err());
    let mut tape = Tape::open(&series.part(1).recording).expect("the file opens");
    let mut count = 0;
    let ended = loop {
        match tape.next_record() {
            Ok(Some(_)) => count += 1,
            Ok(None) => break None,
            Err(error) => break Some(error.why),
        }
    };
    assert_eq!((count, ended), (1_000, Some(Damage::Gzip)));
}

#[test]
fn a_link_that_is_full_leaves_a_hole_that_the_recording_shows() {
    let (_, series) = fresh("tape_hole", "tape.rec");
    let mut desk = Desk::open(roomy(series.clone()));
    let missing = 10;
    for _ in 0..TAPED.depth + missing {
        desk.offer(VenueId::Upbit, RecordKind::Ws, b"{}", now(1));
    }
    desk.turn(1);
    desk.offer(VenueId::Binance, RecordKind::Ws, b"{}", now(2));
    desk.offer(VenueId::Upbit, RecordKind::Ws, b"{}", now(2));
    desk.turn(2);
    assert_eq!(desk.count.lost.load(Ordering::Relaxed), missing as u64);
    desk.recorder.finish(None, now(3)).expect("ended");
    let records = read_all(&of_series(&series));
    assert_eq!(records.len(), TAPED.depth + 4);
    let tail: Vec<_> = records[TAPED.depth..]
        .iter()
        .filter(|record| record.1 == VenueId::Upbit)
        .map(|record| (record.2, String::from_utf8_lossy(&record.3).into_owned()))
        .collect();
    let expected =
        [(RecordKind::Close, "{\"lost\":10}"), (RecordKind::Open, "{}"), (RecordKind::Ws, "{}")];
    assert_eq!(tail, expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn giant_frames_that_wait_are_bounded_by_their_bytes() {
    let (_, series) = fresh("tape_giants", "tape.rec.gz");
    let mut desk = Desk::open(roomy(series));
    let giant = vec![b'1'; 3 << 20];
    for _ in 0..200 {
        desk.offer(VenueId::Upbit, RecordKind::Ws, &giant, now(1));
    }
    desk.turn(1_000);
    let kept = desk.lines();
    assert!((60..=64).contains(&kept), "{kept} of at most a MiB each");
    // The bytes are free again once they are written.
    desk.offer(VenueId::Upbit, RecordKind::Ws, &giant, now(1_001));
    desk.turn(2_000);
    assert_eq!(desk.lines(), kept + 3, "close and open for the hole, and the frame");
}

#[test]
fn a_folder_of_several_recordings_is_not_guessed_at() {
    let (folder, series) = fresh("tape_folder", "tape.rec");
    fs::create_dir_all(&folder).expect("a folder");
    assert!(recordings(std::slice::from_ref(&folder)).is_err(), "nothing in it");
    fs::write(series.part(2).recording, "").expect("written");
    fs::write(series.part(1).recording, "").expect("written");
    fs::write(series.part(1).marks, "").expect("written");
    let expected = [1, 2].map(|number| series.part(number).recording);
    assert_eq!(recordings(std::slice::from_ref(&folder)).expect("one"), expected);
    fs::write(folder.join("other.rec.gz"), "").expect("written");
    assert!(recordings(&[folder]).is_err(), "two names");
}
