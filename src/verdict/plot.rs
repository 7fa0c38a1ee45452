//! Small plots for a terminal: columns of block elements, or of ASCII. Pure.

use crate::stats::slope::Point;
use crate::stats::slope::median;

/// Which characters a terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glyphs {
    /// Eighths of a block: U+2581 to U+2588.
    Blocks,
    /// `.`, `:`, `|`.
    Ascii,
}

/// Columns of a plot.
const WIDTH: usize = 60;
/// Rows of a plot.
const ROWS: usize = 4;
/// Levels in a row of blocks.
const EIGHTHS: usize = 8;
const ASCII: [char; 3] = ['.', ':', '|'];

impl Glyphs {
    fn levels(self) -> usize {
        match self {
            Glyphs::Blocks => EIGHTHS,
            Glyphs::Ascii => ASCII.len(),
        }
    }
    /// The sign for a column that fills `level` levels of a row.
    fn sign(self, level: usize) -> char {
        match (self, level.min(self.levels())) {
            (_, 0) => ' ',
            (Glyphs::Blocks, level) => {
                u32::try_from(level).ok().and_then(|n| char::from_u32(0x2580 + n)).unwrap_or(' ')
            }
            (Glyphs::Ascii, level) => ASCII[level - 1],
        }
    }
}

/// The rows of a plot, top first, with the largest value at the first and the smallest at the
/// last, and below them the hours. Each column is the median of its part of the time; a part
/// without a sample stays empty. No rows without points.
pub fn rows(points: &[Point], glyphs: Glyphs) -> Vec<String> {
    let columns = columns(points);
    let values = || columns.iter().flatten().copied();
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    if low > high {
        return Vec::new();
    }
    let levels = ROWS * glyphs.levels();
    // The lowest value fills one level, so that it is told from no value.
    let height = |value: f64| match high > low {
        true => 1 + ((value - low) / (high - low) * (levels - 1) as f64).round() as usize,
        false => levels / 2,
    };
    let heights: Vec<usize> = columns.iter().map(|column| column.map_or(0, height)).collect();
    let row = |row: usize| {
        let below = (ROWS - 1 - row) * glyphs.levels();
        let signs = heights.iter().map(|height| glyphs.sign(height.saturating_sub(below)));
        let label = match row {
            0 => label(high),
            _ if row == ROWS - 1 => label(low),
            _ => String::new(),
        };
        format!("{label:>10} {}", signs.collect::<String>().trim_end())
    };
    (0..ROWS).map(row).chain([axis(points)]).collect()
}

/// Smallest, median and largest value of all points, not of the columns.
pub fn range(points: &[Point]) -> String {
    let mut values: Vec<f64> = points.iter().map(|point| point.y).collect();
    let middle = median(&mut values).map_or(String::new(), label);
    let ends = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    format!("min {}, median {middle}, max {}", label(ends.0), label(ends.1))
}

/// The hours at the first and last column.
fn axis(points: &[Point]) -> String {
    let hours = |point: Option<&Point>| format!("{:.1} h", point.map_or(0.0, |point| point.x));
    let (first, last) = (hours(points.first()), hours(points.last()));
    let width = WIDTH.min(points.len()).saturating_sub(first.len());
    format!("{:>10} {first}{last:>width$}", "")
}

fn label(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 10.0 => 2,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

fn columns(points: &[Point]) -> Vec<Option<f64>> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let width = ((last.x - first.x) / WIDTH as f64).max(f64::MIN_POSITIVE);
    let column = |point: &Point| (((point.x - first.x) / width) as usize).min(WIDTH - 1);
    let mut columns = vec![None; WIDTH.min(points.len())];
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let at = column(&group[0]) * columns.len() / WIDTH;
        let mut values: Vec<f64> = group.iter().map(|point| point.y).collect();
        columns[at] = median(&mut values);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: usize, y: fn(f64) -> f64) -> Vec<Point> {
        (0..count).map(|at| Point { x: at as f64, y: y(at as f64) }).collect()
    }

    #[test]
    fn a_ramp_fills_the_plot_from_its_corner() {
        let found = rows(&line(600, |x| x), Glyphs::Ascii);
        assert_eq!(found.len(), ROWS + 1);
        assert!(found[ROWS].ends_with(" 599.0 h"), "{found:#?}");
        assert!(found[0].starts_with("    594.50") && found[0].ends_with('|'), "{found:#?}");
        assert!(found[ROWS - 1].starts_with("    4.5000 ."), "{found:#?}");
        assert!(found.iter().all(|row| row.is_ascii() && row.len() <= 11 + WIDTH));
    }

    #[test]
    fn blocks_have_eight_levels_a_row() {
        let found = rows(&line(60, |x| x), Glyphs::Blocks);
        assert!(
            found[ROWS - 1].contains('\u{2581}') && found[0].contains('\u{2588}'),
            "{found:#?}"
        );
    }

    #[test]
    fn a_flat_line_and_no_line_are_plots_too() {
        assert_eq!(rows(&[], Glyphs::Ascii), [] as [String; 0]);
        assert_eq!(rows(&line(1, |_| 5.0), Glyphs::Ascii).len(), ROWS + 1);
        let flat = rows(&line(90, |_| 5.0), Glyphs::Ascii);
        assert!(flat[0].trim_end() == "    5.0000" && flat[3].ends_with('|'), "{flat:#?}");
    }
}
