//! What venues say of their instruments, before anything runs: grid, lot, smallest order, state.
//! What a venue does not say in time stays as it is configured, and is told.

use std::fmt;

use crate::feed::limits::FeedLimits;
use crate::feed::rules_round::NothingTold;
use crate::feed::rules_round::RulesRound;
use crate::net::http::Http;
use crate::net::http::HttpError;
use crate::net::tls::ClientTls;
use crate::net::tls::TlsError;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::market::TickBand;
use crate::types::market::TickTable;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::venue::DecodeError;
use crate::venue::codec;
use crate::venue::stream::InstrumentRules;
use crate::venue::stream_of;

/// Why a venue's rules are not known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RulesError {
    /// The certificate authorities cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that is a refusal.
    #[error("the venue answers with status {0}")]
    Status(u16),
    /// An answer that is not what the venue documents.
    #[error("the answer cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// Answers that name none of the instruments.
    #[error(transparent)]
    Nothing(#[from] NothingTold),
    /// The time for all requests together is over.
    #[error("the requests take too long")]
    Late,
}

/// What the rules changed in an instrument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The venue does not list it.
    NotListed,
    /// The venue takes no orders for it now.
    NotTrading,
    /// Another price grid than configured.
    Ticks,
    /// Another lot than configured.
    Lot,
    /// Another smallest order than configured.
    MinNotional,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::NotListed => "the venue does not list it",
            Change::NotTrading => "the venue takes no orders for it now",
            Change::Ticks => "its price grid is another than configured",
            Change::Lot => "its lot is another than configured",
            Change::MinNotional => "its smallest order is another than configured",
        })
    }
}

/// Asks a venue for the rules of these symbols; of one that it does not know there are none. Takes
/// at most `limits.request` a request.
///
/// # Errors
/// [`RulesError`]: the first request that fails for another reason than a single symbol.
pub fn ask(limits: &FeedLimits, symbols: &[String]) -> Result<Vec<InstrumentRules>, RulesError> {
    ask_within(limits, symbols, DurNs(u64::MAX))
}

/// The same; no request begins once that time is over.
///
/// # Errors
/// As [`ask`], and [`RulesError::Late`].
pub fn ask_within(
    limits: &FeedLimits,
    symbols: &[String],
    time: DurNs,
) -> Result<Vec<InstrumentRules>, RulesError> {
    let clock = Clock::start();
    let http = Http::new(&ClientTls::new(&limits.roots)?, limits.request.min(time));
    let stream = stream_of(limits.venue);
    let mut round = RulesRound::new(&*stream, symbols);
    let mut denied = None;
    while let Some(path) = round.next_path() {
        if clock.mono().since(MonoNs(0)) >= time {
            return Err(RulesError::Late);
        }
        let reply = http.get(&limits.rest.join(path))?;
        let read = match reply.status {
            status @ (400 | 404) => Err(RulesError::Status(status)),
            status @ 400.. => return Err(RulesError::Status(status)),
            _ => stream.rules(&reply.body).map_err(RulesError::Decode),
        };
        match read {
            Ok(rules) => round.on_rules(rules),
            Err(why) => {
                round.on_denied().map_err(|NothingTold| why.clone())?;
                denied = Some(why);
            }
        }
    }
    round.finish().map_err(|nothing| denied.unwrap_or(RulesError::Nothing(nothing)))
}

/// The venue's codes of its instruments, in their order.
pub fn symbols(venue: VenueId, instruments: &[Instrument]) -> Vec<String> {
    let codec = codec(venue);
    let mine = instruments.iter().filter(|instrument| instrument.venue == venue);
    mine.map(|instrument| codec.symbol(&instrument.name)).collect()
}

/// Puts a venue's rules into its instruments; says what was another.
pub fn adopt(
    venue: VenueId,
    rules: &[InstrumentRules],
    instruments: &mut [Instrument],
) -> Vec<(Instrument, Change)> {
    let mut changes = Vec::new();
    for instrument in instruments.iter_mut().filter(|instrument| instrument.venue == venue) {
        let told = rules.iter().find(|rules| rules.name == instrument.name);
        let found = told.map_or_else(|| vec![Change::NotListed], |told| take(told, instrument));
        changes.extend(found.into_iter().map(|change| (instrument.clone(), change)));
    }
    changes
}

fn take(told: &InstrumentRules, instrument: &mut Instrument) -> Vec<Change> {
    let mut changes = Vec::new();
    if !told.is_trading {
        changes.push(Change::NotTrading);
    }
    if let Some(ticks) = told.ticks.as_ref().filter(|ticks| **ticks != instrument.ticks) {
        if !is_one_table(&instrument.ticks, ticks) {
            changes.push(Change::Ticks);
        }
        instrument.ticks = ticks.clone();
    }
    if let Some(lot) = told.lot.filter(|lot| *lot != instrument.lot && !lot.is_zero()) {
        instrument.lot = lot;
        changes.push(Change::Lot);
    }
    let least = told.min_notional_raw.filter(|least| *least != instrument.min_notional_raw);
    if let Some(least) = least {
        instrument.min_notional_raw = least;
        changes.push(Change::MinNotional);
    }
    changes
}

/// Upbit publishes the tick of the present price, and its table is then as coarse as that below it.
/// So two tables that were told at two prices differ, and nothing has changed: one is the other,
/// made as coarse as one of its ticks.
fn is_one_table(a: &TickTable, b: &TickTable) -> bool {
    is_coarsened(a, b) || is_coarsened(b, a)
}

fn is_coarsened(fine: &TickTable, coarse: &TickTable) -> bool {
    let Some(least) = coarse.bands().first().map(|band| band.tick_raw) else { return false };
    let coarser = |band: &TickBand| TickBand { tick_raw: band.tick_raw.max(least), ..*band };
    let mut made: Vec<TickBand> = fine.bands().iter().map(coarser).collect();
    let mut told = coarse.bands().to_vec();
    made.dedup_by_key(|band| band.tick_raw);
    told.dedup_by_key(|band| band.tick_raw);
    fine.bands().iter().any(|band| band.tick_raw == least) && made == told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_in_another_band_changes_no_table_and_another_rule_does() {
        let table = |ticks: &[i64]| {
            let band = |(at, tick): (usize, &i64)| TickBand {
                from_raw: [0, 100, 1_000][at],
                tick_raw: *tick,
            };
            let bands: Vec<TickBand> = ticks.iter().enumerate().map(band).collect();
            TickTable::banded(&bands).expect("a table")
        };
        let whole = table(&[1, 5, 10]);
        let (middle, top) = (
            TickTable::banded(&[
                TickBand { from_raw: 0, tick_raw: 5 },
                TickBand { from_raw: 1_000, tick_raw: 10 },
            ])
            .expect("a table"),
            table(&[10]),
        );
        for (a, b) in [(&whole, &middle), (&middle, &top), (&top, &whole)] {
            assert!(is_one_table(a, b) && is_one_table(b, a), "{a:?} {b:?}");
        }
        for other in [table(&[2]), table(&[20]), table(&[1, 5, 20]), table(&[5, 5, 20])] {
            assert!(!is_one_table(&whole, &other), "{other:?}");
        }
        assert!(!is_one_table(&table(&[1]), &table(&[10])), "fixed ticks are what they are");
    }
}
