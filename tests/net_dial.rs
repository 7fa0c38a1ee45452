//! Connecting over real loopback sockets: deadlines hold against a peer that is silent or slow,
//! every wrong answer has its type, and the request is these bytes (`FAULTS.md` F04, F16, F18).

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/net.rs"]
mod net;

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;

use arb::net::deadline::Ready;
use arb::net::deadline::is_ready;
use arb::net::dial::DIAL_LIMITS;
use arb::net::dial::Dial;
use arb::net::dial::DialError;
use arb::net::dial::DialLimits;
use arb::net::dial::Dialling;
use arb::net::dial::Step;
use arb::net::dial::websocket;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::Response;
use arb::net::url::Endpoint;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use rustix::net::AddressFamily;
use rustix::net::SocketType;
use rustix::net::sockopt;

use net::START;
use net::address;
use net::dial_with;
use net::listener;
use net::trusting_nobody;
use net::until;
use net::welcome;

/// A listener below HTTP: it says what the test says.
fn bare() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// An address where nobody listens.
fn closed() -> SocketAddr {
    bare().1
}

/// A listener whose queue is full: the kernel answers no further connection. The streams hold the
/// places in the queue.
fn full() -> (rustix::fd::OwnedFd, SocketAddr, Vec<TcpStream>) {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("one");
    rustix::net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    rustix::net::listen(&socket, 0).expect("a listener");
    let own = rustix::net::getsockname(&socket).expect("an address");
    let address = SocketAddr::try_from(own).expect("TCP");
    let held = TcpStream::connect(address).expect("the one place");
    (socket, address, vec![held])
}

fn begin(url: &str, addresses: &[SocketAddr], limits: DialLimits) -> Result<Dialling, DialError> {
    let endpoint = Endpoint::parse(url).expect(url);
    let tls = trusting_nobody();
    Dial { endpoint: &endpoint, addresses, tls: &tls, limits, headers: &[] }.begin(START)
}

fn failure(dialling: &mut Dialling, now: MonoNs) -> DialError {
    until("failure", || dialling.step(now).err())
}

fn accepted(listener: &TcpListener) -> TcpStream {
    listener.accept().expect("a client").0
}

/// What becomes of an upgrade that the server answers like this.
fn answered(mut answer: impl FnMut(&mut Peer)) -> DialError {
    let listener = listener(None);
    let url = format!("ws://{}/", address(&listener));
    let (outcome, _peer) = dial_with(&url, &trusting_nobody(), &listener, |peer, event| {
        if let PeerEvent::Request(_) = event {
            answer(peer);
        }
    });
    outcome.expect_err("no upgrade")
}

fn answered_raw(bytes: &str) -> DialError {
    answered(|peer| {
        peer.send_raw(bytes.as_bytes()).expect("room");
        peer.hang_up();
    })
}

#[test]
fn the_handshake_is_these_bytes_and_has_no_origin() {
    let (listener, address) = bare();
    let url = format!("ws://127.0.0.1:{}/websocket/v1?x=1", address.port());
    let mut dialling = begin(&url, &[address], DIAL_LIMITS).expect("loopback");
    let mut stream = until("request", || {
        assert!(dialling.step(START).expect("on its way").is_none());
        listener.set_nonblocking(true).expect("a listener");
        listener.accept().ok()
    })
    .0;
    stream.set_nonblocking(true).expect("a socket");
    let mut sent = Vec::new();
    until("whole request", || {
        assert!(dialling.step(START).expect("on its way").is_none());
        let mut chunk = [0; 1_024];
        let count = stream.read(&mut chunk).unwrap_or(0);
        sent.extend_from_slice(&chunk[..count]);
        sent.ends_with(b"\r\n\r\n").then_some(())
    });
    let sent = String::from_utf8(sent).expect("ASCII");
    let (before, rest) = sent.split_once("Sec-WebSocket-Key: ").expect("a key");
    let (key, after) = rest.split_once("\r\n").expect("a line");
    assert_eq!(
        before,
        format!(
            "GET /websocket/v1?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            address.port()
        )
    );
    assert_eq!((key.len(), after), (24, "\r\n"), "a key of 16 bytes, and nothing behind it");
    assert!(!sent.to_ascii_lowercase().contains("origin"));
    assert!(!sent.to_ascii_lowercase().contains("extension"));
}

