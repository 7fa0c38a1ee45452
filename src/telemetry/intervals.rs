//! Interval histograms of what the engine measures. A sample is in exactly one interval.

use std::collections::BTreeMap;

use crate::stats::shared::Distribution;
use crate::stats::shared::HistogramReader;
use crate::stats::shared::Latencies;
use crate::types::evidence::Interval;
use crate::types::time::DurNs;

/// Names of the distributions in snapshots and minutes.
const NAMES: [&str; 3] = ["loop", "tick_to_decision", "tick_to_order"];

/// One consumer's intervals.
#[derive(Debug)]
pub struct Intervals {
    readers: [HistogramReader; NAMES.len()],
    held: [Distribution; NAMES.len()],
}

impl Intervals {
    /// The first interval begins with the run.
    pub fn new(latencies: &Latencies) -> Intervals {
        let Latencies { batch, decision, order } = latencies.clone();
        Intervals {
            readers: [batch, decision, order].map(HistogramReader::new),
            held: std::array::from_fn(|_| Distribution::empty()),
        }
    }
    /// Takes in what was recorded since; it is held until [`Intervals::clear`].
    pub fn update(&mut self) {
        for (held, reader) in self.held.iter_mut().zip(&mut self.readers) {
            held.merge(&reader.take());
        }
    }
    /// What is held.
    pub fn figures(&self) -> BTreeMap<String, Interval> {
        let figures = |(name, held): (&str, &Distribution)| (name.to_owned(), held.interval());
        NAMES.into_iter().zip(&self.held).map(figures).collect()
    }
    /// Longest batch that is held.
    pub fn longest_batch(&self) -> Option<DurNs> {
        self.held[0].max().map(DurNs)
    }
    /// The next interval begins.
    pub fn clear(&mut self) {
        self.held = std::array::from_fn(|_| Distribution::empty());
    }
}
