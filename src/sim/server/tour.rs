//! The built-in script: each fault of market data on every venue in turn, with time to recover.

use crate::sim::server::limits::SimEffect;
use crate::sim::server::limits::SimFault;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;

/// Nothing is broken before: a client has to be up first.
const CALM: DurNs = DurNs::from_secs(30);
/// From one fault to the next of the same venue.
const PACE: DurNs = DurNs::from_secs(20);
/// How far the venues are apart, so that two of them are rarely broken at once.
const STAGGER: DurNs = DurNs::from_secs(4);

/// What is toured, and for how long each.
pub const STOPS: [(SimEffect, DurNs); 22] = [
    (SimEffect::Lag { by: DurNs::from_ms(1_200) }, DurNs::from_secs(6)),
    (SimEffect::Silence, DurNs::from_secs(6)),
    (SimEffect::Rst, DurNs::from_ms(500)),
    (SimEffect::Gap, DurNs::from_secs(4)),
    (SimEffect::Duplicate, DurNs::from_secs(5)),
    (SimEffect::Reorder, DurNs::from_secs(4)),
    (SimEffect::CrossedBook, DurNs::from_secs(4)),
    (SimEffect::ZeroPrice, DurNs::from_secs(4)),
    (SimEffect::Garbage, DurNs::from_secs(4)),
    (SimEffect::GiantFrame, DurNs::from_ms(200)),
    (SimEffect::StaleTimestamps { by: DurNs::from_secs(60) }, DurNs::from_secs(4)),
    (SimEffect::FutureTimestamps { by: DurNs::from_secs(60) }, DurNs::from_secs(4)),
    (SimEffect::UnitChange, DurNs::from_secs(4)),
    (SimEffect::OneByteFrames, DurNs::from_secs(4)),
    (SimEffect::SlowLoris, DurNs::from_secs(5)),
    (SimEffect::FrozenBook, DurNs::from_secs(5)),
    (SimEffect::Burst { factor: 100 }, DurNs::from_secs(3)),
    (SimEffect::AcceptThenClose, DurNs::from_secs(3)),
    (SimEffect::AcceptSilent, DurNs::from_secs(3)),
    (SimEffect::DropSubscription, DurNs::from_secs(3)),
    (SimEffect::ServerShutdown, DurNs::from_secs(4)),
    (SimEffect::HalfOpen, DurNs::from_secs(20)),
];

/// The script: every stop on each of these venues, about eight minutes in all.
pub fn tour(venues: &[VenueId]) -> Vec<SimFault> {
    let mut faults = Vec::new();
    for (stop, (effect, lasts)) in STOPS.into_iter().enumerate() {
        for (place, venue) in venues.iter().enumerate() {
            let at = CALM.0 + stop as u64 * PACE.0 + place as u64 * STAGGER.0;
            let venue = Some(*venue);
            faults.push(SimFault { at: DurNs(at), lasts, venue, symbol: None, effect });
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::server::limits::FAULTS;

    #[test]
    fn the_tour_takes_about_eight_minutes_and_leaves_time_to_recover() {
        let faults = tour(&VenueId::ALL);
        assert!(faults.len() <= FAULTS);
        let end = faults.iter().map(SimFault::ends_at).max().expect("not empty");
        assert!((420..=540).contains(&(end.0 / 1_000_000_000)), "{end:?}");
        for venue in VenueId::ALL {
            let own: Vec<_> = faults.iter().filter(|fault| fault.is_of(venue)).collect();
            assert_eq!(own.len(), STOPS.len());
            let gaps = own.windows(2).map(|pair| pair[1].at.0 - pair[0].ends_at().0);
            assert!(gaps.min().expect("several") >= 3_000_000_000);
        }
    }
}