#[test]
fn every_upgrade_has_a_key_of_its_own_and_carries_headers_that_are_asked_for() {
    let listener = listener(None);
    let endpoint = Endpoint::parse(&format!("ws://{}/private", address(&listener))).expect("one");
    let addresses = [address(&listener)];
    let tls = trusting_nobody();
    let headers = [("Authorization", "Bearer a.b.c")];
    let mut keys = Vec::new();
    for _ in 0..2 {
        let dial = Dial {
            endpoint: &endpoint,
            addresses: &addresses,
            tls: &tls,
            limits: DIAL_LIMITS,
            headers: &headers,
        };
        let mut dialling = dial.begin(START).expect("loopback");
        let mut peer = None;
        until("WebSocket", || {
            peer = peer.take().or_else(|| listener.accept(START).expect("a listener"));
            if let Some(peer) = &mut peer
                && let Some(PeerEvent::Request(request)) = peer.poll(START)
            {
                assert_eq!(request.headers.get("authorization"), Some("Bearer a.b.c"));
                assert_eq!(request.path, "/private");
                keys.push(request.upgrade_key().expect("a key").to_owned());
                welcome(peer, PeerEvent::Request(request));
            }
            dialling.step(START).expect("no failure")
        });
    }
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_peer_that_accepts_and_stays_silent_is_given_up_at_the_deadline() {
    for (scheme, step) in [("ws", Step::Upgrade), ("wss", Step::Tls)] {
        let (listener, address) = bare();
        let url = format!("{scheme}://{address}/");
        let mut dialling = begin(&url, &[address], DIAL_LIMITS).expect("loopback");
        let stream = until("client", || {
            assert!(dialling.step(START).expect("on its way").is_none());
            listener.set_nonblocking(true).expect("a listener");
            listener.accept().ok()
        });
        let by = START.plus(DIAL_LIMITS.handshake);
        for _ in 0..100 {
            assert!(dialling.step(MonoNs(by.0 - 1)).expect("in time").is_none());
        }
        assert_eq!(dialling.step(by).expect_err("late"), DialError::Late { step });
        drop(stream);
    }
}

#[test]
fn a_peer_that_answers_byte_by_byte_does_not_move_the_deadline() {
    let (listener, address) = bare();
    let url = format!("ws://{address}/");
    let mut dialling = begin(&url, &[address], DIAL_LIMITS).expect("loopback");
    let mut stream = until("client", || {
        assert!(dialling.step(START).expect("on its way").is_none());
        listener.set_nonblocking(true).expect("a listener");
        listener.accept().ok()
    })
    .0;
    let mut now = START;
    let mut answer = b"HTTP/1.1 101 x\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    let late = loop {
        now = now.plus(DurNs::from_ms(100));
        stream.write_all(&[*answer.next().expect("endless")]).expect("a client");
        match dialling.step(now) {
            Ok(none) => assert!(none.is_none()),
            Err(why) => break why,
        }
    };
    assert_eq!(late, DialError::Late { step: Step::Upgrade });
    assert_eq!(now, START.plus(DIAL_LIMITS.handshake));
}

#[test]
fn waiting_ends_at_the_deadline_too() {
    let (listener, address) = bare();
    let endpoint = Endpoint::parse(&format!("wss://{address}/")).expect("an address");
    let limits = DialLimits { connect: DurNs::from_secs(5), handshake: DurNs::from_ms(50) };
    let late = websocket(&endpoint, &[address], &trusting_nobody(), &limits).expect_err("silence");
    assert_eq!(late, DialError::Late { step: Step::Tls });
    drop(accepted(&listener));
}

