//! Samples in the order of time: runs told apart, clocks checked, one axis of hours. Pure.

use crate::types::time::NS_PER_SEC;
use crate::verdict::problem::Kind;
use crate::verdict::problem::Problem;
use crate::verdict::problem::Problems;
use crate::verdict::sample::Sample;

/// Nanoseconds in an hour.
pub const NS_PER_HOUR: f64 = 3.6e12;
/// A wall clock that leaves the run's own clock by more than this has jumped …
const JUMP_NS: i128 = NS_PER_SEC as i128;
/// … as has one that leaves the pace of the loops by more than this, where a file carries no
/// other clock.
const PACE_JUMP_NS: i128 = 60 * NS_PER_SEC as i128;
/// A clock may drift by this share of the time between two samples (a disciplined clock slews by
/// at most 500 ppm), a pace by a quarter.
const DRIFT_DIVISOR: i128 = 1_000;
const PACE_DRIFT_DIVISOR: i128 = 4;
/// A pace is steady when half of all intervals lie within this share of its median.
const STEADY: f64 = 0.05;

/// A run: one start of one process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// Its name; empty where the format has none.
    pub id: String,
    /// Of its configuration.
    pub config: Option<String>,
    /// `mock`, `paper`, `live`, `replay`.
    pub mode: Option<String>,
    /// Its time is virtual.
    pub is_virtual: bool,
    /// More than one configuration was in force.
    pub reloaded: bool,
    /// In the source's own format: nothing tells whether a later run continues it.
    pub foreign: bool,
}

/// Everything of one folder, in order.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Names of the files, by `Origin::file`.
    pub files: Vec<String>,
    /// Every run that was met, by `Sample::run`.
    pub runs: Vec<Run>,
    /// The runs that are judged, in the order of time.
    pub judged: Vec<u32>,
    /// Snapshots of those, in the order of time.
    pub snapshots: Vec<Sample>,
    /// Minutes of those, in the order of time.
    pub minutes: Vec<Sample>,
    /// Snapshots of other runs, which were taken out.
    pub other_snapshots: usize,
}

