//! Books and engine without links or threads: the way from a frame to a decision.
#![allow(dead_code, reason = "each bench uses its own part")]

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::core::Core;
use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::FrameKind;

/// The defaults: BTC and ETH on both venues and the rate. Nothing pays at the prices of the frames,
/// as almost always.
const CONFIG: &[u8] = b"mode: {current: mock}";

/// Books and engine, joined without links.
pub struct World {
    /// Upbit's.
    pub upbit: Books,
    /// Binance's.
    pub binance: Books,
    /// The engine's state.
    pub core: Core,
    /// BTC on Upbit and on Binance.
    pub ids: [InstrumentId; 2],
    /// A moment at which everything is fresh.
    pub now: Now,
}

impl World {
    /// Without any image.
    pub fn new() -> Result<World, String> {
        let loaded = load_bytes("bench", CONFIG, &Request::default());
        let plan = loaded.map_err(|faults| faults.to_string())?.checked.engine;
        let books = |venue: VenueId| {
            let mine = plan.instruments.iter().filter(|i| i.venue == venue);
            Books::new(venue, &mine.map(|i| (i.id, i.name)).collect::<Vec<_>>())
        };
        let id = |name: &'static str| {
            plan.instruments.iter().find(|i| i.name.as_str() == name).map(|i| i.id).ok_or(name)
        };
        Ok(World {
            upbit: books(VenueId::Upbit),
            binance: books(VenueId::Binance),
            ids: [id("BTC-KRW")?, id("BTC-USDT")?],
            core: Core::new(&plan),
            now: Now { mono: MonoNs(1), wall: WallNs(0) },
        })
    }

    /// Every book gets its first image.
    pub fn fill(&mut self) {
        let rate = crate::frames::rate();
        assert!(self.frame(VenueId::Upbit, FrameKind::Ws, rate.as_bytes()), "no rate");
        assert!(
            self.frame(VenueId::Upbit, FrameKind::Ws, crate::frames::upbit(0).as_bytes()),
            "no KRW"
        );
        let snapshot = crate::frames::snapshot();
        let kind = FrameKind::RestDepth;
        assert!(self.frame(VenueId::Binance, kind, snapshot.as_bytes()), "no USDT");
    }

    /// One frame to its end; false if it changed no book, or if something was traded.
    pub fn frame(&mut self, venue: VenueId, kind: FrameKind, frame: &[u8]) -> bool {
        let books = if venue == VenueId::Upbit { &mut self.upbit } else { &mut self.binance };
        let outcome = books.on_frame(kind, frame, self.now);
        let Outcome::Book { slot, change: Change::Image { .. } | Change::Ticker(_) } = outcome
        else {
            return false;
        };
        let top = books.top(slot);
        self.core.on_book(top, self.now);
        self.core.decide(top.instrument, self.now);
        self.core.outbox().facts.is_empty()
    }
}
