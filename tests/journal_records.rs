//! One record, one line: it round-trips exactly, proves itself, and reads well.
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::journal::record::Chain;
use arb::journal::record::Record;
use arb::journal::record::RecordKind;
use arb::journal::record::encode;
use arb::journal::record::frame;
use arb::journal::start::Manifest;
use arb::journal::start::Start;
use arb::journal::text::ContentError;
use arb::journal::text::Names;
use arb::types::carry::CarriedHolding;
use arb::types::carry::CarriedKind;
use arb::types::carry::CarriedOrder;
use arb::types::carry::CarriedPair;
use arb::types::carry::CarriedResidual;
use arb::types::carry::Carry;
use arb::types::carry::Stage;
use arb::types::fact::CloseReason;
use arb::types::fact::FactKind;
use arb::types::fact::FxRates;
use arb::types::fact::PairChange;
use arb::types::fact::Reference;
use arb::types::ids::InstrumentId;
use arb::types::ids::OrderId;
use arb::types::ids::PairId;
use arb::types::ids::TradeId;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::market::Side;
use arb::types::order::Ending;
use arb::types::order::Fee;
use arb::types::order::Fill;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::order::OrderRequest;
use arb::types::order::Purpose;
use arb::types::order::RejectReason;
use arb::types::rng::SplitMix64;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Krw;
use arb::types::units::Ppm;
use arb::types::units::SignedQty;
use proptest::prelude::*;

use support::*;

/// Draws every kind of record with values from the whole range.
struct Draw(SplitMix64);

