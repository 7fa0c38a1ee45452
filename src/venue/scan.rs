//! Reads a frame in the one spelling that a venue usually sends: keys in their usual order, no
//! whitespace, no escapes, plain numbers.
//!
//! Every reader answers `None` to anything else. That is no error: the caller then reads the frame
//! with the tolerant codec, which alone decides what is wrong. What is accepted here, the tolerant
//! codec reads to the same values (`tests/usual.rs`). Each byte of an accepted frame was compared
//! with ASCII, so it needs no UTF-8 check of its own. About 1 ns for 4 bytes.

use crate::types::limit;
use crate::types::market::Level;
use crate::types::units::Price;
use crate::types::units::Qty;

/// Powers of ten that fit an `i64`.
const TENS: [i64; 19] = {
    let mut tens = [1; 19];
    let mut at = 1;
    while at < tens.len() {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};
/// Most digits of a number that is read here: below 10¹⁸, so no sum of them can overflow.
const DIGITS: usize = 18;
/// Decimals of a raw unit.
const DECIMALS: usize = 8;

/// The part of a frame that is not read yet.
#[derive(Clone, Copy)]
pub struct Scan<'f> {
    rest: &'f [u8],
}

impl<'f> Scan<'f> {
    /// The whole frame. `None` if it is longer than a frame may be.
    pub fn new(frame: &'f [u8]) -> Option<Scan<'f>> {
        (frame.len() <= limit::FRAME_BYTES).then_some(Scan { rest: frame })
    }

    /// Passes over exactly these bytes.
    #[inline(always)]
    pub fn skip<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        (head == text).then_some(())
    }

