//! The door of the operator: faults on command, ledgers, counts. Plain HTTP, loopback only.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use serde_json::json;

use crate::net::serve::Listener;
use crate::net::serve::PeerEvent;
use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::exchange::report;
use crate::sim::server::connection::Connection;
use crate::sim::server::faults::Script;
use crate::sim::server::house::House;
use crate::sim::server::stats::Stats;
use crate::sim::server::wordedlimits;
use crate::types::ids::VenueId;
use crate::types::time::Now;

/// Most operators at once; more are closed at once.
const OPERATORS: usize = 16;
/// What there is to ask for.
const PAGES: &str = "GET /_sim/stats, GET /_sim/faults, GET /_sim/ledger[?venue=NAME], \
    POST /_sim/fault {kind, for, venue, at, symbol, by, factor}, DELETE /_sim/faults";

/// The door.
pub struct Admin {
    listener: Listener,
    operators: Vec<Connection>,
}

/// What the operator asks about.
pub struct Desk<'a> {
    /// The script.
    pub script: &'a mut Script,
    /// The venues.
    pub houses: &'a [House],
    /// The counts.
    pub stats: &'a Stats,
}

impl Admin {
    /// Behind a listener.
    pub const fn new(listener: Listener) -> Admin {
        Admin { listener, operators: Vec::new() }
    }
    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }
    /// One turn; true if anything happened.
    pub fn turn(&mut self, desk: &mut Desk<'_>, now: Now) -> bool {
        let mut worked = false;
        while let Ok(Some(peer)) = self.listener.accept(now.mono) {
            worked = true;
            if self.operators.len() >= OPERATORS {
                break;
            }
            self.operators.push(Connection::new(peer));
        }
        for operator in &mut self.operators {
            while let Some(event) = operator.poll(now.mono) {
                worked = true;
                if let PeerEvent::Request(request) = event {
                    operator.respond(&answer(&request, desk, now), now.mono);
                }
            }
        }
        self.operators.retain(|operator| !operator.is_over());
        worked
    }
}

fn answer(request: &Request, desk: &mut Desk<'_>, now: Now) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/_sim/stats") => {
            let venues: Vec<VenueId> = desk.houses.iter().map(House::venue).collect();
            ok(&desk.stats.json(&venues))
        }
        ("GET", "/_sim/faults") => ok(&desk.script.json()),
        ("DELETE", "/_sim/faults") => {
            desk.script.clear(now.mono);
            ok(&json!({"cleared": true}))
        }
        ("GET", "/_sim/ledger") => ledger(request, desk.houses),
        ("POST", "/_sim/fault") => match add(&request.body, desk, now) {
            Ok(added) => ok(&added),
            Err(why) => Response::json(400, json!({"error": why}).to_string()),
        },
        (_, path) if path.starts_with("/_sim/") => {
            Response::json(404, json!({"error": "no such page", "pages": PAGES}).to_string())
        }
        _ => Response::json(
            404,
            json!({"error": "this is the admin port", "pages": PAGES}).to_string(),
        ),
    }
}

fn ok(value: &Value) -> Response {
    Response::json(200, value.to_string())
}

fn ledger(request: &Request, houses: &[House]) -> Response {
    let Some(name) = request.query.strip_prefix("venue=") else {
        let rows = houses
            .iter()
            .map(|house| (house.venue().name().to_owned(), report::ledger(house.exchange())));
        return ok(&Value::Object(rows.collect()));
    };
    match houses.iter().find(|house| house.venue().name() == name) {
        Some(house) => ok(&report::ledger(house.exchange())),
        None => Response::json(404, json!({"error": "no such venue here"}).to_string()),
    }
}

/// Reads a fault from a JSON object and adds it; without `at` it begins at once.
fn add(body: &[u8], desk: &mut Desk<'_>, now: Now) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(body).map_err(|why| why.to_string())?;
    let map = value.as_object().ok_or("send one JSON object")?;
    let mut texts = Vec::new();
    for (key, value) in map {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(format!("{key}: must be text or a number")),
        };
        texts.push((key.as_str(), text));
    }
    let pairs: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let passed = now.mono.since(desk.script.start());
    let fault = wordedlimits::read(&pairs, passed)
        .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    if let Some(symbol) = fault.symbol {
        let listed = |house: &House| {
            fault.is_of(house.venue())
                && house.exchange().instruments().iter().any(|row| row.name == symbol)
        };
        if !desk.houses.iter().any(listed) {
            return Err(format!("symbol: {symbol} is listed at no such venue here"));
        }
    }
    desk.script.add(fault).map_err(|why| why.to_string())?;
    Ok(json!({"added": fault.effect.name()}))
}
