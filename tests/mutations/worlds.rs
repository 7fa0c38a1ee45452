//! What is mutated, and the books that must survive it: seeds of a venue, frames that make its
//! books whole, and frames of its kind that fit behind those.

use std::fs;
use std::path::Path;

use arb::types::ids::VenueId;

/// Update number of every book that [`World::heal`] made.
pub const LAST_ID: u64 = 1_000;

/// One venue's part of the test.
pub struct World {
    /// Which venue.
    pub venue: VenueId,
    /// BASE and QUOTE of the books.
    pub instruments: &'static [(&'static str, &'static str)],
    /// Frames that make all of these books whole, after the connection opened.
    pub heal: Vec<Frame>,
    /// Frames that break the first book and leave it waiting for its repair; empty where a venue
    /// has no such state.
    pub wound: Vec<Frame>,
    /// Numbers that are put in after these keys, so that a recorded frame follows a healed book.
    pub follow: &'static [(&'static str, u64)],
    /// What is mutated.
    pub seeds: Vec<Seed>,
}

/// A frame and how it comes.
#[derive(Clone)]
pub struct Frame {
    /// True for the body of a requested snapshot.
    pub is_body: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Frame {
    fn of(bytes: &[u8]) -> Frame {
        // Only Binance asks for snapshots.
        let is_body = bytes.starts_with(b"{\"lastUpdateId\"");
        Frame { is_body, bytes: bytes.to_vec() }
    }
}

/// A frame to mutate, and its share of the mutants.
pub struct Seed {
    /// The frame.
    pub frame: Frame,
    /// Share, relative to the other seeds.
    pub weight: usize,
}

/// Long frames cost time in proportion, so they get fewer mutants. Ours are chosen to reach each
/// branch, recordings repeat themselves; books have the most to lose.
fn seed(bytes: &[u8], favour: usize) -> Seed {
    const BOOKS: [&[u8]; 4] = [b"orderbook", b"depthUpdate", b"lastUpdateId", b"\"books\""];
    let says = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    let favour = if BOOKS.iter().any(|word| says(word)) { 4 * favour } else { favour };
    let weight = favour * 64 * 1024 / bytes.len().max(1_024);
    Seed { frame: Frame::of(bytes), weight: weight.max(1) }
}

/// How much more often our own frames are taken than those of a recording.
const OWN: usize = 16;

/// Our own frames of a venue: public, and private with answers.
fn own(venue: VenueId) -> [&'static str; 2] {
    match venue {
        VenueId::Upbit => [
            include_str!("../data/mutations/upbit.jsonl"),
            include_str!("../data/mutations/upbit_private.jsonl"),
        ],
        VenueId::Binance => [
            include_str!("../data/mutations/binance.jsonl"),
            include_str!("../data/mutations/binance_private.jsonl"),
        ],
        VenueId::Bithumb => [
            include_str!("../data/mutations/bithumb.jsonl"),
            include_str!("../data/mutations/bithumb_private.jsonl"),
        ],
        VenueId::Bybit => [
            include_str!("../data/mutations/bybit.jsonl"),
            include_str!("../data/mutations/bybit_private.jsonl"),
        ],
        VenueId::Okx => [
            include_str!("../data/mutations/okx.jsonl"),
            include_str!("../data/mutations/okx_private.jsonl"),
        ],
    }
}

/// Which of a venue's frames are mutated most.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Market data.
    Public,
    /// Our account and answers to requests.
    Private,
}

/// The seeds of a venue, its own first, and then each line of each fixture, where there are any.
pub fn seeds(venue: VenueId, part: Part) -> Vec<Seed> {
    let [public, private] = own(venue);
    let (ours, others) = if part == Part::Public { (public, private) } else { (private, public) };
    let lines = |text: &'static str| text.lines().map(str::as_bytes);
    let mut seeds: Vec<Seed> = lines(ours).map(|line| seed(line, OWN)).collect();
    seeds.extend(lines(others).map(|line| seed(line, 1)));
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures").join(venue.name());
    if folder.exists() {
        add_fixtures(&folder, part, &mut seeds);
    } else {
        println!("skipped: the shared fixtures are absent ({})", venue.name());
    }
    seeds
}

/// In the order of their names, so that each machine makes the same mutants.
fn add_fixtures(folder: &Path, part: Part, seeds: &mut Vec<Seed>) {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending {
            _ if path.is_dir() => add_fixtures(&path, part, seeds),
            Some("json") => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let is_stream = name.is_some_and(|name| name.starts_with("ws_"));
                let favour = if part == Part::Private || is_stream { 4 } else { 1 };
                let frame = fs::read(&path).expect("a readable fixture");
                seeds.push(seed(frame.trim_ascii(), favour));
            }
            // Recordings are market data.
            Some("jsonl") if part == Part::Public => {
                let text = fs::read(&path).expect("a readable fixture");
                let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                seeds.extend(lines.map(|line| seed(line, 1)));
            }
            _ => {}
        }
    }
}

