//! Placement `shared`: who sits on the one hot thread.

use crate::engine::agent::Engine;
use crate::gateway::paper::Paper;
use crate::runtime::agent::Agent;
use crate::runtime::shared::Members;
use crate::sim::agent::MarketFeed;

/// Feeds, engine and gateway of one thread.
pub struct HotMembers {
    /// One a venue.
    pub feeds: Vec<MarketFeed>,
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
