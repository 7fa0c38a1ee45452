//! Faults of the process: memory, disk, heartbeat, wall clock. Also tells of every fault of the
//! schedule, whoever injects it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Tx;
use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::sim::process::ProcessFigures;
use crate::sim::script::Edge;
use crate::sim::script::Script;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;
use crate::types::time::Clock;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Memory that one turn takes. Above glibc's largest threshold for mapping (32 MiB), so that each
/// whole chunk is mapped by itself and goes back to the system when it is freed.
const CHUNK: u64 = 64 << 20;
/// Smallest page of any machine: touching one byte of each makes memory resident.
const PAGE: usize = 4_096;

/// Whether faults of the process are real.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// Memory is taken, the clock of this process is stepped.
    Real,
    /// Virtual time: memory and CPU are modelled, and whoever owns the clock steps it.
    Modelled,
}

/// What other threads honour.
#[derive(Clone, Debug, Default)]
pub struct Switches {
    /// The heartbeat gets no answer.
    pub redis_stalls: Arc<AtomicBool>,
    /// The evidence store may not write.
    pub disk_is_full: Arc<AtomicBool>,
}

/// The agent that breaks the process.
#[derive(Debug)]
pub struct Saboteur {
    script: Script,
    means: Means,
    switches: Switches,
    notices: Option<Tx<Notice>>,
    ballast: Vec<Box<[u8]>>,
    /// Steps of the virtual clock that its owner has not taken yet.
    steps_ns: i64,
}

impl Saboteur {
    /// Over the whole schedule of a run that began at `start`.
    pub fn new(
        (faults, start): (&[Fault], MonoNs),
        means: Means,
        switches: Switches,
        notices: Option<Tx<Notice>>,
    ) -> Saboteur {
        let script = Script::new(faults.iter().copied(), start);
        Saboteur { script, means, switches, notices, ballast: Vec::new(), steps_ns: 0 }
    }
    /// The process as it would look at `now`, as of the last turn.
    pub fn figures(&self, now: MonoNs) -> ProcessFigures {
        ProcessFigures::of(self.script.active(), now)
    }
    /// How far the wall clock is to be stepped; 0 for not at all. Gives it once.
    pub const fn take_clock_step(&mut self) -> i64 {
        std::mem::replace(&mut self.steps_ns, 0)
    }

    fn on_edge(&mut self, edge: Edge, now: Now) {
        // A disk that has room again takes the word of the end.
        if edge.fault.effect == Effect::DiskFull {
            self.switches.disk_is_full.store(false, Ordering::Release);
        }
        self.tell(edge, now);
        match edge.fault.effect {
            Effect::RedisStall => self.switches.redis_stalls.store(edge.begins, Ordering::Release),
            Effect::DiskFull => self.switches.disk_is_full.store(edge.begins, Ordering::Release),
            Effect::ClockStep { by_ns } => {
                self.step_clock(if edge.begins { by_ns } else { by_ns.saturating_neg() });
            }
            _ => {}
        }
    }

    /// The moment is that of the edge, also when this thread comes late to it.
    fn tell(&self, edge: Edge, now: Now) {
        let late = now.mono.since(edge.at);
        let wall = WallNs(now.wall.0.saturating_sub(late.0));
        let (name, of) = (edge.fault.effect.name(), edge.fault.effect.of());
        let kind = NoticeKind::Fault { name, of, begins: edge.begins };
        let notice = Notice { at: Now { mono: edge.at, wall }, kind };
        if let Some(notices) = &self.notices {
            // The link drops what it cannot take.
            let _ = notices.send(notice);
        }
    }

    fn step_clock(&mut self, by_ns: i64) {
        match self.means {
            Means::Real => Clock::step_wall(by_ns),
            Means::Modelled => self.steps_ns = self.steps_ns.saturating_add(by_ns),
        }
    }

    /// Takes or frees one chunk of memory, if what is held is not what is wanted.
    fn balance(&mut self) -> Turn {
        let wanted: u64 = self.script.active().iter().map(ballast_of).sum();
        let held: u64 = self.ballast.iter().map(|chunk| chunk.len() as u64).sum();
        if held > wanted {
            self.ballast.clear();
            return Turn::Worked;
        }
        let Some(size) = wanted.checked_sub(held).filter(|missing| *missing > 0) else {
            return Turn::Idle;
        };
        let mut chunk = vec![0_u8; size.min(CHUNK) as usize].into_boxed_slice();
        chunk.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        self.ballast.push(chunk);
        Turn::Worked
    }
}

