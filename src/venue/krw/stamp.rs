//! Times of answers: `2025-07-04T15:00:00+09:00`, Korean time with its offset, whole seconds or
//! with a fraction.

/// Days before each month of a year without a leap day.
const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Milliseconds since 1970. `None` for any other spelling, and for a day that no month has or a
/// year outside 1971 to 9999. Digits below a millisecond are cut.
pub fn to_ms(text: &str) -> Option<u64> {
    let text = text.as_bytes();
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [b'T', clock @ ..] = time else { return None };
    let ([year, month, day], [hour, minute, second]) = (date_of(date)?, clock_of(clock)?);
    let (ms, offset) = fraction(rest)?;
    let sign = offset.first()?;
    let [offset_hour, offset_minute, _] = clock_of(&[&offset[1..], b":00"].concat())?;
    let seconds = days(year, [month, day])? * 86_400 + hour * 3_600 + minute * 60 + second;
    let ahead = offset_hour * 3_600 + offset_minute * 60;
    let seconds = match sign {
        b'+' => seconds.checked_sub(ahead)?,
        b'-' => seconds + ahead,
        _ => return None,
    };
    Some(seconds * 1_000 + ms)
}

fn date_of(text: &[u8]) -> Option<[u64; 3]> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = text else { return None };
    Some([number(year)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?])
}

fn clock_of(text: &[u8]) -> Option<[u64; 3]> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    let clock = [number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?];
    (clock[0] < 24 && clock[1] < 60 && clock[2] < 60).then_some(clock)
}

/// Milliseconds of a fraction, if there is one, and what follows.
fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let [b'.', rest @ ..] = text else { return Some((0, text)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(length);
    let mut three = [b'0'; 3];
    let kept = length.min(3);
    three[..kept].copy_from_slice(&digits[..kept]);
    (length > 0).then_some((number(&three)?, rest))
}

fn days(year: u64, [month, day]: [u64; 2]) -> Option<u64> {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let before = DAYS_BEFORE.get(index)?;
    let end = DAYS_BEFORE.get(index + 1).unwrap_or(&365);
    let longest = end - before + u64::from(month == 2 && is_leap(year));
    if !(1971..=9999).contains(&year) || day == 0 || day > longest {
        return None;
    }
    let leaps = (1970..year).filter(|past| is_leap(*past)).count() as u64;
    let leap_day = u64::from(month > 2 && is_leap(year));
    Some((year - 1970) * 365 + leaps + before + leap_day + day - 1)
}

fn number(digits: &[u8]) -> Option<u64> {
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all_digits)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_korean_time_is_nine_hours_ahead() {
        let cases = [
            ("2025-07-04T15:00:00+09:00", 1_751_608_800_000),
            ("2025-07-04T06:00:00+00:00", 1_751_608_800_000),
            ("2025-08-09T16:44:00.597751+09:00", 1_754_725_440_597),
            ("2024-02-29T23:59:59.5-01:30", 1_709_256_599_500),
            ("2000-03-01T00:00:00+00:00", 951_868_800_000),
        ];
        for (text, ms) in cases {
            assert_eq!(to_ms(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "2025-07-04",
            "2025-07-04 15:00:00+09:00",
            "2025-07-04T15:00:00",
            "2025-07-04T15:00:00Z",
            "2025-07-04T15:00:00.+09:00",
            "2025-07-04T24:00:00+09:00",
            "2025-02-29T00:00:00+09:00",
            "2025-13-01T00:00:00+09:00",
            "2025-00-01T00:00:00+09:00",
            "2025-07-00T00:00:00+09:00",
            "+025-07-04T15:00:00+09:00",
            "2025-07-04T15:00:00+9:00",
            "2025-07-04T15:00:00+09:00x",
            "1969-07-04T15:00:00+09:00",
            "2025-07-04T15:00:0\u{ff10}+09:00",
        ] {
            assert_eq!(to_ms(text), None, "{text}");
        }
    }
}