    /// Passes over these bytes if they come next; says whether they did.
    #[inline(always)]
    pub fn skip_if<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let found = self.rest.starts_with(text);
        if found {
            self.rest = &self.rest[N..];
        }
        found
    }

    /// Nothing may follow.
    pub fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    /// A name of ASCII letters, digits, `-`, `_` and `@`, up to its closing quote, which is passed.
    #[inline]
    pub fn name(&mut self) -> Option<&'f str> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_@".contains(byte);
        let length = self.rest.iter().position(|byte| !is_plain(byte))?;
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.skip(b"\"")?;
        std::str::from_utf8(name).ok()
    }

    /// A whole number as JSON spells it, at most 18 digits.
    #[inline]
    pub fn whole(&mut self) -> Option<u64> {
        let start = self.rest;
        let value = self.many_digits(0)?;
        let length = start.len() - self.rest.len();
        let has_leading_zero = length > 1 && start[0] == b'0';
        (length <= DIGITS && !has_leading_zero).then_some(value)
    }

    /// A decimal inside quotes, as Binance spells it: at most 10 digits before the point and 8
    /// behind it; raw 10⁻⁸ units. Passes the closing quote.
    #[inline]
    pub fn quoted(&mut self) -> Option<i64> {
        let start = self.rest.len();
        let whole = self.digits(0)?;
        if start - self.rest.len() > DIGITS - DECIMALS {
            return None;
        }
        if self.skip_if(b"\"") {
            return Some((whole * TENS[DECIMALS] as u64).cast_signed());
        }
        self.skip(b".")?;
        let start = self.rest.len();
        let value = self.many_digits(whole)?;
        let scale = TENS[DECIMALS.checked_sub(start - self.rest.len())?];
        self.skip(b"\"")?;
        Some(value.cast_signed() * scale)
    }

    /// A number that is not negative, in any spelling JSON has for it, as raw 10⁻⁸ units.
    #[inline]
    pub fn number(&mut self) -> Option<i64> {
        let (mantissa, decimals) = self.mantissa()?;
        let power = DECIMALS as i32 - decimals as i32 + self.exponent()?;
        let scale = *TENS.get(power.unsigned_abs() as usize)?;
        if power >= 0 {
            return mantissa.checked_mul(scale);
        }
        (mantissa % scale == 0).then_some(mantissa / scale)
    }

    /// Passes over a number that nobody asked for, whatever its size.
    #[inline]
    pub fn any_number(&mut self) -> Option<()> {
        let first = self.rest;
        let whole = self.pass_digits()?;
        if whole > 1 && first[0] == b'0' {
            return None;
        }
        if self.skip_if(b".") {
            self.pass_digits()?;
        }
        self.exponent().map(|_| ())
    }

    /// `["price","quantity"]` with commas between, up to the closing bracket, which is passed. A
    /// quantity may be zero, a price not.
    #[inline]
    pub fn levels(&mut self, side: &mut Vec<Level>) -> Option<()> {
        if self.skip_if(b"]") {
            return Some(());
        }
        loop {
            self.skip(b"[\"")?;
            let price = Price::from_raw(self.quoted()?)?;
            self.skip(b",\"")?;
            let qty = Qty::from_raw(self.quoted()?)?;
            if side.len() >= limit::BOOK_LEVELS {
                return None;
            }
            side.push(Level { price, qty });
            self.skip(b"]")?;
            if !self.skip_if(b",") {
                return self.skip(b"]");
            }
        }
    }

    /// `["price","quantity","0","orders"]`, as OKX spells a level; else as [`Scan::levels`].
    #[inline]
    pub fn counted_levels(&mut self, side: &mut Vec<Level>) -> Option<()> {
        if self.skip_if(b"]") {
            return Some(());
        }
        loop {
            self.skip(b"[\"")?;
            let price = Price::from_raw(self.quoted()?)?;
            self.skip(b",\"")?;
            let qty = Qty::from_raw(self.quoted()?)?;
            if side.len() >= limit::BOOK_LEVELS {
                return None;
            }
            side.push(Level { price, qty });
            self.skip(b",\"0\",\"")?;
            self.pass_digits()?;
            self.skip(b"\"]")?;
            if !self.skip_if(b",") {
                return self.skip(b"]");
            }
        }
    }

    /// A price and a quantity inside quotes with `between` them, both above zero.
    #[inline]
    pub fn filled_level<const N: usize>(&mut self, between: &[u8; N]) -> Option<Level> {
        let price = Price::from_raw(self.quoted()?)?;
        self.skip(between)?;
        let qty = Qty::from_raw(self.quoted()?).filter(|qty| !qty.is_zero())?;
        Some(Level { price, qty })
    }

    /// Digits of a JSON number without their point, and how many stood behind it.
    #[inline]
    fn mantissa(&mut self) -> Option<(i64, usize)> {
        let start = self.rest;
        let whole = self.digits(0)?;
        let length = start.len() - self.rest.len();
        if length > 1 && start[0] == b'0' {
            return None;
        }
        if !self.rest.starts_with(b".") {
            return (length <= DIGITS).then_some((whole.cast_signed(), 0));
        }
        self.rest = &self.rest[1..];
        let before = self.rest.len();
        let value = self.digits(whole)?;
        let decimals = before - self.rest.len();
        (length + decimals <= DIGITS).then_some((value.cast_signed(), decimals))
    }

    /// An exponent of at most two digits, or 0 if there is none.
    #[inline]
    fn exponent(&mut self) -> Option<i32> {
        let (b'e' | b'E', rest) = self.rest.split_first()? else { return Some(0) };
        self.rest = rest;
        let negative = self.skip_if(b"-");
        if !negative {
            self.skip_if(b"+");
        }
        let start = self.rest.len();
        let value = self.digits(0)?;
        let value = (start - self.rest.len() <= 2).then_some(value)? as i32;
        Some(if negative { -value } else { value })
    }

    /// As [`Scan::digits`], faster where there are eight or more.
    #[inline(always)]
    fn many_digits(&mut self, value: u64) -> Option<u64> {
        let eight = self.rest.split_first_chunk::<8>();
        let Some((eight, rest)) = eight.and_then(|(text, rest)| Some((eight_digits(*text)?, rest)))
        else {
            return self.digits(value);
        };
        self.rest = rest;
        let value = value.wrapping_mul(100_000_000).wrapping_add(eight);
        let has_more = rest.first().is_some_and(u8::is_ascii_digit);
        if has_more { self.digits(value) } else { Some(value) }
    }

    /// At least one digit, appended to `value`. The caller refuses more than [`DIGITS`] in all;
    /// what is computed of more has no meaning and is not used. A plain loop: in frames of one
    /// venue its length is predicted, and what comes next does not wait for it.
    #[inline(always)]
    fn digits(&mut self, mut value: u64) -> Option<u64> {
        let before = self.rest.len();
        while let Some((byte, rest)) = self.rest.split_first() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.rest = rest;
        }
        (self.rest.len() < before).then_some(value)
    }

    /// Passes over at least one digit; says how many there were.
    fn pass_digits(&mut self) -> Option<usize> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[length..];
        (length > 0).then_some(length)
    }
}

