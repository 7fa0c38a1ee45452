//! The recorder: inputs of all feeds into a recording, the engine's marks into a file beside it.
//! Its own thread; nobody waits for it.
//!
//! What it cannot keep is counted and told: an input that found the link full leaves a hole, shown
//! as `close` and `open` lines so that a replay trusts no book until its next image; a disk that
//! refuses ends the recording, and the run goes on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::feed::mark_text::Entry;
use crate::feed::mark_text::Hole;
use crate::feed::mark_text::InputMark;
use crate::feed::mark_text::put_entry;
use crate::feed::reel::Refuse;
use crate::feed::reorder::Reorder;
use crate::feed::spool::Spool;
use crate::feed::spool::SpoolLimits;
use crate::feed::tap::Input;
use crate::feed::tap::Returns;
use crate::feed::tap::TapCount;
use crate::feed::tap::Taped;
use crate::feed::tape::RecordKind;
use crate::feed::wire_text::payload_sum;
use crate::feed::wire_text::put_line;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::MARKS;
use crate::runtime::link::Rx;
use crate::runtime::link::TAPED;
use crate::types::ids::VenueId;
use crate::types::mark::Mark;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// How often it looks whether there is something to record. It is not woken, so that a feed never
/// makes a system call for it; the links hold many times what comes in between.
const LOOK_EVERY: DurNs = DurNs::from_ms(10);
/// A process that is killed loses at most this and what [`crate::feed::reorder::WINDOW`] holds.
const FLUSH_EVERY: DurNs = DurNs::from_ms(500);
/// Most looks into the links at the end.
const MOST_LOOKS: usize = 16;
/// Lines that are written at once.
const BATCH_BYTES: usize = 1 << 18;

/// The engine's marks, where a run is recorded so that it can be repeated.
#[derive(Debug)]
pub struct MarkPorts {
    /// The marks.
    pub link: Rx<Mark>,
    /// Raised by the engine when a mark was lost.
    pub is_broken: Arc<AtomicBool>,
    /// First lines of the first file: what the run was begun with ([`crate::feed::mark_text`]).
    pub head: Vec<String>,
}

/// The ends of the links that the recorder holds.
#[derive(Debug)]
pub struct Ports {
    /// Inputs of the feeds.
    pub taped: Rx<Taped>,
    /// The way back for their buffers.
    pub returns: Vec<Returns>,
    /// What the taps count.
    pub taps: Arc<TapCount>,
    /// The engine's marks; `None` where there is no engine.
    pub marks: Option<MarkPorts>,
    /// Raised by fault injection.
    pub refuse: Refuse,
}

/// What the recorder shows of itself.
#[derive(Debug, Default)]
pub struct RecorderCount {
    /// Lines written into recordings.
    pub lines: AtomicU64,
    /// Bytes on disk, of files that were removed too.
    pub bytes: AtomicU64,
    /// Inputs that are missing: the link was full. Shared, so that telemetry can show it.
    pub lost: Arc<AtomicU64>,
    /// Inputs and marks that came after the recording had stopped.
    pub refused: Arc<AtomicU64>,
    /// Inputs that came too late for their place in time.
    pub late: Arc<AtomicU64>,
    /// Recordings that a refusing disk ended, 0 or 1: nothing more is recorded then.
    pub stopped: Arc<AtomicU64>,
}

impl RecorderCount {
    /// The disk refused: nothing more is recorded.
    pub fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) > 0
    }
}

/// The recorder agent.
#[derive(Debug)]
pub struct Recorder {
    ports: Ports,
    spool: Option<Spool>,
    reorder: Reorder,
    /// Number of the last input of each venue.
    seen: [u64; VenueId::ALL.len()],
    last_recv: WallNs,
    marks: Vec<Mark>,
    is_hole_told: bool,
    lines: Vec<u8>,
    text: String,
    count: Arc<RecorderCount>,
    flushed_at: MonoNs,
    looked_at: MonoNs,
    is_stopping: bool,
}

