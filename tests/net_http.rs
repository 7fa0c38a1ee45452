//! Cold HTTPS over real loopback sockets: an answer is an answer whatever its status, nothing is
//! longer or later than allowed, and only trusted servers are asked. The server is on a thread of
//! its own, because the client blocks.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/crew.rs"]
mod crew;
#[path = "support/net.rs"]
mod net;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use arb::net::http::Http;
use arb::net::http::HttpError;
use arb::net::http::MOST_BODY;
use arb::net::serve::Listener;
use arb::net::serve::Pace;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::Request;
use arb::net::serve::Response;
use arb::net::serve::SERVE_LIMITS;
use arb::net::serve::ServeLimits;
use arb::net::tls::ClientTls;
use arb::net::tls::Identity;
use arb::net::tls::Roots;
use arb::net::tls::ServerTls;
use arb::net::url::Endpoint;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;

use crew::Stage;
use crew::post;

/// Does with a peer what its test wants of a request.
type Script = Box<dyn FnMut(&mut Peer, &Request, MonoNs) + Send>;

struct Shop {
    listener: Listener,
    peers: Vec<Peer>,
    script: Script,
    accepted: Arc<AtomicUsize>,
}

impl Agent for Shop {
    fn name(&self) -> &'static str {
        "shop"
    }
    fn turn(&mut self, now: Now) -> Turn {
        while let Some(peer) = self.listener.accept(now.mono).expect("a listener") {
            self.accepted.fetch_add(1, Ordering::SeqCst);
            self.peers.push(peer);
        }
        let script = &mut self.script;
        self.peers.retain_mut(|peer| match peer.poll(now.mono) {
            Some(PeerEvent::Request(request)) => {
                script(peer, &request, now.mono);
                true
            }
            Some(PeerEvent::Gone(_)) => false,
            _ => true,
        });
        Turn::Idle
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

/// What one test asks of one server.
struct Visit {
    base: Endpoint,
    accepted: Arc<AtomicUsize>,
    /// Whom the server's certificate is trusted by; without TLS nobody.
    tls: ClientTls,
}

impl Visit {
    fn client(&self, limit: DurNs) -> Http {
        Http::new(&self.tls, limit)
    }
    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn visit(identity: Option<&Identity>, script: Script, ask: impl FnOnce(Visit)) {
    let tls = identity.map(|identity| ServerTls::new(identity).expect("an identity"));
    let limits = ServeLimits { unsent: 16 << 20, ..SERVE_LIMITS };
    let listener = net::limited(tls, limits);
    let port = net::address(&listener).port();
    let scheme = if identity.is_some() { "https" } else { "http" };
    let base = Endpoint::parse(&format!("{scheme}://localhost:{port}")).expect("an address");
    let roots: Vec<Roots> = identity.map(|own| root(own, port)).into_iter().collect();
    let accepted = Arc::<AtomicUsize>::default();
    let shop = Shop { listener, peers: Vec::new(), script, accepted: Arc::clone(&accepted) };
    let mut stage = Stage::set();
    let worker = stage.crew.start(shop, post("shop", Wait::Yield)).expect("starts");
    ask(Visit { base, accepted, tls: ClientTls::new(&roots).expect("roots") });
    stage.crew.stop(Order::Cut);
    stage.returned(worker);
}

fn root(identity: &Identity, port: u16) -> Roots {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("http-{port}.pem"));
    fs::write(&path, &identity.certificate_pem).expect("a file");
    Roots::File(path)
}

fn answering(response: Response) -> Script {
    Box::new(move |peer, _, now| peer.respond(&response, now).expect("asked"))
}

const LONG: DurNs = net::PATIENCE;
/// For answers that never come: short, and the test does not care how short.
const SHORT: DurNs = DurNs::from_ms(200);

#[test]
fn an_answer_comes_with_status_headers_body_and_date() {
    let response = Response::json(200, "{\"serverTime\":1}")
        .with("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .with("X-MBX-USED-WEIGHT-1M", "7");
    let script: Script = Box::new(move |peer, request, now| {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/api/v3/time"));
        assert_eq!(request.query, "x=%2B1");
        assert!(request.headers.get("accept-encoding").is_none(), "nothing is unpacked");
        peer.respond(&response, now).expect("asked");
    });
    visit(None, script, |visit| {
        let endpoint = visit.base.join("api/v3/time?x=%2B1");
        let reply = visit.client(LONG).get(&endpoint).expect("an answer");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.body, b"{\"serverTime\":1}");
        assert_eq!(reply.date_ms, Some(784_111_777_000));
        let weight = ("x-mbx-used-weight-1m".to_owned(), "7".to_owned());
        assert!(reply.headers.contains(&weight), "{:?}", reply.headers);
    });
}

#[test]
fn a_refusal_is_an_answer_with_its_body() {
    for status in [400, 403, 418, 429, 451, 500, 503] {
        visit(None, answering(Response::json(status, "{\"code\":-1003}")), |visit| {
            let reply = visit.client(LONG).get(&visit.base).expect("an answer");
            assert_eq!((reply.status, reply.body.as_slice()), (status, &b"{\"code\":-1003}"[..]));
            assert_eq!(reply.date_ms, None);
        });
    }
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    visit(None, answering(Response::json(200, "elsewhere")), |other| {
        let away = other.base.as_http();
        for status in [301, 302, 307, 308] {
            let response = Response::json(status, "").with("Location", away.clone());
            visit(None, answering(response), |visit| {
                let reply = visit.client(LONG).get(&visit.base).expect("an answer");
                assert_eq!(reply.status, status);
            });
        }
        assert_eq!(other.accepted(), 0, "nobody went there");
    });
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    visit(None, answering(Response::json(200, "[]")), |visit| {
        let client = visit.client(LONG);
        for _ in 0..20 {
            assert_eq!(client.get(&visit.base).expect("an answer").body, b"[]");
        }
        assert_eq!(visit.accepted(), 1);
    });
}

#[test]
fn a_connection_that_ended_meanwhile_is_replaced() {
    let script: Script = Box::new(|peer, _, now| {
        peer.respond(&Response::json(200, "[]"), now).expect("asked");
        peer.hang_up();
    });
    visit(None, script, |visit| {
        let client = visit.client(LONG);
        for round in 1..=3 {
            // Once in a while the end arrives only after the next request has gone out.
            let reply = net::until("answer", || client.get(&visit.base).ok());
            assert_eq!(reply.status, 200);
            assert!(visit.accepted() >= round, "a dead connection was used again");
        }
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up_at_the_deadline() {
    visit(None, Box::new(|_, _, _| {}), |visit| {
        let late = visit.client(SHORT).get(&visit.base).expect_err("silence");
        assert!(matches!(late, HttpError::Late(_)), "{late:?}");
    });
}

#[test]
fn an_answer_drop_by_drop_does_not_move_the_deadline() {
    let script: Script = Box::new(|peer, _, now| {
        peer.respond(&Response::json(200, "x".repeat(1 << 20)), now).expect("asked");
        peer.set_pace(Pace::Trickle(DurNs::from_ms(1)));
    });
    visit(None, script, |visit| {
        let late = visit.client(SHORT).get(&visit.base).expect_err("too slow");
        assert!(matches!(late, HttpError::Late(_)), "{late:?}");
    });
}

#[test]
fn a_server_that_is_silent_in_its_tls_handshake_is_given_up_at_the_deadline() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let endpoint = Endpoint::parse(&format!("https://{address}/")).expect("an address");
    let late = Http::new(&net::trusting_nobody(), SHORT).get(&endpoint).expect_err("silence");
    assert!(matches!(late, HttpError::Late(_)), "{late:?}");
}

#[test]
fn a_body_at_the_limit_is_taken_and_a_longer_one_refused() {
    let longest = MOST_BODY as usize;
    for (length, is_taken) in [(longest, true), (longest + 1, false)] {
        visit(None, answering(Response::json(200, vec![b'x'; length])), |visit| {
            let reply = visit.client(LONG).get(&visit.base);
            match reply {
                Ok(reply) => assert!(is_taken && reply.body.len() == length),
                Err(why) => assert!(!is_taken && why == HttpError::TooLong, "{why:?}"),
            }
        });
    }
}

#[test]
fn an_answer_that_breaks_off_is_a_failure() {
    for raw in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "SSH-2.0-x\r\n\r\n"] {
        let script: Script = Box::new(move |peer, _, _| {
            peer.send_raw(raw.as_bytes()).expect("room");
            peer.hang_up();
        });
        visit(None, script, |visit| {
            let failed = visit.client(LONG).get(&visit.base).expect_err("no answer");
            assert!(matches!(failed, HttpError::Failed(_)), "{raw:?}: {failed:?}");
        });
    }
    let nobody = net::address(&net::listener(None));
    let endpoint = Endpoint::parse(&format!("http://{nobody}/")).expect("an address");
    let failed = Http::new(&net::trusting_nobody(), LONG).get(&endpoint).expect_err("nobody");
    assert!(matches!(failed, HttpError::Failed(_)), "{failed:?}");
}

#[test]
fn a_trusted_server_is_asked_over_tls_and_another_is_not() {
    let local = Identity::local().expect("a certificate");
    visit(Some(&local), answering(Response::json(200, "[1]")), |visit| {
        let client = visit.client(LONG);
        for _ in 0..5 {
            assert_eq!(client.get(&visit.base).expect("an answer").body, b"[1]");
        }
        assert_eq!(visit.accepted(), 1, "TLS connections are kept too");
        for tls in [net::trusting_nobody(), ClientTls::new(&[Roots::Webpki]).expect("roots")] {
            let refused = Http::new(&tls, LONG).get(&visit.base).expect_err("not trusted");
            assert!(matches!(refused, HttpError::Tls(_)), "{refused:?}");
        }
    });
}

#[test]
fn a_long_body_over_tls_arrives_whole() {
    let local = Identity::local().expect("a certificate");
    let body: Vec<u8> = (0..3u32 << 20).map(|at| (at % 251) as u8).collect();
    visit(Some(&local), answering(Response::json(200, body.clone())), |visit| {
        assert!(visit.client(LONG).get(&visit.base).expect("an answer").body == body);
    });
}
