//! Decimal text to fixed point, exactly, in every spelling a venue uses. Never through a float.
//!
//! Text becomes a value at the edge only: in `venue` (frames), `config` (YAML) and `cli` (flags).

/// Why text is not a fixed-point number. Counted per variant by whoever reads the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberError {
    /// Not `-?digits[.digits][e[±]digits]`.
    #[error("not a plain decimal number")]
    Malformed,
    /// A digit other than 0 stands below 10⁻⁸.
    #[error("more than 8 decimals")]
    TooPrecise,
    /// Beyond ±92,233,720,368.547 75807.
    #[error("outside ±92,233,720,368")]
    OutOfRange,
}

/// Exact decimal text (`61837.63000000`, `8.6123E7`, `7.9276E-4`) to raw 10⁻⁸ units.
///
/// Accepts an optional minus, digits, an optional fraction and an optional exponent, as JSON does
/// (a leading zero before other digits is accepted too). Never goes through a float.
///
/// # Errors
/// [`NumberError`]; the input is at most 64 bytes long, more is `Malformed`.
pub fn parse_fixed(text: &[u8]) -> Result<i64, NumberError> {
    const LONGEST: usize = 64;
    if text.len() > LONGEST {
        return Err(NumberError::Malformed);
    }
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = split_exponent(body)?;
    let (digits, decimals) = read_mantissa(mantissa)?;
    let raw = scale_to_raw(digits, 8 - decimals + exponent)?;
    Ok(if negative { -raw } else { raw })
}

fn split_exponent(body: &[u8]) -> Result<(&[u8], i32), NumberError> {
    let Some(at) = body.iter().position(|b| matches!(b, b'e' | b'E')) else {
        return Ok((body, 0));
    };
    let (sign, digits) = match &body[at + 1..] {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    if digits.is_empty() {
        return Err(NumberError::Malformed);
    }
    let mut value = 0i32;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return Err(NumberError::Malformed);
        }
        // 400 is beyond every number that could still fit; a longer exponent stays there.
        value = (value * 10 + i32::from(byte - b'0')).min(400);
    }
    Ok((&body[..at], sign * value))
}

/// Digits without their point, and how many of them stood behind it. Trailing zeros of the
/// fraction are dropped, so `0.000777200000` still fits.
fn read_mantissa(text: &[u8]) -> Result<(u128, i32), NumberError> {
    let point = text.iter().position(|b| *b == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &text[text.len()..]),
    };
    if whole.is_empty() || (point.is_some() && fraction.is_empty()) {
        return Err(NumberError::Malformed);
    }
    let kept = fraction.iter().rposition(|b| *b != b'0').map_or(0, |last| last + 1);
    let mut digits = 0u128;
    for (place, byte) in whole.iter().chain(&fraction[..kept]).enumerate() {
        if !byte.is_ascii_digit() {
            return Err(NumberError::Malformed);
        }
        let next = digits.checked_mul(10).and_then(|d| d.checked_add(u128::from(byte - b'0')));
        let overflow =
            if place < whole.len() { NumberError::OutOfRange } else { NumberError::TooPrecise };
        digits = next.ok_or(overflow)?;
    }
    if !fraction[kept..].iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Malformed);
    }
    Ok((digits, kept as i32))
}

/// `digits × 10^power`, exactly, in the range of `i64`.
fn scale_to_raw(digits: u128, power: i32) -> Result<i64, NumberError> {
    if digits == 0 {
        return Ok(0);
    }
    let mut value = digits;
    for _ in 0..power.max(0) {
        value = value.checked_mul(10).ok_or(NumberError::OutOfRange)?;
    }
    for _ in 0..(-power).max(0) {
        if !value.is_multiple_of(10) {
            return Err(NumberError::TooPrecise);
        }
        value /= 10;
    }
    i64::try_from(value).map_err(|_| NumberError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_exactly_in_every_spelling_a_venue_uses() {
        let cases: [(&str, i64); 12] = [
            ("61837.63000000", 6_183_763_000_000),
            ("8.6123E7", 8_612_300_000_000_000),
            ("1.16539E8", 11_653_900_000_000_000),
            ("7.9276E-4", 79_276),
            ("5.0E-4", 50_000),
            ("0.00077720", 77_720),
            ("1387.0", 138_700_000_000),
            ("0", 0),
            ("0.0", 0),
            ("-0.5", -50_000_000),
            ("92233720368.54775807", i64::MAX),
            ("0.0000000100000000000000", 1),
        ];
        for (text, raw) in cases {
            assert_eq!(parse_fixed(text.as_bytes()), Ok(raw), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_exact_number_in_range_is_refused() {
        use NumberError::*;
        let cases = [
            ("", Malformed),
            ("-", Malformed),
            (".5", Malformed),
            ("5.", Malformed),
            ("1_000", Malformed),
            ("NaN", Malformed),
            ("Infinity", Malformed),
            ("1e", Malformed),
            ("1e+", Malformed),
            ("+1", Malformed),
            ("1.0.0", Malformed),
            ("0x10", Malformed),
            (" 1", Malformed),
            ("0.000000001", TooPrecise),
            ("1e-9", TooPrecise),
            ("1e400", OutOfRange),
            ("1e99999999999", OutOfRange),
            ("92233720368.54775808", OutOfRange),
            ("99999999999999999999999999999999999999999", OutOfRange),
        ];
        for (text, error) in cases {
            assert_eq!(parse_fixed(text.as_bytes()), Err(error), "{text}");
        }
    }
}
