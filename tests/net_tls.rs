//! TLS over real loopback sockets: only a server with the right certificate is spoken to
//! (`FAULTS.md` F93).

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/net.rs"]
mod net;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::net::dial::DialError;
use arb::net::serve::PeerEvent;
use arb::net::tls::ClientTls;
use arb::net::tls::Identity;
use arb::net::tls::Roots;
use arb::net::tls::ServerTls;
use arb::net::tls::TlsError;
use arb::net::ws::Incoming;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::date_time_ymd;

use net::START;
use net::address;
use net::dial_with;
use net::event;
use net::listener;
use net::until;
use net::welcome;

/// An authority of our own: what it signs is trusted by whoever trusts it.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

fn for_localhost() -> CertificateParams {
    CertificateParams::new(vec!["localhost".to_owned()]).expect("a name")
}

fn signed(params: &CertificateParams, by: &Authority) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &by.issuer).expect("a certificate");
    Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("a file");
    path
}

fn trusting(name: &str, pem: &str) -> ClientTls {
    ClientTls::new(&[Roots::File(file(name, pem))]).expect("a root")
}

/// Dials `wss://localhost` at a server with this identity; true if a message made the round.
fn speaks(identity: &Identity, tls: &ClientTls) -> Result<(), DialError> {
    let listener = listener(Some(ServerTls::new(identity).expect("an identity")));
    let url = format!("wss://localhost:{}/", address(&listener).port());
    let (outcome, mut peer) = dial_with(&url, tls, &listener, |peer, event| {
        if let PeerEvent::Request(_) = event {
            welcome(peer, event);
        }
    });
    let mut socket = outcome?;
    socket.send_text("over TLS").expect("room");
    let PeerEvent::Incoming(incoming) = event(&mut peer) else { panic!("no message") };
    assert_eq!(net::text(&incoming), "over TLS");
    Ok(())
}

#[test]
fn a_server_whose_authority_is_trusted_is_spoken_to() {
    let own = authority("trusted");
    let tls = trusting("good.pem", &own.pem);
    assert_eq!(speaks(&signed(&for_localhost(), &own), &tls), Ok(()));
    let local = Identity::local().expect("a certificate");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("local.pem");
    local.write_certificate(&path).expect("a file");
    let written = fs::read_to_string(&path).expect("a file");
    assert!(!written.contains("PRIVATE"), "the key stays where it is");
    assert_eq!(speaks(&local, &trusting("local2.pem", &written)), Ok(()));
}

#[test]
fn a_server_with_a_bad_certificate_is_refused() {
    let own = authority("trusted");
    let tls = trusting("bad.pem", &own.pem);
    let mut expired = for_localhost();
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = for_localhost();
    early.not_before = date_time_ymd(2090, 1, 1);
    early.not_after = date_time_ymd(2091, 1, 1);
    let elsewhere = CertificateParams::new(vec!["example.com".to_owned()]).expect("a name");
    let cases = [
        ("UnknownIssuer", Identity::local().expect("self-signed")),
        ("UnknownIssuer", signed(&for_localhost(), &authority("unknown"))),
        ("BadSignature", signed(&for_localhost(), &authority("trusted"))),
        ("expired", signed(&expired, &own)),
        ("not valid yet", signed(&early, &own)),
        ("not valid for name", signed(&elsewhere, &own)),
    ];
    for (why, identity) in cases {
        match speaks(&identity, &tls) {
            Err(DialError::Tls(told)) => assert!(told.contains(why), "{told:?} without {why:?}"),
            other => panic!("{other:?} instead of {why}"),
        }
    }
}

