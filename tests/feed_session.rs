//! The session of a venue's connection on virtual time: what it asks for, and how often, when the
//! venue misbehaves (`FAULTS.md` A and C, the rows that are the session's).

#[path = "support/session.rs"]
mod session;

use arb::feed::action::Action;
use arb::feed::action::Input;
use arb::feed::action::Lane;
use arb::feed::action::News;
use arb::feed::action::OpenFailure;
use arb::feed::action::Seen;
use arb::feed::connection::Why;
use arb::feed::fetch::Fetched;
use arb::types::time::DurNs;
use arb::venue::Control;
use arb::venue::stream::BookSource;
use arb::venue::stream::Keepalive;

use crate::session::Play;
use crate::session::manners;
use crate::session::ms;
use crate::session::secs;

#[test]
fn a_good_connection_asks_once_for_all_symbols_and_is_live() {
    let mut play = Play::of(manners(BookSource::Whole), 3);
    play.run(secs(60));
    assert_eq!(play.count(|action| matches!(action, Action::Dial(..))), 1);
    assert_eq!(play.count(|action| matches!(action, Action::Subscribe(..))), 1);
    assert!(play.session.is_live());
    assert_eq!(play.closes(), []);
}

#[test]
fn silence_with_pongs_is_asked_again_and_then_connected_anew() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.run(secs(60));
    play.venue.sends_data = false;
    play.run(secs(12));
    assert_eq!(play.count(|action| *action == Action::Tell(News::Quiet)), 1);
    assert_eq!(play.count(|action| matches!(action, Action::Subscribe(..))), 2);
    assert_eq!(play.closes(), []);
    play.run(secs(10));
    assert_eq!(play.closes(), [Why::Quiet]);
}

#[test]
fn a_market_that_sleeps_for_an_hour_is_no_storm() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.venue.sends_data = false;
    play.run(secs(3_600));
    let dials = play.count(|action| matches!(action, Action::Dial(..)));
    assert!((5..200).contains(&dials), "{dials} attempts");
}

#[test]
fn a_half_open_socket_is_found_within_fifteen_seconds() {
    for books in [BookSource::Whole, BookSource::StreamSnapshot, BookSource::RequestedSnapshot] {
        let mut play = Play::of(manners(books), 2);
        play.run(secs(90));
        (play.venue.sends_data, play.venue.answers_pings) = (false, false);
        let gone_at = play.now();
        play.run_until_close();
        assert_eq!(play.closes(), [Why::Silent], "{books:?}");
        assert!(play.now().since(gone_at) <= DurNs(secs(12).0 + ms(500).0), "{books:?}");
        play.run_until(|action| matches!(action, Action::Feed(_)));
        assert!(play.now().since(gone_at) <= secs(15), "{books:?}");
    }
}

#[test]
fn a_frame_that_drips_in_is_cut_after_two_seconds() {
    let mut play = Play::of(manners(BookSource::Whole), 1);
    play.run(secs(30));
    (play.venue.sends_data, play.venue.answers_pings) = (false, false);
    play.venue.drips = true;
    let since = play.now();
    play.run_until_close();
    assert_eq!(play.closes(), [Why::Slow]);
    assert!(play.now().since(since) <= secs(3));
}

#[test]
fn bytes_in_one_burst_that_are_no_message_end_nothing() {
    let mut play = Play::of(manners(BookSource::Whole), 1);
    play.run(secs(30));
    play.venue.sends_data = false;
    play.input(Input::Bytes(Lane::Left, 9_999));
    play.run(secs(5));
    assert_eq!(play.closes(), []);
}

