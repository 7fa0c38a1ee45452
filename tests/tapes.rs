//! Recordings, whole and damaged, and what `arb decode` says about them.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io;
use std::io::Write;
use std::path::PathBuf;

use arb::cli::decode::decode;
use arb::cli::exit::Exit;
use arb::feed::tape::Damage;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::feed::tape::TapeError;
use arb::types::ids::VenueId;
use flate2::Compression;
use flate2::write::GzEncoder;

const GOOD: &str = concat!(
    "100 binance open {}\n",
    "101 binance ws {\"e\":\"depthUpdate\",\"E\":7,\"s\":\"BTCUSDT\",\"U\":1,\"u\":2,",
    "\"b\":[[\"9.50\",\"1.25000000\"]],\"a\":[]}\n",
    "101 upbit ws {\"status\":\"UP\"}\n",
    "102 binance rest_depth {\"lastUpdateId\":1,\"bids\":[[\"9\",\"1\"]],",
    "\"asks\":[[\"10\",\"3\"]]}\n",
    "103 binance ws64 eyJyZXN1bHQiOm51bGwsCiJpZCI6MX0=\n",
    "104 binance close {}\n",
);

/// A file of its own for each test, removed with the folder.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a writable folder for tests");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Reads to the end; the number of good lines and how it ended.
fn read(name: &str, bytes: &[u8]) -> (u64, Option<TapeError>) {
    let mut tape = Tape::open(&file(name, bytes)).expect("the file opens");
    let mut good = 0;
    loop {
        match tape.next_record() {
            Ok(Some(record)) => {
                good += 1;
                assert_eq!(record.line, good);
            }
            Ok(None) => return (good, None),
            Err(error) => return (good, Some(error)),
        }
    }
}

fn damage(name: &str, text: &str) -> TapeError {
    let (good, error) = read(name, text.as_bytes());
    let error = error.expect("damage");
    assert_eq!(error.line, good + 1, "the line after the last good one");
    error
}

#[test]
fn every_kind_of_line_is_read_and_base64_undone() {
    let mut tape = Tape::open(&file("kinds.rec", GOOD.as_bytes())).expect("opens");
    let mut kinds = Vec::new();
    while let Some(record) = tape.next_record().expect("undamaged") {
        if record.line == 5 {
            assert_eq!(record.payload, b"{\"result\":null,\n\"id\":1}");
        }
        kinds.push(record.kind);
    }
    use RecordKind::{Close, Open, RestDepth, Ws};
    assert_eq!(kinds, [Open, Ws, Ws, RestDepth, Ws, Close]);
    let progress = tape.progress();
    assert_eq!((progress.read_bytes, progress.total_bytes), (GOOD.len() as u64, GOOD.len() as u64));
}

#[test]
fn gzip_is_read_also_in_several_members() {
    let (first, second) = GOOD.split_at(150);
    let both = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    assert_eq!(read("members.rec.gz", &both), (6, None));
}

#[test]
fn damage_is_named_with_its_line() {
    let cases: [(&str, &str, Damage); 14] = [
        ("empty", "", Damage::NoFrame),
        ("blank", "\n", Damage::Format),
        ("noise", "\u{1}\u{7f}Zx\u{0}q\n", Damage::Format),
        ("fields", "1 upbit ws\n", Damage::Format),
        ("sign", "+1 upbit ws {}\n", Damage::Format),
        ("big", "99999999999999999999 upbit ws {}\n", Damage::Format),
        ("venue", "1 upbit ws {}\n2 kraken ws {}\n", Damage::Venue),
        ("kind", "1 upbit tick {}\n", Damage::Kind),
        ("time", "2 upbit ws {}\n1 upbit ws {}\n", Damage::TimeRunsBack),
        ("base64", "1 upbit ws64 e$==\n", Damage::Base64),
        ("cut", "1 upbit ws {}\n2 upbit ws {\"ty\":", Damage::Cut),
        ("cut_rest", "1 binance rest_depth {\"bids\":[", Damage::Cut),
        ("cut_name", "1 upbit ws {}\n2 upb", Damage::Format),
        ("gap_line", "1 upbit ws {}\n\n2 upbit ws {}\n", Damage::Format),
    ];
    for (name, text, why) in cases {
        assert_eq!(damage(&format!("{name}.rec"), text).why, why, "{name}");
    }
    assert_eq!(read("unended.rec", b"1 upbit ws {}\n2 upbit ws {}"), (2, None));
}

