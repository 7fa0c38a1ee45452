//! A small venue on loopback that speaks the dialect of Upbit, Binance, Bybit or OKX.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::Request;
use arb::net::serve::Response;
use arb::net::ws::Incoming;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::types::ids::VenueId;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use crate::dialect::first;
use crate::dialect::next;
use crate::dialect::send;

const TICK: DurNs = DurNs::from_ms(10);

/// What a test tells the venue to do.
pub enum Command {
    /// This text to every connection.
    Text(String),
    /// These bytes to every connection, as they are.
    Raw(Vec<u8>),
    /// End every connection with RST.
    Reset,
    /// Close every connection in good order.
    Close,
    /// So many updates of every symbol at once.
    Burst(u64),
    /// Leave so many updates out.
    Skip(u64),
}

/// How the venue behaves, and what it saw.
#[derive(Default)]
pub struct Script {
    pub hides: Option<String>,
    pub is_mute: bool,
    /// Connections are accepted and never answered.
    pub hangs: bool,
    /// Nothing is read or sent on open connections: half open.
    pub is_frozen: bool,
    pub refuses: Option<u16>,
    /// Requests are read and never answered.
    pub is_silent_to_requests: bool,
    /// Upgrades that were asked for before the first request that was not answered.
    pub upgrades_before: Option<u64>,
    /// Statuses of the next requests, and what they ask us to wait.
    pub statuses: VecDeque<(u16, Option<u64>)>,
    /// Snapshots are so much older than they should be, one request each.
    pub lags: VecDeque<u64>,
    /// How far the venue's clock is ahead, ms.
    pub ahead_ms: i64,
    pub commands: VecDeque<Command>,
    pub upgrades: u64,
    pub snapshots: u64,
    pub requests: Vec<String>,
    /// WebSockets that are open.
    pub open: usize,
    pub most_open: usize,
    pub updates: u64,
}

/// A connection.
struct Line {
    peer: Peer,
    symbols: Vec<String>,
}

/// The venue.
pub struct SmallVenue {
    pub venue: VenueId,
    pub listener: Listener,
    pub script: Arc<Mutex<Script>>,
    lines: Vec<Line>,
    next: MonoNs,
}

pub fn held(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().expect("no test panics with it")
}

impl SmallVenue {
    pub fn new(venue: VenueId, listener: Listener, script: Arc<Mutex<Script>>) -> SmallVenue {
        SmallVenue { venue, listener, script, lines: vec![], next: MonoNs(0) }
    }
    fn step(&mut self, now: MonoNs) -> bool {
        let shared = Arc::clone(&self.script);
        let mut script = held(&shared);
        let mut worked = false;
        while let Ok(Some(peer)) = self.listener.accept(now) {
            self.lines.push(Line { peer, symbols: vec![] });
            worked = true;
        }
        if script.is_frozen {
            return false;
        }
        if !script.hangs {
            for line in &mut self.lines {
                worked |= Self::serve(self.venue, line, &mut script, now);
            }
        }
        while let Some(command) = script.commands.pop_front() {
            self.obey(command, &mut script);
            worked = true;
        }
        if now >= self.next {
            self.next = now.plus(TICK);
            if !script.is_mute {
                self.update(&mut script);
            }
        }
        self.lines.retain(|line| line.peer.fd().is_some());
        let open = self.lines.iter().filter(|line| line.peer.is_websocket()).count();
        (script.open, script.most_open) = (open, script.most_open.max(open));
        worked
    }
    fn serve(venue: VenueId, line: &mut Line, script: &mut Script, now: MonoNs) -> bool {
        let mut worked = false;
        while let Some(event) = line.peer.poll(now) {
            worked = true;
            match event {
                PeerEvent::Request(request) if request.upgrade_key().is_some() => {
                    script.upgrades += 1;
                    match script.refuses {
                        Some(status) => {
                            let page = Response::json(status, "<html>no</html>");
                            let _ = line.peer.respond(&page, now);
                        }
                        None => line.peer.upgrade(&request, &[]).expect("a proper upgrade"),
                    }
                }
                PeerEvent::Request(_) if script.is_silent_to_requests => {
                    script.upgrades_before.get_or_insert(script.upgrades);
                }
                PeerEvent::Request(request) => {
                    let response = Self::answer(&request, script);
                    let _ = line.peer.respond(&response, now);
                }
                PeerEvent::Incoming(Incoming::Frame(frame)) => {
                    let text = String::from_utf8_lossy(frame.as_ref()).into_owned();
                    script.requests.push(text.clone());
                    if let Some(codes) = text.strip_prefix("sub ") {
                        Self::subscribe(venue, line, codes, script);
                    }
                }
                PeerEvent::Incoming(_) => {}
                PeerEvent::Gone(_) => {}
            }
        }
        worked
    }
    fn answer(request: &Request, script: &mut Script) -> Response {
        if request.path == "/time" {
            let ms = Clock::wall().as_ms().saturating_add_signed(script.ahead_ms);
            return Response::json(200, ms.to_string());
        }
        script.snapshots += 1;
        if let Some((status, wait)) = script.statuses.pop_front() {
            let response = Response::json(status, "{}");
            return match wait {
                Some(wait) => response.with("Retry-After", wait.to_string()),
                None => response,
            };
        }
        let id = script.updates - script.lags.pop_front().unwrap_or(0).min(script.updates);
        let body = format!(r#"{{"lastUpdateId":{id},"bids":[["99","1"]],"asks":[["101","1"]]}}"#);
        Response::json(200, body)
    }
    fn subscribe(venue: VenueId, line: &mut Line, codes: &str, script: &mut Script) {
        for code in codes.split(',') {
            if !line.symbols.iter().any(|known| known == code) {
                line.symbols.push(code.to_owned());
            }
            if script.hides.as_deref() != Some(code) && venue != VenueId::Binance {
                send(&mut line.peer, venue, &first(venue, code, (stamp(script), script.updates)));
            }
        }
    }
    fn update(&mut self, script: &mut Script) {
        script.updates += 1;
        for line in &mut self.lines {
            for code in &line.symbols {
                if script.hides.as_deref() != Some(code.as_str()) {
                    send(
                        &mut line.peer,
                        self.venue,
                        &next(self.venue, code, (stamp(script), script.updates)),
                    );
                }
            }
        }
    }
    fn obey(&mut self, command: Command, script: &mut Script) {
        match command {
            Command::Text(text) => {
                for line in &mut self.lines {
                    let _ = line.peer.send_text(&text);
                }
            }
            Command::Raw(bytes) => {
                for line in &mut self.lines {
                    let _ = line.peer.send_raw(&bytes);
                }
            }
            Command::Reset => self.lines.drain(..).for_each(|line| line.peer.reset()),
            Command::Close => {
                for line in &mut self.lines {
                    let _ = line.peer.close(1001);
                }
            }
            Command::Burst(count) => (0..count).for_each(|_| self.update(script)),
            Command::Skip(count) => script.updates += count,
        }
    }
}

impl Agent for SmallVenue {
    fn name(&self) -> &'static str {
        "small-venue"
    }
    fn turn(&mut self, now: Now) -> Turn {
        if self.step(now.mono) { Turn::Worked } else { Turn::Idle }
    }
    fn due(&self) -> Option<MonoNs> {
        Some(self.next)
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        visit(self.listener.as_fd());
        self.lines.iter().filter_map(|line| line.peer.fd()).for_each(visit);
    }
}

/// The venue's time, ms.
fn stamp(script: &Script) -> u64 {
    Clock::wall().as_ms().saturating_add_signed(script.ahead_ms)
}
