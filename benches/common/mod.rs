//! The harness of all benches: contenders take turns, so that a slow phase of the machine hits
//! each of them, and ratios are taken within one run.

use arb::types::time::Clock;

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
    let mut samples: Vec<Vec<u64>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..WARM_UP + SAMPLES {
        for (contender, samples) in contenders.iter_mut().zip(&mut samples) {
            let begin = clock.mono();
            for _ in 0..CALLS_PER_SAMPLE {
                (contender.work)();
            }
            let taken_ns = clock.mono().since(begin).0 / CALLS_PER_SAMPLE;
            if round >= WARM_UP {
                samples.push(taken_ns);
            }
        }
    }
    println!("{question} (core {})", core());
    println!(
        "  {:<24} {:>7} {:>7} {:>7} {:>7} {:>8}  p50 ratio",
        "ns", "min", "p50", "p95", "p99", "max"
    );
    let reference = median(&mut samples[0]);
    for (contender, samples) in contenders.iter().zip(&mut samples) {
        print_row(contender.name, samples, reference);
    }
}

fn print_row(name: &str, samples: &mut [u64], reference: u64) {
    let p50 = median(samples);
    let at = |part: usize| samples[(samples.len() * part).div_ceil(100).max(1) - 1];
    let (min, p95, p99, max) = (samples[0], at(95), at(99), samples[samples.len() - 1]);
    // Hundredths in integers: 312 is 3.12 times the reference.
    let hundredths = p50 * 100 / reference.max(1);
    let (whole, part) = (hundredths / 100, hundredths % 100);
    println!("  {name:<24} {min:>7} {p50:>7} {p95:>7} {p99:>7} {max:>8}  {whole}.{part:02}x");
}

/// Nearest-rank median; leaves the samples sorted.
fn median(samples: &mut [u64]) -> u64 {
    samples.sort_unstable();
    samples[samples.len().div_ceil(2) - 1]
}

/// The core this thread last ran on, as the kernel says (field 39 of `/proc/self/stat`).
fn core() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split(' ').nth(36).unwrap_or("unknown").to_owned()
}
