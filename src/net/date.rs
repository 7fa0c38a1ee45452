//! The `Date` header of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). The two older
//! forms, which no server of ours sends, read as no date.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Milliseconds since 1970; `None` if it is none, or before 1970.
pub(crate) fn millis(text: &str) -> Option<u64> {
    let rest = text.strip_suffix(" GMT")?.split_once(", ")?.1;
    let mut parts = rest.split(' ');
    let day = number(parts.next()?, 2)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|own| *own == month)? as u64 + 1;
    let year = number(parts.next()?, 4)?;
    let clock = parts.next()?;
    if parts.next().is_some() || year < 1970 || day == 0 || day > days_of(month, year) {
        return None;
    }
    let mut clock = clock.split(':').map(|digits| number(digits, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if clock.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_before(year, month) + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

fn number(digits: &str, length: usize) -> Option<u64> {
    let is_right = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_right)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(month: u64, year: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    let before = year - 1;
    let leaps = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    (year - 1970) * 365 + leaps + (1..month).map(|month| days_of(month, year)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::calendar::Utc;
    use crate::types::time::WallNs;

    #[test]
    fn a_date_becomes_milliseconds() {
        assert_eq!(millis("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(millis("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        assert_eq!(millis("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199_000));
    }

    #[test]
    fn every_day_of_150_years_is_read_back() {
        for day in 0..150 * 365 {
            let at = day * 86_400 + day % 86_400;
            let utc = Utc::of(WallNs(at * 1_000_000_000));
            let month = MONTHS[utc.month as usize - 1];
            let (hour, minute, second) = (utc.hour, utc.minute, utc.second);
            let clock = format!("{hour:02}:{minute:02}:{second:02}");
            let text = format!("Mon, {:02} {month} {:04} {clock} GMT", utc.day, utc.year);
            assert_eq!(millis(&text), Some(at * 1_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 KST",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 30 Feb 2024 08:49:37 GMT",
            "Sun, 29 Feb 2023 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:11 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
