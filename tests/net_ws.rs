//! WebSockets over real loopback sockets: what comes in is bounded, every end has its type, pings
//! are answered at once (`FAULTS.md` F02, F03, F07, F10, F17).

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/net.rs"]
mod net;

use arb::net::serve::Gone;
use arb::net::serve::Pace;
use arb::net::serve::PeerEvent;
use arb::net::serve::ServeError;
use arb::net::ws::Incoming;
use arb::net::ws::MOST_FRAME;
use arb::net::ws::MOST_MESSAGE;
use arb::net::ws::SocketError;
use arb::types::time::DurNs;

use net::START;
use net::event;
use net::pair;
use net::read;
use net::text;
use net::until;

#[test]
fn messages_go_both_ways_in_their_order() {
    let (mut socket, mut peer) = pair();
    for number in 0..500 {
        socket.send_text(&format!("to the venue {number}")).expect("room");
        peer.send_text(&format!("from the venue {number}")).expect("room");
        peer.send_binary(&[number as u8]).expect("room");
    }
    let mut heard = 0;
    let mut told = 0;
    until("all messages", || {
        if let Some(PeerEvent::Incoming(incoming)) = peer.poll(START) {
            assert_eq!(text(&incoming), format!("to the venue {heard}"));
            heard += 1;
        }
        if let Some(Incoming::Frame(payload)) = socket.read().expect("a connection") {
            match told % 2 {
                0 => {
                    assert_eq!(payload.as_ref(), format!("from the venue {}", told / 2).as_bytes())
                }
                _ => assert_eq!(payload.as_ref(), [(told / 2) as u8]),
            }
            told += 1;
        }
        (heard == 500 && told == 1_000).then_some(())
    });
    assert_eq!(socket.read(), Ok(None), "nothing more");
}

#[test]
fn a_ping_in_a_burst_is_answered_before_the_next_message_is_read() {
    let (mut socket, mut peer) = pair();
    let mut behind = 0;
    for round in 0u32..50 {
        for _ in 0..1_000 {
            peer.send_text("{\"type\":\"orderbook\",\"code\":\"KRW-BTC\"}").expect("room");
        }
        peer.send_ping(&round.to_be_bytes()).expect("room");
        loop {
            match read(&mut socket, &mut peer).expect("a connection") {
                Incoming::Frame(_) => behind += 1,
                Incoming::Ping => break,
                other => panic!("{other:?}"),
            }
        }
        // The client does nothing here: what arrives now was sent inside that read.
        match event(&mut peer) {
            PeerEvent::Incoming(Incoming::Pong(payload)) => {
                assert_eq!(payload.as_ref(), round.to_be_bytes(), "the payload is copied");
            }
            other => panic!("{other:?} instead of a pong"),
        }
    }
    assert_eq!(behind, 50_000);
}

#[test]
fn a_ping_of_ours_comes_back_with_its_payload() {
    let (mut socket, mut peer) = pair();
    socket.send_ping(b"42").expect("room");
    assert_eq!(event(&mut peer), PeerEvent::Incoming(Incoming::Ping));
    match read(&mut socket, &mut peer).expect("a connection") {
        Incoming::Pong(payload) => assert_eq!(payload.as_ref(), b"42"),
        other => panic!("{other:?} instead of a pong"),
    }
}

#[test]
fn a_frame_of_sixteen_mebibytes_is_refused_at_its_head() {
    let (mut socket, mut peer) = pair();
    let before = socket.bytes_in();
    let length = 16u64 << 20;
    let mut giant = vec![0x81, 127];
    giant.extend_from_slice(&length.to_be_bytes());
    giant.resize(1 << 20, b'x');
    peer.send_raw(&giant).expect("room");
    let refused = until("refusal", || {
        peer.poll(START);
        socket.read().transpose()
    });
    let expected = SocketError::TooLong { bytes: 16 << 20, limit: MOST_FRAME };
    assert_eq!(refused, Err(expected));
    let taken = socket.bytes_in() - before;
    assert!(taken <= 16 << 10, "{taken} bytes of it were taken in");
}