impl Recorder {
    /// Begins the first files. Allocates what it will use.
    ///
    /// # Errors
    /// The system's, from making the folder or the files.
    pub fn begin(limits: SpoolLimits, ports: Ports, now: Now) -> io::Result<Recorder> {
        let head = ports.marks.as_ref().map(|marks| marks.head.clone());
        let spool = Spool::begin(limits, head, (Arc::clone(&ports.refuse), now))?;
        Ok(Recorder {
            ports,
            spool: Some(spool),
            reorder: Reorder::default(),
            seen: [0; VenueId::ALL.len()],
            last_recv: WallNs(0),
            marks: Vec::with_capacity(MARKS.depth),
            is_hole_told: false,
            lines: Vec::with_capacity(BATCH_BYTES),
            text: String::with_capacity(BATCH_BYTES),
            count: Arc::default(),
            flushed_at: now.mono,
            looked_at: now.mono,
            is_stopping: false,
        })
    }
    /// What it counts.
    pub fn count(&self) -> Arc<RecorderCount> {
        Arc::clone(&self.count)
    }
    /// What is missing in the recording or came too late for it, each count with its name: for the
    /// counters of the run.
    pub fn losses(&self) -> [(&'static str, Arc<AtomicU64>); 5] {
        let count = &self.count;
        [
            ("recorder_dropped", &self.ports.taps.lost),
            ("recorder_missing", &count.lost),
            ("recorder_refused", &count.refused),
            ("recorder_late", &count.late),
            ("recorder_stopped", &count.stopped),
        ]
        .map(|(name, count)| (name, Arc::clone(count)))
    }
    /// Ends the files, after its thread. `trace` is the engine's hash at its end, with which a
    /// repetition has to end too.
    ///
    /// # Errors
    /// The system's; also that of a recording that had stopped.
    pub fn finish(mut self, trace: Option<u64>, now: Now) -> io::Result<()> {
        (self.is_stopping, self.looked_at) = (true, now.mono);
        // Nobody sends any more; a link that is never empty must not hold up the end.
        (0..MOST_LOOKS).any(|_| !self.take(now));
        if let Some(trace) = trace.filter(|_| self.ports.marks.is_some()) {
            put_entry(&mut self.text, &Entry::Engine(Mark::End { trace }));
        }
        self.pass_on(now);
        self.write(now);
        match self.spool.take() {
            Some(spool) => {
                self.count.bytes.store(spool.end()?, Ordering::Relaxed);
                Ok(())
            }
            None => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    /// Takes what waits. Marks first: every input that one of them names was offered before it,
    /// so it is among those taken next and is written ahead of it.
    fn take(&mut self, now: Now) -> bool {
        let broken = |ports: &Ports| {
            ports.marks.as_ref().is_some_and(|marks| marks.is_broken.load(Ordering::Acquire))
        };
        // Read before the marks: all that were made before the hole are taken below.
        let is_broken = broken(&self.ports);
        if let Some(marks) = &self.ports.marks {
            let waiting = marks.link.waiting();
            self.marks.extend((0..waiting).map_while(|_| marks.link.take()));
        }
        let mut worked = !self.marks.is_empty();
        for _ in 0..TAPED.depth {
            let Some(taped) = self.ports.taped.take() else { break };
            self.on_input(taped, now);
            worked = true;
        }
        for mark in self.marks.drain(..) {
            put_entry(&mut self.text, &Entry::Engine(mark));
        }
        if is_broken && !self.is_hole_told {
            self.is_hole_told = true;
            put_entry(&mut self.text, &Entry::Hole(Hole::Marks));
            log::error!("the recording cannot be repeated exactly from here on: marks were lost");
        }
        worked
    }

    fn on_input(&mut self, taped: Taped, now: Now) {
        let Taped { at, venue, input, number, .. } = taped;
        let last = std::mem::replace(&mut self.seen[venue.index()], number);
        let missing = number.saturating_sub(last + 1);
        if missing > 0 {
            self.on_hole((venue, missing), at, last + 1);
        }
        let sum = match input {
            Input::Record(kind) => Some(payload_sum(kind, &taped.payload)),
            Input::Alive => None,
        };
        let mark = InputMark { venue, number, at, sum };
        if self.ports.marks.is_some() {
            put_entry(&mut self.text, &Entry::Input(mark));
        }
        self.reorder.put(taped);
        // A flood goes on at once; what is held is bounded.
        while let Some(taped) = self.reorder.next(now.mono) {
            self.on_line(taped);
        }
    }

    /// Inputs are missing: in a replay the books of this venue are void until their next image.
    fn on_hole(&mut self, (venue, missing): (VenueId, u64), at: Now, number: u64) {
        self.count.lost.fetch_add(missing, Ordering::Relaxed);
        log::warn!("{missing} inputs of {} are missing in the recording", venue.name());
        if self.ports.marks.is_some() {
            put_entry(&mut self.text, &Entry::Hole(Hole::Input(venue)));
        }
        let event = |kind, detail: String| {
            let (input, payload) = (Input::Record(kind), detail.into_bytes());
            Taped { at, venue, input, number, payload }
        };
        let lost = format!("{{\"lost\":{missing}}}");
        for (kind, detail) in [(RecordKind::Close, lost), (RecordKind::Open, "{}".to_owned())] {
            self.ports.taps.holds(detail.len());
            self.reorder.put(event(kind, detail));
        }
    }

    fn on_line(&mut self, taped: Taped) {
        if let Input::Record(kind) = taped.input {
            // Never back, whatever the wall clock did; the exact time is in the marks.
            self.last_recv = self.last_recv.max(taped.at.wall);
            put_line(&mut self.lines, self.last_recv, (taped.venue, kind), &taped.payload);
            self.count.lines.fetch_add(1, Ordering::Relaxed);
        }
        self.ports.taps.took(taped.payload.len());
        if let Some(to) = self.ports.returns.iter().find(|to| to.venue == taped.venue) {
            to.give(taped.payload);
        }
        if self.lines.len() >= BATCH_BYTES {
            self.hand_on_lines();
        }
    }

    fn pass_on(&mut self, now: Now) {
        loop {
            let next = match self.is_stopping {
                true => self.reorder.pop(),
                false => self.reorder.next(now.mono),
            };
            let Some(taped) = next else { break };
            self.on_line(taped);
        }
        self.count.late.store(self.reorder.late(), Ordering::Relaxed);
    }

    fn write(&mut self, now: Now) {
        self.hand_on_lines();
        let (text, is_due) = (&self.text, now.mono.since(self.flushed_at) >= FLUSH_EVERY);
        let Some(spool) = &mut self.spool else {
            self.refuse_rest();
            return;
        };
        let mut written = spool.put_marks(text.as_bytes());
        if is_due || self.is_stopping {
            self.flushed_at = now.mono;
            written = written.and_then(|()| spool.flush());
        }
        self.count.bytes.store(spool.bytes(), Ordering::Relaxed);
        self.text.clear();
        self.check(written);
    }

    fn hand_on_lines(&mut self) {
        let now = self.looked_at;
        let put =
            |spool: &mut Spool| spool.turn_over(now).and_then(|()| spool.put_lines(&self.lines));
        let written = match &mut self.spool {
            Some(spool) if !self.lines.is_empty() => put(spool),
            _ => Ok(()),
        };
        self.lines.clear();
        self.check(written);
    }

    /// A disk that refuses ends the recording: one with a hole in its middle helps nobody.
    fn check(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            let ended = self.spool.take();
            let path = ended.as_ref().map(|spool| spool.path().display().to_string());
            self.count.stopped.store(1, Ordering::Relaxed);
            log::error!(
                "{}: {error}; the recording stops here, the run goes on: make room and start again \
                 to record",
                path.unwrap_or_default()
            );
        }
    }

    fn refuse_rest(&mut self) {
        let lines = self.text.lines().count() as u64;
        self.count.refused.fetch_add(lines, Ordering::Relaxed);
        self.text.clear();
    }
}

impl Agent for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn turn(&mut self, now: Now) -> Turn {
        self.looked_at = now.mono;
        let worked = self.take(now);
        self.pass_on(now);
        self.write(now);
        if worked { Turn::Worked } else { Turn::Idle }
    }

    fn due(&self) -> Option<MonoNs> {
        Some(self.looked_at.plus(LOOK_EVERY))
    }

    fn stop(&mut self, _now: Now) {
        self.is_stopping = true;
    }

    fn is_drained(&self) -> bool {
        self.ports.taped.waiting() == 0
            && self.ports.marks.as_ref().is_none_or(|marks| marks.link.waiting() == 0)
    }
}
