//! How long does a value take from one thread to another, one way? Minimum, P50, P95, P99 and
//! maximum in ns, beside bare crossbeam and `std::sync::mpsc` in the same run.
//!
//! Sends on a fixed schedule and measures twice: from the send (the hop alone), and from when the
//! value was due, so that a stall counts for every value that it delayed. Each sample holds one
//! reading of the clock (about 25 ns). The contenders take turns. Run it with
//! `cargo bench --bench link_hop_ns`. Peers on two spinning cores: crossbeam 105–110 ns, wake-up of
//! a sleeping thread 22–27 µs.

#![allow(missing_docs, reason = "a program, not an interface")]

#[path = "common/table.rs"]
mod table;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::cores;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Pinned;
use arb::runtime::crew::Post;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Exit;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::Link;
use arb::runtime::link::Rx;
use arb::runtime::link::WhenFull;
use arb::types::control::PermissionWord;
use arb::types::ids::InstrumentId;
use arb::types::market::BookTop;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use table::Row;

const LINK: Link = Link { name: "hop", depth: 64, when_full: WhenFull::Refuse };
/// One spinning thread is the sender, the other the reader.
const CORES_NEEDED: usize = 2;
const ROUNDS: usize = 8;
/// Thrown away: caches and branch predictors learn.
const WARM_UP_ROUNDS: usize = 1;
const SPIN_VALUES: usize = 10_000;
const SPIN_PERIOD: DurNs = DurNs(5_000);
/// Long enough for the reader to be asleep again.
const PARK_PERIOD: DurNs = DurNs(300_000);
const PARK_VALUES: usize = 400;
/// Only a guard: a run takes less than 0.2 s.
const PATIENCE: DurNs = DurNs::from_secs(10);

/// When a value was due, and when it was sent.
#[derive(Clone, Copy)]
struct Times {
    due_at: MonoNs,
    sent_at: MonoNs,
}

/// How long a value took.
#[derive(Clone, Copy)]
struct Sample {
    from_due: DurNs,
    from_send: DurNs,
}

impl Times {
    fn until(self, taken_at: MonoNs) -> Sample {
        Sample { from_due: taken_at.since(self.due_at), from_send: taken_at.since(self.sent_at) }
    }
}

/// What is handed over: two instants and so much else.
trait Load: Clone + Send + 'static {
    const NAME: &'static str;
    fn blank() -> Self;
    fn stamp(&mut self, times: Times);
    fn times(&self) -> Times;
}

impl Load for BookTop {
    const NAME: &'static str = "BookTop";
    fn blank() -> BookTop {
        BookTop::empty(InstrumentId(0))
    }
    fn stamp(&mut self, times: Times) {
        (self.received_at, self.alive_at) = (times.due_at, times.sent_at);
    }
    fn times(&self) -> Times {
        Times { due_at: self.received_at, sent_at: self.alive_at }
    }
}

#[derive(Clone)]
struct Line([u64; 8]);

impl Load for Line {
    const NAME: &'static str = "64 bytes";
    fn blank() -> Line {
        Line([0; 8])
    }
    fn stamp(&mut self, times: Times) {
        (self.0[0], self.0[1]) = (times.due_at.0, times.sent_at.0);
    }
    fn times(&self) -> Times {
        Times { due_at: MonoNs(self.0[0]), sent_at: MonoNs(self.0[1]) }
    }
}

/// A whole run in one turn, so that the loop around it is not measured.
struct Job<F>(Option<F>);

