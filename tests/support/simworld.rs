//! The local exchange and its clients on one thread: real loopback sockets, time by the test.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;

use arb::net::dial::DIAL_LIMITS;
use arb::net::dial::Dial;
use arb::net::dial::DialError;
use arb::net::tls::ClientTls;
use arb::net::tls::Identity;
use arb::net::tls::Roots;
use arb::net::tls::ServerTls;
use arb::net::url::Endpoint;
use arb::net::ws::Incoming;
use arb::net::ws::Socket;
use arb::net::ws::SocketError;
use arb::runtime::agent::Agent;
use arb::sim::dialect::Dialect;
use arb::sim::dialect::dialect;
use arb::sim::server::agent::Ports;
use arb::sim::server::agent::Setup;
use arb::sim::server::agent::SimServer;
use arb::sim::server::limits::SimFault;
use arb::sim::server::wordedlimits::read;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;

/// 2026-09-21, so that timestamps have today's digits.
pub const WALL_MS: u64 = 1_790_000_000_000;
/// One turn of the server.
const STEP: DurNs = DurNs::from_ms(2);
/// Keeps a broken build from hanging, no more.
const PATIENCE: DurNs = DurNs::from_secs(60);

pub type MakeDialect = fn(VenueId) -> Box<dyn Dialect + Send>;

pub struct World {
    pub server: SimServer,
    pub ports: Ports,
    pub now: Now,
    tls: ClientTls,
    is_tls: bool,
    patience: Clock,
}

pub fn fault(venue: VenueId, text: &str) -> SimFault {
    let mut pairs: Vec<(&str, &str)> =
        text.split(' ').map(|pair| pair.split_once('=').expect("key=value")).collect();
    pairs.push(("venue", venue.name()));
    read(&pairs, DurNs(0)).expect("a fault")
}

