//! The words of a line: names of instruments, exact decimals, names of enum values, and why a
//! line whose checksum holds may still not be understood.

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::types::fact::CloseReason;
use crate::types::ids::InstrumentId;
use crate::types::market::Instrument;
use crate::types::market::Side;
use crate::types::number::parse_fixed;
use crate::types::order::Ending;
use crate::types::order::Purpose;
use crate::types::order::RejectReason;
use crate::types::units::Krw;
use crate::types::units::Plain;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::SignedQty;

/// Why a record whose checksum holds cannot be understood, or a value cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ContentError {
    /// Not the fields that its kind has.
    #[error("{0}")]
    Fields(String),
    /// A name that is not known.
    #[error("unknown {what} `{name}`")]
    Unknown {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A field that its kind needs is missing.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A value that cannot be.
    #[error("field `{0}` is out of range")]
    Range(&'static str),
    /// Longer than a line may be.
    #[error("a line beyond 1 MiB")]
    TooLong,
}

impl ContentError {
    /// From the JSON reader or writer.
    pub fn json(error: serde_json::Error) -> ContentError {
        ContentError::Fields(error.to_string())
    }
}

/// The names of a run's instruments: facts carry numbers, the journal names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    by_id: Vec<String>,
}

impl Names {
    /// By instrument id.
    pub fn of(instruments: &[Instrument]) -> Names {
        let name = |i: &Instrument| format!("{}:{}", i.venue.name(), i.name);
        Names { by_id: instruments.iter().map(name).collect() }
    }
    /// `upbit:BTC-KRW`, by id.
    pub fn all(&self) -> &[String] {
        &self.by_id
    }
    /// Its name.
    ///
    /// # Errors
    /// An id that is not in the table.
    pub fn name(&self, id: InstrumentId) -> Result<&str, ContentError> {
        let unknown = || ContentError::Unknown { what: "instrument", name: id.0.to_string() };
        self.by_id.get(id.index()).map(String::as_str).ok_or_else(unknown)
    }
    /// Its number in this run.
    ///
    /// # Errors
    /// A name that this run's configuration does not have.
    pub fn id(&self, name: &str) -> Result<InstrumentId, ContentError> {
        let index = self.by_id.iter().position(|known| known == name);
        let id = index.and_then(|index| u8::try_from(index).ok()).map(InstrumentId);
        id.ok_or_else(|| ContentError::Unknown { what: "instrument", name: name.to_owned() })
    }
}

/// Raw 10⁻⁸ units as exact decimal text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dec(pub i64);

impl Serialize for Dec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Plain(self.0))
    }
}

impl<'de> Deserialize<'de> for Dec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dec, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        parse_fixed(text.as_bytes()).map(Dec).map_err(serde::de::Error::custom)
    }
}

impl Dec {
    /// As a price.
    ///
    /// # Errors
    /// Unless > 0.
    pub fn price(self, field: &'static str) -> Result<Price, ContentError> {
        Price::from_raw(self.0).ok_or(ContentError::Range(field))
    }
    /// As a quantity.
    ///
    /// # Errors
    /// If negative.
    pub fn qty(self, field: &'static str) -> Result<Qty, ContentError> {
        Qty::from_raw(self.0).ok_or(ContentError::Range(field))
    }
    /// As won.
    pub const fn krw(self) -> Krw {
        Krw::from_raw(self.0)
    }
    /// As a signed quantity.
    pub const fn signed(self) -> SignedQty {
        SignedQty::from_raw(self.0)
    }
}

/// Sides by name.
pub const SIDES: [(Side, &str); 2] = [(Side::Buy, "buy"), (Side::Sell, "sell")];
/// Purposes by name.
pub const PURPOSES: [(Purpose, &str); 3] =
    [(Purpose::Entry, "entry"), (Purpose::Exit, "exit"), (Purpose::Hedge, "hedge")];
/// Endings by name.
pub const ENDINGS: [(Ending, &str); 7] = [
    (Ending::Filled, "filled"),
    (Ending::Cancelled, "cancelled"),
    (Ending::Rejected(RejectReason::Balance), "rejected_balance"),
    (Ending::Rejected(RejectReason::Filter), "rejected_filter"),
    (Ending::Rejected(RejectReason::Venue), "rejected_venue"),
    (Ending::Rejected(RejectReason::Gate), "rejected_gate"),
    (Ending::Rejected(RejectReason::StaleQuote), "rejected_stale_quote"),
];

/// The name of a value in its table.
pub fn name_in<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|row| row.0 == *value).map_or("", |row| row.1)
}

/// The value of that name.
///
/// # Errors
/// A name that the table does not have.
pub fn value_in<T: Copy>(
    table: &[(T, &'static str)],
    what: &'static str,
    name: &str,
) -> Result<T, ContentError> {
    let row = table.iter().find(|row| row.1 == name);
    row.map(|row| row.0).ok_or_else(|| ContentError::Unknown { what, name: name.to_owned() })
}

/// The close reason of that name.
///
/// # Errors
/// A name that is none.
pub fn close_reason(name: &str) -> Result<CloseReason, ContentError> {
    value_in(&CloseReason::ALL.map(|reason| (reason, reason.name())), "close reason", name)
}

/// A field that this kind of line needs.
///
/// # Errors
/// When it is missing.
pub fn need<T>(value: Option<T>, field: &'static str) -> Result<T, ContentError> {
    value.ok_or(ContentError::Missing(field))
}
