//! How long from a venue's write of a book frame to our decision on it, over a real socket? In ns,
//! beside a bare read of the same bytes from a TCP socket and a bare read of the same frames
//! through `net::ws`, in turns in one run, for threads that spin and for such that park.
//!
//! The venue stands on loopback, spins on a core of its own and sends Upbit books (15 units) on a
//! fixed schedule, whether or not the ones before were dealt with: what stalls is counted in full,
//! from the send and from when it was due. Ours is all of it: socket, WebSocket, session, codec,
//! book, link, engine, up to the end of the engine's turn. No TLS, no network. Links are so deep
//! that each book gets its own decision: a stall must not shrink by conflation.
//!
//! `cargo bench --bench socket_to_decision_us`; it takes half a minute. Where a placement needs
//! more cores than there are, it says so and is left out.

#![allow(missing_docs, reason = "a program, not an interface")]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/joined.rs"]
mod joined;
#[path = "common/loopback.rs"]
mod loopback;
#[path = "common/table.rs"]
mod table;

use std::sync::Arc;

use arb::feed::socket::SocketFeed;
use arb::runtime::agent::Agent;
use arb::runtime::cores;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Pinned;
use arb::runtime::crew::Post;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::shared::Shared;
use arb::types::control::PermissionWord;
use arb::types::counters::Counter;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use joined::Decider;
use joined::Pair;
use joined::ours;
use loopback::Reader;
use loopback::SAMPLES;
use loopback::Sample;
use loopback::Source;
use loopback::Times;
use loopback::Venue;
use loopback::WARM_UP;
use loopback::Wire;
use table::Row;

/// Between two frames: one that parks is asleep again.
const PERIODS: [(Wait, &str, DurNs); 2] =
    [(Wait::Spin, "spinning", DurNs(200_000)), (Wait::Park, "parked", DurNs(1_000_000))];
const ROUNDS: usize = 3;
/// Only a guard: a run takes a second.
const PATIENCE: DurNs = DurNs::from_secs(10);

/// One run: how its threads wait, how often a frame comes, and the cores of venue, feed and engine.
#[derive(Clone, Copy)]
struct Setting {
    wait: Wait,
    period: DurNs,
    cores: [usize; 3],
}

impl Setting {
    fn post(&self, name: &'static str, core: usize) -> Post {
        Post::new(name, self.wait, PATIENCE).on_core(Some(self.cores[core]))
    }
}

type Samples = Option<Vec<Sample>>;

fn bare_run(setting: Setting) -> Samples {
    let frames = loopback::framed(&loopback::frames());
    let (bare, far) = loopback::tcp()?;
    let source = loopback::Bare { frame_bytes: frames[0].len(), ..bare };
    read_run(setting, source, (Wire::Bare(far), Arc::new(frames)))
}

fn websocket_run(setting: Setting) -> Samples {
    let (socket, peer) = loopback::websocket()?;
    read_run(setting, socket, (Wire::Web(Box::new(peer)), loopback::frames()))
}

type Sending = (Wire, Arc<Vec<Vec<u8>>>);

fn read_run<S: Source + Send + 'static>(setting: Setting, source: S, sending: Sending) -> Samples {
    let mut run = Run::new(setting);
    let times = Arc::clone(&run.times);
    let reader = Reader { clock: run.clock, source, times, samples: vec![] };
    let reader = run.start(reader, setting.post("reader", 1))?;
    run.send(sending)?;
    run.finish(reader).map(|reader| reader.samples)
}

fn shared_run(setting: Setting) -> Samples {
    let mut run = Run::new(setting);
    let post = setting.post("shared", 1);
    let (feed, decider, peer) = ours(run.clock, &run.times, None)?;
    let shared = run.start(Shared::new("shared", Pair { feed, decider }), post)?;
    run.send((Wire::Web(Box::new(peer)), loopback::frames()))?;
    let Pair { feed, decider } = run.finish(shared)?.into_members();
    measured(&feed, decider)
}

fn threads_run(setting: Setting) -> Samples {
    let mut run = Run::new(setting);
    let (feed_post, engine_post) = (setting.post("feed", 1), setting.post("engine", 2));
    let (feed, decider, peer) = ours(run.clock, &run.times, Some(&engine_post))?;
    let feed = run.start(feed, feed_post)?;
    let decider = run.start(decider, engine_post)?;
    run.send((Wire::Web(Box::new(peer)), loopback::frames()))?;
    let feed = run.finish(feed)?;
    let decider = run.finish(decider)?;
    measured(&feed, decider)
}

/// None unless every frame became a book of its own, and none of them an order.
fn measured(feed: &SocketFeed, decider: Decider) -> Samples {
    let tally = feed.tally();
    let is_whole = tally.get(Counter::Books) as usize == WARM_UP + SAMPLES
        && tally.get(Counter::Conflated) == 0;
    let progress = decider.engine.progress();
    (is_whole && progress.sent == 0 && progress.decided > 0).then_some(decider.samples)
}

