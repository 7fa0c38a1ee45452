//! All books of one venue: frames in, one outcome per frame out. No I/O, no clock, no counters.

use crate::feed::digest::Digest;
use crate::feed::peek::Peeked;
use crate::feed::slot::Change;
use crate::feed::slot::Diff;
use crate::feed::slot::Slot;
use crate::feed::slot::Trading;
use crate::types::ids::InstrumentId;
use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::market::Invalid;
use crate::types::market::Level;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::Codec;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::PublicTrade;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::TradeKey;
use crate::venue::codec;

/// Most instruments that [`Books::discovering`] takes up. More than a run trades, because a
/// recording may hold whole markets; the bound of `InstrumentId`.
pub const DISCOVERED: usize = 256;
const _: () = assert!(DISCOVERED <= u8::MAX as usize + 1, "an instrument id is one byte");

/// What one frame came to. `slot` counts the instruments of these books from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The frame concerned the book of one instrument.
    Book {
        /// Which instrument.
        slot: usize,
        /// What it did there.
        change: Change,
    },
    /// A public trade.
    Trade {
        /// Which instrument.
        slot: usize,
        /// The trade.
        trade: PublicTrade,
    },
    /// Public trades; they stand in [`Books::trades`] until the next frame.
    Trades {
        /// Which instrument.
        slot: usize,
    },
    /// Acknowledgement, status, error of the venue, or a stream that is not used.
    Control(Control),
    /// The frame was rejected whole and every book is as it was.
    Rejected(DecodeError),
    /// A symbol that is not among these instruments.
    Unknown,
    /// A snapshot that fits no book that waits for one; ignored.
    Unplaced,
}

/// The books of one venue.
pub struct Books {
    venue: VenueId,
    codec: Box<dyn Codec + Send>,
    slots: Vec<Slot>,
    discovers: bool,
    scratch: Scratch,
    digest: Digest,
    alive_at: MonoNs,
}

impl Books {
    /// Books of exactly these instruments; frames of others are [`Outcome::Unknown`].
    ///
    /// # Panics
    /// With more than [`limit::INSTRUMENTS`]; the configuration does not allow as many.
    pub fn new(venue: VenueId, instruments: &[(InstrumentId, InstrumentName)]) -> Books {
        assert!(instruments.len() <= limit::INSTRUMENTS, "a run has at most limit::INSTRUMENTS");
        let codec = codec(venue);
        let slot =
            |(id, name): &(InstrumentId, InstrumentName)| Slot::new(*id, *name, codec.symbol(name));
        let slots = instruments.iter().map(slot).collect();
        Books::of(venue, codec, slots)
    }

    /// Books of whatever instruments appear, up to [`DISCOVERED`], numbered as they come.
    pub fn discovering(venue: VenueId) -> Books {
        Books { discovers: true, ..Books::of(venue, codec(venue), Vec::new()) }
    }

    fn of(venue: VenueId, codec: Box<dyn Codec + Send>, slots: Vec<Slot>) -> Books {
        Books {
            venue,
            codec,
            slots,
            discovers: false,
            scratch: Scratch::default(),
            digest: Digest::default(),
            alive_at: MonoNs(0),
        }
    }

    /// The connection opened: no book is usable before its first image.
    pub fn on_open(&mut self, now: Now) {
        self.alive_at = now.mono;
        self.disconnect(Invalid::NoImage);
    }
    /// The connection closed: no book is usable.
    pub fn on_close(&mut self) {
        self.disconnect(Invalid::Closed);
    }
    /// The connection showed life without a frame.
    pub const fn on_alive(&mut self, now: Now) {
        self.alive_at = now.mono;
    }

    /// Whether an instrument may be traded.
    pub fn set_trading(&mut self, slot: usize, trading: Trading) {
        self.slots[slot].set_trading(trading);
    }

    /// One frame. No allocation in steady state; diffs that wait for a snapshot are copied.
    pub fn on_frame(&mut self, kind: FrameKind, payload: &[u8], now: Now) -> Outcome {
        self.alive_at = now.mono;
        match self.codec.decode(kind, payload, &mut self.scratch) {
            Ok(event) => {
                self.digest_event(&event);
                self.on_event(event, now)
            }
            Err(why) => self.on_rejected(why),
        }
    }

    /// The update number of a snapshot that was requested for that instrument, if it may be its:
    /// its number and prices lie near what the instrument has shown. [`Books::place`] takes it.
    pub fn snapshot_of(&mut self, slot: usize, body: &[u8]) -> Option<u64> {
        let decoded = self.codec.decode(FrameKind::RestDepth, body, &mut self.scratch);
        let Ok(Event::Snapshot { last_id }) = decoded else { return None };
        let is_only = self.slots.len() == 1;
        let distance = self.slots.get(slot)?.snapshot_distance(&self.scratch, last_id);
        (is_only || distance.is_some()).then_some(last_id)
    }
    /// Takes the snapshot that [`Books::snapshot_of`] has just read.
    pub fn place(&mut self, slot: usize, last_id: u64, now: Now) -> Outcome {
        self.alive_at = now.mono;
        self.digest_event(&Event::Snapshot { last_id });
        let change = self.slots[slot].on_snapshot(&self.scratch, last_id, now);
        Outcome::Book { slot, change }
    }