impl Draw {
    fn below(&mut self, end: u64) -> usize {
        self.0.below(end) as usize
    }
    /// Small and huge magnitudes alike; the least `i64` is no value of any unit.
    fn signed(&mut self) -> i64 {
        let bits = self.0.below(64);
        let size = (self.0.below(u64::MAX) >> bits) as i64;
        size.max(-i64::MAX)
    }
    fn size(&mut self) -> i64 {
        self.signed().saturating_abs()
    }
    fn number(&mut self) -> u64 {
        self.0.below(u64::MAX)
    }
    fn krw(&mut self) -> Krw {
        Krw::from_raw(self.signed())
    }
    fn excess(&mut self) -> SignedQty {
        SignedQty::from_raw(self.signed())
    }
    fn instrument(&mut self) -> InstrumentId {
        InstrumentId(self.below(3) as u8)
    }
    fn reference(&mut self) -> Reference {
        Reference { qty: qty(self.size()), cost: self.krw(), proceeds: self.krw() }
    }
    fn reason(&mut self) -> CloseReason {
        CloseReason::ALL[self.below(4)]
    }
    fn ending(&mut self) -> Ending {
        let reasons = [
            RejectReason::Balance,
            RejectReason::Filter,
            RejectReason::Venue,
            RejectReason::Gate,
            RejectReason::StaleQuote,
        ];
        match self.below(7) {
            0 => Ending::Filled,
            1 => Ending::Cancelled,
            other => Ending::Rejected(reasons[other - 2]),
        }
    }
    fn rates(&mut self) -> FxRates {
        FxRates { bid: price(self.size().max(1)), ask: price(self.size().max(1)) }
    }
    fn request(&mut self) -> OrderRequest {
        OrderRequest {
            id: OrderId(self.number()),
            pair: PairId(self.number()),
            instrument: self.instrument(),
            side: [Side::Buy, Side::Sell][self.below(2)],
            qty: qty(self.size()),
            limit: price(self.size().max(1)),
            purpose: [Purpose::Entry, Purpose::Exit, Purpose::Hedge][self.below(3)],
            decided_at: MonoNs(self.number()),
        }
    }
    fn event(&mut self) -> OrderEvent {
        let kind = match self.below(3) {
            0 => OrderEventKind::Ack,
            1 => OrderEventKind::Fill(Fill {
                trade: TradeId(self.number()),
                price: price(self.size().max(1)),
                qty: qty(self.size()),
                fee: match self.below(2) {
                    0 => Fee::Quote(self.signed()),
                    _ => Fee::Base(qty(self.size())),
                },
            }),
            _ => OrderEventKind::Done { ending: self.ending(), filled: qty(self.size()) },
        };
        OrderEvent { id: OrderId(self.number()), kind }
    }
    fn change(&mut self) -> PairChange {
        match self.below(8) {
            0 => PairChange::Entered {
                buy: self.instrument(),
                sell: self.instrument(),
                reference: self.reference(),
                edge: Ppm::new(self.signed()),
            },
            1 => PairChange::Missed,
            2 => PairChange::Opened { qty: qty(self.size()) },
            3 => PairChange::Unhedged { excess: self.excess() },
            4 => PairChange::Closing { reason: self.reason(), reference: self.reference() },
            5 => PairChange::Closed { pnl: self.krw() },
            6 => PairChange::Residual { excess: self.excess(), value: self.krw() },
            _ => PairChange::Swept {
                krw: self.instrument(),
                excess: self.excess(),
                value: self.krw(),
            },
        }
    }
    fn stage(&mut self) -> Stage {
        match self.below(4) {
            0 => Stage::Working,
            1 => Stage::Open,
            2 => Stage::Unhedged { attempts: self.below(256) as u8, since: MonoNs(self.number()) },
            _ => Stage::Closing { reason: self.reason() },
        }
    }
    fn pair(&mut self) -> CarriedPair {
        let kinds = [CarriedKind::Entry, CarriedKind::Counted, CarriedKind::Sweep];
        CarriedPair {
            id: PairId(self.number()),
            buy: self.instrument(),
            sell: self.instrument(),
            stage: self.stage(),
            intended: qty(self.size()),
            long: self.excess(),
            short: self.excess(),
            cash: self.krw(),
            notional: self.krw(),
            reference: self.reference(),
            entered_at: MonoNs(self.number()),
            kind: kinds[self.below(3)],
            wanted: (self.below(2) == 0).then(|| self.reason()),
        }
    }
    fn carry(&mut self, at: Now) -> Carry {
        let mut carry = Core::new(&plan(Accounting::Capture)).carry(at);
        carry.next_order = OrderId(self.number());
        carry.fx = (self.below(2) == 0).then(|| self.rates());
        carry.totals.realized = self.krw();
        carry.totals.day = (self.below(2) == 0).then(|| self.number());
        carry.counts.partials = self.number();
        let venue = VenueId::ALL[self.below(2)];
        let code = asset("XRP").expect("a code");
        let (raw, start_raw) = (self.signed(), self.signed());
        carry.holdings.push(CarriedHolding { venue, asset: code, raw, start_raw });
        carry.pairs = (0..self.below(4)).map(|_| self.pair()).collect();
        carry.orders = (0..self.below(4))
            .map(|_| CarriedOrder {
                request: self.request(),
                filled: qty(self.size()),
                ended: (self.below(2) == 0).then(|| (self.ending(), qty(self.size()))),
                trades: (0..self.below(4)).map(|_| TradeId(self.number())).collect(),
            })
            .collect();
        let (qty, value, attempted) = (self.excess(), self.krw(), self.excess());
        carry.residuals = vec![CarriedResidual { base: code, qty, value, attempted }];
        carry
    }
    fn record(&mut self) -> Record {
        let at = Now { mono: MonoNs(self.number()), wall: WallNs(self.number()) };
        let kind = match self.below(9) {
            0 => RecordKind::Start(Box::new(Start {
                manifest: manifest("mock"),
                crashes: (0..self.below(3)).map(|_| WallNs(self.number())).collect(),
                carry: self.carry(at),
            })),
            1 => RecordKind::Next,
            2 => RecordKind::Stop,
            3 => RecordKind::Ids { until: OrderId(self.number()) },
            4 => RecordKind::Truncated { file: "a \"b\"-1.jsonl".into(), bytes: self.number() },
            5 => RecordKind::Fact(FactKind::Intent { request: self.request(), value: self.krw() }),
            6 => RecordKind::Fact(FactKind::Order {
                event: self.event(),
                fx: (self.below(4) > 0).then(|| self.rates()),
            }),
            7 => RecordKind::Fact(FactKind::Pair {
                id: PairId(self.number()),
                change: self.change(),
            }),
            _ => RecordKind::Fact(FactKind::Imbalance { part: Ppm::new(self.signed()) }),
        };
        Record { at, kind }
    }
}

fn manifest(mode: &str) -> Manifest {
    Manifest {
        run_id: "0a1b2c3d".into(),
        mode: mode.into(),
        seed: u64::MAX,
        config_sha256: "ab".repeat(32),
        program: "0.1.0".into(),
    }
}

fn names() -> Names {
    Names::of(&plan(Accounting::Capture).instruments)
}

