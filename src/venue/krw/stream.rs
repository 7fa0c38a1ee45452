//! The public connection of a venue with this grammar, and the requests beside it.

use crate::types::market::TickBand;
use crate::types::time::DurNs;
use crate::venue::DecodeError;
use crate::venue::krw::listing;
use crate::venue::stream::BookSource;
use crate::venue::stream::InstrumentRules;
use crate::venue::stream::Keepalive;
use crate::venue::stream::Manners;
use crate::venue::stream::Stream;

/// What differs between the venues.
#[derive(Clone, Copy, Debug)]
pub struct KrwStream {
    /// The request that subscribes to these symbols, with this id in its ticket.
    pub subscribe: fn(&[&str], u64) -> String,
    /// Most symbols of one request.
    pub symbols_per_request: usize,
    /// Paths of the requests for the rules of these symbols.
    pub rules_paths: fn(&[&str]) -> Vec<String>,
    /// The tick table of markets in won.
    pub krw_ticks: &'static [TickBand],
}

impl Stream for KrwStream {
    /// Measured on the wire, alike on both venues (`VENUES.md` 1.1 and 3).
    ///
    /// - An idle connection is cut after 60 s without a close frame (the documents say 120 s).
    ///   Ping frames are answered within 0.2 s and count as traffic. One each 5 s shows within
    ///   12 s that the peer is gone, however quiet its books are. The text `PING` would do too,
    ///   but then an answer comes every 10 s whoever asked, so it proves less.
    /// - Nothing acknowledges a request, unknown codes are passed over in silence, and a request
    ///   replaces the one before: each names every symbol, and each has to show its image.
    /// - No limit to a connection's life is documented.
    /// - 5 messages in a second and 100 in a minute are allowed (Upbit): one in a second keeps
    ///   both. 5 connects in a second are allowed (Upbit), or 10 on pain of ten minutes'
    ///   exclusion (Bithumb).
    fn manners(&self) -> Manners {
        Manners {
            keepalive: Keepalive::PingFrame { every: DurNs::from_secs(5) },
            books: BookSource::Whole,
            silence: DurNs::from_secs(12),
            longest_life: None,
            first_image: DurNs::from_secs(10),
            acks: false,
            replaces: true,
            symbols_per_request: self.symbols_per_request,
            attempts_per_minute: 20,
            messages_per_second: 1,
            has_ticker: false,
        }
    }

    /// The configured address is the whole one.
    fn path(&self) -> &'static str {
        ""
    }

    /// One message however many symbols: a second would replace the first. None for no symbol,
    /// which the venue would refuse.
    fn subscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        if symbols.is_empty() { Vec::new() } else { vec![(self.subscribe)(symbols, id)] }
    }

    /// None: the next request replaces this one.
    fn unsubscribe(&self, _symbols: &[&str], _id: u64) -> Vec<String> {
        Vec::new()
    }

    fn rules_paths(&self, symbols: &[&str]) -> Vec<String> {
        (self.rules_paths)(symbols)
    }

    /// Lots and minimum values are in no answer: they stand in the venue's `rules.rs`, and so do
    /// the ticks of markets of which none is told.
    fn rules(&self, body: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
        listing::rules(body, self.krw_ticks)
    }

    /// None: the date of any answer tells the time.
    fn time_path(&self) -> Option<&'static str> {
        None
    }

    fn time_ms(&self, _body: &[u8]) -> Result<u64, DecodeError> {
        Err(DecodeError::Malformed)
    }
}