/// Everything about a venue.
pub fn world(venue: VenueId) -> World {
    let frames = |texts: Vec<String>| texts.iter().map(|text| Frame::of(text.as_bytes())).collect();
    let (instruments, heal, wound): (&[_], _, _) = match venue {
        VenueId::Upbit => (
            [("BTC", "KRW"), ("LAMB", "KRW"), ("WAVES", "KRW")].as_slice(),
            ["KRW-BTC", "KRW-LAMB", "KRW-WAVES"].map(whole).into(),
            Vec::new(),
        ),
        VenueId::Bithumb => (
            [("BTC", "KRW"), ("ETH", "KRW")].as_slice(),
            ["KRW-BTC", "KRW-ETH"].map(whole).into(),
            Vec::new(),
        ),
        VenueId::Binance => (
            [("BTC", "USDT"), ("BNB", "USDT"), ("BNB", "BTC")].as_slice(),
            [
                ("BTCUSDT", ["56000", "66000"]),
                ("BNBUSDT", ["20", "30"]),
                ("BNBBTC", ["0.002", "0.003"]),
            ]
            .map(binance_pair)
            .concat(),
            vec![diff("BTCUSDT", LAST_ID + 10), diff("BTCUSDT", LAST_ID + 11)],
        ),
        VenueId::Bybit => (
            [("BTC", "USDT"), ("ETH", "USDT")].as_slice(),
            [("BTCUSDT", ["70000", "80000"]), ("ETHUSDT", ["1900", "2100"])].map(bybit).into(),
            Vec::new(),
        ),
        VenueId::Okx => (
            [("BTC", "USDT"), ("ETH", "USDT")].as_slice(),
            [("BTC-USDT", ["25000", "35000"]), ("ETH-USDT", ["1900", "2100"])].map(okx).into(),
            Vec::new(),
        ),
    };
    let follow: &[_] = match venue {
        VenueId::Binance => &[("\"U\":", LAST_ID + 1), ("\"u\":", LAST_ID + 2)],
        VenueId::Bybit => &[("\"u\":", LAST_ID + 1)],
        VenueId::Okx => &[("\"prevSeqId\":", LAST_ID), ("\"seqId\":", LAST_ID + 1)],
        VenueId::Upbit | VenueId::Bithumb => &[],
    };
    let (heal, wound) = (frames(heal), frames(wound));
    World { venue, instruments, heal, wound, follow, seeds: seeds(venue, Part::Public) }
}

/// A whole book of Upbit or Bithumb; of a time long past, so that most frames are newer.
fn whole(code: &str) -> String {
    let unit = |step: u64| {
        let (ask, bid) = (1_001 + step, 1_000 - step);
        format!(r#"{{"ask_price":{ask},"bid_price":{bid},"ask_size":1.5,"bid_size":0.25}}"#)
    };
    let units = [unit(0), unit(1), unit(2)].join(",");
    format!(
        r#"{{"type":"orderbook","code":"{code}","total_ask_size":4.5,"total_bid_size":0.75,
        "orderbook_units":[{units}],"level":0,"timestamp":1500000000000,
        "stream_type":"SNAPSHOT"}}"#
    )
}

fn diff(symbol: &str, id: u64) -> String {
    format!(
        r#"{{"stream":"x@depth@100ms","data":{{"e":"depthUpdate","E":1500000000000,"s":"{symbol}",
        "U":{id},"u":{id},"b":[],"a":[]}}}}"#
    )
}

/// A diff that waits, and the snapshot before it. Bid and ask lie far apart here and below, so that
/// what recordings say fits in between.
fn binance_pair((symbol, [bid, ask]): (&str, [&str; 2])) -> Vec<String> {
    let before = LAST_ID - 1;
    let snapshot = format!(
        r#"{{"lastUpdateId":{before},"bids":[["{bid}","1"],["{bid}e-1","2"]],
        "asks":[["{ask}","3"],["{ask}e1","4"]]}}"#
    );
    vec![diff(symbol, LAST_ID), snapshot]
}

fn bybit((symbol, [bid, ask]): (&str, [&str; 2])) -> String {
    format!(
        r#"{{"topic":"orderbook.50.{symbol}","ts":1500000000000,"type":"snapshot",
        "data":{{"s":"{symbol}","b":[["{bid}","1"],["{bid}e-1","2"]],
        "a":[["{ask}","3"],["{ask}e1","4"]],"u":{LAST_ID},"seq":1}},"cts":1500000000000}}"#
    )
}

fn okx((symbol, [bid, ask]): (&str, [&str; 2])) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"snapshot",
        "data":[{{"asks":[["{ask}","3","0","1"],["{ask}e1","4","0","1"]],
        "bids":[["{bid}","1","0","1"],["{bid}e-1","2","0","1"]],
        "ts":"1500000000000","checksum":0,"prevSeqId":-1,"seqId":{LAST_ID}}}]}}"#
    )
}
