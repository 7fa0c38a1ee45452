//! Mode paper: what the venues say of their instruments before the start and each hour, the plant
//! of real feeds, and its recorder.

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::record::not_begun;
use crate::cli::run::job::Job;
use crate::config::load::Loaded;
use crate::engine::limits::EnginePlan;
use crate::engine::signal::routes;
use crate::feed::limits::FeedLimits;
use crate::feed::recorder::Recorder;
use crate::feed::reel::Refuse;
use crate::net::tls::TlsError;
use crate::runtime::agent::Agent;
use crate::runtime::crew::Post;
use crate::runtime::idle::rest_for;
use crate::scenario::keeper::Keeper;
use crate::scenario::members::VenueFeed;
use crate::scenario::posts::Posts;
use crate::scenario::posts::Role;
use crate::scenario::rules;
use crate::scenario::rules::Change;
use crate::scenario::rules::RulesError;
use crate::scenario::taping::mark;
use crate::scenario::taping::taping;
use crate::topology::Outlets;
use crate::topology::Plant;
use crate::topology::Site;
use crate::topology::venues as in_use;
use crate::topology::venues::Service;
use crate::topology::venues::VenueSite;
use crate::topology::venues::paper_plant;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::Now;

/// Threads of helpers, each with its role.
pub(super) type Helpers = Vec<(Role, Box<dyn Agent + Send>)>;

/// A venue is asked at most this long in one round: five of them must not hold up a start.
const ASKED_FOR: DurNs = DurNs::from_secs(3);
/// Pause before those that did not answer are asked once more: a reset or a busy moment is over.
const ASK_AGAIN: DurNs = DurNs::from_secs(2);

/// Asks each venue in use for its rules and puts them into the plan. What cannot be had in two
/// rounds stays as configured: a venue that is down must not keep the others from being traded.
///
/// # Errors
/// `Exit::Config` if certificates cannot be read, or if two lots do not fit each other.
pub(super) fn adopt(loaded: &Loaded, plan: &mut EnginePlan) -> Result<(), CliError> {
    let all: Vec<&FeedLimits> = in_use_limits(loaded, &plan.instruments).collect();
    let mut failed = ask_all(&all, plan)?;
    if !failed.is_empty() {
        rest_for(ASK_AGAIN);
        let again: Vec<&FeedLimits> = failed.iter().map(|(limits, _)| *limits).collect();
        failed = ask_all(&again, plan)?;
    }
    for (limits, error) in failed {
        log::warn!(
            "{}: the rules of its instruments are not known ({error}): those of the configuration \
             apply until the run begins anew; what the venue tells later only halts",
            limits.venue.name()
        );
    }
    let lots = |route: &crate::engine::signal::Route| {
        [route.krw, route.usdt].map(|id| &plan.instruments[id.index()])
    };
    let unfit = |legs: &[&Instrument; 2]| {
        let [a, b] = legs.map(|leg| leg.lot.raw());
        a.max(b) % a.min(b) != 0
    };
    match routes(&plan.instruments).iter().map(lots).find(unfit) {
        None => Ok(()),
        Some([a, b]) => {
            let (name, krw, usdt) = (a.base, a.venue.name(), b.venue.name());
            let what = format!("the lots of {name} on {krw} and on {usdt} do not fit each other");
            Err(CliError::new(Exit::Config, what, "take one of the two out of instruments"))
        }
    }
}

/// Those that did not answer, and why.
fn ask_all<'l>(
    venues: &[&'l FeedLimits],
    plan: &mut EnginePlan,
) -> Result<Vec<(&'l FeedLimits, RulesError)>, CliError> {
    let mut failed = Vec::new();
    for limits in venues {
        let symbols = rules::symbols(limits.venue, &plan.instruments);
        match rules::ask_within(limits, &symbols, ASKED_FOR) {
            Err(RulesError::Tls(error)) => return Err(no_roots(&error)),
            Err(error) => failed.push((*limits, error)),
            Ok(told) => {
                tell(&rules::adopt(limits.venue, &told, &mut plan.instruments));
                let name = limits.venue.name();
                log::info!("{name}: rules of {} instruments read", told.len());
            }
        }
    }
    Ok(failed)
}

