//! A recorded run once more, decision by decision: its feeds are led to exactly the inputs that
//! they had taken, its engine is given in each turn what it took there, and what it decides is
//! compared with what it decided.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::engine::agent::Charge;
use crate::engine::agent::Engine;
use crate::engine::agent::Pace;
use crate::engine::agent::Ports;
use crate::engine::core::Core;
use crate::engine::limits::EnginePlan;
use crate::engine::repeat::RecordedTurn;
use crate::feed::agent::Feed;
use crate::feed::books::Books;
use crate::feed::mark_reader::MarkReader;
use crate::feed::mark_text::Entry;
use crate::feed::mark_text::InputMark;
use crate::feed::tape::Record;
use crate::feed::tape::RecordKind;
use crate::feed::tape::Tape;
use crate::feed::wire_text::payload_sum;
use crate::runtime::link::BOOKS;
use crate::runtime::link::DUE;
use crate::runtime::link::EVENTS;
use crate::runtime::link::FACTS;
use crate::runtime::link::REPORTS;
use crate::runtime::link::REQUESTS;
use crate::runtime::link::Rx;
use crate::scenario::begun::HeadFault;
use crate::scenario::begun::adopt;
use crate::scenario::record::Record as Audited;
use crate::scenario::replay::KeepGoing;
use crate::scenario::replay::Watch;
use crate::scenario::shortfall::Difference;
use crate::scenario::shortfall::Short;
use crate::types::control::PermissionWord;
use crate::types::fact::Fact;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::mark::Mark;
use crate::types::mark::TurnMark;
use crate::types::market::BookTop;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;

/// Turns between two progress reports.
const REPORT_EVERY: u64 = 4_096;
/// Most payload bytes of one run that wait because the marks are at another venue: far more than
/// feeds are apart, and a bound for files that do not belong together.
const MOST_WAITING: usize = 256 << 20;

/// One venue.
struct Source {
    venue: VenueId,
    feed: Feed,
    instruments: Vec<InstrumentId>,
    /// Inputs whose marks were read, not yet taken.
    inputs: VecDeque<InputMark>,
    /// Frames that were read, not yet taken.
    frames: VecDeque<Frame>,
}

/// A line of the recording.
struct Frame {
    kind: RecordKind,
    payload: Vec<u8>,
    recv: WallNs,
    /// Time of the line before it.
    before: WallNs,
}

/// A repetition, to be run once.
pub struct Exact {
    /// The engine, readable after the run.
    pub engine: Engine,
    /// Turns repeated.
    pub turns: u64,
    /// Orders that were decided again.
    pub orders: u64,
    /// Time covered.
    pub span: DurNs,
    sources: Vec<Source>,
    facts: Rx<Fact>,
    reports: Rx<CycleReport>,
    record: Audited,
    tape: Tape,
    marks: MarkReader,
    waiting_bytes: usize,
    last_recv: WallNs,
    began: Option<MonoNs>,
    /// Links that have to stay open.
    _links: Box<dyn std::any::Any>,
}

