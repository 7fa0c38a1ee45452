//! The thread that looks names up: the system may take as long as it likes for that, and nobody
//! else waits for it (`FAULTS.md` F09). Who asks keeps the last good answer.

use std::io;
use std::net::SocketAddr;

use crate::net::resolve::lookup;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Link;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::runtime::link::WhenFull;
use crate::types::ids::VenueId;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Name of the thread.
pub const NAMES: &str = "names";

/// Look-ups from all desks. Depth: each venue asks again at most every few seconds.
pub const LOOKUPS: Link = Link { name: "lookups", depth: 32, when_full: WhenFull::Refuse };
/// Answers to one desk.
pub const FOUND: Link = Link { name: "found", depth: 8, when_full: WhenFull::DropAndCount };

/// A name to look up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lookup {
    /// Who asks.
    pub venue: VenueId,
    /// The name, or a written address.
    pub host: String,
    /// The port that goes with it.
    pub port: u16,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The name.
    pub host: String,
    /// Its addresses, at least one, or why there is none.
    pub addresses: Result<Vec<SocketAddr>, io::ErrorKind>,
}

/// How names are looked up.
pub type Resolve = Box<dyn FnMut(&str, u16) -> io::Result<Vec<SocketAddr>> + Send>;

/// The agent. A turn that looks up blocks for as long as the system takes.
pub struct Names {
    lookups: Rx<Lookup>,
    answers: Vec<(VenueId, Tx<Found>)>,
    resolve: Resolve,
}

impl Names {
    /// Asks the system.
    pub fn new(lookups: Rx<Lookup>, answers: Vec<(VenueId, Tx<Found>)>) -> Names {
        Names { lookups, answers, resolve: Box::new(lookup) }
    }
    /// Asks this instead.
    #[must_use]
    pub fn resolving(self, resolve: Resolve) -> Names {
        Names { resolve, ..self }
    }
}

impl Agent for Names {
    fn name(&self) -> &'static str {
        NAMES
    }
    fn turn(&mut self, _: Now) -> Turn {
        let Some(Lookup { venue, host, port }) = self.lookups.take() else { return Turn::Idle };
        let addresses = (self.resolve)(&host, port).map_err(|why| why.kind());
        let to = self.answers.iter().find(|(asker, _)| *asker == venue);
        if let Some((_, answer)) = to {
            // A full link means that nobody waits; whoever asks again gets a new answer.
            let _ = answer.send(Found { host, addresses });
        }
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}
