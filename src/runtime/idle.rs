//! What a loop does when its agent has nothing to do: spin, yield or park; and how a sender wakes
//! a thread that parks.
//!
//! # No wake-up is lost
//! The reader sets its flag, passes a `SeqCst` fence, and turns once more before it parks. The
//! sender puts its value into the link, passes a `SeqCst` fence, and reads the flag. Of two such
//! fences one comes first in their single order. If it is the reader's, the sender sees the flag
//! and unparks; if it is the sender's, the reader's last turn sees the value. An unpark before the
//! park is kept by the thread as a token, so there is no moment in between. A token left over from
//! a reader that did not park after all ends its next park at once, which costs one turn.
//!
//! A thread whose agent has descriptors sleeps in poll(2) instead, on them and on a bell (an
//! eventfd) that takes the place of the token: once there is a bell, senders ring it and the thread
//! parks nowhere else. The bell is hung up before the flag is set, so that a sender who sees the
//! flag of an announcement made with a bell sees the bell too. A sender who saw an earlier flag,
//! and no bell, has put its value into the link and passed its fence: if that came before the
//! fence of the later announcement, the last turn after it sees the value; if after, the sender
//! saw the later flag and the bell. A bell rung late stays rung and ends the next sleep at once.
//! A descriptor is level-triggered and an idle turn has read each dry, so that what arrives after
//! the last look makes it readable, and poll returns.

use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::atomic::fence;
use std::thread::Thread;
use std::time::Duration;

use arrayvec::ArrayVec;
use rustix::event::EventfdFlags;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::eventfd;
use rustix::event::poll;

use crate::runtime::agent::Agent;
use crate::types::limit;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// Longest sleep: a beat is due at least this often, and a stop is seen at the latest after it.
pub const LONGEST_NAP: DurNs = DurNs::from_ms(100);
/// Longest sleep of a thread that has been ordered to stop: it waits for other threads' ends,
/// which wake nobody.
pub const STOPPING_NAP: DurNs = DurNs::from_ms(2);
/// Sleep of an agent that was turned at its due time and did nothing: it must not take a core.
const OVERDUE_NAP: DurNs = DurNs::from_ms(1);
/// With fewer cores `auto` never spins: one spinning thread would take half the machine.
const FEWEST_CORES_TO_SPIN: usize = 3;

/// What is configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idle {
    /// As [`Wait::Spin`].
    Spin,
    /// As [`Wait::Yield`].
    Yield,
    /// As [`Wait::Park`].
    Park,
    /// Spin where a core per spinning thread is left, else park.
    Auto,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Keeps its core: fastest, 100 % of it.
    Spin,
    /// Offers its core to others after each idle turn: no faster than the scheduler, and as busy.
    Yield,
    /// Sleeps until woken by a send, until its agent is due, or [`LONGEST_NAP`].
    Park,
}

/// What `auto` looks at, for each thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat {
    /// What is configured.
    pub idle: Idle,
    /// The core that it is to run on.
    pub core: Option<usize>,
    /// Its latency counts (feeds, engine, gateway): with `auto`, only such a thread spins.
    pub is_hot: bool,
}

/// Resolves `auto` for all threads of a process at once, on so many usable cores: the hot ones
/// spin if, with all that spin or yield, one core is left for the rest. All or none: one that parks
/// holds up those that spin. A thread that shares its configured core with another parks anyway.
pub fn resolve(seats: &[Seat], usable_cores: usize) -> Vec<Wait> {
    let shares = |seat: &Seat| {
        seat.core.is_some() && seats.iter().filter(|other| other.core == seat.core).count() > 1
    };
    let would_spin = |seat: &Seat| seat.is_hot && !shares(seat);
    let busy = |seat: &&Seat| match seat.idle {
        Idle::Spin | Idle::Yield => true,
        Idle::Park => false,
        Idle::Auto => would_spin(seat),
    };
    let suffices =
        usable_cores >= FEWEST_CORES_TO_SPIN && seats.iter().filter(busy).count() < usable_cores;
    let wait = |seat: &Seat| match seat.idle {
        Idle::Spin => Wait::Spin,
        Idle::Yield => Wait::Yield,
        Idle::Auto if suffices && would_spin(seat) => Wait::Spin,
        Idle::Park | Idle::Auto => Wait::Park,
    };
    seats.iter().map(wait).collect()
}