/// The venue's thread and whoever reads from it.
struct Run {
    setting: Setting,
    clock: Clock,
    times: Arc<Times>,
    crew: Crew,
    venue_post: Option<Post>,
    venue: Option<Worker<Venue>>,
    are_pinned: bool,
}

impl Run {
    fn new(setting: Setting) -> Run {
        let clock = Clock::start();
        let crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
        let venue_post = Post::new("venue", Wait::Spin, PATIENCE).on_core(Some(setting.cores[0]));
        let (times, venue_post) = (Times::new(), Some(venue_post));
        Run { setting, clock, times, crew, venue_post, venue: None, are_pinned: true }
    }
    /// Starts a thread that goes on until the venue's is over.
    fn start<A: Agent + Send + 'static>(&mut self, agent: A, post: Post) -> Option<Worker<A>> {
        let served = self.venue_post.as_ref()?.pulse();
        let worker = self.crew.start(agent, post.after(served)).ok()?;
        self.are_pinned &= matches!(worker.pinned(), Pinned::On { .. });
        Some(worker)
    }
    fn send(&mut self, (wire, frames): Sending) -> Option<()> {
        let (clock, times) = (self.clock, Arc::clone(&self.times));
        let period = self.setting.period;
        let venue = Venue { clock, wire, frames, times, period, begin: None, sent: 0 };
        let worker = self.crew.start(venue, self.venue_post.take()?).ok()?;
        self.are_pinned &= matches!(worker.pinned(), Pinned::On { .. });
        self.venue = Some(worker);
        Some(())
    }
    /// Ordered to drain, the venue still sends all its frames, and then the others end.
    fn finish<A>(&mut self, worker: Worker<A>) -> Option<A> {
        self.crew.stop(Order::Drain);
        if let Some(venue) = self.venue.take() {
            self.join(venue)?;
        }
        self.join(worker).filter(|_| self.are_pinned)
    }
    fn join<A>(&self, worker: Worker<A>) -> Option<A> {
        match self.crew.join(worker, MonoNs(u64::MAX)).end {
            End::Returned(agent, _) => Some(agent),
            End::Panicked(_) | End::Left => None,
        }
    }
}

/// What of a sample a table shows, in ns.
type Part = fn(&Sample) -> u64;
type Contender = (&'static str, Setting, fn(Setting) -> Samples);

/// Those that these cores allow; the others are told of.
fn contenders(online: &[usize], (wait, period): (Wait, DurNs)) -> Vec<Contender> {
    let setting = |engine: usize| Setting { wait, period, cores: [online[0], online[1], engine] };
    let same = setting(online[1]);
    let mut contenders: Vec<Contender> = vec![
        ("TCP, bare read", same, bare_run),
        ("WebSocket, bare read", same, websocket_run),
        ("shared thread", same, shared_run),
    ];
    if wait == Wait::Park {
        contenders.push(("two threads, one core", same, threads_run));
    }
    match online.get(2) {
        Some(third) => contenders.push(("two threads, two cores", setting(*third), threads_run)),
        None => println!("  two threads, two cores: NOT RUN: needs a third core"),
    }
    contenders
}

fn main() {
    let online = cores::online();
    if online.len() < 2 {
        println!("socket_to_decision_us: NOT RUN: a spinning venue needs a core of its own");
        return;
    }
    let bytes = loopback::frames()[0].len();
    for (wait, how, period) in PERIODS {
        println!(
            "socket_to_decision_us: {how}, a frame of {bytes} B each {} us, venue on core {}",
            period.0 / 1_000,
            online[0]
        );
        let contenders = contenders(&online, (wait, period));
        let mut samples: Vec<Vec<Sample>> = vec![vec![]; contenders.len()];
        for _ in 0..ROUNDS {
            for ((name, setting, run), all) in contenders.iter().zip(&mut samples) {
                match run(*setting) {
                    Some(run) if run.len() == WARM_UP + SAMPLES => all.extend(&run[WARM_UP..]),
                    _ => println!("  {name}: a run failed, was not pinned or not finished"),
                }
            }
        }
        let parts: [(&str, Part); 2] =
            [("from send", |s| s.from_send.0), ("from due", |s| s.from_due.0)];
        for (what, part) in parts {
            println!("{what}, {how}, reader on core {}", online[1]);
            let row = |((name, ..), all): (&Contender, &Vec<Sample>)| Row {
                name,
                samples: all.iter().map(part).collect(),
            };
            let mut rows: Vec<Row> = contenders.iter().zip(&samples).map(row).collect();
            table::print(&mut rows);
        }
    }
}