    /// What a frame is of, without taking it in.
    pub fn peek(&mut self, payload: &[u8]) -> Peeked {
        let event = self.codec.decode(FrameKind::Ws, payload, &mut self.scratch);
        let slot_of = |symbol: &str| self.slots.iter().position(|slot| slot.symbol == symbol);
        match event {
            Ok(Event::Control(control)) => Peeked::Control(control),
            Ok(Event::Image { symbol, venue_ts_ms, .. }) => {
                slot_of(symbol).map_or(Peeked::Other, |slot| Peeked::Image { slot, venue_ts_ms })
            }
            Ok(Event::Delta { symbol, .. }) => slot_of(symbol).map_or(Peeked::Other, Peeked::Delta),
            Ok(Event::Ticker { symbol, .. }) => {
                slot_of(symbol).map_or(Peeked::Other, Peeked::Ticker)
            }
            Ok(_) => Peeked::Other,
            Err(_) if !self.scratch.rejected.is_empty() => Peeked::Other,
            Err(_) => Peeked::Rejected,
        }
    }

    /// What the newest frame of an instrument says of when it was sent, ms since 1970; once.
    pub fn take_sent_ms(&mut self, slot: usize) -> Option<u64> {
        self.slots.get_mut(slot)?.sent_ms.take()
    }
    /// Whether the newest whole book of an instrument said what the one before said.
    pub fn is_repeat(&self, slot: usize) -> bool {
        self.slots[slot].is_repeat
    }
    /// The venue's code of an instrument.
    pub fn symbol(&self, slot: usize) -> &str {
        &self.slots[slot].symbol
    }