#[test]
fn a_message_of_many_frames_is_refused_when_it_grows_too_long() {
    let (mut socket, mut peer) = pair();
    let part = 255 << 10;
    let mut refused = None;
    for number in 0..5u8 {
        let mut frame = vec![if number == 0 { 0x01 } else { 0x00 }, 127];
        frame.extend_from_slice(&(part as u64).to_be_bytes());
        frame.resize(frame.len() + part, b'x');
        peer.send_raw(&frame).expect("room");
        until("frame to be taken", || {
            peer.poll(START);
            refused = socket.read().err();
            (refused.is_some() || peer.backlog() == 0).then_some(())
        });
    }
    let refused = refused.unwrap_or_else(|| until("refusal", || socket.read().err()));
    assert!(matches!(refused, SocketError::TooLong { limit: MOST_MESSAGE, .. }), "{refused:?}");
}

#[test]
fn a_message_at_the_limit_is_taken() {
    let (mut socket, mut peer) = pair();
    let longest = "x".repeat(MOST_FRAME);
    peer.send_text(&longest).expect("room");
    assert_eq!(text(&read(&mut socket, &mut peer).expect("a message")), longest);
}

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    let cases: [(&str, &[u8]); 7] = [
        ("compressed without agreement", &[0xC1, 1, b'x']),
        ("masked by a server", &[0x81, 0x81, 1, 2, 3, 4, b'x']),
        ("an unknown kind", &[0x83, 1, b'x']),
        ("text that is no UTF-8", &[0x81, 2, 0xC3, 0x28]),
        ("a continuation of nothing", &[0x80, 1, b'x']),
        ("a ping in parts", &[0x09, 1, b'x']),
        ("a close of one byte", &[0x88, 1, 3]),
    ];
    for (what, bytes) in cases {
        let (mut socket, mut peer) = pair();
        peer.send_raw(bytes).expect("room");
        let ended = read(&mut socket, &mut peer);
        assert!(matches!(ended, Err(SocketError::Protocol(_))), "{what}: {ended:?}");
    }
}

#[test]
fn a_close_is_told_with_its_code_and_then_it_is_over() {
    let proper = [1000, 1001, 1002, 1003, 1008, 1011, 1012, 1013, 3000, 3999, 4000, 4999];
    for code in proper {
        let (mut socket, mut peer) = pair();
        peer.close(code).expect("an open WebSocket");
        let expected = Incoming::Closed { code: Some(code), reason: String::new() };
        assert_eq!(read(&mut socket, &mut peer), Ok(expected));
        assert_eq!(socket.send_text("late"), Err(SocketError::Over));
        assert_eq!(socket.read(), Err(SocketError::Over));
    }
}

#[test]
fn a_close_with_an_odd_code_reads_as_a_protocol_error_of_the_peer() {
    for code in [0u16, 999, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        let (mut socket, mut peer) = pair();
        let mut frame = vec![0x88, 5];
        frame.extend_from_slice(&code.to_be_bytes());
        frame.extend_from_slice(b"odd");
        peer.send_raw(&frame).expect("room");
        let told = read(&mut socket, &mut peer).expect("a close");
        assert!(matches!(told, Incoming::Closed { code: Some(1002), .. }), "{code}: {told:?}");
    }
}

#[test]
fn a_close_without_a_code_and_one_with_a_reason_are_told_as_they_are() {
    let (mut socket, mut peer) = pair();
    peer.send_raw(&[0x88, 0]).expect("room");
    let bare = Incoming::Closed { code: None, reason: String::new() };
    assert_eq!(read(&mut socket, &mut peer), Ok(bare));
    let (mut socket, mut peer) = pair();
    peer.send_raw(b"\x88\x06\x03\xE9away").expect("room");
    let away = Incoming::Closed { code: Some(1001), reason: "away".to_owned() };
    assert_eq!(read(&mut socket, &mut peer), Ok(away));
}

#[test]
fn an_end_without_a_close_frame_is_a_cut() {
    let (mut socket, mut peer) = pair();
    peer.send_text("last").expect("room");
    peer.hang_up();
    assert_eq!(text(&read(&mut socket, &mut peer).expect("sent before")), "last");
    assert_eq!(read(&mut socket, &mut peer), Err(SocketError::Cut));
}

