//! Who plays a venue's feed, and who sits on the one hot thread in placement `shared`.

use std::os::fd::BorrowedFd;

use crate::engine::agent::Engine;
use crate::feed::socket::SocketFeed;
use crate::gateway::paper::Paper;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::shared::Members;
use crate::sim::agent::MarketFeed;
use crate::types::counters::Tally;
use crate::types::ids::VenueId;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// A venue's feed.
pub enum VenueFeed {
    /// The synthetic market.
    Synthetic(Box<MarketFeed>),
    /// Sockets to the venue.
    Real(Box<SocketFeed>),
}

impl VenueFeed {
    /// Which venue.
    pub fn venue(&self) -> VenueId {
        match self {
            VenueFeed::Synthetic(feed) => feed.venue(),
            VenueFeed::Real(feed) => feed.venue(),
        }
    }
    /// A reading end of its counters.
    pub fn tally(&self) -> Tally {
        match self {
            VenueFeed::Synthetic(feed) => feed.tally(),
            VenueFeed::Real(feed) => feed.tally(),
        }
    }
    fn agent(&self) -> &dyn Agent {
        match self {
            VenueFeed::Synthetic(feed) => &**feed,
            VenueFeed::Real(feed) => &**feed,
        }
    }
    fn agent_mut(&mut self) -> &mut dyn Agent {
        match self {
            VenueFeed::Synthetic(feed) => &mut **feed,
            VenueFeed::Real(feed) => &mut **feed,
        }
    }
}

impl Agent for VenueFeed {
    fn name(&self) -> &'static str {
        self.agent().name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        self.agent_mut().turn(now)
    }
    fn turned(&mut self, ended_at: MonoNs) {
        self.agent_mut().turned(ended_at);
    }
    fn due(&self) -> Option<MonoNs> {
        self.agent().due()
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        self.agent().sockets(visit);
    }
    fn stop(&mut self, now: Now) {
        self.agent_mut().stop(now);
    }
    fn is_drained(&self) -> bool {
        self.agent().is_drained()
    }
}

/// Feeds, engine and gateway of one thread.
pub struct HotMembers {
    /// One a venue.
    pub feeds: Vec<VenueFeed>,
    /// Decisions.
    pub engine: Engine,
    /// Orders.
    pub gateway: Paper,
}

impl Members for HotMembers {
    fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m dyn Agent)) {
        self.feeds.iter().for_each(|feed| visit(feed));
        visit(&self.engine);
        visit(&self.gateway);
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Agent)) {
        self.feeds.iter_mut().for_each(|feed| visit(feed));
        visit(&mut self.engine);
        visit(&mut self.gateway);
    }
}
