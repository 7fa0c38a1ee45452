//! The venues' own sections: where they are, how they are connected to.

use std::path::PathBuf;

use crate::config::check::fault;
use crate::config::walk::Findings;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::RateLimitYaml;
use crate::feed::limits::FeedLimits;
use crate::feed::limits::Rate;
use crate::net::dial::DialLimits;
use crate::net::tls::Roots;
use crate::net::url::Endpoint;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;

/// A name that takes longer is connected to by its last good address (`FAULTS.md` F09).
const LOOKUP: DurNs = DurNs::from_secs(3);

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

/// Connections and requests of every venue, in the order of [`VenueId::ALL`]. Addresses have to be
/// right also where a venue is not used, like every other value of the file.
pub fn feeds(yaml: &ConfigYaml, found: &mut Findings) -> Vec<FeedLimits> {
    let all = [
        (VenueId::Upbit, &yaml.upbit.ws_url, &yaml.upbit.rest_url, yaml.upbit.rate_limit),
        (VenueId::Binance, &yaml.binance.ws_url, &yaml.binance.rest_url, yaml.binance.rate_limit),
        (VenueId::Bithumb, &yaml.bithumb.ws_url, &yaml.bithumb.rest_url, yaml.bithumb.rate_limit),
        (VenueId::Bybit, &yaml.bybit.ws_url, &yaml.bybit.rest_url, yaml.bybit.rate_limit),
        (VenueId::Okx, &yaml.okx.ws_url, &yaml.okx.rest_url, yaml.okx.rate_limit),
    ];
    let connect = DurNs::from_ms(yaml.venues.connect_timeout_ms);
    let dial = DialLimits { connect, handshake: connect };
    let made = all.into_iter().filter_map(|(venue, websocket, rest, rate)| {
        let name = venue.name();
        Some(FeedLimits {
            venue,
            websocket: endpoint(websocket, &format!("{name}.ws_url"), found)?,
            rest: endpoint(rest, &format!("{name}.rest_url"), found)?,
            roots: vec![roots(&yaml.venues.tls_roots)],
            dial,
            request: connect,
            lookup: LOOKUP,
            silence_cap: DurNs::from_ms(yaml.venues.silence_timeout_ms),
            lag_cap: DurNs::from_ms(yaml.watchdog.max_ws_lag_ms),
            reconnect_cap: yaml.websocket.reconnect_interval.seconds(),
            rate: rate_of(rate),
            seed: yaml.mock.seed,
        })
    });
    made.collect()
}

const fn rate_of(limit: RateLimitYaml) -> Rate {
    Rate { per_second: limit.requests_per_second, burst: limit.burst_size }
}

fn roots(name: &str) -> Roots {
    match name {
        "webpki" => Roots::Webpki,
        "system" => Roots::System,
        path => Roots::File(PathBuf::from(path)),
    }
}

fn endpoint(text: &str, path: &str, found: &mut Findings) -> Option<Endpoint> {
    if found.is_faulty(path) {
        return None;
    }
    match Endpoint::parse(text) {
        Ok(endpoint) => Some(endpoint),
        Err(error) => {
            fault(found, path, error.to_string(), "see config/live.yml for the default");
            None
        }
    }
}
