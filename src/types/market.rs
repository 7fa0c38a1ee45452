//! Market data between codec, feed, engine and gateway: levels, tops of book, instruments.

use arrayvec::ArrayVec;

use crate::types::ids::Asset;
use crate::types::ids::InstrumentId;
use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::time::MonoNs;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::mul_div;

/// Which way an order or a fill goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Side {
    /// Base coins come in, quote money goes out.
    Buy,
    /// Base coins go out, quote money comes in.
    Sell,
}

impl Side {
    /// The other side.
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// One price level of a book. A zero quantity occurs in deltas only and means "gone".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Level {
    /// Price of the level.
    pub price: Price,
    /// Base coins offered or wanted there.
    pub qty: Qty,
}

/// Why a book may not be used now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Invalid {
    /// No image since the start or since the connection opened.
    NoImage,
    /// A sequence number is missing; a snapshot has to come first.
    Gap,
    /// The connection is closed.
    Closed,
    /// Best bid at or above best ask.
    Crossed,
    /// A side without any level.
    Empty,
    /// More levels than [`limit::BOOK_LEVELS`] a side.
    Overflow,
    /// The latest frame held a value that no book can have (zero price, too large a size, …).
    BadValue,
    /// The venue takes no orders for it, its rules are not those that this run knows, or what the
    /// venue sends comes too late to be traded on.
    Halted,
}

/// The best levels of one side, best first.
pub type Levels = ArrayVec<Level, { limit::TOP_LEVELS }>;

/// Best bid and ask of one instant, for venues whose ticker runs ahead of their depth stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticker {
    /// Venue's update number; newer than the book's when it is larger.
    pub update_id: u64,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

/// What a feed publishes: the whole top of one book, never a delta. A lost one is harmless.
#[derive(PartialEq, Eq, Debug)]
pub struct BookTop {
    /// Which book.
    pub instrument: InstrumentId,
    /// `None` while the levels may be used.
    pub invalid: Option<Invalid>,
    /// Counts committed depth images of this book; unchanged when only the ticker or the state did.
    pub image: u64,
    /// Venue's update number of the image; 0 where the venue has none.
    pub update_id: u64,
    /// When the frame that made this image arrived. A ticker does not move it: it refreshes the
    /// best level only, while an order walks the image's levels behind it.
    pub received_at: MonoNs,
    /// When the frame arrived for which this top was published: an image, a ticker, a break, or a
    /// sign of life. Latency is measured from here, freshness never.
    pub arrived_at: MonoNs,
    /// How many tops this one replaced that its reader had not taken; each of them waited too.
    pub merged: u32,
    /// `arrived_at` of the oldest of those; its own if there is none.
    pub oldest_at: MonoNs,
    /// When the connection last showed life (any frame, pong).
    pub alive_at: MonoNs,
    /// Running hash of everything that the feed of this venue decoded so far, for the trace.
    pub digest: u64,
    /// How many inputs (frames, connection events, signs of life) its feed had taken when this
    /// top was copied for its reader. Never falls among the tops that one feed sends.
    pub frame: u64,
    /// A ticker newer than the image, if the venue sends one.
    pub ticker: Option<Ticker>,
    /// Bids, best (highest) first.
    pub bids: Levels,
    /// Asks, best (lowest) first.
    pub asks: Levels,
}

impl Clone for BookTop {
    fn clone(&self) -> BookTop {
        let mut copy = BookTop::empty(self.instrument);
        copy.clone_from(self);
        copy
    }
    /// Copies the levels there are, as blocks: a top is copied at each hop.
    fn clone_from(&mut self, source: &BookTop) {
        let BookTop { instrument, invalid, image, update_id, received_at, .. } = *source;
        (self.instrument, self.invalid, self.image) = (instrument, invalid, image);
        (self.update_id, self.received_at) = (update_id, received_at);
        (self.arrived_at, self.alive_at) = (source.arrived_at, source.alive_at);
        (self.merged, self.oldest_at) = (source.merged, source.oldest_at);
        (self.digest, self.frame) = (source.digest, source.frame);
        self.ticker = source.ticker;
        copy_levels(&mut self.bids, &source.bids);
        copy_levels(&mut self.asks, &source.asks);
    }
}

