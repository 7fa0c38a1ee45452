//! The five default instruments, and what makes an image valid, for the tests of this folder.

use crate::sim::plan::MarketPlan;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::ids::instrument_name;
use crate::types::market::BookTop;
use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::TickTable;
use crate::types::units::Ppm;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SCALE;
use crate::venue::upbit::rules::KRW_TICKS;

/// Table index of each default instrument.
pub const BTC_KRW: usize = 0;
/// See [`BTC_KRW`].
pub const ETH_KRW: usize = 1;
/// See [`BTC_KRW`].
pub const USDT_KRW: usize = 2;
/// See [`BTC_KRW`].
pub const BTC_USDT: usize = 3;
/// See [`BTC_KRW`].
pub const ETH_USDT: usize = 4;

/// The shipped market for a seed.
pub fn plan(seed: u64) -> MarketPlan {
    let upbit = [("BTC", 0), ("ETH", 1), ("USDT", 2)].map(|(base, id)| upbit(base, id));
    let binance = [("BTC", 3), ("ETH", 4)].map(|(base, id)| binance(base, id));
    MarketPlan::of(upbit.into_iter().chain(binance).collect(), seed)
}

/// A KRW instrument.
pub fn upbit(base: &str, id: u8) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        venue: VenueId::Upbit,
        name: instrument_name(base, "KRW").expect("a name"),
        base: asset(base).expect("a code"),
        quote: Quote::Krw,
        lot: Qty::from_raw(1).expect("positive"),
        ticks: TickTable::banded(&KRW_TICKS).expect("a table"),
        min_notional_raw: 5_000 * SCALE,
        fee: Ppm::new(500),
        buy_fee: BuyFee::Quote,
        whole_book_feed: true,
    }
}

/// A USDT instrument.
pub fn binance(base: &str, id: u8) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        venue: VenueId::Binance,
        name: instrument_name(base, "USDT").expect("a name"),
        quote: Quote::Usdt,
        lot: Qty::from_raw(1_000).expect("positive"),
        ticks: TickTable::fixed(SCALE / 100).expect("a tick"),
        min_notional_raw: 5 * SCALE,
        fee: Ppm::new(1_000),
        buy_fee: BuyFee::Base,
        whole_book_feed: false,
        ..upbit(base, id)
    }
}

/// A full ladder, strictly sorted, uncrossed, every price and size on its grid.
pub fn assert_valid(top: &BookTop, instrument: &Instrument) {
    let depth = if instrument.whole_book_feed { 15 } else { 20 };
    assert_eq!((top.bids.len(), top.asks.len()), (depth, depth), "{top:?}");
    assert!(top.bids[0].price < top.asks[0].price, "crossed: {top:?}");
    assert!(top.bids.windows(2).all(|pair| pair[0].price > pair[1].price), "{top:?}");
    assert!(top.asks.windows(2).all(|pair| pair[0].price < pair[1].price), "{top:?}");
    for level in top.bids.iter().chain(&top.asks) {
        let on_grid = instrument.ticks.snap(level.price, Round::Down);
        assert_eq!(on_grid, Some(level.price), "off the tick grid");
        assert_eq!(level.qty.floor_to(instrument.lot), level.qty, "off the lot grid");
        assert!(!level.qty.is_zero(), "an empty level");
    }
}
