//! Numbers and JSON objects as the venues write them. Raw values are 10⁻⁸ units. Pure.

use std::fmt::Display;
use std::fmt::Write;

use crate::types::units::Plain;
use crate::types::units::SCALE;

/// Decimals of a raw unit.
const DECIMALS: u32 = 8;

/// Plain decimal without trailing zeros.
pub fn plain(raw: i64) -> String {
    Plain(raw).to_string()
}

/// Exactly so many decimals (at most 8), what is beyond them is cut: `0.0010`.
pub fn decimals(raw: i64, places: u32) -> String {
    let places = places.min(DECIMALS);
    let step = 10u64.pow(DECIMALS - places);
    let size = raw.unsigned_abs() / step;
    let unit = SCALE.unsigned_abs() / step;
    let sign = if raw < 0 && size > 0 { "-" } else { "" };
    if places == 0 {
        return format!("{sign}{size}");
    }
    format!("{sign}{}.{:0width$}", size / unit, size % unit, width = places as usize)
}

/// As `Double.toString` of Java writes it: `1.16539E8`, `7.9276E-4`, `5.0E-4`, `1343.0`.
pub fn double(raw: i64) -> String {
    let size = raw.unsigned_abs();
    let is_usual = raw == 0 || (100_000..10_000_000 * SCALE.unsigned_abs()).contains(&size);
    if is_usual {
        let text = plain(raw);
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let digits = size.to_string();
    let significant = digits.trim_end_matches('0');
    let (first, rest) = significant.split_at(1);
    let rest = if rest.is_empty() { "0" } else { rest };
    let sign = if raw < 0 { "-" } else { "" };
    let power = digits.len() as i64 - 1 - i64::from(DECIMALS);
    format!("{sign}{first}.{rest}E{power}")
}

/// As `BigDecimal.toString` of Java writes a number kept with 8 decimals: `0.00077720`, `0E-8`.
pub fn big_decimal(raw: i64) -> String {
    let digits = raw.unsigned_abs().to_string();
    let power = digits.len() as i64 - 1 - i64::from(DECIMALS);
    if power >= -6 {
        return decimals(raw, DECIMALS);
    }
    let sign = if raw < 0 { "-" } else { "" };
    match digits.split_at(1) {
        (first, "") => format!("{sign}{first}E{power}"),
        (first, rest) => format!("{sign}{first}.{rest}E{power}"),
    }
}

/// A JSON object whose keys stand in the order in which they were added.
#[derive(Debug, Default)]
pub struct Obj {
    text: String,
}

impl Obj {
    /// An empty one.
    pub fn new() -> Obj {
        Obj::default()
    }
    /// Adds a value that is JSON already: a number, `true`, `null`, an object.
    pub fn raw(mut self, key: &str, value: impl Display) -> Obj {
        let comma = if self.text.is_empty() { "" } else { "," };
        // Writing into a String cannot fail.
        let _ = write!(self.text, "{comma}\"{key}\":{value}");
        self
    }
    /// Adds a string.
    pub fn text(self, key: &str, value: impl Display) -> Obj {
        let quoted = quoted(value);
        self.raw(key, quoted)
    }
    /// Adds all keys of another object.
    pub fn with(mut self, other: Obj) -> Obj {
        if !self.text.is_empty() && !other.text.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(&other.text);
        self
    }
    /// The whole object.
    pub fn end(self) -> String {
        format!("{{{}}}", self.text)
    }
}

/// A JSON string with its quotes.
pub fn quoted(value: impl Display) -> String {
    serde_json::Value::String(value.to_string()).to_string()
}

/// A JSON array of values that are JSON already.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::number::parse_fixed;

    #[test]
    fn numbers_are_spelled_as_on_the_wire() {
        assert_eq!(double(11_653_900_000_000_000), "1.16539E8");
        assert_eq!(double(79_276), "7.9276E-4");
        assert_eq!(double(50_000), "5.0E-4");
        assert_eq!(double(134_300_000_000), "1343.0");
        assert_eq!(double(6_288_509), "0.06288509");
        assert_eq!(double(0), "0.0");
        assert_eq!(big_decimal(77_720), "0.00077720");
        assert_eq!(big_decimal(10), "1.0E-7");
        assert_eq!(big_decimal(5), "5E-8");
        assert_eq!(big_decimal(0), "0E-8");
        assert_eq!(decimals(100_000, 4), "0.0010");
        assert_eq!(decimals(845_929_999, 4), "8.4592");
        assert_eq!(decimals(300_000_000, 8), "3.00000000");
    }

    #[test]
    fn every_exact_spelling_reads_back_to_the_same_raw_value() {
        for raw in [0, 1, 9, 10, 99_999, 100_000, 12_345_678, 100_000_000, 999_999_999_999_999] {
            for text in [plain(raw), double(raw), big_decimal(raw), decimals(raw, 8)] {
                assert_eq!(parse_fixed(text.as_bytes()), Ok(raw), "{text}");
            }
        }
    }

    #[test]
    fn an_object_keeps_the_order_of_its_keys() {
        let inner = Obj::new().raw("n", 1);
        let text = Obj::new().text("b", "x\"").with(inner).raw("a", "null").end();
        assert_eq!(text, r#"{"b":"x\"","n":1,"a":null}"#);
    }
}
