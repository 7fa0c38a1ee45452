//! Decimal text that may have more digits than a raw unit holds: amounts, fees, balances.

use crate::types::number::NumberError;

/// Decimals of a raw unit.
const DECIMALS: i32 = 8;
/// Longest text of a number.
const LONGEST: usize = 64;
/// An exponent beyond this leaves every range; a longer one stays there.
const FARTHEST: i32 = 400;

/// Decimal text (`1386929.37231066771348207123`, `7.9276E-4`) to raw 10⁻⁸ units. Digits beyond are
/// cut, toward zero; what remains is exact.
///
/// # Errors
/// `Malformed` (also for more than 64 bytes) and `OutOfRange`, as
/// [`crate::types::number::parse_fixed`].
pub fn cut_fixed(text: &[u8]) -> Result<i64, NumberError> {
    if text.len() > LONGEST {
        return Err(NumberError::Malformed);
    }
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let at = body.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(body.len());
    let power = exponent(&body[at..])?;
    let mantissa = &body[..at];
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, [].as_slice()),
    };
    let has_bare_point = point.is_some() && fraction.is_empty();
    let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if whole.is_empty() || has_bare_point || !all_digits {
        return Err(NumberError::Malformed);
    }
    let kept = whole.len() as i32 + power + DECIMALS;
    let value = leading(whole.iter().chain(fraction), kept)?;
    let raw = i64::try_from(value).map_err(|_| NumberError::OutOfRange)?;
    Ok(if negative { -raw } else { raw })
}

/// As [`cut_fixed`], but what lies above the range is its end: a balance of more coins than a raw
/// unit counts is at least that much.
///
/// # Errors
/// `Malformed`; `OutOfRange` below the range.
pub fn cut_at_most(text: &[u8]) -> Result<i64, NumberError> {
    match cut_fixed(text) {
        Err(NumberError::OutOfRange) if text.first() != Some(&b'-') => Ok(i64::MAX),
        other => other,
    }
}

/// The number that the first `kept` digits are; zeros stand where there are fewer.
fn leading<'t>(digits: impl Iterator<Item = &'t u8>, kept: i32) -> Result<i128, NumberError> {
    let mut value = 0i128;
    let mut left = kept;
    for digit in digits {
        if left <= 0 {
            return Ok(value);
        }
        value = shifted(value, digit - b'0')?;
        left -= 1;
    }
    while left > 0 && value > 0 {
        value = shifted(value, 0)?;
        left -= 1;
    }
    Ok(value)
}

fn shifted(value: i128, digit: u8) -> Result<i128, NumberError> {
    let next = value * 10 + i128::from(digit);
    if next > i128::from(i64::MAX) { Err(NumberError::OutOfRange) } else { Ok(next) }
}

/// `e`, a sign and digits; nothing is 0.
fn exponent(text: &[u8]) -> Result<i32, NumberError> {
    let (sign, digits) = match text {
        [] => return Ok(0),
        [_, b'-', rest @ ..] => (-1, rest),
        [_, b'+', rest @ ..] | [_, rest @ ..] => (1, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Malformed);
    }
    let value =
        digits.iter().fold(0, |value, digit| (value * 10 + i32::from(digit - b'0')).min(FARTHEST));
    Ok(sign * value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::number::parse_fixed;

    #[test]
    fn digits_beyond_a_raw_unit_are_cut_and_never_rounded() {
        let cases = [
            ("1386929.37231066771348207123", 138_692_937_231_066),
            ("10329.670127489597585685", 1_032_967_012_748),
            ("22.467660028283017", 2_246_766_002),
            ("0.999999999", 99_999_999),
            ("-0.999999999", -99_999_999),
            ("1.23456789123E1", 1_234_567_891),
            ("9.9e-9", 0),
            ("123e-400", 0),
            ("0e400", 0),
        ];
        for (text, raw) in cases {
            assert_eq!(cut_fixed(text.as_bytes()), Ok(raw), "{text}");
        }
        assert_eq!(cut_fixed(b"92233720369"), Err(NumberError::OutOfRange));
        assert_eq!(cut_at_most(b"92233720369.5"), Ok(i64::MAX));
        assert_eq!(cut_at_most(b"-92233720369"), Err(NumberError::OutOfRange));
    }

    proptest! {
        #[test]
        fn what_fits_is_read_exactly_and_the_rest_is_cut(
            text in "-?[0-9]{0,12}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{0,2})?",
            junk in "[0-9.eE+_ -]{0,21}", whole in 0u32..1_000_000, tail in "[0-9]{9,25}"
        ) {
            for text in [&text, &junk] {
                let cut = cut_fixed(text.as_bytes());
                let exact = parse_fixed(text.as_bytes());
                if exact != Err(NumberError::TooPrecise) {
                    prop_assert_eq!(cut, exact, "{}", text);
                }
            }
            let kept = format!("{whole}.{}", &tail[..8]);
            let told = format!("{whole}.{tail}");
            prop_assert_eq!(cut_fixed(told.as_bytes()), parse_fixed(kept.as_bytes()));
        }
    }
}
