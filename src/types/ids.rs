//! Who and what: venues, assets, instruments, orders, pairs.

use arrayvec::ArrayString;

/// A venue this program knows the protocol facts of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum VenueId {
    /// Upbit, KRW markets.
    Upbit,
    /// Binance spot.
    Binance,
    /// Bithumb, KRW markets.
    Bithumb,
    /// Bybit v5 spot.
    Bybit,
    /// OKX v5 spot.
    Okx,
}

impl VenueId {
    /// Every venue, in the order of its number.
    pub const ALL: [VenueId; 5] =
        [VenueId::Upbit, VenueId::Binance, VenueId::Bithumb, VenueId::Bybit, VenueId::Okx];

    /// The lower-case name used in files, metrics and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            VenueId::Upbit => "upbit",
            VenueId::Binance => "binance",
            VenueId::Bithumb => "bithumb",
            VenueId::Bybit => "bybit",
            VenueId::Okx => "okx",
        }
    }
    /// Name of the thread that reads its market data.
    pub const fn feed_thread(self) -> &'static str {
        match self {
            VenueId::Upbit => "feed-upbit",
            VenueId::Binance => "feed-binance",
            VenueId::Bithumb => "feed-bithumb",
            VenueId::Bybit => "feed-bybit",
            VenueId::Okx => "feed-okx",
        }
    }
    /// Name of the thread that does its slow errands: connecting, requests.
    pub const fn desk_thread(self) -> &'static str {
        match self {
            VenueId::Upbit => "desk-upbit",
            VenueId::Binance => "desk-binance",
            VenueId::Bithumb => "desk-bithumb",
            VenueId::Bybit => "desk-bybit",
            VenueId::Okx => "desk-okx",
        }
    }
    /// Index into per-venue tables.
    pub const fn index(self) -> usize {
        self as usize
    }
    /// The venue of that name.
    pub fn from_name(name: &str) -> Option<VenueId> {
        VenueId::ALL.into_iter().find(|venue| venue.name() == name)
    }
}

/// A currency or coin code, at most 12 bytes of upper-case ASCII: `BTC`, `KRW`, `USDT`.
pub type Asset = ArrayString<12>;

/// An instrument's name, BASE-QUOTE, on every venue alike: `BTC-KRW`, `BTC-USDT`, `USDT-KRW`.
pub type InstrumentName = ArrayString<25>;

/// `BASE-QUOTE` from its two codes. `None` if either is empty, too long or not `A–Z`, `0–9`.
pub fn instrument_name(base: &str, quote: &str) -> Option<InstrumentName> {
    asset(base)?;
    asset(quote)?;
    let mut name = InstrumentName::new();
    name.push_str(base);
    name.push('-');
    name.push_str(quote);
    Some(name)
}

/// A checked asset code. `None` if empty, longer than 12 bytes or not `A–Z`, `0–9`.
pub fn asset(code: &str) -> Option<Asset> {
    let plain = code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if code.is_empty() || !plain { None } else { Asset::from(code).ok() }
}

/// Index of an instrument in the run's table: one symbol on one venue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct InstrumentId(pub u8);

impl InstrumentId {
    /// Index into per-instrument tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Our number for an order, unique within a run and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct OrderId(pub u64);

/// Our number for a pair, unique within a run and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct PairId(pub u64);

/// A venue's number for one trade. Fills are told apart by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct TradeId(pub u64);