impl Timeline {
    /// Puts the samples in order; what belongs to another run, or whose time cannot be told, is
    /// taken out and reported.
    pub fn arrange(&mut self, problems: &mut Problems) {
        self.snapshots = self.take_foreign_apart(problems);
        let taken = self.runs.clone();
        for samples in [&mut self.snapshots, &mut self.minutes] {
            samples.sort_by_key(|s| (s.run, s.mono_ns, s.seq, s.wall_ns));
            for run in samples.chunk_by(|a, b| a.run == b.run) {
                let kind = &taken[run[0].run as usize];
                if !kind.foreign {
                    report_jumps(run, &self.files, problems);
                    report_copies(run, &self.files, problems);
                }
            }
        }
        let spans = self.spans();
        self.judged = choose(&spans, &self.runs);
        self.leave_out_other_runs(problems);
        self.set_hours(&spans);
    }
    /// The index of a run by its name; a new one if it was not met before.
    pub fn run(&mut self, met: Run) -> u32 {
        let known = self.runs.iter().position(|run| run.id == met.id);
        let at = known.unwrap_or_else(|| {
            self.runs.push(met.clone());
            self.runs.len() - 1
        });
        self.runs[at].reloaded |= self.runs[at].config != met.config;
        u32::try_from(at).unwrap_or(u32::MAX)
    }
    /// Samples that name no run: a loop count that falls begins another run, a moment that does
    /// not fit the loops around it has a clock that jumped.
    fn take_foreign_apart(&mut self, problems: &mut Problems) -> Vec<Sample> {
        let mut samples = std::mem::take(&mut self.snapshots);
        let foreign = |runs: &[Run], s: &Sample| runs[s.run as usize].foreign;
        samples.sort_by_key(|sample| (foreign(&self.runs, sample), sample.wall_ns));
        let from = samples.partition_point(|sample| !foreign(&self.runs, sample));
        let apart = samples.split_off(from);
        let pace = pace(&apart);
        let mut walk = Walk { last: None, candidate: None, shift_ns: 0, pace };
        let ahead: Vec<Option<u64>> = apart.iter().skip(1).map(|s| s.loop_count).collect();
        for (at, mut sample) in apart.into_iter().enumerate() {
            let next = ahead.get(at).copied().flatten();
            match walk.place(&sample, next) {
                Place::Follows => {
                    sample.run = u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX);
                    // The axis of hours goes on without the jump; the time of the file stands.
                    sample.mono_ns = u64::try_from(i128::from(sample.wall_ns) - walk.shift_ns).ok();
                    samples.push(sample);
                }
                Place::NewRun => {
                    self.runs.push(Run { foreign: true, ..Run::default() });
                    sample.run = u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX);
                    sample.mono_ns = Some(sample.wall_ns);
                    samples.push(sample);
                }
                Place::Jumped => problems.add(self.problem(
                    &sample,
                    Kind::ClockJump,
                    "its time does not fit the loop counts before and after it",
                )),
            }
        }
        samples
    }
    fn spans(&self) -> Vec<Span> {
        let mut spans = vec![Span::default(); self.runs.len()];
        let mut offsets = vec![Vec::new(); self.runs.len()];
        for sample in self.snapshots.iter().chain(&self.minutes) {
            let span = &mut spans[sample.run as usize];
            let mono = sample.mono_ns.unwrap_or(sample.wall_ns);
            span.first_ns = if span.samples == 0 { mono } else { span.first_ns.min(mono) };
            span.last_ns = span.last_ns.max(mono);
            span.samples += 1;
            offsets[sample.run as usize].push(i128::from(sample.wall_ns) - i128::from(mono));
        }
        for (span, offsets) in spans.iter_mut().zip(&mut offsets) {
            offsets.sort_unstable();
            span.offset_ns = offsets.get(offsets.len() / 2).copied().unwrap_or_default();
        }
        spans
    }
    fn leave_out_other_runs(&mut self, problems: &mut Problems) {
        for which in [true, false] {
            let samples = if which { &mut self.snapshots } else { &mut self.minutes };
            let taken = std::mem::take(samples);
            let (kept, others): (Vec<Sample>, Vec<Sample>) =
                taken.into_iter().partition(|sample| self.judged.contains(&sample.run));
            self.other_snapshots += if which { others.len() } else { 0 };
            for other in &others {
                let run = &self.runs[other.run as usize];
                let detail = match run.foreign {
                    true => "its loop count begins anew: another run than the longest here",
                    false => "of a run that overlaps or does not continue the judged one",
                };
                problems.add(self.problem(other, Kind::MixedRun, detail));
            }
            *(if which { &mut self.snapshots } else { &mut self.minutes }) = kept;
        }
    }
    fn set_hours(&mut self, spans: &[Span]) {
        let start = |run: &u32| spans[*run as usize].wall_of(spans[*run as usize].first_ns);
        let Some(first) = self.judged.first().map(start) else { return };
        for sample in self.snapshots.iter_mut().chain(&mut self.minutes) {
            let mono = sample.mono_ns.unwrap_or(sample.wall_ns);
            let wall = spans[sample.run as usize].wall_of(mono);
            sample.hours = (wall - first) as f64 / NS_PER_HOUR;
        }
        for samples in [&mut self.snapshots, &mut self.minutes] {
            samples.sort_by(|a, b| a.hours.total_cmp(&b.hours));
        }
    }
    fn problem(&self, sample: &Sample, problem: Kind, detail: &str) -> Problem {
        located(&self.files, sample, (problem, detail.to_string()))
    }
}

/// Where a run lies in time.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    first_ns: u64,
    last_ns: u64,
    samples: usize,
    /// Wall time less the run's own, by its median.
    offset_ns: i128,
}

