//! Upbit's public frames (`VENUES.md` 1.1): times in milliseconds.

use crate::venue::krw::codec::KrwCodec;
use crate::venue::krw::public::BookTime;
use crate::venue::upbit::usual;

/// Upbit's codec.
pub const CODEC: KrwCodec = KrwCodec { usual: usual::read, time: BookTime::Millis };