fn copy_levels(levels: &mut Levels, source: &[Level]) {
    levels.clear();
    // The source has the same bound.
    let _ = levels.try_extend_from_slice(source);
}

impl BookTop {
    /// A top without any image yet.
    pub fn empty(instrument: InstrumentId) -> BookTop {
        BookTop {
            instrument,
            invalid: Some(Invalid::NoImage),
            image: 0,
            update_id: 0,
            received_at: MonoNs(0),
            arrived_at: MonoNs(0),
            merged: 0,
            oldest_at: MonoNs(0),
            alive_at: MonoNs(0),
            digest: 0,
            frame: 0,
            ticker: None,
            bids: Levels::new(),
            asks: Levels::new(),
        }
    }
    /// The side an order of `side` takes from (a buy takes asks), as committed by the depth image.
    pub fn image_ladder(&self, side: Side) -> Ladder<'_> {
        Ladder { first: None, rest: self.taken_side(side) }
    }
    /// The same side with the newer ticker laid over it: the ticker's level first, then the image's
    /// levels that are strictly worse. This is what decisions and the last-hop gate use.
    pub fn ladder(&self, side: Side) -> Ladder<'_> {
        let image = self.taken_side(side);
        let Some(ticker) = self.ticker else {
            return Ladder { first: None, rest: image };
        };
        let first = match side {
            Side::Buy => ticker.ask,
            Side::Sell => ticker.bid,
        };
        let worse = |level: &Level| match side {
            Side::Buy => level.price > first.price,
            Side::Sell => level.price < first.price,
        };
        let start = image.iter().position(worse).unwrap_or(image.len());
        Ladder { first: Some(first), rest: &image[start..] }
    }
    fn taken_side(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.asks,
            Side::Sell => &self.bids,
        }
    }
}

/// One side of a book as an order would meet it, best level first.
#[derive(Clone, Copy, Debug)]
pub struct Ladder<'a> {
    first: Option<Level>,
    rest: &'a [Level],
}

impl<'a> Ladder<'a> {
    /// A ladder over plain levels, best first.
    pub const fn of(levels: &'a [Level]) -> Ladder<'a> {
        Ladder { first: None, rest: levels }
    }
    /// The levels, best first.
    pub fn levels(&self) -> impl Iterator<Item = Level> + use<'a> {
        self.first.into_iter().chain(self.rest.iter().copied())
    }
    /// The best level.
    pub fn best(&self) -> Option<Level> {
        self.first.or_else(|| self.rest.first().copied())
    }
}

/// Price grid of an instrument: from each band's price on, its tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TickTable {
    /// `(from, tick)` in raw 10⁻⁸ units, ascending by `from`; the first band starts at 0.
    bands: ArrayVec<TickBand, 20>,
}

/// One band of a [`TickTable`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TickBand {
    /// First price of the band, raw 10⁻⁸ units.
    pub from_raw: i64,
    /// Its tick, raw 10⁻⁸ units, > 0.
    pub tick_raw: i64,
}

impl TickTable {
    /// The same tick at every price. `None` if it is not > 0.
    pub fn fixed(tick_raw: i64) -> Option<TickTable> {
        TickTable::banded(&[TickBand { from_raw: 0, tick_raw }])
    }
    /// Bands ascending from 0, at most 20, each tick > 0; else `None`.
    pub fn banded(bands: &[TickBand]) -> Option<TickTable> {
        let starts_at_zero = bands.first().is_some_and(|band| band.from_raw == 0);
        let ascending = bands.windows(2).all(|pair| pair[0].from_raw < pair[1].from_raw);
        let positive = bands.iter().all(|band| band.tick_raw > 0);
        if !(starts_at_zero && ascending && positive) {
            return None;
        }
        ArrayVec::try_from(bands).ok().map(|bands| TickTable { bands })
    }
    /// The bands, by rising price.
    pub fn bands(&self) -> &[TickBand] {
        &self.bands
    }
    /// The tick that applies at `price`, raw 10⁻⁸ units.
    pub fn tick_at(&self, price: Price) -> i64 {
        let band = self.bands.iter().rev().find(|band| band.from_raw <= price.raw());
        band.map_or(1, |band| band.tick_raw)
    }
    /// `price` moved onto the grid of its band. `None` if it would reach 0 or leave the range.
    pub fn snap(&self, price: Price, round: Round) -> Option<Price> {
        let tick = self.tick_at(price);
        let steps = mul_div(price.raw(), 1, tick, round)?;
        Price::from_raw(steps.checked_mul(tick)?)
    }
}