impl<F: FnOnce()> Agent for Job<F> {
    fn name(&self) -> &'static str {
        "job"
    }
    fn turn(&mut self, _: Now) -> Turn {
        match self.0.take() {
            Some(job) => {
                job();
                Turn::Worked
            }
            None => Turn::Idle,
        }
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

/// Reads a link as an engine does: in the real loop, parked when idle.
struct Reader<T> {
    rx: Rx<T>,
    clock: Clock,
    samples: Vec<Sample>,
}

impl<T: Load> Agent for Reader<T> {
    fn name(&self) -> &'static str {
        "reader"
    }
    fn turn(&mut self, _: Now) -> Turn {
        let Some(value) = self.rx.take() else { return Turn::Idle };
        self.samples.push(value.times().until(self.clock.mono()));
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
    fn is_drained(&self) -> bool {
        self.rx.waiting() == 0
    }
}

fn main() {
    let online = cores::online();
    println!("link_hop_ns: one way, on cores {online:?}");
    if online.len() < CORES_NEEDED {
        println!("  NOT RUN: two spinning threads need two cores, this machine has one");
        return;
    }
    let pair = Pair { writer: online[0], reader: online[1] };
    measure::<BookTop>(pair);
    measure::<Line>(pair);
}

/// The cores of both ends.
#[derive(Clone, Copy)]
struct Pair {
    writer: usize,
    reader: usize,
}

type Part = fn(&Sample) -> u64;
type Run = fn(Pair) -> Option<Vec<Sample>>;

fn measure<T: Load>(pair: Pair) {
    let contenders: [(&'static str, Run); 5] = [
        ("crossbeam, spinning", crossbeam_run::<T>),
        ("our link, spinning", link_run::<T>),
        ("our link with waker", waking_link_run::<T>),
        ("mpsc::sync_channel", mpsc_run::<T>),
        ("our link, parked reader", parked_run::<T>),
    ];
    let mut samples = contenders.map(|_| Vec::new());
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        for ((name, run), samples) in contenders.iter().zip(&mut samples) {
            match run(pair) {
                Some(mut fresh) if round >= WARM_UP_ROUNDS => samples.append(&mut fresh),
                Some(_) => {}
                None => println!("  {name}: a run failed or was not pinned"),
            }
        }
    }
    let parts: [(&str, Part); 2] =
        [("from send", |s| s.from_send.0), ("from due", |s| s.from_due.0)];
    for (what, part) in parts {
        println!("{} ({} bytes), {what}", T::NAME, size_of::<T>());
        let mut rows: Vec<Row> = contenders
            .iter()
            .zip(&samples)
            .map(|((name, _), all)| Row { name, samples: all.iter().map(part).collect() })
            .collect();
        table::print(&mut rows);
    }
}

fn crossbeam_run<T: Load>(pair: Pair) -> Option<Vec<Sample>> {
    let (tx, rx) = crossbeam_channel::bounded(LINK.depth);
    spin_run(pair, (move |v: T| tx.try_send(v).is_ok(), move || rx.try_recv().ok()))
}

fn link_run<T: Load>(pair: Pair) -> Option<Vec<Sample>> {
    let (tx, rx) = LINK.open();
    spin_run(pair, (move |v: T| tx.send(v).is_ok(), move || rx.take()))
}

/// What the fence for a reader that might park costs one that does not.
fn waking_link_run<T: Load>(pair: Pair) -> Option<Vec<Sample>> {
    let waker = Post::new("unused", Wait::Park, PATIENCE).waker();
    let (tx, rx) = LINK.open_to(waker);
    spin_run(pair, (move |v: T| tx.send(v).is_ok(), move || rx.take()))
}

fn mpsc_run<T: Load>(pair: Pair) -> Option<Vec<Sample>> {
    let (tx, rx) = sync_channel(LINK.depth);
    spin_run(pair, (move |v: T| tx.try_send(v).is_ok(), move || rx.try_recv().ok()))
}

/// Both ends spin, each on its core.
fn spin_run<T, S, R>(pair: Pair, (send, mut take): (S, R)) -> Option<Vec<Sample>>
where
    T: Load,
    S: FnMut(T) -> bool + Send + 'static,
    R: FnMut() -> Option<T> + Send + 'static,
{
    let clock = Clock::start();
    let is_ready = Arc::new(AtomicBool::new(false));
    let signal = Arc::clone(&is_ready);
    let (result_tx, result) = sync_channel(1);
    let read = move || {
        let mut taken = Vec::with_capacity(SPIN_VALUES);
        signal.store(true, Ordering::Release);
        while taken.len() < SPIN_VALUES {
            match take() {
                Some(value) => taken.push(value.times().until(clock.mono())),
                None => std::hint::spin_loop(),
            }
        }
        let _ = result_tx.send(taken);
    };
    let write = move || {
        while !is_ready.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        on_schedule(clock, (SPIN_PERIOD, SPIN_VALUES), send);
    };
    let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
    let post = |name, core| Post::new(name, Wait::Spin, PATIENCE).on_core(Some(core));
    let reader = crew.start(Job(Some(read)), post("reader", pair.reader)).ok()?;
    let writer = crew.start(Job(Some(write)), post("writer", pair.writer)).ok()?;
    let are_pinned = is_pinned(&reader) && is_pinned(&writer);
    finish(&crew, writer)?;
    finish(&crew, reader)?;
    result.try_recv().ok().filter(|_| are_pinned)
}

/// The reader sleeps in the real loop; the sender wakes it.
fn parked_run<T: Load>(pair: Pair) -> Option<Vec<Sample>> {
    let clock = Clock::start();
    let writer_post = Post::new("writer", Wait::Park, PATIENCE).on_core(Some(pair.writer));
    let reader_post = Post::new("reader", Wait::Park, PATIENCE).on_core(Some(pair.reader));
    let reader_post = reader_post.after(writer_post.pulse());
    let (tx, rx) = LINK.open_to(reader_post.waker());
    let reader = Reader { rx, clock, samples: Vec::with_capacity(PARK_VALUES) };
    let write = move || on_schedule(clock, (PARK_PERIOD, PARK_VALUES), |v: T| tx.send(v).is_ok());
    let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
    let reader = crew.start(reader, reader_post).ok()?;
    let writer = crew.start(Job(Some(write)), writer_post).ok()?;
    let are_pinned = is_pinned(&reader) && is_pinned(&writer);
    finish(&crew, writer)?;
    finish(&crew, reader).map(|reader| reader.samples).filter(|_| are_pinned)
}

/// An agent ordered to drain still finishes what waits for it: here, its job.
fn finish<A>(crew: &Crew, worker: Worker<A>) -> Option<A> {
    crew.stop(Order::Drain);
    match crew.join(worker, MonoNs(u64::MAX)).end {
        End::Returned(agent, Exit::Drained) => Some(agent),
        _ => None,
    }
}

fn is_pinned<A>(worker: &Worker<A>) -> bool {
    matches!(worker.pinned(), Pinned::On { .. })
}

/// Sends so many values, one a period, each stamped with when it was due. Spins in between.
fn on_schedule<T: Load>(
    clock: Clock,
    (period, values): (DurNs, usize),
    mut send: impl FnMut(T) -> bool,
) {
    let mut value = T::blank();
    let mut due_at = clock.mono();
    for _ in 0..values {
        due_at = due_at.plus(period);
        let mut sent_at = clock.mono();
        while sent_at < due_at {
            std::hint::spin_loop();
            sent_at = clock.mono();
        }
        value.stamp(Times { due_at, sent_at });
        while !send(value.clone()) {
            std::hint::spin_loop();
        }
    }
}
