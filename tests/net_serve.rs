//! The server side of the local exchange over real loopback sockets: requests in their order,
//! bounded in size and time, and answered by status when they are bad.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/net.rs"]
mod net;

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use arb::net::serve::Gone;
use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::Request;
use arb::net::serve::Response;
use arb::net::serve::SERVE_LIMITS;
use arb::net::serve::ServeError;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;

use net::START;
use net::accept;
use net::address;
use net::listener;
use net::until;

struct Client {
    tcp: TcpStream,
    heard: Vec<u8>,
}

impl Client {
    fn of(listener: &Listener) -> Client {
        let tcp = TcpStream::connect(address(listener)).expect("a listener");
        tcp.set_nonblocking(true).expect("a socket");
        Client { tcp, heard: Vec::new() }
    }
    fn say(&mut self, text: &str) {
        self.tcp.write_all(text.as_bytes()).expect("room");
    }
    /// True at the end of the stream.
    fn hear(&mut self) -> bool {
        let mut chunk = [0; 4_096];
        match self.tcp.read(&mut chunk) {
            Ok(count) => {
                self.heard.extend_from_slice(&chunk[..count]);
                count == 0
            }
            Err(why) => {
                assert_eq!(why.kind(), std::io::ErrorKind::WouldBlock);
                false
            }
        }
    }
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

fn meeting() -> (Client, Peer) {
    let listener = listener(None);
    let client = Client::of(&listener);
    (client, accept(&listener))
}

fn asked(peer: &mut Peer) -> Request {
    match net::event(peer) {
        PeerEvent::Request(request) => request,
        other => panic!("{other:?} instead of a request"),
    }
}

fn answer(peer: &mut Peer, body: &str) {
    peer.respond(&Response::json(200, body), START).expect("asked");
}

/// Everything until the end of the connection, and why the server ended it.
fn ending(client: &mut Client, peer: &mut Peer, now: MonoNs) -> (String, Gone) {
    let mut gone = None;
    until("end of the connection", || {
        if let Some(event) = peer.poll(now) {
            gone = Some(event);
        }
        client.hear().then_some(())
    });
    client.tcp.shutdown(std::net::Shutdown::Write).ok();
    let gone = gone.unwrap_or_else(|| until("farewell", || peer.poll(now)));
    match gone {
        PeerEvent::Gone(why) => (client.text(), why),
        other => panic!("{other:?} instead of an end"),
    }
}

#[test]
fn a_request_is_told_whole_and_as_it_was_sent() {
    let (mut client, mut peer) = meeting();
    client.say("POST /v1/orders?market=KRW-BTC&x=%2B HTTP/1.1\r\nHost: x\r\nX-Key: A b\r\n");
    client.say("Content-Length: 11\r\n\r\n{\"side\":");
    for _ in 0..100 {
        assert_eq!(peer.poll(START), None, "the body is not whole");
    }
    client.say("1}\n");
    let request = asked(&mut peer);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/orders"));
    assert_eq!(request.query, "market=KRW-BTC&x=%2B", "nothing is decoded");
    assert_eq!(request.headers.get("x-key"), Some("A b"));
    assert_eq!(request.body, b"{\"side\":1}\n");
    assert_eq!(request.upgrade_key(), None);
}

#[test]
fn requests_on_one_connection_are_answered_in_their_order() {
    let (mut client, mut peer) = meeting();
    client.say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    assert_eq!(asked(&mut peer).path, "/1");
    for _ in 0..100 {
        assert_eq!(peer.poll(START), None, "one at a time");
    }
    answer(&mut peer, "[1]");
    assert_eq!(asked(&mut peer).path, "/2");
    let limited = Response::json(429, "[2]").with("Remaining-Req", "group=market; min=0; sec=0");
    peer.respond(&limited, START).expect("asked");
    assert_eq!(peer.respond(&limited, START), Err(ServeError::NotAsked));
    let both = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]\
        HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n\
        Remaining-Req: group=market; min=0; sec=0\r\nContent-Length: 3\r\n\r\n[2]";
    until("both answers", || {
        peer.poll(START);
        assert!(!client.hear(), "the connection stays");
        (client.heard.len() >= both.len()).then_some(())
    });
    assert_eq!(client.text(), both);
}

#[test]
fn a_connection_ends_after_the_answer_when_the_client_wants_that() {
    let cases =
        ["GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", "GET / HTTP/1.0\r\nHost: x\r\n\r\n"];
    for request in cases {
        let (mut client, mut peer) = meeting();
        client.say(request);
        asked(&mut peer);
        answer(&mut peer, "[]");
        let (text, why) = ending(&mut client, &mut peer, START);
        assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n[]"), "{text}");
        assert_eq!(why, Gone::Ended);
    }
}