fn line_of(record: &Record) -> String {
    let (mut chain, mut out) = (Chain::default(), Vec::new());
    encode(record, &mut chain, &names(), &mut out).expect("encodes");
    String::from_utf8(out).expect("is text")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_record_comes_back_as_it_was(seed in any::<u64>()) {
        let mut draw = Draw(SplitMix64::new(seed, 1));
        let (mut chain, mut out) = (Chain::default(), Vec::new());
        let records: Vec<Record> = (0..4).map(|_| draw.record()).collect();
        for record in &records {
            encode(record, &mut chain, &names(), &mut out).expect("encodes");
        }
        let mut last = Chain::default();
        let lines = out.strip_suffix(b"\n").expect("ends in a newline").split(|b| *b == b'\n');
        for (line, record) in lines.zip(&records) {
            let frame = frame(line).expect("proves itself");
            prop_assert!(frame.follows(last));
            last = frame.link;
            prop_assert_eq!(&frame.record(&names()).expect("is understood"), record);
        }
        prop_assert_eq!(last, chain);
    }

    #[test]
    fn no_single_changed_bit_leaves_a_record_that_proves_itself(seed in any::<u64>()) {
        let mut line = line_of(&Draw(SplitMix64::new(seed, 2)).record()).into_bytes();
        line.pop();
        for bit in 0..(line.len() * 8).min(4_000) {
            line[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(frame(&line).is_none(), "bit {bit}");
            line[bit / 8] ^= 1 << (bit % 8);
        }
        prop_assert!(frame(&line).is_some());
    }

    #[test]
    fn noise_is_never_a_record_and_never_a_panic(
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert!(frame(&noise).is_none());
        let mut framed = b"{\"crc\":\"00000000\",".to_vec();
        framed.extend(&noise);
        let crc = crc32_of(&framed[18..]);
        framed[8..16].copy_from_slice(format!("{crc:08x}").as_bytes());
        if let Some(frame) = frame(&framed) {
            prop_assert!(frame.record(&names()).is_err());
        }
    }
}

/// CRC-32 (IEEE 802.3), bit by bit: the definition, as the oracle of the fast one.
fn crc32_of(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn a_line_reads_well_and_its_checksum_is_the_documented_one() {
    let request = OrderRequest {
        id: OrderId(41),
        pair: PairId(7),
        instrument: USDT,
        side: Side::Buy,
        qty: qty(116_000),
        limit: price(6_200_150_000_000),
        purpose: Purpose::Entry,
        decided_at: MonoNs(5),
    };
    let kind = RecordKind::Fact(FactKind::Intent { request, value: krw(99_826) });
    let line = line_of(&Record { at: at(0, 5), kind });
    let body = "\"seq\":1,\"prev\":\"00000000\",\"kind\":\"intent\",\
        \"wall_ns\":1723161255000000005,\
        \"mono_ns\":5,\"id\":41,\"pair\":7,\"instrument\":\"binance:BTC-USDT\",\"side\":\"buy\",\
        \"qty\":\"0.00116\",\"limit\":\"62001.5\",\"value_krw\":\"99826\",\"purpose\":\"entry\",\
        \"decided_ns\":5}";
    assert_eq!(line, format!("{{\"crc\":\"{:08x}\",{body}\n", crc32_of(body.as_bytes())));
    let json: serde_json::Value = serde_json::from_str(&line).expect("is JSON");
    assert_eq!(json["limit"], "62001.5");
}

#[test]
fn an_instrument_is_found_by_name_and_an_unknown_one_is_named() {
    let line = line_of(&Record {
        at: at(0, 0),
        kind: RecordKind::Fact(FactKind::Pair {
            id: PairId(1),
            change: PairChange::Swept { krw: KRW, excess: SignedQty::ZERO, value: Krw::ZERO },
        }),
    });
    let mut instruments = plan(Accounting::Capture).instruments;
    instruments.swap(0, 2);
    let frame = frame(line.trim_end().as_bytes()).expect("proves itself");
    let record = frame.record(&Names::of(&instruments)).expect("is understood");
    let RecordKind::Fact(FactKind::Pair { change: PairChange::Swept { krw, .. }, .. }) =
        record.kind
    else {
        panic!("{record:?}");
    };
    assert_eq!(krw, InstrumentId(2), "the same instrument under its new number");
    let error = frame.record(&Names::of(&instruments[..2])).expect_err("is not there");
    let name = "upbit:BTC-KRW".to_owned();
    assert_eq!(error, ContentError::Unknown { what: "instrument", name });
}
