//! The words of the small venue: what it sends for each venue, and the protocol facts that a feed
//! needs to talk to it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::net::serve::Peer;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;
use arb::venue::DecodeError;
use arb::venue::stream::BookSource;
use arb::venue::stream::InstrumentRules;
use arb::venue::stream::Keepalive;
use arb::venue::stream::Manners;
use arb::venue::stream::Stream;

/// The test's protocol facts: plain words instead of the venues' own requests.
pub struct PlainStream(pub VenueId);

impl Stream for PlainStream {
    fn manners(&self) -> Manners {
        Manners {
            keepalive: Keepalive::PingFrame { every: DurNs::from_secs(30) },
            books: source(self.0),
            silence: DurNs::from_secs(12),
            longest_life: None,
            first_image: DurNs::from_secs(10),
            acks: false,
            replaces: self.0 == VenueId::Upbit,
            symbols_per_request: 10,
            attempts_per_minute: 20,
            messages_per_second: 4,
            has_ticker: false,
        }
    }
    fn path(&self) -> &'static str {
        "/stream"
    }
    fn subscribe(&self, symbols: &[&str], _: u64) -> Vec<String> {
        vec![format!("sub {}", symbols.join(","))]
    }
    fn unsubscribe(&self, symbols: &[&str], _: u64) -> Vec<String> {
        vec![format!("unsub {}", symbols.join(","))]
    }
    fn snapshot_path(&self, symbol: &str) -> Option<String> {
        (self.0 == VenueId::Binance).then(|| format!("/depth?symbol={symbol}"))
    }
    fn rules_paths(&self, _: &[&str]) -> Vec<String> {
        vec![]
    }
    fn rules(&self, _: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
        Err(DecodeError::Malformed)
    }
    fn time_path(&self) -> Option<&'static str> {
        Some("/time")
    }
    fn time_ms(&self, body: &[u8]) -> Result<u64, DecodeError> {
        let text = std::str::from_utf8(body).map_err(|_| DecodeError::Utf8)?;
        text.parse().map_err(|_| DecodeError::Malformed)
    }
}

fn source(venue: VenueId) -> BookSource {
    match venue {
        VenueId::Binance => BookSource::RequestedSnapshot,
        VenueId::Bybit | VenueId::Okx => BookSource::StreamSnapshot,
        _ => BookSource::Whole,
    }
}

pub fn send(peer: &mut Peer, venue: VenueId, text: &str) {
    // A peer that takes nothing loses what does not fit; that is its own fault here.
    let _ = match venue {
        VenueId::Upbit => peer.send_binary(text.as_bytes()),
        _ => peer.send_text(text),
    };
}

/// The first message of a symbol: time in ms, number of the update.
pub fn first(venue: VenueId, code: &str, (ms, id): (u64, u64)) -> String {
    match venue {
        VenueId::Bybit => bybit(code, "snapshot", (ms, id), &levels("1")),
        VenueId::Okx => okx(code, "snapshot", (ms, id), "1"),
        _ => next(venue, code, (ms, id)),
    }
}

/// The update of that number.
pub fn next(venue: VenueId, code: &str, (ms, id): (u64, u64)) -> String {
    let qty = (id % 1_000 + 1).to_string();
    match venue {
        VenueId::Binance => binance(code, (ms, id), &qty),
        VenueId::Okx => okx(code, "update", (ms, id), &qty),
        VenueId::Bybit => {
            bybit(code, "delta", (ms, id), &format!(r#""b":[["99","{qty}"]],"a":[]"#))
        }
        _ => upbit(code, ms, &qty),
    }
}

fn levels(qty: &str) -> String {
    format!(r#""b":[["99","{qty}"]],"a":[["101","1"]]"#)
}

fn upbit(code: &str, ms: u64, qty: &str) -> String {
    let unit = format!(r#"{{"ask_price":101,"bid_price":99,"ask_size":1,"bid_size":{qty}}}"#);
    let head = format!(r#""type":"orderbook","code":"{code}","timestamp":{ms}"#);
    let sums = format!(r#""total_ask_size":1,"total_bid_size":{qty}"#);
    let tail = r#""stream_type":"REALTIME","level":0"#;
    format!(r#"{{{head},{sums},"orderbook_units":[{unit}],{tail}}}"#)
}

fn binance(code: &str, (ms, id): (u64, u64), qty: &str) -> String {
    let head = format!(r#""e":"depthUpdate","E":{ms},"s":"{code}","U":{id},"u":{id}"#);
    let stream = format!("{}@depth@100ms", code.to_lowercase());
    format!(r#"{{"stream":"{stream}","data":{{{head},"b":[["99","{qty}"]],"a":[]}}}}"#)
}

fn bybit(code: &str, kind: &str, (ms, id): (u64, u64), levels: &str) -> String {
    let data = format!(r#"{{"s":"{code}",{levels},"u":{id},"seq":{id}}}"#);
    let head = format!(r#""topic":"orderbook.50.{code}","ts":{ms},"type":"{kind}""#);
    format!(r#"{{{head},"data":{data},"cts":{ms}}}"#)
}

fn okx(code: &str, action: &str, (ms, id): (u64, u64), qty: &str) -> String {
    let is_first = action == "snapshot";
    let (prev, asks) = if is_first { (-1, r#"["101","1","0","1"]"#) } else { (id as i64 - 1, "") };
    let sides = format!(r#""asks":[{asks}],"bids":[["99","{qty}","0","1"]]"#);
    let ids = format!(r#""ts":"{ms}","checksum":0,"prevSeqId":{prev},"seqId":{id}"#);
    let arg = format!(r#""arg":{{"channel":"books","instId":"{code}"}},"action":"{action}""#);
    format!(r#"{{{arg},"data":[{{{sides},{ids}}}]}}"#)
}
