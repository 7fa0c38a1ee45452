//! The table that benches print: one row a contender, with its ratio to the first.

/// One contender's samples.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it took, in ns.
    pub samples: Vec<u64>,
}

/// Prints minimum, P50, P95, P99, maximum and the ratio of P50 to that of the first row.
pub fn print(rows: &mut [Row]) {
    println!(
        "  {:<24} {:>7} {:>7} {:>7} {:>8} {:>9}  p50 ratio",
        "ns", "min", "p50", "p95", "p99", "max"
    );
    for row in rows.iter_mut() {
        row.samples.sort_unstable();
    }
    let reference = rows.first().map_or(0, |first| first.rank(50)).max(1);
    for row in rows {
        let name = row.name;
        if row.samples.is_empty() {
            println!("  {name:<24} NOT MEASURED");
            continue;
        }
        let [min, p50, p95, p99, max] = [0, 50, 95, 99, 100].map(|part| row.rank(part));
        // Hundredths in integers: 312 is 3.12 times the reference.
        let hundredths = p50 * 100 / reference;
        let (whole, part) = (hundredths / 100, hundredths % 100);
        println!("  {name:<24} {min:>7} {p50:>7} {p95:>7} {p99:>8} {max:>9}  {whole}.{part:02}x");
    }
}

impl Row {
    /// Nearest rank in sorted samples; 0 of nothing.
    fn rank(&self, percent: usize) -> u64 {
        let rank = (self.samples.len() * percent).div_ceil(100).saturating_sub(1);
        self.samples.get(rank).copied().unwrap_or(0)
    }
}
