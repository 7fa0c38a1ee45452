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
}

/// What the rules changed in an instrument.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    let http = Http::new(&ClientTls::new(&limits.roots)?, limits.request);
    let stream = stream_of(limits.venue);
    let mut round = RulesRound::new(&*stream, symbols);
    let mut denied = None;
    while let Some(path) = round.next_path() {
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
        instrument.ticks = ticks.clone();
        changes.push(Change::Ticks);
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