#[test]
fn ten_minutes_of_accept_then_close_stay_below_every_bound() {
    for most in [20, 12] {
        let mut manners = manners(BookSource::Whole);
        manners.attempts_per_minute = most;
        let mut play = Play::of(manners, 2);
        play.venue.closes_at_once = true;
        play.run(secs(600));
        let dials = play.times(|action| matches!(action, Action::Dial(..)));
        for (at, dial) in dials.iter().enumerate() {
            let within = dials[at..].iter().take_while(|later| later.since(*dial) < secs(60));
            assert!(within.count() <= most as usize, "more than {most} in a minute");
        }
        assert!(dials.len() >= 20, "it never gives up: {}", dials.len());
        assert!(dials.len() <= 120, "pauses grow: {}", dials.len());
    }
}

#[test]
fn after_an_hour_of_refusals_it_still_tries_and_recovers() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.venue.refuses = Some(OpenFailure::Refused { status: 451 });
    play.run(secs(3_600));
    let dials = play.count(|action| matches!(action, Action::Dial(..)));
    assert!((60..=121).contains(&dials), "at most one each 30 s: {dials}");
    play.venue.refuses = None;
    play.run(secs(62));
    assert!(play.session.is_live());
}

#[test]
fn pauses_begin_anew_only_after_a_stable_minute() {
    let mut play = Play::of(manners(BookSource::Whole), 1);
    play.venue.refuses = Some(OpenFailure::NoConnection);
    play.run(secs(600));
    play.venue.refuses = None;
    play.run(secs(40));
    assert!(play.session.is_live());
    let pause = |play: &mut Play| {
        play.close_by_venue();
        let closed_at = play.now();
        play.run_until(|action| matches!(action, Action::Dial(..)));
        play.now().since(closed_at)
    };
    let mut longest = DurNs(0);
    for _ in 0..6 {
        longest = longest.max(pause(&mut play));
        play.run(secs(1));
    }
    assert!(longest > secs(3), "seconds of life do not reset the ceiling: {longest:?}");
    play.run(secs(120));
    assert!(pause(&mut play) <= ms(125 + 250));
}

#[test]
fn three_days_with_a_life_of_a_day_rotate_without_a_gap() {
    let mut manners = manners(BookSource::RequestedSnapshot);
    manners.longest_life = Some(secs(24 * 3_600));
    let mut play = Play::of(manners, 2);
    play.venue.data_every = ms(1_900);
    play.run(secs(72 * 3_600));
    let rotations = play.count(|action| *action == Action::Tell(News::Rotated));
    assert!(rotations >= 3, "{rotations}");
    assert_eq!(play.closes(), vec![Why::Replaced; rotations]);
    assert_eq!(play.count(|action| *action == Action::CloseBooks), 0);
    assert_eq!(play.count(|action| matches!(action, Action::Fetch(_))), 2, "the first images only");
    assert!(play.oldest < secs(24 * 3_600), "none reached its end");
    assert!(play.both_open > 0 && play.session.is_live());
}

#[test]
fn an_announced_shutdown_opens_the_next_connection_before_the_old_one_ends() {
    for books in [BookSource::Whole, BookSource::StreamSnapshot, BookSource::RequestedSnapshot] {
        let mut play = Play::of(manners(books), 2);
        play.run(secs(30));
        play.input(Input::Message(Lane::Left, Seen::Control(Control::ShuttingDown)));
        play.run(secs(5));
        assert_eq!(play.closes(), [Why::Replaced], "{books:?}");
        assert_eq!(play.count(|action| *action == Action::CloseBooks), 0);
        let fed = play.actions(|action| matches!(action, Action::Feed(_)));
        assert_eq!(fed, [Action::Feed(Lane::Left), Action::Feed(Lane::Right)]);
    }
}

#[test]
fn a_second_connection_that_misses_a_symbol_never_takes_over() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.run(secs(30));
    play.venue.hides = Some(1);
    play.input(Input::Message(Lane::Left, Seen::Control(Control::ShuttingDown)));
    // The old one shows the symbol all the while.
    for _ in 0..30 {
        play.input(Input::Message(Lane::Left, Seen::Image(1)));
        play.run(secs(1));
    }
    assert!(play.closes().iter().all(|why| *why == Why::GivenUp), "{:?}", play.closes());
    assert!(play.count(|action| *action == Action::Tell(News::RotationFailed)) >= 1);
    assert_eq!(play.session.feeds(), Some(Lane::Left));
}