#[test]
fn a_host_that_does_not_answer_is_given_up_at_the_connect_deadline() {
    let (_listener, address, _held) = full();
    let url = format!("ws://{address}/");
    let mut dialling = begin(&url, &[address], DIAL_LIMITS).expect("loopback");
    let by = START.plus(DIAL_LIMITS.connect);
    assert!(dialling.step(MonoNs(by.0 - 1)).expect("in time").is_none());
    assert_eq!(failure(&mut dialling, by), DialError::Late { step: Step::Connect });
}

#[test]
fn the_next_address_is_tried_after_a_refusal_and_after_its_share_of_the_time() {
    let (_full, hanging, _held) = full();
    let server = listener(None);
    let good = address(&server);
    let url = format!("ws://localhost:{}/", good.port());
    let addresses = [closed(), hanging, good];
    let mut dialling = begin(&url, &addresses, DIAL_LIMITS).expect("loopback");
    let mut now = START;
    let mut peer = None;
    let socket = until("WebSocket", || {
        now = now.plus(DurNs::from_ms(1));
        peer = peer.take().or_else(|| server.accept(START).expect("a listener"));
        if let Some(peer) = &mut peer
            && let Some(event) = peer.poll(START)
        {
            welcome(peer, event);
        }
        dialling.step(now).expect("the third address is good")
    });
    assert_eq!(socket.stream().tcp().peer_addr().expect("connected"), good);
    let mut dialling = begin(&url, &[closed(), closed()], DIAL_LIMITS).expect("loopback");
    assert!(matches!(failure(&mut dialling, START), DialError::Connect { .. }));
}

#[test]
fn without_an_address_and_beyond_this_machine_nothing_is_begun() {
    let refused = |url, addresses: &[SocketAddr]| begin(url, addresses, DIAL_LIMITS).err();
    assert_eq!(refused("ws://localhost/", &[]), Some(DialError::NoAddress));
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 80));
    let addresses = [SocketAddr::from(([127, 0, 0, 1], 80)), elsewhere];
    assert_eq!(refused("ws://localhost/", &addresses), Some(DialError::Plain(elsewhere)));
}

#[test]
fn a_block_page_is_told_with_its_status_and_the_first_bytes_of_its_body() {
    for (status, body) in [
        (403, "<html><title>Access denied</title></html>"),
        (451, "{\"code\":0,\"msg\":\"Service unavailable from a restricted location\"}"),
        (200, "<html>maintenance</html>"),
        (302, ""),
    ] {
        let refused = answered(|peer| {
            let response = Response { status, headers: Vec::new(), body: body.into() };
            peer.respond(&response, START).expect("asked");
        });
        assert_eq!(refused, DialError::Refused { status, body: body.to_owned() });
    }
}

#[test]
fn a_body_that_comes_late_is_told_and_a_long_one_is_cut_off() {
    let mut peers = 0;
    let listener = listener(None);
    let url = format!("ws://{}/", address(&listener));
    let mut dialling = begin(&url, &[address(&listener)], DIAL_LIMITS).expect("loopback");
    let mut peer = until("request", || {
        assert!(dialling.step(START).expect("on its way").is_none());
        listener.accept(START).expect("a listener")
    });
    until("request", || {
        assert!(dialling.step(START).expect("on its way").is_none());
        peer.poll(START)
    });
    peer.send_raw(b"HTTP/1.1 403 Forbidden\r\n\r\n<html>").expect("room");
    for _ in 0..100 {
        peers += usize::from(peer.poll(START).is_some());
        assert!(dialling.step(START).expect("the body is not over").is_none());
    }
    peer.send_raw("blocked ".repeat(1_000).as_bytes()).expect("room");
    let refused = until("refusal", || {
        peer.poll(START);
        dialling.step(START).err()
    });
    let DialError::Refused { status: 403, body } = refused else { panic!("{refused:?}") };
    assert!(body.starts_with("<html>blocked blocked "), "{body}");
    assert!(body.len() <= 300);
    assert_eq!(peers, 0);
}

