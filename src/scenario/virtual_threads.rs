//! Threads and a process that do not exist: in virtual time the watchdog sees pulses that beat
//! whenever their agent was turned, and gauges that a model gives. Real CPU, memory and stalls
//! decide nothing there (`PRODUCT.md` 6).

use std::sync::Arc;

use crate::runtime::agent::Agent;
use crate::runtime::pulse::Pulse;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::scenario::injection::Injection;
use crate::topology::Plant;
use crate::types::board::ProcessBoard;
use crate::types::time::Now;
use crate::types::units::Ppm;
use crate::watchdog::sources::Subjects;
use crate::watchdog::sources::Thread;
use crate::watchdog::sources::Waiting;

/// Descriptors that a process may have, where the model is asked: the usual limit of a shell.
const MOST_OPEN_FILES: i64 = 1_024;

/// Pulses and gauges of a run on one thread and virtual time.
pub struct Virtual {
    feeds: Vec<Pulse>,
    gateway: Pulse,
    engine: Pulse,
    process: Arc<ProcessBoard>,
}

impl Virtual {
    /// For the agents of a plant.
    pub fn new<F: Agent>(plant: &Plant<F>) -> Virtual {
        let pulse = |name| {
            let pulse = Pulse::new(name);
            pulse.enter(State::Running);
            pulse
        };
        Virtual {
            feeds: plant.feeds.iter().map(|feed| pulse(feed.name())).collect(),
            gateway: pulse(plant.gateway.name()),
            engine: pulse(plant.engine.name()),
            process: Arc::default(),
        }
    }
    /// What a watchdog looks at: these threads, the model, and what the plant's agents show.
    pub fn subjects(&self, shown: Subjects, waiting: Option<[Waiting; 2]>) -> Subjects {
        let [engine, gateway] = waiting.map_or([None, None], |both| both.map(Some));
        Subjects {
            engine: Some(Thread { pulse: self.engine.view(), waiting: engine }),
            feeds: self.feeds.iter().map(|pulse| Thread::of(pulse.view())).collect(),
            gateway: Some(Thread { pulse: self.gateway.view(), waiting: gateway }),
            process: Arc::clone(&self.process),
            samples_process: true,
            ..shown
        }
    }
    /// Reading ends of all pulses.
    pub fn views(&self) -> Vec<PulseView> {
        self.feeds.iter().chain([&self.engine, &self.gateway]).map(Pulse::view).collect()
    }
    /// Pulses of the feeds, of the engine and of the gateway: each beats when its agent is turned.
    pub fn pulses(&mut self) -> impl Iterator<Item = &mut Pulse> {
        self.feeds.iter_mut().chain([&mut self.engine, &mut self.gateway])
    }
    /// Telemetry has measured what the model says, and the heartbeat came back if it was answered.
    pub fn measure(&self, now: Now, injection: &Injection) {
        let at = now.mono;
        let figures = injection.figures(at);
        let open_files = i64::from(figures.open_files) * Ppm::ONE.get() / MOST_OPEN_FILES;
        self.process.rss.put(i64::try_from(figures.rss_bytes).unwrap_or(i64::MAX), at);
        self.process.cpu.put(figures.cpu.get(), at);
        self.process.open_files.put(open_files, at);
        // Batches take no virtual time.
        self.process.loop_p95.put(0, at);
        if injection.heart_beats() {
            self.process.heartbeat.put(0, at);
        }
    }
    /// A thread would have panicked.
    pub fn has_dead(&self) -> bool {
        let mut all = self.feeds.iter().chain([&self.gateway, &self.engine]);
        all.any(|pulse| pulse.view().state() == State::Dead)
    }
}