/// True when the threads that never sleep leave no core to the others: worth a warning at start.
pub fn is_crowded(waits: &[Wait], usable_cores: usize) -> bool {
    waits.iter().filter(|wait| **wait != Wait::Park).count() >= usable_cores
}

/// How long an agent that had nothing to do at `turned_at` may sleep; at most `most`.
pub fn nap(due: Option<MonoNs>, turned_at: MonoNs, most: DurNs) -> DurNs {
    match due {
        None => most,
        Some(due) if due <= turned_at => OVERDUE_NAP.min(most),
        Some(due) => due.since(turned_at).min(most),
    }
}

/// Rests the calling thread, which no agent runs on: a command that looks on from outside.
#[allow(clippy::disallowed_methods, reason = "a command that waits for other processes")]
pub fn rest_for(time: DurNs) {
    std::thread::sleep(Duration::from_nanos(time.0));
}

/// Blocks this thread: an injected stall. Nothing else may call it, agents never wait.
#[allow(clippy::disallowed_methods, reason = "an injected stall has to block for real")]
pub fn hold_up(time: DurNs) {
    std::thread::sleep(Duration::from_nanos(time.0));
}

/// Most descriptors that one thread sleeps on: two connections of each venue, on a shared thread.
pub const SOCKETS: usize = 2 * limit::VENUES;

/// The descriptors of an agent, for one sleep. What is beyond [`SOCKETS`] wakes nobody and is found
/// after the nap.
#[derive(Debug, Default)]
pub struct Sockets<'a> {
    held: ArrayVec<BorrowedFd<'a>, SOCKETS>,
}

impl<'a> Sockets<'a> {
    /// Those that it has now.
    pub fn of<A: Agent + ?Sized>(agent: &'a A) -> Sockets<'a> {
        let mut held = ArrayVec::new();
        agent.sockets(&mut |socket| {
            let _ = held.try_push(socket);
        });
        Sockets { held }
    }
}

impl<'a> FromIterator<BorrowedFd<'a>> for Sockets<'a> {
    fn from_iter<I: IntoIterator<Item = BorrowedFd<'a>>>(sockets: I) -> Sockets<'a> {
        Sockets { held: sockets.into_iter().take(SOCKETS).collect() }
    }
}

/// Wakes the one thread that parks with it. Handed to the senders of that thread's links.
#[derive(Clone, Debug, Default)]
pub struct Waker {
    sleeper: Arc<Sleeper>,
}

#[derive(Debug, Default)]
struct Sleeper {
    /// Parked, or about to. Set by the reader; cleared by it or by the one sender that wakes it.
    is_parked: AtomicBool,
    /// Set before the flag is, for the first time.
    thread: OnceLock<Thread>,
    /// Hung up before the first announcement of an agent that has descriptors.
    bell: OnceLock<OwnedFd>,
}

impl Sleeper {
    /// Ends the present sleep, or the next one.
    fn rouse(&self) {
        match (self.bell.get(), self.thread.get()) {
            // Full means that it is rung already.
            (Some(bell), _) => drop(rustix::io::write(bell, &1u64.to_ne_bytes())),
            (None, Some(thread)) => thread.unpark(),
            (None, None) => {}
        }
    }
}

impl Waker {
    /// Wakes the thread if it is parked or about to. Comes after the value is in the link. A fence
    /// and a load if it is not; the first sender to find it parked pays for the system call.
    pub fn wake(&self) {
        fence(Ordering::SeqCst);
        let sleeper = &*self.sleeper;
        let is_mine = sleeper.is_parked.load(Ordering::Relaxed)
            && sleeper.is_parked.swap(false, Ordering::AcqRel);
        if is_mine {
            sleeper.rouse();
        }
    }
    /// Ends the present sleep of the thread, or the next one, whether it is announced or not: an
    /// order was given.
    pub fn summon(&self) {
        self.sleeper.rouse();
    }
    /// The thread is parked, or will be unless its last look finds something.
    pub fn is_parked(&self) -> bool {
        self.sleeper.is_parked.load(Ordering::Relaxed)
    }