/// Eight ASCII digits as a number, in three multiplications; `None` if any is no digit.
#[inline(always)]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let word = u64::from_le_bytes(text);
    // A digit has 3 in its upper half, and still has it when 6 is added.
    if word & HIGH != ZEROS || word.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    // Neighbours join: digits to pairs, pairs to fours, fours to the whole.
    let digits = word - ZEROS;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::number::parse_fixed;

    fn scan(text: &str) -> Scan<'_> {
        Scan { rest: text.as_bytes() }
    }

    #[test]
    fn usual_numbers_are_read_here() {
        for text in ["8.6123E7", "0.00077720", "86126000", "7.772E-4", "1388.0", "0", "0E-8"] {
            let closed = format!("{text},");
            let raw = parse_fixed(text.as_bytes()).expect("a number");
            assert_eq!(scan(&closed).number(), Some(raw), "{text}");
        }
        for text in ["61837.63000000", "0.5", "3", "9999999999.99999999", "0.00000000"] {
            let closed = format!("{text}\"");
            let raw = parse_fixed(text.as_bytes()).expect("a number");
            assert_eq!(scan(&closed).quoted(), Some(raw), "{text}");
        }
        assert_eq!(scan("50093239212}").whole(), Some(50_093_239_212));
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_the_exact_parser_reads_it_or_not_at_all(
            usual in "[0-9]{1,20}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            junk in "[0-9.eE+-]{0,24}"
        ) {
            for text in [usual, junk] {
                let closed = format!("{text}\"");
                let exact = parse_fixed(text.as_bytes());
                if let Some(raw) = scan(&closed).quoted() {
                    prop_assert_eq!(exact, Ok(raw), "quoted {}", &text);
                }
                let json: Result<serde_json::Number, _> = serde_json::from_str(&text);
                let mut reader = scan(&closed);
                if let Some(raw) = reader.number() && reader.rest == b"\"" {
                    prop_assert_eq!(exact, Ok(raw), "number {}", &text);
                    prop_assert!(json.is_ok(), "number {}", &text);
                }
                let mut reader = scan(&closed);
                if reader.any_number().is_some() && reader.rest == b"\"" {
                    prop_assert!(json.is_ok(), "any number {}", &text);
                }
                let mut reader = scan(&closed);
                if let Some(value) = reader.whole() && reader.rest == b"\"" {
                    prop_assert_eq!(text.parse(), Ok(value));
                    prop_assert!(json.is_ok(), "whole {}", &text);
                }
            }
        }

        #[test]
        fn eight_digits_are_read_at_once_and_nothing_else_is(
            text in any::<[u8; 8]>(), at in 0u64..99_999_999
        ) {
            let parsed = std::str::from_utf8(&text).ok().filter(|t| !t.starts_with('+'));
            prop_assert_eq!(eight_digits(text), parsed.and_then(|t| t.parse().ok()));
            let digits = format!("{at:08}").into_bytes().try_into().expect("eight");
            prop_assert_eq!(eight_digits(digits), Some(at));
        }
    }
}