impl Span {
    fn wall_of(&self, own_ns: u64) -> i128 {
        i128::from(own_ns) + self.offset_ns
    }
    fn overlaps(&self, other: &Span) -> bool {
        let begins_before_end =
            |a: &Span, b: &Span| a.wall_of(a.first_ns) + JUMP_NS < b.wall_of(b.last_ns);
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

/// The run with most samples, and those that it continues or that continue it: same mode, same
/// configuration, no overlap. In the order of time.
fn choose(spans: &[Span], runs: &[Run]) -> Vec<u32> {
    let met = |run: &usize| spans[*run].samples > 0;
    let Some(base) = (0..runs.len()).filter(met).max_by_key(|run| spans[*run].samples) else {
        return Vec::new();
    };
    let mut judged = vec![base];
    let same = |run: &Run| {
        let base = &runs[base];
        let fits = (&run.config, &run.mode) == (&base.config, &base.mode);
        fits && run.is_virtual == base.is_virtual && !run.foreign && !base.foreign
    };
    let mut others: Vec<usize> = (0..runs.len()).filter(met).filter(|run| *run != base).collect();
    others.sort_by_key(|run| std::cmp::Reverse(spans[*run].samples));
    for run in others {
        let apart = judged.iter().all(|kept| !spans[*kept].overlaps(&spans[run]));
        if apart && same(&runs[run]) {
            judged.push(run);
        }
    }
    judged.sort_by_key(|run| spans[*run].wall_of(spans[*run].first_ns));
    judged.into_iter().filter_map(|run| u32::try_from(run).ok()).collect()
}

/// Reports samples of one run whose wall clock leaves the run's own clock. They stay: their own
/// clock tells when they were taken.
fn report_jumps(run: &[Sample], files: &[String], problems: &mut Problems) {
    let mut accepted: Option<(i128, u64)> = None;
    let mut candidate: Option<i128> = None;
    for sample in run {
        let Some(mono) = sample.mono_ns else { continue };
        let offset = i128::from(sample.wall_ns) - i128::from(mono);
        let near = |to: i128, allowed: i128| (offset - to).abs() <= allowed;
        let Some((base, since)) = accepted else {
            accepted = Some((offset, mono));
            continue;
        };
        let allowed = JUMP_NS + i128::from(mono.saturating_sub(since)) / DRIFT_DIVISOR;
        if near(base, allowed) || candidate.is_some_and(|base| near(base, allowed)) {
            (accepted, candidate) = (Some((offset, mono)), None);
            continue;
        }
        candidate = Some(offset);
        let by = (offset - base) as f64 / NS_PER_SEC as f64;
        let detail = format!("the wall clock moved {by:+.1} s against the clock of the run");
        problems.add(located(files, sample, (Kind::ClockJump, detail)));
    }
}

/// Reports samples that bear the number of another one of their run.
fn report_copies(run: &[Sample], files: &[String], problems: &mut Problems) {
    for pair in run.windows(2) {
        if let Some(seq) = pair[1].seq.filter(|_| pair[0].seq == pair[1].seq) {
            let detail = format!("number {seq} of its run a second time: a copy");
            problems.add(located(files, &pair[1], (Kind::MixedRun, detail)));
        }
    }
}

fn located(files: &[String], sample: &Sample, (problem, detail): (Kind, String)) -> Problem {
    let file = files.get(sample.origin.file as usize).cloned().unwrap_or_default();
    let line = Some(sample.origin.line).filter(|line| *line > 0);
    Problem { file, line, problem, detail }
}

/// Nanoseconds per loop, if the snapshots keep a steady pace.
fn pace(samples: &[Sample]) -> Option<i128> {
    let step = |pair: &[Sample]| {
        let loops = pair[1].loop_count?.checked_sub(pair[0].loop_count?).filter(|n| *n > 0)?;
        Some((pair[1].wall_ns - pair[0].wall_ns) as f64 / loops as f64)
    };
    let mut paces: Vec<f64> = samples.windows(2).filter_map(step).collect();
    paces.sort_by(f64::total_cmp);
    let quartile = |n: usize| paces.get(paces.len() * n / 4).copied();
    let (low, middle, high) = (quartile(1)?, quartile(2)?, quartile(3)?);
    let steady = middle > 0.0 && (high - low) <= STEADY * middle && paces.len() >= 4;
    steady.then_some(middle as i128)
}

enum Place {
    Follows,
    NewRun,
    Jumped,
}

/// A walk over snapshots that name neither their run nor a second clock.
struct Walk {
    last: Option<(u64, u64)>,
    candidate: Option<(u64, u64)>,
    /// How far the wall clock has jumped for good.
    shift_ns: i128,
    pace: Option<i128>,
}

impl Walk {
    fn place(&mut self, sample: &Sample, next: Option<u64>) -> Place {
        let here = (sample.loop_count.unwrap_or_default(), sample.wall_ns);
        let Some(last) = self.last else {
            self.last = Some(here);
            return Place::NewRun;
        };
        if here.0 < last.0 {
            if next.is_some_and(|next| next >= last.0) {
                return Place::Jumped;
            }
            *self = Walk { last: Some(here), candidate: None, shift_ns: 0, pace: self.pace };
            return Place::NewRun;
        }
        if self.fits(last, here) == Some(false) {
            let Some(candidate) = self.candidate.filter(|c| self.fits(*c, here) == Some(true))
            else {
                self.candidate = Some(here);
                return Place::Jumped;
            };
            self.shift_ns += self.gap(last, candidate);
        }
        (self.last, self.candidate) = (Some(here), None);
        Place::Follows
    }
    /// How much later the second is than the pace says.
    fn gap(&self, a: (u64, u64), b: (u64, u64)) -> i128 {
        let expected = self.pace.unwrap_or_default() * (i128::from(b.0) - i128::from(a.0));
        i128::from(b.1) - i128::from(a.1) - expected
    }
    /// `None` without a pace to compare with.
    fn fits(&self, a: (u64, u64), b: (u64, u64)) -> Option<bool> {
        let expected = self.pace? * (i128::from(b.0) - i128::from(a.0));
        let allowed = PACE_JUMP_NS.max(expected.abs() / PACE_DRIFT_DIVISOR);
        Some(self.gap(a, b).abs() <= allowed)
    }
}