#[test]
fn a_reset_in_the_middle_of_a_frame_is_a_reset() {
    let (mut socket, mut peer) = pair();
    let before = socket.bytes_in();
    peer.send_raw(&[0x81, 100, b'x', b'y']).expect("room");
    until("half a frame", || {
        peer.poll(START);
        assert_eq!(socket.read(), Ok(None));
        (socket.bytes_in() == before + 4).then_some(())
    });
    peer.reset();
    assert_eq!(until("end", || socket.read().err()), SocketError::Reset);
}

#[test]
fn the_server_learns_how_a_client_leaves() {
    let (mut socket, mut peer) = pair();
    socket.close().expect("room");
    let closed = Incoming::Closed { code: Some(1000), reason: String::new() };
    assert_eq!(event(&mut peer), PeerEvent::Incoming(closed.clone()));
    assert_eq!(until("goodbye", || socket.read().transpose()), Ok(closed));
    drop(socket);
    assert_eq!(event(&mut peer), PeerEvent::Gone(Gone::Ended));
    assert_eq!(peer.send_text("late"), Err(ServeError::NotOpen));
    let (socket, mut peer) = pair();
    drop(socket);
    assert_eq!(event(&mut peer), PeerEvent::Gone(Gone::Ended));
    assert_eq!(peer.poll(START), None, "told once");
}

#[test]
fn a_frozen_peer_is_silent_and_loses_nothing() {
    let (mut socket, mut peer) = pair();
    peer.freeze();
    socket.send_ping(b"anyone").expect("room");
    peer.send_text("kept").expect("room");
    for _ in 0..1_000 {
        assert_eq!(peer.poll(START), None);
        assert_eq!(socket.read(), Ok(None), "half open");
    }
    peer.thaw();
    assert_eq!(event(&mut peer), PeerEvent::Incoming(Incoming::Ping));
    assert_eq!(text(&read(&mut socket, &mut peer).expect("kept")), "kept");
    assert!(matches!(read(&mut socket, &mut peer), Ok(Incoming::Pong(_))));
}

#[test]
fn a_message_in_single_bytes_arrives_and_its_progress_shows() {
    let (mut socket, mut peer) = pair();
    peer.set_pace(Pace::Trickle(DurNs::from_ms(10)));
    peer.send_text("slow").expect("room");
    let before = socket.bytes_in();
    let mut now = START;
    for sent in 1..=6 {
        now = now.plus(DurNs::from_ms(10));
        peer.poll(now);
        peer.poll(now);
        let incoming = until("one byte", || {
            let incoming = socket.read().expect("a connection");
            (socket.bytes_in() == before + sent).then_some(incoming)
        });
        match incoming {
            None => assert!(sent < 6, "whole with the last byte"),
            Some(incoming) => assert_eq!((text(&incoming), sent), ("slow", 6)),
        }
    }
}

#[test]
fn what_a_dead_peer_does_not_take_is_bounded_and_refused_by_type() {
    let (mut socket, mut peer) = pair();
    peer.freeze();
    let message = "x".repeat(32 << 10);
    let mut taken = 0;
    let refused = until("refusal", || match socket.send_text(&message) {
        Ok(()) => {
            taken += 1;
            None
        }
        Err(why) => Some(why),
    });
    assert_eq!(refused, SocketError::Full(256 << 10));
    assert!(taken < 1_000, "{taken} messages of 32 KiB are kept somewhere");
    peer.thaw();
    let mut arrived = 0;
    until("all that was taken", || {
        if let Some(PeerEvent::Incoming(incoming)) = peer.poll(START) {
            assert_eq!(text(&incoming).len(), message.len());
            arrived += 1;
        }
        socket.read().expect("a connection");
        (arrived == taken).then_some(())
    });
    socket.send_text("again").expect("room");
}

#[test]
fn the_server_refuses_to_queue_without_bound() {
    let (mut socket, mut peer) = pair();
    peer.freeze();
    let refused = until("refusal", || peer.send_text(&"x".repeat(200 << 10)).err());
    assert_eq!(refused, ServeError::Full);
    assert!(peer.backlog() <= 2 << 20);
    assert_eq!(peer.send_raw(&[0; 1 << 20]), Err(ServeError::Full));
    assert_eq!(socket.read(), Ok(None));
}