#[test]
fn a_bad_request_is_refused_by_status_and_the_connection_ends() {
    let long_head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17 << 10));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
    let cases = [
        (400, "nonsense\r\n\r\n"),
        (400, "GET / HTTP/2.0\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        (400, &many),
        (411, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (413, "POST / HTTP/1.1\r\nContent-Length: 262145\r\n\r\n"),
        (431, &long_head),
    ];
    for (status, request) in cases {
        let (mut client, mut peer) = meeting();
        client.say(request);
        let (text, why) = ending(&mut client, &mut peer, START);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {text}");
        assert_eq!(why, Gone::Refused(status));
    }
}

#[test]
fn a_body_at_the_limit_is_taken() {
    let (mut client, mut peer) = meeting();
    client.say("POST / HTTP/1.1\r\nContent-Length: 262144\r\n\r\n");
    let body = "x".repeat(256 << 10);
    let mut rest = body.as_bytes();
    let request = until("request", || {
        if let Ok(sent) = client.tcp.write(rest) {
            rest = &rest[sent..];
        }
        peer.poll(START)
    });
    let PeerEvent::Request(request) = request else { panic!("{request:?}") };
    assert_eq!(request.body.len(), body.len());
}

#[test]
fn a_slow_head_and_a_slow_body_are_given_up_in_time() {
    let body = "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n";
    for (sent, limit) in [("", SERVE_LIMITS.head), ("GET / HT", SERVE_LIMITS.head)] {
        let (mut client, mut peer) = meeting();
        client.say(sent);
        let by = START.plus(limit);
        for step in 0..100 {
            let before = MonoNs(START.0 + limit.0 / 100 * step);
            assert_eq!(peer.poll(before), None);
            client.hear();
        }
        let (text, why) = ending(&mut client, &mut peer, by);
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert_eq!(why, Gone::TooSlow);
    }
    let (mut client, mut peer) = meeting();
    client.say(body);
    until("head", || {
        assert_eq!(peer.poll(START), None);
        (peer.bytes_in() == body.len() as u64).then_some(())
    });
    let almost = MonoNs(START.plus(SERVE_LIMITS.body).0 - 1);
    client.say("x");
    assert_eq!(peer.poll(almost), None);
    let (text, why) = ending(&mut client, &mut peer, START.plus(SERVE_LIMITS.body));
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(why, Gone::TooSlow);
}

#[test]
fn an_idle_connection_ends_without_a_word() {
    let (mut client, mut peer) = meeting();
    client.say("GET / HTTP/1.1\r\n\r\n");
    asked(&mut peer);
    answer(&mut peer, "[]");
    until("answer", || {
        peer.poll(START);
        client.hear();
        client.text().ends_with("[]").then_some(())
    });
    client.heard.clear();
    assert_eq!(peer.poll(MonoNs(START.plus(SERVE_LIMITS.idle).0 - 1)), None);
    let (text, why) = ending(&mut client, &mut peer, START.plus(SERVE_LIMITS.idle));
    assert_eq!((text.as_str(), why), ("", Gone::Ended));
}

#[test]
fn a_client_that_gives_up_before_its_answer_is_seen() {
    let (mut client, mut peer) = meeting();
    client.say("GET / HTTP/1.1\r\n\r\n");
    asked(&mut peer);
    drop(client);
    assert_eq!(net::event(&mut peer), PeerEvent::Gone(Gone::Ended));
    assert_eq!(peer.respond(&Response::json(200, "[]"), START), Err(ServeError::NotAsked));
}

#[test]
fn a_request_that_is_no_upgrade_cannot_be_upgraded() {
    let good = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let cases = [
        good.replace("Upgrade: websocket\r\n", ""),
        good.replace("Connection: Upgrade\r\n", ""),
        good.replace("Version: 13", "Version: 8"),
        good.replace("GET", "POST"),
    ];
    for request in cases {
        let (mut client, mut peer) = meeting();
        client.say(&request);
        let request = asked(&mut peer);
        assert_eq!(peer.upgrade(&request, &[]), Err(ServeError::NoUpgrade));
        answer(&mut peer, "[]");
        assert!(!peer.is_websocket());
    }
    let (mut client, mut peer) = meeting();
    client.say(good);
    let request = asked(&mut peer);
    peer.upgrade(&request, &[("Remaining-Req", "group=websocket")]).expect("an upgrade");
    let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Remaining-Req: group=websocket\r\n\r\n";
    until("answer", || {
        peer.poll(START);
        client.hear();
        (client.heard.len() >= expected.len()).then_some(())
    });
    assert_eq!(client.text(), expected);
}

#[test]
fn an_unmasked_frame_of_a_client_is_refused() {
    let (_socket, mut peer) = net::pair();
    assert!(peer.is_websocket());
    let good = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let (mut client, mut other) = meeting();
    client.say(good);
    let request = asked(&mut other);
    other.upgrade(&request, &[]).expect("an upgrade");
    client.tcp.write_all(&[0x81, 1, b'x']).expect("room");
    assert!(matches!(net::event(&mut other), PeerEvent::Gone(Gone::Broken(_))));
    assert_eq!(peer.poll(START), None, "the other connection is not touched");
}

#[test]
fn a_hundred_connections_that_come_and_go_leave_no_descriptor_behind() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("a list").count();
    let listener = listener(None);
    let url = format!("ws://{}/", address(&listener));
    let tls = net::trusting_nobody();
    let mut most = 0;
    for round in 0..100 {
        let (socket, mut peer) = net::dial_with(&url, &tls, &listener, net::welcome);
        drop(socket.expect("a WebSocket"));
        match round % 2 {
            0 => peer.reset(),
            _ => assert_eq!(net::event(&mut peer), PeerEvent::Gone(Gone::Ended)),
        }
        most = most.max(descriptors());
    }
    // Other tests of this file run beside and hold a few; a leak would be a hundred.
    assert!(most < 90, "{most} descriptors");
    assert_eq!(SERVE_LIMITS.unsent, 2 << 20);
    assert!(SERVE_LIMITS.idle > DurNs(0));
}
