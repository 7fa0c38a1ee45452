//! Processor time of threads that keep their core busy when idle: it says nothing about load.

use std::fs;

use crate::runtime::pulse::PulseView;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// The kernel counts in steps of 10 ms (`USER_HZ` is 100 on every architecture in use).
const STEP: DurNs = DurNs::from_ms(10);
/// Shortest time over which such steps make a number.
const LEAST_SPAN: DurNs = DurNs::from_ms(250);

/// CPU use of the spinning threads, in percent of one core.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpinningCpu {
    base: Option<(MonoNs, u64)>,
    percent: f64,
}

impl SpinningCpu {
    /// Over the time since the last sample; what was last known if that is too short.
    pub fn sample(&mut self, pulses: &[PulseView], at: MonoNs) -> f64 {
        let spinning = pulses.iter().filter(|pulse| pulse.spins() && pulse.tid() != 0);
        let steps: u64 = spinning.filter_map(|pulse| steps_of(pulse.tid())).sum();
        let Some((since, before)) = self.base else {
            self.base = Some((at, steps));
            return self.percent;
        };
        let span = at.since(since);
        if span >= LEAST_SPAN {
            let used = steps.saturating_sub(before).saturating_mul(STEP.0);
            self.percent = used as f64 / span.0 as f64 * 100.0;
            self.base = Some((at, steps));
        }
        self.percent
    }
}

/// Processor time of a thread of this process (fields 14 and 15 of its `stat`; its name before them
/// may hold anything).
fn steps_of(tid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let mut time = || times.next()?.parse::<u64>().ok();
    Some(time()?.saturating_add(time()?))
}

const _: () = assert!(LEAST_SPAN.0 > STEP.0 && NS_PER_SEC.is_multiple_of(STEP.0));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::pulse::Pulse;
    use crate::types::time::Clock;

    #[test]
    fn the_time_of_a_thread_that_spins_is_counted_and_that_of_others_is_not() {
        let tid = fs::read_link("/proc/thread-self").expect("a thread");
        let tid = tid.file_name().and_then(|name| name.to_str()).and_then(|t| t.parse().ok());
        let (spins, parks) = (Pulse::new("spins"), Pulse::new("parks"));
        spins.introduce(tid.expect("its number"), true);
        parks.introduce(tid.expect("its number"), false);
        let (mut busy, mut idle) = (SpinningCpu::default(), SpinningCpu::default());
        busy.sample(&[spins.view()], MonoNs(0));
        idle.sample(&[parks.view()], MonoNs(0));
        let clock = Clock::start();
        while steps_of(tid.expect("its number")) < Some(3) || clock.mono() < MonoNs(LEAST_SPAN.0) {
            std::hint::black_box(clock.mono());
        }
        assert!(busy.sample(&[spins.view()], clock.mono()) > 0.0);
        assert_eq!(idle.sample(&[parks.view()], clock.mono()), 0.0);
    }
}