impl Exact {
    /// From a configuration's plan and the two halves of a recording.
    ///
    /// # Errors
    /// Why this run cannot be repeated under this plan.
    pub fn new(plan: &EnginePlan, tape: Tape, marks: MarkReader) -> Result<Exact, HeadFault> {
        let plan = adopt(plan, marks.head())?;
        let (books_tx, books) = BOOKS.open();
        let (events_tx, events) = EVENTS.open();
        let (requests, requests_rx) = REQUESTS.open();
        let (facts_tx, facts) = FACTS.open();
        let (reports_tx, reports) = REPORTS.open();
        let (due, due_rx) = DUE.open();
        let ports = Ports { books, events, requests, facts: facts_tx, reports: reports_tx, due };
        let charge = Charge {
            permission: Arc::new(PermissionWord::shut()),
            pace: Pace::EachStep,
            loops: 0,
            finished: Arc::new(AtomicBool::new(false)),
            journal: None,
            board: Arc::default(),
            latencies: Default::default(),
            checkpoints: Default::default(),
        };
        let engine = Engine::new(Box::new(Core::new(&plan)), ports, charge);
        let sources = VenueId::ALL.into_iter().filter_map(|venue| Source::of(venue, &plan));
        Ok(Exact {
            engine,
            turns: 0,
            orders: 0,
            span: DurNs(0),
            sources: sources.collect(),
            facts,
            reports,
            record: Audited::new(&plan),
            tape,
            marks,
            waiting_bytes: 0,
            last_recv: WallNs(0),
            began: None,
            _links: Box::new((books_tx, events_tx, requests_rx, due_rx)),
        })
    }
    /// Each venue's feed, as it stands.
    pub fn feeds(&self) -> impl Iterator<Item = (VenueId, &Feed)> {
        self.sources.iter().map(|source| (source.venue, &source.feed))
    }
    /// The recording that is being read.
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }
    /// The marks that are being read.
    pub const fn marks(&self) -> &MarkReader {
        &self.marks
    }
    /// True if every exact check held that needs no venue.
    pub fn invariants_ok(&self) -> bool {
        self.record.agrees_with(&self.engine)
    }

    /// Repeats the run to its end.
    ///
    /// # Errors
    /// Why it ended before; what came before that was as recorded.
    pub fn run(&mut self, watch: &mut dyn Watch) -> Result<(), Short> {
        let mut turn = None;
        loop {
            let Some(entry) = self.marks.next_entry().map_err(Short::Marks)? else {
                return Err(Short::NoEnd);
            };
            let mark = match entry {
                Entry::Input(input) => {
                    self.on_input(input)?;
                    continue;
                }
                // The turn before it may be cut in its middle.
                Entry::Hole(hole) => return Err(Short::Hole(hole)),
                Entry::Engine(mark) => mark,
            };
            match mark {
                Mark::Turn(next) => {
                    self.repeat(turn.take(), watch)?;
                    if self.turns.is_multiple_of(REPORT_EVERY)
                        && watch.on_progress(self.tape.progress()) == KeepGoing::No
                    {
                        return Err(Short::Interrupted);
                    }
                    turn = Some(begun(next));
                }
                Mark::End { trace } => {
                    self.repeat(turn.take(), watch)?;
                    return self.end(trace);
                }
                other => {
                    let contradiction = self.contradiction();
                    let turn = turn.as_mut().ok_or(contradiction)?;
                    self.add(turn, other)?;
                }
            }
        }
    }

    fn add(&mut self, turn: &mut RecordedTurn, mark: Mark) -> Result<(), Short> {
        match mark {
            Mark::Event(event) => turn.events.push(event),
            Mark::Top { instrument, frame } => turn.tops.push(self.top(instrument, frame)?),
            Mark::Cycle { due_at } => turn.cycle = Some(due_at),
            Mark::Request { request, handed } => turn.requests.push((request, handed)),
            Mark::Turn(_) | Mark::End { .. } => {}
        }
        Ok(())
    }

    fn on_input(&mut self, input: InputMark) -> Result<(), Short> {
        let contradiction = self.contradiction();
        let Some(source) = self.source(input.venue) else { return Ok(()) };
        let last = source.inputs.back().map_or(source.feed.inputs(), |last| last.number);
        if input.number != last + 1 {
            return Err(contradiction);
        }
        source.inputs.push_back(input);
        Ok(())
    }

    /// The top of a book after so many inputs of its feed.
    fn top(&mut self, instrument: InstrumentId, frame: u64) -> Result<BookTop, Short> {
        let contradiction = self.contradiction();
        let has = |source: &Source| source.instruments.contains(&instrument);
        let at = self.sources.iter().position(has).ok_or(contradiction.clone())?;
        while self.sources[at].feed.inputs() < frame {
            self.advance(at)?;
        }
        let source = &mut self.sources[at];
        if source.feed.inputs() != frame {
            return Err(contradiction);
        }
        let slot = source.instruments.iter().position(|id| *id == instrument);
        let mut top = source.feed.top(slot.ok_or(contradiction)?).clone();
        top.frame = frame;
        Ok(top)
    }

    /// One input of a feed.
    fn advance(&mut self, at: usize) -> Result<(), Short> {
        let contradiction = self.contradiction();
        let input = self.sources[at].inputs.pop_front().ok_or(contradiction)?;
        let InputMark { venue, number, at: now, sum } = input;
        let Some(sum) = sum else {
            self.sources[at].feed.on_alive(now);
            return Ok(());
        };
        let Some(frame) = self.frame(at)? else {
            return Err(Short::TapeEnds { venue, number });
        };
        let Frame { kind, payload, recv, before } = frame;
        // A line has the time of its input, but never one before that of the line above.
        if payload_sum(kind, &payload) != sum || recv != now.wall.max(before) {
            return Err(Short::Differs(Difference::Frame { venue, number }));
        }
        let feed = &mut self.sources[at].feed;
        feed.on_record(kind, &payload, now);
        Ok(())
    }

    /// The next frame of a venue; those of others that come before it wait.
    fn frame(&mut self, at: usize) -> Result<Option<Frame>, Short> {
        let venue = self.sources[at].venue;
        if let Some(frame) = self.sources[at].frames.pop_front() {
            self.waiting_bytes -= frame.payload.len();
            return Ok(Some(frame));
        }
        while let Some(record) = self.tape.next_record().map_err(Short::Tape)? {
            let Record { kind, recv, .. } = record;
            let before = std::mem::replace(&mut self.last_recv, recv);
            let frame = Frame { kind, payload: record.payload.to_vec(), recv, before };
            if record.venue == venue {
                return Ok(Some(frame));
            }
            let other = self.sources.iter_mut().find(|source| source.venue == record.venue);
            if let Some(other) = other {
                self.waiting_bytes += frame.payload.len();
                other.frames.push_back(frame);
            }
            if self.waiting_bytes > MOST_WAITING {
                return Err(Short::Apart);
            }
        }
        Ok(None)
    }

    /// Repeats a turn whose marks are complete.
    fn repeat(&mut self, turn: Option<RecordedTurn>, watch: &mut dyn Watch) -> Result<(), Short> {
        let Some(turn) = turn else { return Ok(()) };
        self.turns += 1;
        let (now, number) = (turn.mark.now, self.turns);
        let began = *self.began.get_or_insert(now.mono);
        self.span = now.mono.since(began);
        if turn.mark.check != self.engine.core().trace_hash() as u16 {
            return Err(Short::Differs(Difference::Trace { turn: number }));
        }
        let told = self.engine.repeat(turn);
        self.record.drain(&self.facts, &mut |fact| watch.on_fact(fact));
        while self.reports.take().is_some() {}
        self.orders += told.made.len() as u64;
        match told.difference() {
            None => Ok(()),
            Some((recorded, made)) => {
                Err(Short::Differs(Difference::Order { turn: number, recorded, made }))
            }
        }
    }

    /// Takes what the feeds took after the last top that the engine had, and compares the end.
    fn end(&mut self, recorded: u64) -> Result<(), Short> {
        let made = self.engine.core().trace_hash();
        if made != recorded {
            return Err(Short::Differs(Difference::End { recorded, made }));
        }
        for at in 0..self.sources.len() {
            while !self.sources[at].inputs.is_empty() {
                self.advance(at)?;
            }
        }
        Ok(())
    }

    fn source(&mut self, venue: VenueId) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.venue == venue)
    }
    const fn contradiction(&self) -> Short {
        Short::Differs(Difference::Marks { turn: self.turns + 1 })
    }
}

impl Source {
    fn of(venue: VenueId, plan: &EnginePlan) -> Option<Source> {
        let mine: Vec<_> = plan.instruments.iter().filter(|i| i.venue == venue).collect();
        let names: Vec<_> = mine.iter().map(|i| (i.id, i.name)).collect();
        let feed = Feed::new(Books::new(venue, &names), Vec::new());
        let instruments: Vec<_> = mine.iter().map(|i| i.id).collect();
        let (inputs, frames) = (VecDeque::new(), VecDeque::new());
        (!mine.is_empty()).then_some(Source { venue, feed, instruments, inputs, frames })
    }
}

fn begun(mark: TurnMark) -> RecordedTurn {
    let (events, tops, requests) = (Vec::new(), Vec::new(), Vec::new());
    RecordedTurn { mark, events, tops, cycle: None, requests }
}
