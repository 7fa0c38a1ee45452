//! A decimal number of the configuration, exact: fees, percentages, money, seconds.

use std::fmt;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;

use crate::types::number::parse_fixed;
use crate::types::time::DurNs;
use crate::types::units::Plain;
use crate::types::units::SCALE;

/// A number as the file has it, × 10⁻⁸. The unit stands in the key's description.
///
/// Files and variables are read from their text by [`parse_fixed`], without a float in between. A
/// number that was once a float (a default in the JSON of `config show`) comes back through its
/// shortest decimal text, which is the text it was made from as long as that had at most 15 digits
/// (IEEE 754 doubles keep 15 decimal digits both ways); every default has fewer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Decimal(i64);

impl Decimal {
    /// From raw 10⁻⁸ units.
    pub const fn from_raw(raw: i64) -> Decimal {
        Decimal(raw)
    }
    /// A default of the schema, `"0.05"`: digits with an optional point.
    pub const fn literal(text: &str) -> Decimal {
        let bytes = text.as_bytes();
        let (mut raw, mut unit, mut behind, mut at) = (0, SCALE, false, 0);
        while at < bytes.len() {
            if bytes[at] == b'.' {
                behind = true;
            } else {
                debug_assert!(bytes[at].is_ascii_digit(), "a literal has digits and a point");
                if behind {
                    unit /= 10;
                }
                let digit = (bytes[at] - b'0') as i64;
                raw = if behind { raw + digit * unit } else { raw * 10 + digit * SCALE };
            }
            at += 1;
        }
        Decimal(raw)
    }
    /// These seconds as a length of time; nothing below zero.
    pub fn seconds(self) -> DurNs {
        // 10⁻⁸ s are 10 ns.
        DurNs(u64::try_from(self.0).unwrap_or(0).saturating_mul(10))
    }
    /// The raw 10⁻⁸ units.
    pub const fn raw(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(self.0).fmt(f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if self.0 % SCALE == 0 {
            return out.serialize_i64(self.0 / SCALE);
        }
        let shown: f64 = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        out.serialize_f64(shown)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Decimal, D::Error> {
        let value = serde_json::Value::deserialize(input)?;
        let text = match &value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        parse_fixed(text.as_bytes()).map(Decimal).map_err(de::Error::custom)
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_keeps_its_value_through_json() {
        for text in ["0.05", "0.3", "5000", "1.2", "0.00000001", "1000000000", "66.6"] {
            let json = serde_json::to_string(&Decimal::literal(text)).expect("writes");
            let back: Decimal = serde_json::from_str(&json).expect("reads");
            assert_eq!(back.to_string(), text);
        }
    }
}
