//! The venues' own sections.

use crate::config::yaml::ConfigYaml;
use crate::types::ids::VenueId;

/// Venues that a run can go on without.
pub fn optional(yaml: &ConfigYaml) -> Vec<VenueId> {
    let is_required = |venue: &VenueId| match venue {
        VenueId::Upbit => yaml.upbit.required,
        VenueId::Binance => yaml.binance.required,
        VenueId::Bithumb => yaml.bithumb.required,
        VenueId::Bybit => yaml.bybit.required,
        VenueId::Okx => yaml.okx.required,
    };
    VenueId::ALL.into_iter().filter(|venue| !is_required(venue)).collect()
}
