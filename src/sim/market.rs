//! The synthetic market of one or more venues, image by image in the order of arrival.
//!
//! Synthetic throughout, see [`crate::sim`]. The same plan always gives the same images; a venue
//! simulated alone gives exactly those that it gives beside others, so each feed thread may run its
//! own. Integers only, no heap after [`Market::new`].
//!
//! Times: an image's `received_at` is its arrival, its event time is `received_at` −
//! [`Market::lag`] read right after it. `arrived_at`, `oldest_at` and `alive_at`
//! equal `received_at`.

use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::sim::stream::VenueStream;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// The market of a plan, as far as some venues show it.
#[derive(Clone, Debug)]
pub struct Market {
    streams: Vec<VenueStream>,
    /// Index of the stream whose image arrives first.
    first: usize,
}

impl Market {
    /// The market as `venues` show it; venues without a book in the plan are left out.
    ///
    /// # Errors
    /// [`PlanError`] when the plan is unusable or none of the venues has a book.
    pub fn new(plan: &MarketPlan, venues: &[VenueId]) -> Result<Market, PlanError> {
        let bases = plan.check()?;
        let streams: Vec<_> = VenueId::ALL
            .into_iter()
            .filter(|venue| venues.contains(venue))
            .filter_map(|venue| VenueStream::new(plan, venue, &bases))
            .collect();
        if streams.is_empty() {
            return Err(PlanError::NoBooks);
        }
        let mut market = Market { streams, first: 0 };
        market.find_first();
        Ok(market)
    }
    /// When the next image arrives.
    pub fn due(&self) -> MonoNs {
        self.streams[self.first].due().0
    }
    /// The next image, whatever the time is. Images come in the order of their arrival; of two at
    /// the same instant that of the lower instrument id comes first. Bounded work, no allocation.
    pub fn next_image(&mut self) -> &BookTop {
        let current = self.first;
        self.streams[current].draw_next();
        self.find_first();
        self.streams[current].newest()
    }
    /// Hands every image that is due at or before `now` to `sink`, in order, and says how many.
    /// The caller bounds the work by how far it lets `now` run ahead of [`Market::due`].
    pub fn step(&mut self, now: MonoNs, sink: &mut impl FnMut(&BookTop)) -> u64 {
        let mut images = 0;
        while self.due() <= now {
            sink(self.next_image());
            images += 1;
        }
        images
    }
    /// Transport lag of a venue's newest image: arrival − event time. `None` before its first image
    /// and for a venue that this market does not show.
    pub fn lag(&self, venue: VenueId) -> Option<DurNs> {
        self.streams.iter().find(|stream| stream.venue() == venue)?.lag()
    }
    fn find_first(&mut self) {
        let due = self.streams.iter().enumerate().min_by_key(|(_, stream)| stream.due());
        self.first = due.map_or(0, |(index, _)| index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::assert_valid;
    use crate::sim::fixture::binance;
    use crate::sim::fixture::plan;
    use crate::sim::fixture::upbit;

    const MINUTE: DurNs = DurNs::from_secs(60);

    fn market(plan: &MarketPlan, venues: &[VenueId]) -> Market {
        Market::new(plan, venues).expect("a good plan")
    }

    fn images(plan: &MarketPlan, venues: &[VenueId], until: MonoNs) -> Vec<BookTop> {
        let mut seen = Vec::new();
        market(plan, venues).step(until, &mut |top| seen.push(top.clone()));
        seen
    }

    #[test]
    fn the_same_seed_gives_the_same_images_and_another_seed_others() {
        let until = MonoNs(0).plus(MINUTE);
        let first = images(&plan(7), &VenueId::ALL, until);
        assert_eq!(first, images(&plan(7), &VenueId::ALL, until));
        let other = images(&plan(8), &VenueId::ALL, until);
        assert_ne!(first.last().map(|top| top.digest), other.last().map(|top| top.digest));
    }

    #[test]
    fn a_venue_alone_gives_exactly_what_it_gives_beside_the_other() {
        let until = MonoNs(0).plus(DurNs::from_secs(300));
        let plan = plan(7);
        let both = images(&plan, &VenueId::ALL, until);
        for venue in [VenueId::Upbit, VenueId::Binance] {
            let of_venue = |top: &&BookTop| plan.instruments[top.instrument.index()].venue == venue;
            let beside: Vec<&BookTop> = both.iter().filter(of_venue).collect();
            let alone = images(&plan, &[venue], until);
            assert!(beside.into_iter().eq(&alone), "{}", venue.name());
        }
    }

    #[test]
    fn one_more_instrument_changes_no_image_of_the_others() {
        let until = MonoNs(0).plus(MINUTE);
        let mut wider = plan(7);
        wider.instruments.extend([upbit("SOL", 5), binance("SOL", 6)]);
        let without = |tops: Vec<BookTop>| -> Vec<BookTop> {
            let old = tops.into_iter().filter(|top| top.instrument.index() < 5);
            old.map(|top| BookTop { digest: 0, ..top }).collect()
        };
        let sides = |tops: Vec<BookTop>| -> Vec<_> {
            let mut sides: Vec<_> = without(tops)
                .into_iter()
                .filter(|top| top.image <= 500)
                .map(|top| (top.instrument, top.image, top.bids, top.asks))
                .collect();
            sides.sort_by_key(|(instrument, image, ..)| (*instrument, *image));
            sides
        };
        let narrow = sides(images(&plan(7), &VenueId::ALL, until));
        assert_eq!(narrow.len(), 2_500);
        assert_eq!(narrow, sides(images(&wider, &VenueId::ALL, until)));
    }

    #[test]
    fn every_one_of_200_000_images_is_a_valid_book_and_comes_in_order() {
        let plan = plan(7);
        let mut market = market(&plan, &VenueId::ALL);
        let mut last = (MonoNs(0), plan.instruments[0].id);
        for _ in 0..200_000 {
            let due = market.due();
            let top = market.next_image();
            assert_eq!((top.received_at, top.alive_at, top.invalid), (due, due, None));
            assert_valid(top, &plan.instruments[top.instrument.index()]);
            assert!(last < (due, top.instrument), "time, then instrument");
            last = (due, top.instrument);
        }
    }

    #[test]
    fn each_book_has_exactly_its_rate_of_images_at_its_own_phase() {
        let plan = plan(7);
        let mut market = market(&plan, &VenueId::ALL);
        let period = 100_000_000;
        let mut phases = [None; 5];
        let mut counts = [0u64; 5];
        let end = MonoNs(0).plus(DurNs::from_secs(600));
        while market.due() < end.plus(DurNs::from_secs(10)) {
            let (book, received_at, image) = {
                let top = market.next_image();
                (top.instrument.index(), top.received_at, top.image)
            };
            let lag = market.lag(plan.instruments[book].venue).expect("an image was seen");
            let event = received_at.0 - lag.0;
            let phase = *phases[book].get_or_insert(event % period);
            assert_eq!(event, (image - 1) * period + phase, "book {book}");
            counts[book] += u64::from(event < end.0);
        }
        assert_eq!(counts, [6_000; 5]);
        let distinct: std::collections::BTreeSet<_> = phases.iter().collect();
        assert_eq!(distinct.len(), 5);
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_does_not_drift() {
        let mut plan = plan(7);
        plan.updates_per_second = 7;
        let seen = images(&plan, &[VenueId::Binance], MonoNs(0).plus(DurNs::from_secs(3_600)));
        let books: usize = 2;
        let missing = (7 * 3_600 * books).abs_diff(seen.len());
        assert!(missing <= books, "{missing} still on their way");
    }

    #[test]
    fn a_stall_delays_images_below_the_error_band_and_loses_none() {
        let mut plan = plan(7);
        plan.transport.stall_every = DurNs::from_secs(30);
        let mut market = market(&plan, &[VenueId::Upbit]);
        let (mut stalls, mut last, mut images) = (0, MonoNs(0), [0; 5]);
        while market.due() < MonoNs(0).plus(DurNs::from_secs(1_800)) {
            let top = market.next_image();
            let (now, book) = (top.received_at, top.instrument.index());
            images[book] += 1;
            assert_eq!(top.image, images[book], "no image left out");
            stalls += u32::from(now.since(last) >= DurNs::from_ms(500));
            last = now;
            assert!(market.lag(VenueId::Upbit).is_some_and(|lag| lag < DurNs::from_ms(2_000)));
        }
        assert!((30..120).contains(&stalls), "{stalls}");
    }

    #[test]
    fn a_market_begins_when_it_is_told_to() {
        let mut later = plan(7);
        later.start = MonoNs(5_000_000_000_000);
        let first = market(&later, &VenueId::ALL).due();
        let at_zero = market(&plan(7), &VenueId::ALL).due();
        assert_eq!(first.since(later.start), at_zero.since(MonoNs(0)));
    }
}