#[test]
fn a_body_that_never_ends_is_told_at_the_deadline() {
    let (listener, address) = bare();
    let url = format!("ws://{address}/");
    let mut dialling = begin(&url, &[address], DIAL_LIMITS).expect("loopback");
    let mut stream = until("client", || {
        assert!(dialling.step(START).expect("on its way").is_none());
        listener.set_nonblocking(true).expect("a listener");
        listener.accept().ok()
    })
    .0;
    stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\nno").expect("a client");
    let by = START.plus(DIAL_LIMITS.handshake);
    let socket = dialling.fd().expect("a connection");
    assert!(is_ready(socket, Ready::Read, net::PATIENCE).expect("a socket"), "no answer came");
    assert!(dialling.step(MonoNs(by.0 - 1)).expect("the body may go on").is_none());
    let refused = DialError::Refused { status: 403, body: "no".to_owned() };
    assert_eq!(dialling.step(by).expect_err("the end"), refused);
}

#[test]
fn what_is_no_upgrade_is_refused_by_type() {
    let unconfirmed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    for (bytes, part) in [
        (unconfirmed, "Sec-WebSocket-Accept"),
        ("220 smtp.example.com ESMTP\r\n\r\n", "no HTTP"),
        ("\u{0}\u{1}\u{2}\r\n\r\n", "no HTTP"),
    ] {
        let refused = answered_raw(bytes);
        assert!(matches!(refused, DialError::Upgrade(_)), "{refused:?}");
        assert!(refused.to_string().contains(part), "{refused}");
    }
    let endless = format!("HTTP/1.1 101 x\r\nX: {}", "x".repeat(20_000));
    let refused = answered_raw(&endless).to_string();
    assert!(refused.contains("longer than 16384 bytes"), "{refused}");
    assert!(matches!(answered_raw(""), DialError::Ended { step: Step::Upgrade, .. }));
    assert!(matches!(answered_raw("HTTP/1.1 1"), DialError::Ended { step: Step::Upgrade, .. }));
}

#[test]
fn compression_that_was_not_offered_is_refused() {
    let listener = listener(None);
    let url = format!("ws://{}/", address(&listener));
    let extension = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    let (refused, _peer) = dial_with(&url, &trusting_nobody(), &listener, |peer, event| {
        if let PeerEvent::Request(request) = event {
            peer.upgrade(&request, &extension).expect("an upgrade");
        }
    });
    let refused = refused.expect_err("an extension").to_string();
    assert!(refused.contains("permessage-deflate"), "{refused}");
}

#[test]
fn messages_behind_the_upgrade_in_one_packet_are_not_lost() {
    let listener = listener(None);
    let url = format!("ws://{}/", address(&listener));
    let (socket, mut peer) = dial_with(&url, &trusting_nobody(), &listener, |peer, event| {
        welcome(peer, event);
        peer.send_text("early").expect("room");
    });
    let mut socket = socket.expect("a WebSocket");
    let early = net::read(&mut socket, &mut peer).expect("a message");
    assert_eq!(net::text(&early), "early");
}

#[test]
fn a_dead_peer_is_found_by_the_kernel_within_fifteen_seconds() {
    let (socket, _peer) = net::pair();
    let tcp = socket.stream().tcp();
    assert!(sockopt::tcp_nodelay(tcp).expect("an option"));
    let unacknowledged_ms = sockopt::tcp_user_timeout(tcp).expect("an option");
    assert!((1..=10_000).contains(&unacknowledged_ms), "{unacknowledged_ms}");
    assert!(sockopt::socket_keepalive(tcp).expect("an option"));
    let idle = sockopt::tcp_keepidle(tcp).expect("an option");
    let between = sockopt::tcp_keepintvl(tcp).expect("an option");
    let probes = sockopt::tcp_keepcnt(tcp).expect("an option");
    assert!(idle + between * probes <= std::time::Duration::from_secs(15));
}