#[test]
fn the_second_connection_takes_over_at_once_when_the_old_one_dies() {
    let mut play = Play::of(manners(BookSource::StreamSnapshot), 2);
    play.run(secs(30));
    play.venue.hides = Some(1);
    play.input(Input::Message(Lane::Left, Seen::Control(Control::ShuttingDown)));
    play.run(secs(2));
    play.clear();
    play.input(Input::Closed(Lane::Left, Why::Peer));
    let expected = [
        Action::Close(Lane::Left, Why::Peer),
        Action::CloseBooks,
        Action::OpenBooks,
        Action::Feed(Lane::Right),
    ];
    assert_eq!(play.actions(|_| true), expected);
    assert_eq!(play.session.feeds(), Some(Lane::Right));
}

#[test]
fn what_cannot_be_held_ends_the_second_connection_only() {
    let mut play = Play::of(manners(BookSource::StreamSnapshot), 2);
    play.run(secs(30));
    play.venue.hides = Some(1);
    play.input(Input::Message(Lane::Left, Seen::Control(Control::ShuttingDown)));
    play.run(secs(2));
    play.input(Input::Overflow(Lane::Right));
    assert_eq!(play.closes(), [Why::GivenUp]);
    assert_eq!(play.session.feeds(), Some(Lane::Left));
}

#[test]
fn a_symbol_that_never_shows_is_asked_for_twice_then_off_and_told_once() {
    for replaces in [true, false] {
        let mut manners = manners(BookSource::Whole);
        manners.replaces = replaces;
        let mut play = Play::of(manners, 3);
        play.venue.hides = Some(1);
        play.run(secs(1_000));
        assert_eq!(play.count(|action| *action == Action::Tell(News::SymbolOff(1))), 1);
        assert_eq!(play.closes(), [], "the others go on");
        let asked = play.actions(|action| matches!(action, Action::Subscribe(..)));
        for action in &asked[1..] {
            let Action::Subscribe(_, symbols) = action else { continue };
            let slots: Vec<usize> = symbols.slots().collect();
            assert_eq!(slots, if replaces { vec![0, 1, 2] } else { vec![1] });
        }
        assert!((3..=5).contains(&asked.len()), "{}", asked.len());
        play.venue.hides = None;
        play.run(secs(2));
        assert_eq!(play.count(|action| *action == Action::Tell(News::SymbolBack(1))), 1);
    }
}