    /// Reader: from here on senders wake this thread. It looks once more before it parks.
    fn announce(&self, sockets: &Sockets<'_>) {
        if !sockets.held.is_empty() && self.sleeper.bell.get().is_none() {
            // Without a bell (no descriptor is left) it parks, and sockets are read each nap.
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            if let Ok(bell) = eventfd(0, flags) {
                self.sleeper.bell.get_or_init(|| bell);
            }
        }
        self.sleeper.thread.get_or_init(std::thread::current);
        self.sleeper.is_parked.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }
    /// Reader: awake.
    fn withdraw(&self) {
        self.sleeper.is_parked.store(false, Ordering::Release);
    }
}

/// The resting of one thread. Not to be copied: it belongs to the thread that rests.
#[derive(Debug)]
pub struct Rest {
    wait: Wait,
    waker: Waker,
    is_announced: bool,
}

impl Rest {
    /// Rests in this way.
    pub fn new(wait: Wait) -> Rest {
        Rest { wait, waker: Waker::default(), is_announced: false }
    }
    /// For the senders of the thread's links; `None` if it never parks.
    pub fn waker(&self) -> Option<Waker> {
        (self.wait == Wait::Park).then(|| self.waker.clone())
    }
    /// Keeps its core when idle.
    pub fn is_busy(&self) -> bool {
        self.wait != Wait::Park
    }
    /// It parks, and the look after the announcement found nothing.
    pub const fn is_ready_to_park(&self) -> bool {
        self.is_announced
    }
    /// After an idle turn: a hint to the core, its offer to others, or the announcement that the
    /// next idle turn parks.
    pub fn pause(&mut self, sockets: &Sockets<'_>) {
        match self.wait {
            Wait::Spin => std::hint::spin_loop(),
            Wait::Yield => std::thread::yield_now(),
            Wait::Park => {
                self.waker.announce(sockets);
                self.is_announced = true;
            }
        }
    }
    /// Sleeps until woken or until a descriptor can be read, at most this long. Only when
    /// [`Rest::is_ready_to_park`].
    pub fn park(&mut self, nap: DurNs, sockets: &Sockets<'_>) {
        match self.waker.sleeper.bell.get() {
            None => std::thread::park_timeout(Duration::from_nanos(nap.0)),
            Some(bell) => sleep_on(bell, sockets, nap),
        }
        self.rouse();
    }
    /// There is work: senders need not wake anyone.
    pub fn rouse(&mut self) {
        if self.is_announced {
            self.waker.withdraw();
            self.is_announced = false;
        }
    }
}

