//! Wall time as text in UTC: log lines, file names, ISO 8601. Proleptic Gregorian, no leap seconds.
//!
//! Why no crate: three fixed formats need one conversion of twenty lines.

use std::fmt;

use crate::types::time::NS_PER_SEC;
use crate::types::time::WallNs;

const SECS_PER_DAY: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: u64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const DAYS_PER_ERA: u64 = 146_097;

/// A wall time in UTC, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Utc {
    /// 1970 to 2554, the end of the range of [`WallNs`].
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
    /// 0 to 999,999,999.
    pub nanos: u64,
}

impl Utc {
    /// The parts of a wall time.
    pub const fn of(wall: WallNs) -> Utc {
        let secs = wall.0 / NS_PER_SEC;
        let (year, month, day) = date(secs / SECS_PER_DAY);
        let second = secs % SECS_PER_DAY;
        Utc {
            year,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            nanos: wall.0 % NS_PER_SEC,
        }
    }
    /// `2025-11-15 20:57:22,906`: log lines.
    pub const fn log(self) -> LogStamp {
        LogStamp(self)
    }
    /// `2025-11-15T20-57-22-906000`: names of files.
    pub const fn file(self) -> FileStamp {
        FileStamp(self)
    }
    /// `2025-11-15T20:57:22.906000+00:00`: ISO 8601.
    pub const fn iso(self) -> IsoStamp {
        IsoStamp(self)
    }
}

/// Year, month and day of a day counted from 1970-01-01. Years are counted from March, so that a
/// leap day is the last day of its year (Howard Hinnant, `civil_from_days`).
const fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let next_year = month_from_march >= 10;
    let month = if next_year { month_from_march - 9 } else { month_from_march + 3 };
    (era * 400 + year_of_era + next_year as u64, month, day)
}

/// Displays as `2025-11-15 20:57:22,906`.
#[derive(Clone, Copy, Debug)]
pub struct LogStamp(Utc);

impl fmt::Display for LogStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Utc { year, month, day, hour, minute, second, nanos } = self.0;
        let ms = nanos / 1_000_000;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{ms:03}")
    }
}

/// Displays as `2025-11-15T20-57-22-906000`: sorts as time does, safe in a file name.
#[derive(Clone, Copy, Debug)]
pub struct FileStamp(Utc);

impl fmt::Display for FileStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Utc { year, month, day, hour, minute, second, nanos } = self.0;
        let us = nanos / 1_000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}-{us:06}")
    }
}

/// Displays as `2025-11-15T20:57:22.906000+00:00`.
#[derive(Clone, Copy, Debug)]
pub struct IsoStamp(Utc);

impl fmt::Display for IsoStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Utc { year, month, day, hour, minute, second, nanos } = self.0;
        let us = nanos / 1_000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}+00:00")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(secs: u64) -> String {
        Utc::of(WallNs(secs * NS_PER_SEC)).iso().to_string()
    }

    #[test]
    fn known_moments_have_their_known_dates() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso(951_782_399), "2000-02-28T23:59:59.000000+00:00");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00.000000+00:00");
        assert_eq!(iso(1_709_164_800), "2024-02-29T00:00:00.000000+00:00");
        assert_eq!(iso(4_107_542_399), "2100-02-28T23:59:59.000000+00:00");
        assert_eq!(iso(4_107_542_400), "2100-03-01T00:00:00.000000+00:00");
    }

    #[test]
    fn each_day_follows_the_one_before_to_the_end_of_the_range() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for count in 0..u64::MAX / NS_PER_SEC / SECS_PER_DAY {
            assert_eq!(date(count), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = lengths[month as usize - 1] + u64::from(leap && month == 2);
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!(Utc::of(WallNs(u64::MAX)).year, 2554);
    }

    #[test]
    fn one_moment_is_written_in_three_ways() {
        let utc = Utc::of(WallNs(1_763_240_242_906_000_999));
        assert_eq!(utc.log().to_string(), "2025-11-15 20:57:22,906");
        assert_eq!(utc.file().to_string(), "2025-11-15T20-57-22-906000");
        assert_eq!(utc.iso().to_string(), "2025-11-15T20:57:22.906000+00:00");
    }
}
