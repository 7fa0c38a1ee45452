//! Threads and a process that do not exist: in virtual time the watchdog sees pulses that beat
//! whenever their agent was turned, and gauges that a model gives. Real CPU, memory and stalls
//! decide nothing there (`PRODUCT.md` 6).

use std::sync::Arc;

use crate::runtime::agent::Agent;
use crate::runtime::pulse::Pulse;
use crate::runtime::pulse::State;
use crate::topology::Plant;
use crate::types::board::ProcessBoard;
use crate::types::time::Now;
use crate::watchdog::sources::Subjects;
use crate::watchdog::sources::Thread;
use crate::watchdog::sources::Waiting;

/// Resident memory of the model, bytes: about that of a real run.
const RSS_BYTES: i64 = 12_000_000;
/// CPU use of the model, ppm of one core.
const CPU_PPM: i64 = 10_000;
/// Descriptors of the model, ppm of the allowed number.
const OPEN_FILES_PPM: i64 = 10_000;

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
    /// Every agent has been turned at this instant, and telemetry has measured.
    pub fn beat(&mut self, now: Now) {
        let at = now.mono;
        for pulse in self.feeds.iter_mut().chain([&mut self.gateway, &mut self.engine]) {
            pulse.beat(at);
        }
        self.process.rss.put(RSS_BYTES, at);
        self.process.cpu.put(CPU_PPM, at);
        self.process.open_files.put(OPEN_FILES_PPM, at);
        // Batches take no virtual time.
        self.process.loop_p95.put(0, at);
        self.process.heartbeat.put(0, at);
    }
}
