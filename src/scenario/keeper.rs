//! Whoever keeps the rules of a run: what the venues tell hourly is held against what it was begun
//! with. An instrument that counts otherwise now would be priced or sized wrongly, so it is halted
//! until the venue tells what it told before, or the run begins anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::feed::rulebook::RulesNews;
use crate::runtime::link::Rx;
use crate::scenario::rules::Change;
use crate::scenario::rules::adopt;
use crate::types::board::FeedBoard;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::market::Quote;

/// Holds the venues' rules against those that the run was begun with, and halts what differs.
pub struct Keeper {
    instruments: Vec<Instrument>,
    boards: Vec<(VenueId, Arc<FeedBoard>)>,
    rules: Rx<RulesNews>,
}

impl Keeper {
    /// The instruments as the run was begun with, each venue's board, and what the desks learn, by
    /// [`crate::feed::rulebook::RULES`].
    pub fn new(
        instruments: &[Instrument],
        boards: Vec<(VenueId, Arc<FeedBoard>)>,
        rules: Rx<RulesNews>,
    ) -> Keeper {
        Keeper { instruments: instruments.to_vec(), boards, rules }
    }
    /// Takes what the desks have learnt.
    pub fn look(&mut self) {
        while let Some(news) = self.rules.take() {
            self.on_news(&news);
        }
    }
    fn on_news(&mut self, news: &RulesNews) {
        let Some((_, board)) = self.boards.iter().find(|(venue, _)| *venue == news.venue) else {
            return;
        };
        let mut now = self.instruments.clone();
        let changes = adopt(news.venue, &news.rules, &mut now);
        let mine: Vec<&Instrument> =
            self.instruments.iter().filter(|i| i.venue == news.venue).collect();
        let mut halted = 0;
        for (instrument, change) in changes.iter().filter(|(of, change)| matters(of, *change)) {
            let Some(slot) = mine.iter().position(|i| i.id == instrument.id) else { continue };
            let bit = 1 << slot;
            if (board.halted.load(Ordering::Relaxed) | halted) & bit == 0 {
                let (venue, name) = (news.venue.name(), &instrument.name);
                log::warn!(
                    "{name} on {venue}: {change}; it is halted until the venue's rules are \
                     those of this run again, or the run begins anew"
                );
            }
            halted |= bit;
        }
        let before = board.halted.swap(halted, Ordering::AcqRel);
        for (slot, instrument) in mine.iter().enumerate() {
            if before & !halted & 1 << slot != 0 {
                log::info!("{} on {}: trades again", instrument.name, news.venue.name());
            }
        }
    }
}

/// The rate is never ordered: how it is priced and sized may change, whether it lives may not.
fn matters(instrument: &Instrument, change: Change) -> bool {
    let is_rate = instrument.base.as_str() == "USDT" && instrument.quote == Quote::Krw;
    !is_rate || matches!(change, Change::NotListed | Change::NotTrading)
}
