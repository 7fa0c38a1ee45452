//! The local exchange as one agent: every venue, the operator's door, the script of faults.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::net::serve::Listener;
use crate::net::serve::SERVE_LIMITS;
use crate::net::tls::ServerTls;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::sim::dialect::Dialect;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::listing;
use crate::sim::plan::PlanError;
use crate::sim::server::admin::Admin;
use crate::sim::server::admin::Desk;
use crate::sim::server::faults::Edge;
use crate::sim::server::faults::Script;
use crate::sim::server::house::House;
use crate::sim::server::limits::SimFault;
use crate::sim::server::stats::Stats;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Sockets are looked at this often while somebody is connected, and this often while nobody is.
const LOOK: DurNs = DurNs::from_ms(1);
const LOOK_IDLE: DurNs = DurNs::from_ms(10);
/// Goodbyes have so long to go out.
const LEAVE: DurNs = DurNs::from_ms(300);
/// The operator's port, counted from the first.
pub const ADMIN_OFFSET: u16 = VenueId::ALL.len() as u16;

/// What is to be served.
pub struct Setup {
    /// Which venues.
    pub venues: Vec<VenueId>,
    /// Which coins.
    pub bases: Vec<Asset>,
    /// Seed of the market, keys included.
    pub seed: u64,
    /// Images of one book per second.
    pub updates_per_second: u32,
    /// Port of Upbit; the others follow, and the operator's. 0 takes free ones.
    pub base_port: u16,
    /// Speaks TLS with this.
    pub tls: Option<ServerTls>,
    /// What breaks when.
    pub faults: Vec<SimFault>,
    /// Makes the protocol of a venue.
    pub dialect: fn(VenueId) -> Box<dyn Dialect + Send>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The coins.
    #[error("one to six coins are needed, each once, and neither KRW nor USDT")]
    Bases,
    /// No venue.
    #[error("no venue was named")]
    NoVenues,
    /// The ports do not fit below 65536.
    #[error("port {0} and the {ADMIN_OFFSET} behind it do not fit: take a lower one")]
    Ports(u16),
    /// The market.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A port cannot be had.
    #[error("port {port} for {what}: {source}")]
    Bind {
        /// The port.
        port: u16,
        /// For whom.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Where everything listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ports {
    /// Each venue.
    pub venues: Vec<(VenueId, u16)>,
    /// The operator's.
    pub admin: u16,
}

/// The local exchange.
pub struct SimServer {
    houses: Vec<House>,
    admin: Admin,
    script: Script,
    faults: Vec<SimFault>,
    stats: Arc<Stats>,
    has_begun: bool,
    turned_at: MonoNs,
    leaves_at: Option<MonoNs>,
}

impl SimServer {
    /// Binds every port; the market begins with the first turn.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(setup: Setup, wall_ms: u64) -> Result<SimServer, OpenError> {
        if setup.venues.is_empty() {
            return Err(OpenError::NoVenues);
        }
        if setup.base_port > u16::MAX - ADMIN_OFFSET {
            return Err(OpenError::Ports(setup.base_port));
        }
        let table = listing::instruments(&setup.bases).ok_or(OpenError::Bases)?;
        let mut plan = listing::plan(table, setup.seed);
        plan.updates_per_second = setup.updates_per_second;
        let stats = Arc::new(Stats::default());
        let mut houses = Vec::new();
        for venue in VenueId::ALL.into_iter().filter(|venue| setup.venues.contains(venue)) {
            let exchange = Exchange::new(&plan, venue, wall_ms)?;
            let offset = venue.index() as u16;
            let listener = bind(&setup, (offset, venue.name()), setup.tls.clone())?;
            let dialect = (setup.dialect)(venue);
            houses.push(House::new(exchange, dialect, listener, Arc::clone(&stats)));
        }
        let admin = Admin::new(bind(&setup, (ADMIN_OFFSET, "the operator"), None)?);
        Ok(SimServer {
            houses,
            admin,
            script: Script::default(),
            faults: setup.faults,
            stats,
            has_begun: false,
            turned_at: MonoNs(0),
            leaves_at: None,
        })
    }
    /// Where everything listens.
    ///
    /// # Errors
    /// The system's.
    pub fn ports(&self) -> io::Result<Ports> {
        let port = |house: &House| Ok((house.venue(), house.address()?.port()));
        let venues = self.houses.iter().map(port).collect::<io::Result<Vec<_>>>()?;
        Ok(Ports { venues, admin: self.admin.address()?.port() })
    }
    /// What it counts.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }
    /// The venues.
    pub fn houses(&self) -> &[House] {
        &self.houses
    }

    fn begin(&mut self, now: Now) {
        self.has_begun = true;
        self.script = Script::new(&self.faults, now.mono);
        for house in &mut self.houses {
            house.begin(now.mono);
        }
    }
    fn apply_script(&mut self, now: Now) -> bool {
        let edges = self.script.edges(now.mono);
        if edges.is_empty() {
            return false;
        }
        for house in &mut self.houses {
            let venue = house.venue();
            let own: Vec<(SimFault, Edge)> =
                edges.iter().filter(|(fault, _)| fault.is_of(venue)).copied().collect();
            if !own.is_empty() {
                house.beset(self.script.active(venue), &own, now);
            }
        }
        true
    }
}

fn bind(
    setup: &Setup,
    (offset, what): (u16, &'static str),
    tls: Option<ServerTls>,
) -> Result<Listener, OpenError> {
    let port = if setup.base_port == 0 { 0 } else { setup.base_port + offset };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = Listener::bind(address, tls, SERVE_LIMITS);
    bound.map_err(|source| OpenError::Bind { port, what, source })
}

impl Agent for SimServer {
    fn name(&self) -> &'static str {
        "sim-server"
    }

    fn turn(&mut self, now: Now) -> Turn {
        self.turned_at = now.mono;
        if !self.has_begun {
            self.begin(now);
        }
        let mut worked = self.apply_script(now);
        for house in &mut self.houses {
            worked |= house.turn(now);
        }
        let desk = &mut Desk { script: &mut self.script, houses: &self.houses, stats: &self.stats };
        worked |= self.admin.turn(desk, now);
        if worked { Turn::Worked } else { Turn::Idle }
    }

    fn due(&self) -> Option<MonoNs> {
        let is_alone = self.houses.iter().all(|house| house.connections() == 0);
        let look = self.turned_at.plus(if is_alone { LOOK_IDLE } else { LOOK });
        let houses = self.houses.iter().map(House::due).min();
        [Some(look), houses, self.script.due()].into_iter().flatten().min()
    }

    fn stop(&mut self, now: Now) {
        self.leaves_at = Some(now.mono.plus(LEAVE));
        for house in &mut self.houses {
            house.close();
        }
    }

    fn is_drained(&self) -> bool {
        let is_empty = self.houses.iter().all(|house| house.connections() == 0);
        is_empty || self.leaves_at.is_none_or(|by| self.turned_at >= by)
    }
}