impl World {
    pub fn open(faults: Vec<SimFault>) -> World {
        World::with(faults, dialect, None)
    }
    pub fn with(faults: Vec<SimFault>, make: MakeDialect, identity: Option<Identity>) -> World {
        let file = std::env::temp_dir().join(format!("arb-simworld-{}.pem", std::process::id()));
        let roots = match &identity {
            Some(identity) => {
                identity.write_certificate(&file).expect("a certificate");
                vec![Roots::File(file)]
            }
            None => Vec::new(),
        };
        let tls = identity.as_ref().map(|identity| ServerTls::new(identity).expect("an identity"));
        let setup = Setup {
            venues: VenueId::ALL.to_vec(),
            bases: ["BTC", "ETH"].map(|code| asset(code).expect("a code")).to_vec(),
            seed: 7,
            updates_per_second: 10,
            base_port: 0,
            tls,
            faults,
            dialect: make,
        };
        let server = SimServer::open(setup, WALL_MS).expect("free ports");
        let ports = server.ports().expect("ports");
        let now = Now { mono: MonoNs(1_000_000_000), wall: WallNs(WALL_MS * 1_000_000) };
        let tls = ClientTls::new(&roots).expect("roots");
        let patience = Clock::start();
        let is_tls = identity.is_some();
        let mut world = World { server, ports, now, tls, is_tls, patience };
        world.turn();
        world
    }
    pub fn turn(&mut self) {
        assert!(self.patience.mono().since(MonoNs(0)) < PATIENCE, "it takes too long");
        self.now.mono = self.now.mono.plus(STEP);
        self.now.wall = WallNs(self.now.wall.0 + STEP.0);
        self.server.turn(self.now);
    }
    pub fn pass(&mut self, ms: u64) {
        (0..DurNs::from_ms(ms).0 / STEP.0).for_each(|_| self.turn());
    }
    pub fn port(&self, venue: VenueId) -> u16 {
        let found = self.ports.venues.iter().find(|(own, _)| *own == venue);
        found.expect("it is served").1
    }
    pub fn dial(&mut self, venue: VenueId, path: &str) -> Result<Socket, DialError> {
        let scheme = if self.is_tls { "wss" } else { "ws" };
        let port = self.port(venue);
        let url = format!("{scheme}://localhost:{port}{path}");
        let endpoint = Endpoint::parse(&url).expect("a url");
        let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        let tls = self.tls.clone();
        let (limits, headers) = (DIAL_LIMITS, &[] as &[(&str, &str)]);
        let dial = Dial { endpoint: &endpoint, addresses: &addresses, tls: &tls, limits, headers };
        let mut dialling = dial.begin(self.now.mono)?;
        loop {
            self.turn();
            if let Some(socket) = dialling.step(self.now.mono)? {
                return Ok(socket);
            }
        }
    }
    /// A socket that is subscribed to the books of BTC and ETH.
    pub fn subscribed(&mut self, venue: VenueId) -> Socket {
        let mut socket = self.dial(venue, path(venue)).expect("a WebSocket");
        socket.send_text(&subscription(venue)).expect("room");
        socket
    }
    /// Everything that comes within so long, and the error that ends it.
    pub fn listen(&mut self, socket: &mut Socket, ms: u64) -> (Vec<Incoming>, Option<SocketError>) {
        let mut heard = Vec::new();
        for _ in 0..DurNs::from_ms(ms).0 / STEP.0 {
            self.turn();
            loop {
                match socket.read() {
                    Ok(Some(incoming)) => heard.push(incoming),
                    Ok(None) => break,
                    Err(why) => return (heard, Some(why)),
                }
            }
        }
        (heard, None)
    }
    /// The market messages of so long, as text.
    pub fn market(&mut self, socket: &mut Socket, ms: u64) -> Vec<String> {
        let (heard, why) = self.listen(socket, ms);
        assert_eq!(why, None, "the connection holds");
        texts(&heard)
    }
    /// Turns until the socket is refused, and says why.
    pub fn end(&mut self, socket: &mut Socket) -> SocketError {
        loop {
            if let (_, Some(why)) = self.listen(socket, 10) {
                return why;
            }
        }
    }
    /// One request on a connection of its own: status and body, or `None` if the connection ended
    /// without an answer or none came within three seconds.
    pub fn ask(&mut self, port: u16, head: &str, body: &str) -> Option<(u16, String)> {
        self.ask_with(port, (head, ""), body)
    }
    /// The same with header lines, each with its end of line.
    pub fn ask_with(
        &mut self,
        port: u16,
        (head, lines): (&str, &str),
        body: &str,
    ) -> Option<(u16, String)> {
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a listener");
        tcp.set_nonblocking(true).expect("a socket");
        let length = body.len();
        let text = format!(
            "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\
             Content-Length: {length}\r\n\r\n{body}"
        );
        tcp.write_all(text.as_bytes()).expect("room for a request");
        let mut answer = Vec::new();
        for _ in 0..DurNs::from_secs(3).0 / STEP.0 {
            self.turn();
            let mut chunk = [0; 65_536];
            match tcp.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&chunk[..count]),
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }
    pub fn admin(&mut self, head: &str, body: &str) -> (u16, serde_json::Value) {
        let (status, body) = self.ask(self.ports.admin, head, body).expect("an answer");
        (status, serde_json::from_str(&body).expect("JSON"))
    }
}

pub fn texts(heard: &[Incoming]) -> Vec<String> {
    let text = |incoming: &Incoming| match incoming {
        Incoming::Frame(payload) => {
            let text = String::from_utf8(payload.as_ref().to_vec()).expect("UTF-8");
            let is_answer = text.contains("subscribe") || text.contains("\"result\":null");
            (!is_answer).then_some(text)
        }
        _ => None,
    };
    heard.iter().filter_map(text).collect()
}

pub const fn path(venue: VenueId) -> &'static str {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => "/websocket/v1",
        VenueId::Binance => "/ws",
        VenueId::Bybit => "/v5/public/spot",
        VenueId::Okx => "/ws/v5/public",
    }
}

pub fn subscription(venue: VenueId) -> String {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => {
            r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC","KRW-ETH"]}]"#
        }
        VenueId::Binance => {
            r#"{"id":1,"method":"SUBSCRIBE",
            "params":["btcusdt@depth@100ms","ethusdt@depth@100ms"]}"#
        }
        VenueId::Bybit => {
            r#"{"op":"subscribe","args":["orderbook.50.BTCUSDT","orderbook.50.ETHUSDT"]}"#
        }
        VenueId::Okx => {
            return ["BTC-USDT", "ETH-USDT"]
                .map(|id| format!("{{\"channel\":\"books\",\"instId\":\"{id}\"}}"))
                .join(",")
                .replacen("{\"ch", "{\"op\":\"subscribe\",\"args\":[{\"ch", 1)
                + "]}";
        }
    }
    .to_owned()
}