#[test]
fn the_lists_of_public_authorities_do_not_trust_the_local_exchange() {
    let local = Identity::local().expect("a certificate");
    let tls = ClientTls::new(&[Roots::Webpki]).expect("compiled in");
    assert!(matches!(speaks(&local, &tls), Err(DialError::Tls(_))));
    if let Ok(tls) = ClientTls::new(&[Roots::System]) {
        assert!(matches!(speaks(&local, &tls), Err(DialError::Tls(_))));
    }
    let both = [Roots::Webpki, Roots::File(file("both.pem", &local.certificate_pem))];
    assert_eq!(speaks(&local, &ClientTls::new(&both).expect("roots")), Ok(()), "roots add up");
}

#[test]
fn a_plaintext_server_behind_a_tls_address_is_refused() {
    let own = authority("trusted");
    let tls = trusting("plain.pem", &own.pem);
    let listener = listener(None);
    let url = format!("wss://localhost:{}/", address(&listener).port());
    let (outcome, _peer) = dial_with(&url, &tls, &listener, |_, _| {});
    // The server takes the TLS greeting for a bad request and says so in plain text.
    assert!(matches!(outcome, Err(DialError::Tls(_))), "{outcome:?}");
}

#[test]
fn messages_pings_and_the_end_work_over_tls() {
    let local = Identity::local().expect("a certificate");
    let tls = trusting("all.pem", &local.certificate_pem);
    let listener = listener(Some(ServerTls::new(&local).expect("an identity")));
    let url = format!("wss://127.0.0.1:{}/", address(&listener).port());
    let (socket, mut peer) = dial_with(&url, &tls, &listener, welcome);
    let mut socket = socket.expect("a WebSocket");
    let long = "x".repeat(200 << 10);
    for _ in 0..20 {
        peer.send_text(&long).expect("room");
        until("message", || {
            assert_eq!(peer.poll(START), None);
            match socket.read().expect("a connection")? {
                Incoming::Frame(payload) => {
                    assert_eq!(payload.as_ref().len(), long.len());
                    Some(())
                }
                other => panic!("{other:?}"),
            }
        });
    }
    assert!(socket.bytes_in() > 20 * (200 << 10), "raw bytes are counted");
    peer.send_ping(b"7").expect("room");
    assert_eq!(net::read(&mut socket, &mut peer), Ok(Incoming::Ping));
    assert!(matches!(event(&mut peer), PeerEvent::Incoming(Incoming::Pong(_))));
    peer.hang_up();
    let cut = net::read(&mut socket, &mut peer);
    assert_eq!(cut, Err(arb::net::ws::SocketError::Cut));
}

#[test]
fn a_long_message_of_ours_over_tls_is_kept_while_the_server_stands_still() {
    let local = Identity::local().expect("a certificate");
    let tls = trusting("kept.pem", &local.certificate_pem);
    let listener = listener(Some(ServerTls::new(&local).expect("an identity")));
    let url = format!("wss://localhost:{}/", address(&listener).port());
    let (socket, mut peer) = dial_with(&url, &tls, &listener, welcome);
    let mut socket = socket.expect("a WebSocket");
    peer.freeze();
    let mut taken = 0;
    let message = "x".repeat(32 << 10);
    until("refusal", || {
        let refused = socket.send_text(&message).err();
        taken += usize::from(refused.is_none());
        refused
    });
    peer.thaw();
    let mut arrived = 0;
    until("all that was taken", || {
        socket.read().expect("a connection");
        arrived += usize::from(peer.poll(START).is_some());
        (arrived == taken).then_some(())
    });
}

#[test]
fn roots_that_cannot_be_read_are_told_and_never_left_out() {
    let absent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("absent.pem");
    for path in [absent, file("empty.pem", ""), file("none.pem", "no certificate here")] {
        let refused = ClientTls::new(&[Roots::Webpki, Roots::File(path.clone())]);
        match refused {
            Err(TlsError::File { path: told, .. }) => assert_eq!(told, path),
            other => panic!("{other:?}"),
        }
    }
    let mut mixed = Identity::local().expect("a certificate");
    mixed.key_pem = Identity::local().expect("another").key_pem;
    assert!(matches!(ServerTls::new(&mixed), Err(TlsError::Identity(_))));
}