const fn ballast_of(fault: &Fault) -> u64 {
    match fault.effect {
        Effect::MemoryStep { bytes } => bytes,
        _ => 0,
    }
}

impl Agent for Saboteur {
    fn name(&self) -> &'static str {
        "saboteur"
    }

    fn turn(&mut self, now: Now) -> Turn {
        let mut turn = Turn::Idle;
        while let Some(edge) = self.script.next_edge(now.mono) {
            self.on_edge(edge, now);
            turn = Turn::Worked;
        }
        let holds = self.means == Means::Real && self.balance() == Turn::Worked;
        if holds { Turn::Worked } else { turn }
    }

    fn due(&self) -> Option<MonoNs> {
        self.script.due()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::link::NOTICES;
    use crate::types::time::DurNs;

    fn fault(at: u64, lasts: u64, effect: Effect) -> Fault {
        Fault { at: DurNs(at), lasts: DurNs(lasts), effect }
    }
    fn at(mono: u64) -> Now {
        Now { mono: MonoNs(mono), wall: WallNs(1_000 + mono) }
    }
    fn saboteur(faults: &[Fault], means: Means) -> (Saboteur, Switches) {
        let switches = Switches::default();
        (Saboteur::new((faults, MonoNs(0)), means, switches.clone(), None), switches)
    }

    #[test]
    fn switches_are_on_from_beginning_to_end() {
        let faults = [fault(10, 5, Effect::RedisStall), fault(12, 5, Effect::DiskFull)];
        let (mut saboteur, switches) = saboteur(&faults, Means::Modelled);
        let mut read = |now| {
            saboteur.turn(at(now));
            let of = |switch: &AtomicBool| switch.load(Ordering::Acquire);
            [of(&switches.redis_stalls), of(&switches.disk_is_full)]
        };
        assert_eq!(read(9), [false, false]);
        assert_eq!(read(10), [true, false]);
        assert_eq!(read(14), [true, true]);
        assert_eq!(read(15), [false, true]);
        assert_eq!(read(17), [false, false]);
    }

    #[test]
    fn memory_is_really_held_and_really_freed() {
        let bytes = 2 * CHUNK + 5;
        let (mut saboteur, _) =
            saboteur(&[fault(10, 5, Effect::MemoryStep { bytes })], Means::Real);
        assert_eq!(saboteur.turn(at(9)), Turn::Idle);
        while saboteur.turn(at(10)) == Turn::Worked {}
        let touched = |chunk: &[u8]| chunk.iter().step_by(PAGE).all(|byte| *byte == 1);
        assert_eq!(saboteur.ballast.iter().map(|chunk| chunk.len() as u64).sum::<u64>(), bytes);
        assert!(saboteur.ballast.iter().all(|chunk| touched(chunk)));
        while saboteur.turn(at(15)) == Turn::Worked {}
        assert!(saboteur.ballast.is_empty());
    }

    #[test]
    fn a_virtual_clock_is_stepped_there_and_back_by_its_owner() {
        let (mut saboteur, _) =
            saboteur(&[fault(10, 5, Effect::ClockStep { by_ns: -7 })], Means::Modelled);
        saboteur.turn(at(10));
        assert_eq!((saboteur.take_clock_step(), saboteur.take_clock_step()), (-7, 0));
        saboteur.turn(at(15));
        assert_eq!(saboteur.take_clock_step(), 7);
    }

    #[test]
    fn every_beginning_and_end_is_told_with_its_own_time() {
        let (sender, notices) = NOTICES.open();
        let faults = [fault(10, 5, Effect::EngineStall { thread: "engine" })];
        let whole = (&faults[..], MonoNs(0));
        let mut saboteur = Saboteur::new(whole, Means::Modelled, Switches::default(), Some(sender));
        saboteur.turn(at(99));
        let told: Vec<Notice> = std::iter::from_fn(|| notices.take()).collect();
        let kind = |begins| NoticeKind::Fault { name: "engine_stall", of: "engine", begins };
        let notice = |mono, begins| Notice { at: at(mono), kind: kind(begins) };
        assert_eq!(told, [notice(10, true), notice(15, false)]);
    }
}