fn tell(changes: &[(Instrument, Change)]) {
    for (instrument, change) in changes {
        let (venue, name) = (instrument.venue.name(), &instrument.name);
        match change {
            Change::NotListed | Change::NotTrading => {
                log::warn!("{name} on {venue}: {change}; it is halted");
            }
            _ => log::info!("{name} on {venue}: {change}; the venue's counts"),
        }
    }
}

fn in_use_limits<'l>(
    loaded: &'l Loaded,
    instruments: &[Instrument],
) -> impl Iterator<Item = &'l FeedLimits> + use<'l> {
    let venues = in_use(instruments);
    loaded.checked.feeds.iter().filter(move |limits| venues.contains(&limits.venue))
}

/// True if a venue in use is on this machine.
pub(super) fn is_local(loaded: &Loaded) -> bool {
    let local = ["127.0.0.1", "::1", "localhost"];
    let mut limits = in_use_limits(loaded, &loaded.checked.engine.instruments);
    limits.any(|limits| local.contains(&limits.websocket.host.as_str()))
}

fn no_roots(error: &TlsError) -> CliError {
    let hint = "set venues.tls_roots to webpki, system, or a PEM file that can be read";
    CliError::new(Exit::Config, error, hint)
}

/// A plant on real venues, and everything beside it.
pub(super) struct Built {
    pub(super) plant: Plant<VenueFeed>,
    pub(super) outlets: Outlets,
    pub(super) helpers: Helpers,
    pub(super) recorder: Option<Recorder>,
    pub(super) keeper: Option<Keeper>,
}

/// Wires the venues, and the recorder if one is wanted.
///
/// # Errors
/// `Exit::Config`, `Exit::Directory`.
pub(super) fn build(
    job: &Job<'_>,
    posts: &Posts,
    (site, refuse): (Site, Refuse),
) -> Result<Built, CliError> {
    let venues = in_use(&job.plan.engine.instruments);
    let (mut taps, mut ports) = match job.recording.is_some() {
        true => {
            let (taps, ports) = taping(&venues, refuse);
            (taps, Some(ports))
        }
        false => (Vec::new(), None),
    };
    let waker = |role| posts.of(role).and_then(Post::waker);
    let mut tap_of = |venue: VenueId| {
        let at = taps.iter().position(|(of, _)| *of == venue)?;
        Some(taps.swap_remove(at).1)
    };
    let sites = in_use_limits(&job.loaded, &job.plan.engine.instruments).map(|limits| VenueSite {
        limits: limits.clone(),
        tap: tap_of(limits.venue),
        feed: waker(Role::Feed(limits.venue)),
        desk: waker(Role::Desk(limits.venue)),
    });
    let sites = sites.collect();
    let wired = paper_plant(&job.plan, site, sites, waker(Role::Names));
    let (mut plant, outlets, service) = wired.map_err(|error| no_roots(&error))?;
    if let Some(ports) = &mut ports {
        mark(&job.plan.engine, &mut plant.engine, ports);
    }
    let now = Now { mono: job.clock.mono(), wall: Clock::wall() };
    let recorder = match (&job.recording, ports) {
        (Some(limits), Some(ports)) => {
            let begun = Recorder::begin(limits.clone(), ports, now);
            Some(begun.map_err(|error| not_begun(limits, &error))?)
        }
        _ => None,
    };
    let Service { desks, names, rules } = service;
    let keeper = Keeper::new(&job.plan.engine.instruments, plant.boards.feeds.clone(), rules);
    let mut helpers: Helpers = vec![(Role::Names, Box::new(names))];
    for (venue, desk) in desks {
        helpers.push((Role::Desk(venue), Box::new(desk)));
    }
    let plant = plant.with_feeds(|feed| VenueFeed::Real(Box::new(feed)));
    Ok(Built { plant, outlets, helpers, recorder, keeper: Some(keeper) })
}
