//! Times as the files of a run write them, ISO 8601 and the form that suits a file name.

use crate::types::time::NS_PER_SEC;
use crate::types::time::WallNs;

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: u64 = 719_468;

/// Reads `2025-11-15T20:57:22.906000+00:00`; `Z` or no zone mean UTC, the fraction is optional,
/// and `-` may stand for `:` and `.` as in `2025-11-15T20-57-22-906000`. `None` for anything else
/// and for years before 1970 or after 2500.
pub fn parse(text: &str) -> Option<WallNs> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = numbers(date, &['-'])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, &[':', '-'])?;
    let (nanos, zone) = fraction(rest)?;
    let valid = (1970..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = days_since_1970(year, month, day).filter(|_| valid)?;
    let secs = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let utc = i64::try_from(secs).ok()? - offset_secs(zone)?;
    Some(WallNs(u64::try_from(utc).ok()?.checked_mul(NS_PER_SEC)? + nanos))
}

fn numbers(text: &str, separators: &[char]) -> Option<[u64; 3]> {
    let mut parts = text.split(separators).map(digits);
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Nanoseconds behind the second, and what follows them.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',', '-']) else { return Some((0, text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (part, zone) = rest.split_at(end);
    let scale = 10u64.pow(9u32.checked_sub(u32::try_from(part.len()).ok()?)?);
    Some((digits(part)? * scale, zone))
}

fn offset_secs(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z") {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, zone.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once([':', '-'])?;
    let secs = digits(hours).filter(|h| *h < 24)? * 3_600 + digits(minutes)? * 60;
    Some(sign * i64::try_from(secs).ok()?)
}

/// `None` for a day that its month does not have (Howard Hinnant, `days_from_civil`).
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(DAYS_TO_EPOCH).filter(|_| day <= length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::calendar::Utc;

    #[test]
    fn a_moment_is_read_in_every_form_that_is_written() {
        let moment = Some(WallNs(1_763_240_242_906_000_000));
        for text in [
            "2025-11-15T20:57:22.906000+00:00",
            "2025-11-15T20:57:22.906Z",
            "2025-11-15T20:57:22.906",
            "2025-11-15T20-57-22-906000",
            "2025-11-15T20-57-22-906000+00-00",
            "2025-11-16T05:57:22.906+09:00",
        ] {
            assert_eq!(parse(text), moment, "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:00"), Some(WallNs(0)));
    }

    #[test]
    fn what_the_calendar_writes_is_read_back() {
        for day in (0..190_000).step_by(97) {
            let wall = WallNs((day * 86_400 + day) * NS_PER_SEC + day * 1_000);
            assert_eq!(parse(&Utc::of(wall).iso().to_string()), Some(wall));
            assert_eq!(parse(&Utc::of(wall).file().to_string()), Some(wall));
        }
    }

    #[test]
    fn a_moment_that_cannot_be_is_refused() {
        for text in [
            "",
            "T",
            "2025-11-15",
            "2025-13-15T00:00:00",
            "2025-02-29T00:00:00",
            "2025-00-01T00:00:00",
            "2025-01-00T00:00:00",
            "2025-01-01T24:00:00",
            "2025-01-01T00:00:60",
            "2025-01-01T00:00:00.",
            "2025-01-01T00:00:00.1234567890",
            "2025-01-01T00:00:00+9",
            "1969-12-31T23:59:59",
            "1970-01-01T00:00:00+01:00",
            "+2025-01-01T00:00:00",
            "2025-01-01T0\u{e9}:00:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
