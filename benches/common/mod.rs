//! The harness of all benches: contenders take turns, so that a slow phase of the machine hits
//! each of them, and ratios are taken within one run.

mod table;

use arb::types::time::Clock;
use table::Row;

/// Calls a sample is the mean of: hides the clock's 25 ns, still shows a stall.
const CALLS_PER_SAMPLE: u64 = 32;
/// Samples of each contender that are thrown away first.
const WARM_UP: usize = 200;
const SAMPLES: usize = 3_000;

/// One way to do the work.
pub struct Contender<'a> {
    /// Its name in the table.
    pub name: &'static str,
    /// The work, once.
    pub work: Box<dyn FnMut() + 'a>,
}

/// Runs the contenders in turns and prints one row each; the first is what the ratios refer to.
pub fn compare(question: &str, contenders: &mut [Contender<'_>]) {
    let clock = Clock::start();
    let mut rows: Vec<Row> =
        contenders.iter().map(|c| Row { name: c.name, samples: Vec::new() }).collect();
    for round in 0..WARM_UP + SAMPLES {
        for (contender, row) in contenders.iter_mut().zip(&mut rows) {
            let begin = clock.mono();
            for _ in 0..CALLS_PER_SAMPLE {
                (contender.work)();
            }
            let taken_ns = clock.mono().since(begin).0 / CALLS_PER_SAMPLE;
            if round >= WARM_UP {
                row.samples.push(taken_ns);
            }
        }
    }
    println!("{question} (core {})", core());
    table::print(&mut rows);
}

/// The core this thread last ran on, as the kernel says (field 39 of `/proc/self/stat`).
fn core() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split(' ').nth(36).unwrap_or("unknown").to_owned()
}
