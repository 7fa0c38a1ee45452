//! Bithumb's public frames (`VENUES.md` 3): at most 15 levels, the time of a book in microseconds.
//!
//! Sizes come with four decimals, so that a live price can show none: such levels are dropped like
//! padding. Books repeat themselves, and a SNAPSHOT may come after a REALTIME that is newer: each
//! is read alike, and its time alone tells which one counts.

use crate::venue::bithumb::usual;
use crate::venue::krw::codec::KrwCodec;
use crate::venue::krw::public::BookTime;

/// Bithumb's codec.
pub const CODEC: KrwCodec = KrwCodec { usual: usual::read, time: BookTime::Micros };