/// Sleeps in poll(2). A signal ends it early, which costs one turn.
fn sleep_on(bell: &OwnedFd, sockets: &Sockets<'_>, nap: DurNs) {
    let entry = |socket| PollFd::from_borrowed_fd(socket, PollFlags::IN);
    let mut entries: ArrayVec<PollFd<'_>, { SOCKETS + 1 }> = ArrayVec::new();
    entries.push(entry(bell.as_fd()));
    entries.extend(sockets.held.iter().map(|socket| entry(*socket)));
    let nap =
        Timespec { tv_sec: (nap.0 / NS_PER_SEC) as i64, tv_nsec: (nap.0 % NS_PER_SEC) as i64 };
    let _ = poll(&mut entries, Some(&nap));
    if entries[0].revents().contains(PollFlags::IN) {
        // One read takes all rings; whoever rings afterwards ends the next sleep.
        let _ = rustix::io::read(bell, &mut [0; 8]);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    const fn seat(idle: Idle) -> Seat {
        Seat { idle, core: None, is_hot: true }
    }

    #[test]
    fn auto_spins_only_where_a_core_is_left_beside_every_spinning_thread() {
        let four = [seat(Idle::Auto); 4];
        for (cores, expected) in [(1, Wait::Park), (2, Wait::Park), (4, Wait::Park)] {
            assert_eq!(resolve(&four, cores), [expected; 4], "{cores} cores");
        }
        assert_eq!(resolve(&four, 5), [Wait::Spin; 4]);
    }

    #[test]
    fn one_hot_thread_spins_from_three_cores_on() {
        assert_eq!(resolve(&[seat(Idle::Auto)], 2), [Wait::Park]);
        assert_eq!(resolve(&[seat(Idle::Auto)], 3), [Wait::Spin]);
    }

    #[test]
    fn what_is_configured_outright_is_done_and_counts_against_auto() {
        let seats = [seat(Idle::Spin), seat(Idle::Yield), seat(Idle::Park), seat(Idle::Auto)];
        let three = [Wait::Spin, Wait::Yield, Wait::Park, Wait::Park];
        assert_eq!(resolve(&seats, 3), three);
        assert_eq!(resolve(&seats, 4)[3], Wait::Spin);
    }

    #[test]
    fn auto_parks_cold_threads_and_those_that_share_a_core() {
        let cold = Seat { is_hot: false, ..seat(Idle::Auto) };
        let shared = Seat { core: Some(1), ..seat(Idle::Auto) };
        let waits = resolve(&[cold, shared, shared, seat(Idle::Auto)], 64);
        assert_eq!(waits, [Wait::Park, Wait::Park, Wait::Park, Wait::Spin]);
    }

    #[test]
    fn busy_threads_that_take_every_core_are_a_crowd() {
        assert!(is_crowded(&[Wait::Spin, Wait::Yield], 2));
        assert!(!is_crowded(&[Wait::Spin, Wait::Park], 2));
    }

    #[test]
    fn a_nap_ends_when_the_agent_is_due_and_never_exceeds_the_bound() {
        let at = MonoNs(1_000);
        assert_eq!(nap(None, at, LONGEST_NAP), LONGEST_NAP);
        assert_eq!(nap(Some(MonoNs(1_300)), at, LONGEST_NAP), DurNs(300));
        assert_eq!(nap(Some(MonoNs(u64::MAX)), at, LONGEST_NAP), LONGEST_NAP);
        assert_eq!(nap(Some(at), at, LONGEST_NAP), OVERDUE_NAP, "due, turned, and yet idle");
    }

    #[test]
    fn only_a_thread_that_parks_has_a_waker() {
        assert!(Rest::new(Wait::Park).waker().is_some());
        assert!(Rest::new(Wait::Spin).waker().is_none());
        assert!(Rest::new(Wait::Yield).waker().is_none());
    }

    #[test]
    fn work_found_by_the_last_look_takes_the_announcement_back() {
        let mut rest = Rest::new(Wait::Park);
        let waker = rest.waker().expect("it parks");
        rest.pause(&Sockets::default());
        assert!(waker.is_parked() && rest.is_ready_to_park());
        rest.rouse();
        assert!(!waker.is_parked() && !rest.is_ready_to_park());
    }

    #[test]
    fn a_wake_before_the_park_is_not_lost() {
        let mut rest = Rest::new(Wait::Park);
        rest.pause(&Sockets::default());
        rest.waker().expect("it parks").wake();
        rest.park(DurNs(u64::MAX), &Sockets::default());
        assert!(!rest.is_ready_to_park());
    }

    #[test]
    fn a_sleep_on_descriptors_ends_by_a_wake_a_summons_or_readable_bytes() {
        use std::io::Write;
        let (near, mut far) = UnixStream::pair().expect("a pair of sockets");
        let ear = || Sockets::from_iter([near.as_fd()]);
        let mut rest = Rest::new(Wait::Park);
        let waker = rest.waker().expect("it parks");
        let forever = DurNs(u64::MAX / 2);
        for way in 0..4 {
            rest.pause(&ear());
            match way {
                0 => waker.wake(),
                1 => waker.summon(),
                2 => far.write_all(b"x").expect("room for a byte"),
                // What was read by nobody still ends the next sleep.
                _ => {}
            }
            rest.park(forever, &ear());
            assert!(!rest.is_ready_to_park() && !waker.is_parked());
        }
    }

    #[test]
    fn without_descriptors_left_a_thread_that_had_some_still_hears_its_bell() {
        let (near, _far) = UnixStream::pair().expect("a pair of sockets");
        let mut rest = Rest::new(Wait::Park);
        rest.pause(&Sockets::from_iter([near.as_fd()]));
        rest.rouse();
        rest.pause(&Sockets::default());
        rest.waker().expect("it parks").wake();
        rest.park(DurNs(u64::MAX / 2), &Sockets::default());
        assert!(!rest.is_ready_to_park());
    }
}
