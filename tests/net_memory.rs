//! Giant frames cost no memory (`FAULTS.md` F17). Alone in its file: it measures the process.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/net.rs"]
mod net;

use arb::net::ws::SocketError;

use net::START;
use net::pair;
use net::until;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// A socket that was thrown a frame of 16 MiB, of which a megabyte was really sent.
fn attacked() -> arb::net::ws::Socket {
    let (mut socket, mut peer) = pair();
    let mut giant = vec![0x82, 127];
    giant.extend_from_slice(&(16u64 << 20).to_be_bytes());
    giant.resize(1 << 20, b'x');
    peer.send_raw(&giant).expect("room");
    let refused = until("refusal", || {
        peer.poll(START);
        socket.read().err()
    });
    assert!(matches!(refused, SocketError::TooLong { .. }), "{refused:?}");
    socket
}

#[test]
fn giant_frames_are_refused_without_taking_memory() {
    // The server's own queues come to their size first.
    let first: Vec<_> = (0..10).map(|_| attacked()).collect();
    let before = resident_kib();
    let held: Vec<_> = (0..20).map(|_| attacked()).collect();
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 2 << 10, "{grown} KiB for {} sockets", held.len());
    drop(first);
}