    /// Which venue.
    pub const fn venue(&self) -> VenueId {
        self.venue
    }
    /// Hash of everything decoded so far.
    pub const fn digest(&self) -> u64 {
        self.digest.value()
    }
    /// How many instruments there are.
    pub const fn len(&self) -> usize {
        self.slots.len()
    }
    /// True if there is none.
    pub const fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
    /// Name of an instrument.
    pub fn name(&self, slot: usize) -> InstrumentName {
        self.slots[slot].name
    }
    /// The trades of the latest frame, where that was [`Outcome::Trades`].
    pub fn trades(&self) -> &[PublicTrade] {
        &self.scratch.trades
    }
    /// The present top of an instrument's book.
    pub fn top(&mut self, slot: usize) -> &BookTop {
        let top = &mut self.slots[slot].top;
        top.alive_at = self.alive_at;
        top.digest = self.digest.value();
        top
    }
    /// The same, published now for a frame that arrived at `arrived_at`.
    pub fn publish(&mut self, slot: usize, arrived_at: MonoNs) -> &BookTop {
        let top = &mut self.slots[slot].top;
        (top.arrived_at, top.oldest_at) = (arrived_at, arrived_at);
        self.top(slot)
    }
    /// The whole book of an instrument.
    pub fn whole(&self, slot: usize) -> Whole<'_> {
        Whole { slot: &self.slots[slot] }
    }

    fn disconnect(&mut self, invalid: Invalid) {
        for slot in &mut self.slots {
            slot.disconnect(invalid);
        }
    }

    fn on_event(&mut self, event: Event<'_>, now: Now) -> Outcome {
        match event {
            Event::Control(control) => Outcome::Control(control),
            Event::Image { symbol, venue_ts_ms, update_id } => self
                .change(symbol, |slot, levels| slot.on_image(levels, update_id, venue_ts_ms, now)),
            Event::Delta { symbol, span, venue_ts_ms } => {
                let diff = Diff { span, venue_ts_ms };
                self.change(symbol, |slot, levels| slot.on_delta(levels, diff, now))
            }
            Event::Ticker { symbol, ticker } => {
                self.change(symbol, |slot, _| slot.on_ticker(ticker))
            }
            Event::Snapshot { last_id } => {
                let Some(slot) = self.snapshot_slot(last_id) else { return Outcome::Unplaced };
                let change = self.slots[slot].on_snapshot(&self.scratch, last_id, now);
                Outcome::Book { slot, change }
            }
            Event::Trade { symbol, price, qty, taker, trade_id, venue_ts_ms } => {
                let Some(slot) = self.slot_of(symbol) else { return Outcome::Unknown };
                let trade_id = TradeKey::Number(trade_id);
                let trade = PublicTrade { price, qty, taker, trade_id, venue_ts_ms };
                Outcome::Trade { slot, trade }
            }
            Event::Trades { symbol } => {
                self.slot_of(symbol).map_or(Outcome::Unknown, |slot| Outcome::Trades { slot })
            }
        }
    }

    /// A book, delta or ticker that says nonsense breaks its instrument and no other; without the
    /// symbol nothing is known, and the frame counts against the connection.
    fn on_rejected(&mut self, why: DecodeError) -> Outcome {
        self.digest.word(u64::MAX);
        let symbol = self.scratch.rejected;
        match self.slots.iter().position(|slot| slot.symbol == symbol.as_str()) {
            None => Outcome::Rejected(why),
            Some(slot) => Outcome::Book { slot, change: self.slots[slot].on_bad_content(why) },
        }
    }

    fn change(&mut self, symbol: &str, act: impl FnOnce(&mut Slot, &Scratch) -> Change) -> Outcome {
        match self.slot_of(symbol) {
            None => Outcome::Unknown,
            Some(slot) => {
                let change = act(&mut self.slots[slot], &self.scratch);
                Outcome::Book { slot, change }
            }
        }
    }

    fn slot_of(&mut self, symbol: &str) -> Option<usize> {
        let known = self.slots.iter().position(|slot| slot.symbol == symbol);
        if known.is_some() || !self.discovers || self.slots.len() >= DISCOVERED {
            return known;
        }
        let name = self.codec.instrument(symbol)?;
        let at = self.slots.len();
        let id = InstrumentId(u8::try_from(at).ok()?);
        self.slots.push(Slot::new(id, name, symbol.to_owned()));
        Some(at)
    }

    /// Whose a snapshot is that names no symbol. A run's only instrument takes every one. Else it
    /// is that of the books waiting for one whose update numbers lie nearest and whose prices it
    /// fits; of two equally near ones nobody can tell.
    fn snapshot_slot(&self, last_id: u64) -> Option<usize> {
        if self.slots.len() == 1 && !self.discovers {
            return Some(0);
        }
        let distance = |slot: &Slot| slot.snapshot_distance(&self.scratch, last_id);
        let nearest = self.slots.iter().filter_map(distance).min()?;
        let mut fitting = (0..).zip(&self.slots).filter(|(_, s)| distance(s) == Some(nearest));
        let (slot, _) = fitting.next()?;
        fitting.next().is_none().then_some(slot)
    }

    fn digest_event(&mut self, event: &Event<'_>) {
        let digest = &mut self.digest;
        match *event {
            Event::Control(control) => digest.word(u64::from(control.is_error())),
            Event::Image { symbol, venue_ts_ms, update_id } => {
                digest.text(symbol);
                digest.word(venue_ts_ms);
                update_id.into_iter().for_each(|word| digest.word(word));
            }
            Event::Delta { symbol, span, venue_ts_ms } => {
                let (Span::Joined { first, last } | Span::Chained { prev: first, last }) = span;
                digest.text(symbol);
                [first, last, venue_ts_ms].into_iter().for_each(|word| digest.word(word));
            }
            Event::Snapshot { last_id } => digest.word(last_id),
            Event::Ticker { symbol, ticker } => {
                digest.text(symbol);
                digest.word(ticker.update_id);
                digest.level(&ticker.bid);
                digest.level(&ticker.ask);
            }
            Event::Trade { symbol, price, qty, taker, trade_id, venue_ts_ms } => {
                digest.text(symbol);
                digest.level(&Level { price, qty });
                [taker as u64, trade_id, venue_ts_ms].into_iter().for_each(|w| digest.word(w));
            }
            Event::Trades { symbol } => {
                digest.text(symbol);
                self.scratch.trades.iter().for_each(|trade| digest_trade(digest, trade));
            }
        }
        digest.levels(&self.scratch.bids);
        digest.levels(&self.scratch.asks);
    }
}

fn digest_trade(digest: &mut Digest, trade: &PublicTrade) {
    let PublicTrade { price, qty, taker, trade_id, venue_ts_ms } = *trade;
    let key = match trade_id {
        TradeKey::Number(number) => [0, number],
        TradeKey::Uuid(uuid) => [(uuid >> 64) as u64, uuid as u64],
    };
    digest.level(&Level { price, qty });
    [taker as u64, key[0], key[1], venue_ts_ms].into_iter().for_each(|word| digest.word(word));
}

/// A whole book, for looking into it.
#[derive(Clone, Copy)]
pub struct Whole<'a> {
    slot: &'a Slot,
}

impl<'a> Whole<'a> {
    /// Venue time of the image, ms since 1970; `None` for a bare REST snapshot.
    pub const fn venue_ts_ms(&self) -> Option<u64> {
        self.slot.venue_ts_ms
    }
    /// The venue's update number; `None` where it has none.
    pub const fn update_id(&self) -> Option<u64> {
        if self.slot.top.update_id == 0 { None } else { Some(self.slot.top.update_id) }
    }
    /// Why the book may not be used now.
    pub const fn invalid(&self) -> Option<Invalid> {
        self.slot.top.invalid
    }
    /// Bids, best first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Level> + use<'a> {
        self.slot.book.bids()
    }
    /// Asks, best first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = Level> + use<'a> {
        self.slot.book.asks()
    }
}