#[test]
fn a_break_is_mended_by_asking_for_that_symbol_again() {
    let mut play = Play::of(manners(BookSource::StreamSnapshot), 3);
    play.run(secs(30));
    play.clear();
    play.input(Input::Message(Lane::Left, Seen::Break(2)));
    play.run(ms(500));
    let asked = play.actions(|action| matches!(action, Action::Subscribe(..)));
    let [Action::Subscribe(_, symbols)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(symbols.slots().collect::<Vec<_>>(), [2]);
    assert_eq!(play.count(|action| matches!(action, Action::Unsubscribe(..))), 1);
}

#[test]
fn breaks_without_end_do_not_flood_the_venue() {
    let mut play = Play::of(manners(BookSource::StreamSnapshot), 1);
    play.run(secs(30));
    play.clear();
    for _ in 0..600 {
        play.input(Input::Message(Lane::Left, Seen::Break(0)));
        play.run(secs(1));
    }
    let asked = play.count(|action| matches!(action, Action::Subscribe(..)));
    assert!((4..=120).contains(&asked), "{asked} in ten minutes");
}

#[test]
fn a_stale_snapshot_is_requested_again_with_growing_pauses() {
    let mut play = Play::of(manners(BookSource::RequestedSnapshot), 1);
    play.venue.fetches = Fetched::Stale;
    play.run(secs(600));
    let fetches = play.count(|action| matches!(action, Action::Fetch(_)));
    assert!((20..=80).contains(&fetches), "{fetches} in ten minutes");
    play.venue.fetches = Fetched::Placed;
    play.run(secs(60));
    assert!(play.session.is_live());
}

#[test]
fn twenty_rejected_frames_in_a_minute_are_borne_and_one_more_is_not() {
    let mut play = Play::of(manners(BookSource::Whole), 1);
    play.run(secs(30));
    for _ in 0..20 {
        play.input(Input::Message(Lane::Left, Seen::Rejected));
    }
    play.run(secs(61));
    assert_eq!(play.closes(), []);
    for _ in 0..21 {
        play.input(Input::Message(Lane::Left, Seen::Rejected));
    }
    play.run(ms(300));
    assert_eq!(play.closes(), [Why::Rejects]);
}

#[test]
fn a_thread_that_stood_still_trades_on_nothing_that_waited() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.run(secs(90));
    play.stand_still(secs(5));
    assert_eq!(play.closes(), [Why::Paused]);
    assert_eq!(play.count(|action| *action == Action::CloseBooks), 1);
    play.run(secs(2));
    assert!(play.session.is_live(), "and it is back at once");
}

#[test]
fn a_reset_connects_anew_and_every_book_waits_for_an_image() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.run(secs(90));
    play.clear();
    play.input(Input::Closed(Lane::Left, Why::Fault));
    let ended = [Action::Close(Lane::Left, Why::Fault), Action::CloseBooks];
    assert_eq!(play.actions(|_| true), ended);
    play.run(secs(1));
    let opened = play.actions(|action| *action == Action::OpenBooks);
    assert_eq!(opened.len(), 1);
}

#[test]
fn the_watchdog_gets_its_new_connection_and_a_late_answer_is_nobodys() {
    let mut play = Play::of(manners(BookSource::Whole), 2);
    play.run(secs(90));
    let ticket = play.last_ticket();
    play.input(Input::ReconnectAsked);
    assert_eq!(play.closes(), [Why::Asked]);
    assert_eq!(play.session.lane_of(ticket), None);
    play.input(Input::Opened(ticket));
    assert_eq!(play.session.feeds(), None);
}

#[test]
fn a_lost_answer_of_the_desk_is_an_attempt_that_failed() {
    let mut play = Play::of(manners(BookSource::Whole), 1);
    play.venue.answers_dials = false;
    play.run(secs(300));
    let dials = play.count(|action| matches!(action, Action::Dial(..)));
    assert!((5..=10).contains(&dials), "{dials}");
}

#[test]
fn our_messages_never_exceed_what_the_venue_allows_in_a_second() {
    let mut manners = manners(BookSource::Whole);
    (manners.messages_per_second, manners.keepalive) = (2, Keepalive::PingFrame { every: ms(100) });
    let mut play = Play::of(manners, 1);
    play.run(secs(60));
    let sent = play.times(|action| matches!(action, Action::Keepalive(_)));
    assert!(sent.len() > 60);
    for (at, one) in sent.iter().enumerate() {
        let within = sent[at..].iter().take_while(|later| later.since(*one) < secs(1));
        assert!(within.count() <= 2);
    }
}

#[test]
fn a_quiet_connection_is_kept_alive_whoever_pings() {
    let every = secs(20);
    for keepalive in [Keepalive::PingFrame { every }, Keepalive::VenuePings { every }] {
        let mut manners = manners(BookSource::Whole);
        manners.keepalive = keepalive;
        let mut play = Play::of(manners, 1);
        play.venue.data_every = secs(8);
        play.run(secs(600));
        assert_eq!(play.closes(), [], "{keepalive:?}");
        assert!(play.count(|action| matches!(action, Action::Keepalive(_))) > 100);
    }
}
