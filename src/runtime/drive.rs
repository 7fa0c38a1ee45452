//! The one loop. Around an agent it keeps the pulse, rests when there is nothing to do, and ends in
//! two phases: the agent drains, or the loop is cut.

use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::idle::LONGEST_NAP;
use crate::runtime::idle::Rest;
use crate::runtime::idle::STOPPING_NAP;
use crate::runtime::idle::Sockets;
use crate::runtime::idle::nap;
use crate::runtime::pulse::Pulse;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// What the loops are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Order {
    /// Go on.
    Run = 0,
    /// Phase one: finish what is open, then end; at the latest at the thread's deadline.
    Drain = 1,
    /// Phase two: end after the present turn.
    Cut = 2,
}

/// One order for all loops of a crew. Only ever becomes stricter.
#[derive(Debug, Default)]
pub struct Orders {
    order: AtomicU8,
}

impl Orders {
    /// Gives an order, unless a stricter one stands.
    pub fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::AcqRel);
    }
    /// The order that stands.
    pub fn standing(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::Run,
            1 => Order::Drain,
            _ => Order::Cut,
        }
    }
}

/// How a loop ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Its agent had nothing open.
    Drained,
    /// Its deadline came before its agent was drained.
    Overran,
    /// It was cut.
    Cut,
}

/// What a loop holds besides its agent.
#[derive(Debug)]
pub struct Desk {
    /// Its heartbeat.
    pub pulse: Pulse,
    /// What it does when idle.
    pub rest: Rest,
    /// Longest time from the order to drain to its end.
    pub drain: DurNs,
    /// Threads that must be over before this one is asked to stop: those that it serves.
    pub after: Vec<PulseView>,
}

/// Turns the agent until the orders end it. One reading of the clock a turn: the end of a turn that
/// worked is the beginning of the next.
pub fn drive<A: Agent + ?Sized>(
    agent: &mut A,
    mut read_clock: impl FnMut() -> Now,
    orders: &Orders,
    desk: &mut Desk,
) -> Exit {
    let mut leaving = Leaving::default();
    let mut last = Turn::Idle;
    let mut now = read_clock();
    desk.pulse.beat(now.mono);
    desk.pulse.enter(State::Running);
    loop {
        desk.pulse.beat(now.mono);
        let order = orders.standing();
        if order != Order::Run
            && let Some(exit) = leaving.step(agent, desk, (order, last, now))
        {
            return exit;
        }
        last = agent.turn(now);
        if last == Turn::Idle {
            let most = if order == Order::Run { LONGEST_NAP } else { STOPPING_NAP };
            idle(agent, now.mono, desk, most);
            now = read_clock();
            continue;
        }
        desk.rest.rouse();
        let begin = now.mono;
        now = read_clock();
        desk.pulse.batch(begin, now.mono);
        agent.turned(now.mono);
    }
}

fn idle<A: Agent + ?Sized>(agent: &A, turned_at: MonoNs, desk: &mut Desk, most: DurNs) {
    desk.pulse.idle(true);
    let sockets = Sockets::of(agent);
    if desk.rest.is_ready_to_park() {
        let nap = nap(agent.due(), turned_at, most);
        desk.pulse.rest_until(turned_at.plus(nap));
        desk.rest.park(nap, &sockets);
    } else {
        desk.rest.pause(&sockets);
    }
}

/// How far the end has come.
#[derive(Default)]
struct Leaving {
    by: Option<MonoNs>,
    is_asked: bool,
}

impl Leaving {
    /// Asks the agent once, then waits for an idle turn after which it is drained, so that input
    /// that was there is taken. `Some` ends the loop.
    fn step<A: Agent + ?Sized>(
        &mut self,
        agent: &mut A,
        desk: &Desk,
        (order, last, now): (Order, Turn, Now),
    ) -> Option<Exit> {
        if order == Order::Cut {
            return Some(Exit::Cut);
        }
        let by = *self.by.get_or_insert(now.mono.plus(desk.drain));
        if self.is_asked {
            if last == Turn::Idle && agent.is_drained() {
                return Some(Exit::Drained);
            }
        } else if desk.after.iter().all(PulseView::is_over) {
            self.is_asked = true;
            desk.pulse.enter(State::Stopping);
            agent.stop(now);
        }
        (now.mono >= by).then_some(Exit::Overran)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::idle::Wait;
    use std::cell::Cell;

    /// Each turn takes the next of its lengths and works if it is not 0; then it is idle.
    struct Script<'t> {
        time_ns: &'t Cell<u64>,
        orders: &'t Orders,
        lengths_ns: Vec<u64>,
        turns: usize,
        ends_ns: Vec<u64>,
        stops: u32,
        drained_after_turn: usize,
    }

