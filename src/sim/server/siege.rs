//! Beginnings and ends of faults at one venue of the local exchange.

use crate::sim::exchange::book::Spoil;
use crate::sim::exchange::core::Doors;
use crate::sim::server::connection::Hostage;
use crate::sim::server::faults::Edge;
use crate::sim::server::faults::Troubles;
use crate::sim::server::frames;
use crate::sim::server::house::House;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::limits::SimFault;
use crate::sim::server::stats::Count;
use crate::types::time::Now;
use crate::types::units::Ppm;

impl House {
    /// Takes what acts from now on, and does what belongs to the beginnings and ends.
    pub fn beset(&mut self, troubles: Troubles, edges: &[(SimFault, Edge)], now: Now) {
        self.troubles = troubles;
        let symbols = self.troubles.all().iter().map(|fault| {
            let symbol = fault.symbol?;
            let own = self.exchange.instruments().iter().find(|i| i.name == symbol);
            Some(own.map_or_else(|| symbol.to_string(), frames::native))
        });
        self.symbols = symbols.collect();
        for (fault, edge) in edges {
            match edge {
                Edge::Begins => self.fault_begins(fault, now),
                Edge::Ends => self.fault_ends(fault),
            }
        }
        self.spoil_books();
        for connection in &mut self.connections {
            connection.pace(&self.troubles);
        }
    }
    fn fault_begins(&mut self, fault: &SimFault, now: Now) {
        self.stats.add(self.venue(), Count::Faults);
        let at = self.moment(now);
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if connection.hostage.is_some() {
                continue;
            }
            let Some(seat) = &mut connection.seat else { continue };
            match fault.effect {
                SimEffect::Rst => connection.reset(),
                effect if effect.ends_sockets() => connection.hang_up(),
                SimEffect::HalfOpen => connection.freeze(Hostage::HalfOpen),
                SimEffect::GiantFrame => connection.send_raw(&frames::giant_frame()),
                SimEffect::ServerShutdown => {
                    let outs = self.dialect.shut_down(seat, at);
                    connection.is_leaving = true;
                    self.deliver(index, outs, (at, &[]));
                }
                _ => continue,
            }
            self.stats.add(self.exchange.venue(), Count::Tampered);
        }
    }
    fn fault_ends(&mut self, fault: &SimFault) {
        for connection in &mut self.connections {
            match (fault.effect, connection.hostage) {
                (SimEffect::HalfOpen, Some(Hostage::HalfOpen))
                | (SimEffect::AcceptSilent, Some(Hostage::Silent)) => connection.thaw(),
                (SimEffect::ServerShutdown, _) if connection.is_leaving => {
                    if let Some(peer) = connection.peer() {
                        // Who is gone already needs no goodbye.
                        peer.close(1001).ok();
                    }
                }
                _ => {}
            }
        }
    }
    /// What acts on the exchange itself.
    fn spoil_books(&mut self) {
        let all = self.troubles.all();
        let part = self.troubles.find(|fault| match fault.effect {
            SimEffect::PartialFill { part } => Some(part),
            _ => None,
        });
        let is_halted = self.troubles.has(SimEffect::Maintenance);
        for instrument in 0..self.exchange.instruments().len() {
            let name = self.exchange.instruments()[instrument].name;
            let acts = |effect| {
                let is_here = |f: &SimFault| f.symbol.is_none_or(|symbol| symbol == name);
                all.iter().any(|fault| fault.effect == effect && is_here(fault))
            };
            let how = match () {
                () if acts(SimEffect::CrossedBook) => Spoil::Crossed,
                () if acts(SimEffect::FrozenBook) => Spoil::Frozen,
                () => Spoil::Sound,
            };
            self.exchange.spoil(instrument, how);
        }
        self.exchange.set_depth(part.unwrap_or(Ppm::ONE));
        self.exchange.set_doors(if is_halted { Doors::Halted } else { Doors::Open });
    }
}
