//! The wiring of real venues: for each its feed, the desk that serves it, and the links between.
//!
//! ```text
//! feed ── jobs ──▶ desk ── lookups ──▶ names
//!  ▲── answers ──────┘ ▲────── found ────┘
//!                 desk ── rules ──▶ whoever keeps them
//! ```

use std::sync::Arc;

use crate::feed::agent::Feed;
use crate::feed::desk::ANSWERS;
use crate::feed::desk::Desk;
use crate::feed::desk::DeskParts;
use crate::feed::desk::JOBS;
use crate::feed::limits::FeedLimits;
use crate::feed::names::FOUND;
use crate::feed::names::Found;
use crate::feed::names::LOOKUPS;
use crate::feed::names::Lookup;
use crate::feed::names::Names;
use crate::feed::rulebook::RULES;
use crate::feed::rulebook::RulesNews;
use crate::feed::socket::SocketFeed;
use crate::feed::socket::SocketParts;
use crate::feed::tap::Tap;
use crate::net::tls::TlsError;
use crate::runtime::idle::Waker;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::topology::Outlets;
use crate::topology::Plan;
use crate::topology::Plant;
use crate::topology::Site;
use crate::topology::feed_plant;
use crate::types::board::FeedBoard;
use crate::types::ids::VenueId;
use crate::types::notice::Notice;
use crate::venue::stream_of;

/// A venue with real connections: its limits, its recorder's tap, and who wakes its threads.
pub struct VenueSite {
    /// Addresses, deadlines, rates.
    pub limits: FeedLimits,
    /// Where its frames are recorded.
    pub tap: Option<Tap>,
    /// Wakes its feed.
    pub feed: Option<Waker>,
    /// Wakes its desk.
    pub desk: Option<Waker>,
}

/// What serves the feeds of real venues.
pub struct Service {
    /// One a venue, in the order of the plant's feeds.
    pub desks: Vec<(VenueId, Desk)>,
    /// Looks names up for all of them.
    pub names: Names,
    /// What the venues say of their instruments, hourly.
    pub rules: Rx<RulesNews>,
}

/// What all venues share.
struct Shared {
    lookups: Tx<Lookup>,
    rules: Tx<RulesNews>,
    notices: Tx<Notice>,
}

/// A wired venue.
struct Wired {
    feed: SocketFeed,
    desk: Desk,
    found: Tx<Found>,
}

/// Real venues, simulated fills. `names` wakes the thread that looks names up.
///
/// # Errors
/// If the certificate authorities cannot be read.
pub fn paper_plant(
    plan: &Plan,
    site: Site,
    mut sites: Vec<VenueSite>,
    names: Option<Waker>,
) -> Result<(Plant<SocketFeed>, Outlets, Service), TlsError> {
    let (plant, outlets) = feed_plant(plan, site);
    let (lookups, asked) = LOOKUPS.open_to(names);
    let (rules_tx, rules) = RULES.open();
    let shared = Shared { lookups, rules: rules_tx, notices: plant.boards.notices.clone() };
    let boards = plant.boards.feeds.clone();
    let (mut desks, mut answers, mut failed) = (Vec::new(), Vec::new(), None);
    let plant = plant.try_with_feeds(|(venue, feed)| {
        let (_, board) = boards.iter().find(|(of, _)| *of == venue)?;
        let place = sites.iter().position(|site| site.limits.venue == venue)?;
        match wire(sites.remove(place), (feed, Arc::clone(board)), &shared) {
            Ok(Wired { feed, desk, found }) => {
                desks.push((venue, desk));
                answers.push((venue, found));
                Some(feed)
            }
            Err(error) => {
                failed = Some(error);
                None
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok((plant, outlets, Service { desks, names: Names::new(asked, answers), rules })),
    }
}

/// Opens the links between a feed and its desk.
fn wire(
    site: VenueSite,
    (feed, board): (Feed, Arc<FeedBoard>),
    shared: &Shared,
) -> Result<Wired, TlsError> {
    let VenueSite { limits, tap, feed: feed_waker, desk: desk_waker } = site;
    let (jobs_tx, jobs) = JOBS.open_to(desk_waker.clone());
    let (answers_tx, answers) = ANSWERS.open_to(feed_waker);
    let (found_tx, found) = FOUND.open_to(desk_waker);
    let books = feed.books();
    let desk = Desk::new(DeskParts {
        limits: limits.clone(),
        stream: stream_of(limits.venue),
        symbols: (0..books.len()).map(|slot| books.symbol(slot).to_owned()).collect(),
        jobs,
        answers: answers_tx,
        lookups: shared.lookups.clone(),
        found,
        rules: Some(shared.rules.clone()),
    })?;
    let feed = SocketFeed::new(SocketParts {
        stream: stream_of(limits.venue),
        limits,
        feed: feed.tapped(tap),
        jobs: jobs_tx,
        answers,
        board,
        notices: shared.notices.clone(),
    });
    Ok(Wired { feed, desk, found: found_tx })
}