    impl Agent for Script<'_> {
        fn name(&self) -> &'static str {
            "script"
        }
        fn turn(&mut self, _: Now) -> Turn {
            let length_ns = self.lengths_ns.get(self.turns).copied().unwrap_or(0);
            self.turns += 1;
            self.time_ns.set(self.time_ns.get() + length_ns);
            if self.turns >= self.lengths_ns.len() {
                self.orders.give(Order::Drain);
            }
            if length_ns == 0 { Turn::Idle } else { Turn::Worked }
        }
        fn turned(&mut self, ended_at: MonoNs) {
            self.ends_ns.push(ended_at.0);
        }
        fn due(&self) -> Option<MonoNs> {
            None
        }
        fn stop(&mut self, _: Now) {
            self.stops += 1;
        }
        fn is_drained(&self) -> bool {
            self.turns >= self.drained_after_turn
        }
    }

    /// Time moves by the turns' lengths and by 1 ns a reading.
    struct Stage {
        time_ns: Cell<u64>,
        orders: Orders,
        desk: Desk,
    }

    impl Stage {
        fn set(drain: DurNs) -> Stage {
            let rest = Rest::new(Wait::Spin);
            let desk = Desk { pulse: Pulse::new("script"), rest, drain, after: vec![] };
            Stage { time_ns: Cell::new(0), orders: Orders::default(), desk }
        }
        fn play(&mut self, lengths_ns: &[u64], drained_after_turn: usize) -> (Exit, Played) {
            let mut script = Script {
                time_ns: &self.time_ns,
                orders: &self.orders,
                lengths_ns: lengths_ns.to_vec(),
                turns: 0,
                ends_ns: vec![],
                stops: 0,
                drained_after_turn,
            };
            let read = || {
                self.time_ns.set(self.time_ns.get() + 1);
                Now { mono: MonoNs(self.time_ns.get()), ..Now::default() }
            };
            let exit = drive(&mut script, read, &self.orders, &mut self.desk);
            (exit, Played { turns: script.turns, ends: script.ends_ns, stops: script.stops })
        }
    }

    #[derive(PartialEq, Eq, Debug)]
    struct Played {
        turns: usize,
        ends: Vec<u64>,
        stops: u32,
    }

    #[test]
    fn a_turn_that_blocks_is_the_longest_gap_and_the_longest_batch() {
        let mut stage = Stage::set(DurNs(u64::MAX));
        let view = stage.desk.pulse.view();
        let (exit, played) = stage.play(&[10, 6_000_000_000, 20], 0);
        assert_eq!(exit, Exit::Drained);
        assert_eq!(view.take_longest_gap(), DurNs(6_000_000_001));
        assert_eq!(view.take_longest_batch(), DurNs(6_000_000_001));
        assert_eq!(view.progress(), 3);
        assert_eq!(played.ends.len(), 3, "every turn that worked is told when it ended");
    }

    #[test]
    fn an_agent_is_asked_once_and_turned_until_it_is_drained() {
        let mut stage = Stage::set(DurNs(u64::MAX));
        let view = stage.desk.pulse.view();
        let (exit, played) = stage.play(&[5], 9);
        assert_eq!(exit, Exit::Drained);
        assert_eq!((played.stops, played.turns), (1, 9));
        assert_eq!(view.state(), State::Stopping);
    }

    #[test]
    fn what_waits_at_the_order_to_stop_is_taken_before_the_end() {
        let mut stage = Stage::set(DurNs(u64::MAX));
        stage.orders.give(Order::Drain);
        let (exit, played) = stage.play(&[5, 5, 5], 0);
        assert_eq!(exit, Exit::Drained);
        assert_eq!(played.ends.len(), 3, "three turns had work");
    }

    #[test]
    fn an_agent_that_never_drains_ends_at_its_deadline() {
        let mut stage = Stage::set(DurNs(1_000));
        let (exit, played) = stage.play(&[5], usize::MAX);
        assert_eq!(exit, Exit::Overran);
        assert_eq!(played.stops, 1);
        assert!((1_000..1_100).contains(&stage.time_ns.get()), "{}", stage.time_ns.get());
    }

    #[test]
    fn a_cut_ends_the_loop_before_another_turn() {
        let mut stage = Stage::set(DurNs(u64::MAX));
        stage.orders.give(Order::Cut);
        stage.orders.give(Order::Drain);
        let (exit, played) = stage.play(&[5], 0);
        assert_eq!((exit, played.turns, played.stops), (Exit::Cut, 0, 0));
    }

    #[test]
    fn a_thread_is_not_asked_to_stop_before_those_that_it_serves_are_over() {
        let served = Pulse::new("served");
        let mut stage = Stage::set(DurNs(500));
        stage.desk.after = vec![served.view()];
        let (exit, played) = stage.play(&[5], 0);
        assert_eq!((exit, played.stops), (Exit::Overran, 0), "the deadline holds all the same");
        served.enter(State::Dead);
        let mut stage = Stage::set(DurNs(500));
        stage.desk.after = vec![served.view()];
        assert_eq!(stage.play(&[5], 0).0, Exit::Drained);
    }

    /// Idle, but for its second turn; notes in which turns senders would have woken it.
    struct Looks {
        waker: crate::runtime::idle::Waker,
        flags: Vec<bool>,
    }

    impl Agent for Looks {
        fn name(&self) -> &'static str {
            "looks"
        }
        fn turn(&mut self, _: Now) -> Turn {
            self.flags.push(self.waker.is_parked());
            if self.flags.len() == 2 { Turn::Worked } else { Turn::Idle }
        }
        fn due(&self) -> Option<MonoNs> {
            None
        }
        fn is_drained(&self) -> bool {
            self.flags.len() >= 5
        }
    }

    #[test]
    fn a_thread_looks_once_more_after_it_has_told_senders_that_it_parks() {
        let mut stage = Stage::set(DurNs(u64::MAX));
        stage.desk.rest = Rest::new(Wait::Park);
        let waker = stage.desk.rest.waker().expect("it parks");
        let mut looks = Looks { waker, flags: vec![] };
        stage.orders.give(Order::Drain);
        drive(&mut looks, Now::default, &stage.orders, &mut stage.desk);
        // Idle, a look that finds work, idle, a look that finds nothing, back from its nap.
        assert_eq!(looks.flags, [false, true, false, true, false]);
    }
}