#[test]
fn a_line_without_end_is_damage_and_not_memory() {
    let endless = vec![b'x'; 5 << 20];
    let (good, error) = read("endless.rec", &endless);
    assert_eq!((good, error.map(|error| error.why)), (0, Some(Damage::TooLong)));
}

#[test]
fn gzip_that_is_cut_damaged_or_no_gzip_at_all_is_damage() {
    let whole = gzip(GOOD.as_bytes());
    for end in 0..whole.len() - 1 {
        let (_, error) = read("cut.rec.gz", &whole[..end]);
        assert_eq!(error.map(|error| error.why), Some(Damage::Gzip), "cut at {end}");
    }
    let (_, error) = read("plain.rec.gz", GOOD.as_bytes());
    assert_eq!(error, Some(TapeError { line: 1, why: Damage::Gzip }));
    let mut flipped = whole.clone();
    let crc = flipped.len() - 6;
    flipped[crc] ^= 1;
    let (_, error) = read("crc.rec.gz", &flipped);
    assert_eq!(error.map(|error| error.why), Some(Damage::Gzip));
}

#[test]
fn decode_prints_books_and_events_in_order() {
    let mut out = Vec::new();
    let path = file("decode.rec", GOOD.as_bytes());
    decode(&path, VenueId::Binance, None, &mut out).expect("undamaged");
    let expected = concat!(
        r#"{"recv_ns":100,"venue":"binance","event":"open"}"#,
        "\n",
        r#"{"recv_ns":101,"venue":"binance","event":"held","instrument":"BTC-USDT"}"#,
        "\n",
        r#"{"recv_ns":102,"venue":"binance","instrument":"BTC-USDT","venue_ts_ms":7,"#,
        r#""bids":[["9.5","1.25"],["9","1"]],"asks":[["10","3"]],"update_id":2}"#,
        "\n",
        r#"{"recv_ns":103,"venue":"binance","event":"control"}"#,
        "\n",
        r#"{"recv_ns":104,"venue":"binance","event":"close"}"#,
        "\n",
    );
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn decode_writes_what_came_before_the_damage_and_says_where_it_is() {
    let mut out = Vec::new();
    let path = file("decode_cut.rec", &GOOD.as_bytes()[..GOOD.len() - 30]);
    let trouble = decode(&path, VenueId::Upbit, None, &mut out).expect_err("damaged");
    assert_eq!(trouble.exit, Exit::BadData);
    assert!(trouble.text.contains("decode_cut.rec: line 5: "), "{}", trouble.text);
    assert_eq!(out, b"{\"recv_ns\":101,\"venue\":\"upbit\",\"event\":\"control\"}\n");
    let absent = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("absent.rec");
    let trouble = decode(&absent, VenueId::Upbit, None, &mut out).expect_err("absent");
    assert_eq!(trouble.exit, Exit::Io);
}

/// Fails each write in one way.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn a_closed_pipe_ends_decode_quietly_and_a_full_disk_does_not() {
    let path = file("decode_pipe.rec", GOOD.as_bytes());
    let closed = &mut Broken(io::ErrorKind::BrokenPipe);
    assert_eq!(decode(&path, VenueId::Binance, None, closed), Ok(Exit::Done));
    let full = &mut Broken(io::ErrorKind::StorageFull);
    let trouble = decode(&path, VenueId::Binance, None, full).expect_err("nothing was written");
    assert_eq!(trouble.exit, Exit::Io);
}
