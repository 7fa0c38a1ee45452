//! Both sides of a real loopback connection, driven by one thread that never waits for itself.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use arb::net::dial::DIAL_LIMITS;
use arb::net::dial::Dial;
use arb::net::dial::DialError;
use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::SERVE_LIMITS;
use arb::net::serve::ServeLimits;
use arb::net::tls::ClientTls;
use arb::net::tls::ServerTls;
use arb::net::url::Endpoint;
use arb::net::ws::Incoming;
use arb::net::ws::Socket;
use arb::net::ws::SocketError;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;

/// Keeps a broken build from hanging, no more.
pub const PATIENCE: DurNs = DurNs::from_secs(30);
/// Time stands still for both sides unless a test moves it.
pub const START: MonoNs = MonoNs(1_000_000_000);
const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Asks until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::start();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(clock.mono().since(MonoNs(0)) < PATIENCE, "no {what}");
        std::thread::yield_now();
    }
}

pub fn listener(tls: Option<ServerTls>) -> Listener {
    limited(tls, SERVE_LIMITS)
}

pub fn limited(tls: Option<ServerTls>, limits: ServeLimits) -> Listener {
    Listener::bind(SocketAddr::from(ANY_PORT), tls, limits).expect("a port")
}

pub fn address(listener: &Listener) -> SocketAddr {
    listener.address().expect("an address")
}

pub fn trusting_nobody() -> ClientTls {
    ClientTls::new(&[]).expect("no roots to read")
}

pub fn accept(listener: &Listener) -> Peer {
    until("peer", || listener.accept(START).expect("a listener"))
}

pub fn event(peer: &mut Peer) -> PeerEvent {
    until("event of the peer", || peer.poll(START))
}

/// Lets the server do what `answer` says to each event until the client's dialling is over.
pub fn dial_with(
    url: &str,
    tls: &ClientTls,
    listener: &Listener,
    mut answer: impl FnMut(&mut Peer, PeerEvent),
) -> (Result<Socket, DialError>, Peer) {
    let endpoint = Endpoint::parse(url).expect(url);
    let addresses = [address(listener)];
    let dial =
        Dial { endpoint: &endpoint, addresses: &addresses, tls, limits: DIAL_LIMITS, headers: &[] };
    let mut dialling = dial.begin(START).expect("loopback");
    let mut peer = None;
    let outcome = until("end of dialling", || {
        let stepped = dialling.step(START).transpose();
        peer = peer.take().or_else(|| listener.accept(START).expect("a listener"));
        if let Some(peer) = &mut peer
            && let Some(event) = peer.poll(START)
        {
            answer(peer, event);
        }
        stepped
    });
    (outcome, peer.unwrap_or_else(|| accept(listener)))
}

/// Upgrades whoever asks.
pub fn welcome(peer: &mut Peer, event: PeerEvent) {
    match event {
        PeerEvent::Request(request) => peer.upgrade(&request, &[]).expect("an upgrade"),
        other => panic!("{other:?} before the upgrade"),
    }
}

/// A connected WebSocket without TLS.
pub fn pair() -> (Socket, Peer) {
    let listener = listener(None);
    let url = format!("ws://{}/ws", address(&listener));
    let (socket, peer) = dial_with(&url, &trusting_nobody(), &listener, welcome);
    (socket.expect("a WebSocket"), peer)
}

/// What the client gets next while the server only sends.
pub fn read(socket: &mut Socket, peer: &mut Peer) -> Result<Incoming, SocketError> {
    until("message for the client", || {
        assert_eq!(peer.poll(START), None, "the client is silent");
        socket.read().transpose()
    })
}

pub fn text(incoming: &Incoming) -> &str {
    match incoming {
        Incoming::Frame(payload) => std::str::from_utf8(payload.as_ref()).expect("text"),
        other => panic!("{other:?} is no frame"),
    }
}