/// The two quote currencies a leg can have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Quote {
    /// Korean won.
    Krw,
    /// Tether.
    Usdt,
}

impl Quote {
    /// Its asset code.
    pub const fn code(self) -> &'static str {
        match self {
            Quote::Krw => "KRW",
            Quote::Usdt => "USDT",
        }
    }
}

/// In which coin a venue charges the taker fee of a buy. A sell is always charged in the quote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuyFee {
    /// On top of the cost, in the quote currency (Upbit, `VENUES.md` 1.3).
    Quote,
    /// Kept from the coins received (Binance without BNB discount, `VENUES.md` 2.3).
    Base,
}

/// One symbol on one venue with the rules that orders there obey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instrument {
    /// Its index in the run's table.
    pub id: InstrumentId,
    /// Where it trades.
    pub venue: VenueId,
    /// BASE-QUOTE.
    pub name: InstrumentName,
    /// The coin.
    pub base: Asset,
    /// The money.
    pub quote: Quote,
    /// Quantity grid.
    pub lot: Qty,
    /// Price grid.
    pub ticks: TickTable,
    /// Smallest order value in the quote currency, raw 10⁻⁸ units.
    pub min_notional_raw: i64,
    /// Taker fee.
    pub fee: Ppm,
    /// In which coin a buy pays it.
    pub buy_fee: BuyFee,
    /// True where the venue sends nothing while a book is quiet, so that a living connection
    /// keeps a quote fresh (`PRODUCT.md` 5, quote age).
    pub whole_book_feed: bool,
}

const _: () = assert!(size_of::<BookTop>() <= 1_280, "a top is copied whole at each hop");

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: i64, qty: i64) -> Level {
        Level {
            price: Price::from_raw(price).expect("positive"),
            qty: Qty::from_raw(qty).expect("not negative"),
        }
    }

    #[test]
    fn a_newer_ticker_replaces_the_image_levels_it_has_overtaken() {
        let mut top = BookTop::empty(InstrumentId(0));
        top.asks = [level(10, 1), level(11, 2), level(12, 3)].into_iter().collect();
        top.bids = [level(9, 1), level(8, 2)].into_iter().collect();
        let (bid, ask) = (level(10, 7), level(11, 5));
        top.ticker = Some(Ticker { update_id: 2, bid, ask });
        let asks: Vec<Level> = top.ladder(Side::Buy).levels().collect();
        let bids: Vec<Level> = top.ladder(Side::Sell).levels().collect();
        assert_eq!(asks, [level(11, 5), level(12, 3)]);
        assert_eq!(bids, [level(10, 7), level(9, 1), level(8, 2)]);
        assert_eq!(top.image_ladder(Side::Buy).best(), Some(level(10, 1)));
    }

    #[test]
    fn a_price_snaps_onto_the_grid_of_its_own_band() {
        let bands =
            [TickBand { from_raw: 0, tick_raw: 5 }, TickBand { from_raw: 100, tick_raw: 10 }];
        let table = TickTable::banded(&bands).expect("a good table");
        let snap = |raw, round| table.snap(Price::from_raw(raw).expect("positive"), round);
        assert_eq!(snap(57, Round::Down), Price::from_raw(55));
        assert_eq!(snap(57, Round::Up), Price::from_raw(60));
        assert_eq!(snap(101, Round::Up), Price::from_raw(110));
        assert_eq!(snap(3, Round::Down), None);
        assert_eq!(TickTable::banded(&bands[1..]), None);
    }
}
