//! A feed with its desk that the test turns by hand against a venue of its own on loopback, and
//! what the process holds meanwhile.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::sync::Arc;

use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::desk::ANSWERS;
use arb::feed::desk::Desk;
use arb::feed::desk::DeskParts;
use arb::feed::desk::JOBS;
use arb::feed::limits::FeedLimits;
use arb::feed::limits::Rate;
use arb::feed::names::FOUND;
use arb::feed::names::LOOKUPS;
use arb::feed::socket::SocketFeed;
use arb::feed::socket::SocketParts;
use arb::net::dial::DIAL_LIMITS;
use arb::net::url::Endpoint;
use arb::runtime::link::BOOKS;
use arb::runtime::link::NOTICES;
use arb::runtime::link::Rx;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::BookTop;
use arb::types::notice::Notice;
use arb::types::time::DurNs;
use arb::venue::stream_of;

/// Nobody listens there: requests fail at once.
const NOBODY: &str = "http://127.0.0.1:9";

/// A feed, its desk, and the far ends of its links.
pub struct Client {
    pub feed: SocketFeed,
    pub desk: Desk,
    pub tops: Rx<BookTop>,
    pub notices: Rx<Notice>,
}

/// A client of that venue's protocol on a port of 127.0.0.1, for these pairs of base and quote.
pub fn client(venue: VenueId, pairs: &[(&str, &str)], port: u16) -> Client {
    let named = |(id, (base, quote)): (u8, &(&str, &str))| {
        (InstrumentId(id), instrument_name(base, quote).expect("a name"))
    };
    let named: Vec<_> = (0..).zip(pairs).map(named).collect();
    let books = Books::new(venue, &named);
    let (top_tx, tops) = BOOKS.open();
    let (notice_tx, notices) = NOTICES.open();
    let ((job_tx, jobs), (answer_tx, answers)) = (JOBS.open(), ANSWERS.open());
    let ((lookups, _), (_, found)) = (LOOKUPS.open(), FOUND.open());
    let limits = limits(venue, port);
    let desk = Desk::new(DeskParts {
        limits: limits.clone(),
        stream: stream_of(venue),
        symbols: (0..books.len()).map(|slot| books.symbol(slot).to_owned()).collect(),
        jobs,
        answers: answer_tx,
        lookups,
        found,
        rules: None,
    });
    let feed = SocketFeed::new(SocketParts {
        limits,
        stream: stream_of(venue),
        feed: Feed::new(books, vec![top_tx]),
        jobs: job_tx,
        answers,
        board: Arc::default(),
        notices: notice_tx,
    });
    Client { feed, desk: desk.expect("no roots to read"), tops, notices }
}

fn limits(venue: VenueId, port: u16) -> FeedLimits {
    FeedLimits {
        venue,
        websocket: Endpoint::parse(&format!("ws://127.0.0.1:{port}")).expect("an address"),
        rest: Endpoint::parse(NOBODY).expect("an address"),
        roots: vec![],
        dial: DIAL_LIMITS,
        request: DurNs::from_secs(5),
        lookup: DurNs::from_secs(3),
        silence_cap: DurNs::from_secs(15),
        lag_cap: DurNs::from_secs(2),
        reconnect_cap: DurNs::from_secs(30),
        rate: Rate { per_second: 10, burst: 20 },
        seed: 7,
    }
}

/// What a process holds.
#[derive(Debug)]
pub struct Holdings {
    pub descriptors: usize,
    pub threads: usize,
    pub rss_kib: u64,
}

/// What this process holds now.
pub fn holdings() -> Holdings {
    let entries = |path: &str| fs::read_dir(path).expect(path).count();
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss = rss.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Holdings {
        descriptors: entries("/proc/self/fd"),
        threads: entries("/proc/self/task"),
        rss_kib: rss.expect("a resident size"),
    }
}
