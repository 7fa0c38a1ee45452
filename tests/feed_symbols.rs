//! Symbols of a session that show nothing, on virtual time: each is given its time, and none costs
//! another anything.

#[path = "support/session.rs"]
mod session;

use arb::feed::action::Action;
use arb::feed::action::Input;
use arb::feed::action::News;
use arb::venue::stream::BookSource;

use crate::session::Play;
use crate::session::manners;
use crate::session::secs;

#[test]
fn a_live_symbol_that_stops_is_asked_for_again_after_a_minute_and_then_off() {
    for books in [BookSource::Whole, BookSource::StreamSnapshot, BookSource::RequestedSnapshot] {
        let mut play = Play::of(manners(books), 2);
        play.run(secs(30));
        play.clear();
        play.venue.stops = Some(1);
        let stopped_at = play.now();
        play.run_until(|action| *action == Action::Tell(News::AskedAgain));
        let asked_after = play.now().since(stopped_at);
        assert!(asked_after > secs(58) && asked_after <= secs(61), "{books:?}: {asked_after:?}");
        play.run_until(|action| *action == Action::Tell(News::SymbolOff(1)));
        let off_after = play.now().since(stopped_at);
        assert!(off_after > secs(68) && off_after <= secs(71), "{books:?}: {off_after:?}");
        play.run(secs(600));
        let asked = play.actions(|action| matches!(action, Action::Subscribe(..)));
        assert_eq!(asked.len(), 2, "{books:?}: once, and when it was off for five minutes");
        for action in asked {
            let Action::Subscribe(_, symbols) = action else { continue };
            let whole = books == BookSource::Whole;
            assert_eq!(symbols.contains(0), whole, "{books:?}: the other only where all are named");
        }
        assert_eq!(play.closes(), [], "{books:?}");
        play.venue.stops = None;
        play.run(secs(2));
        assert!(play.session.is_live(), "{books:?}");
    }
}

#[test]
fn a_watchdog_that_asks_each_five_seconds_leaves_a_connection_its_time() {
    let mut play = Play::of(manners(BookSource::StreamSnapshot), 2);
    play.venue.hides = Some(1);
    for _ in 0..24 {
        play.run(secs(5));
        play.input(Input::ReconnectAsked);
    }
    let dials = play.times(|action| matches!(action, Action::Dial(..)));
    assert!((3..=5).contains(&dials.len()), "{}", dials.len());
    assert!(dials.windows(2).all(|pair| pair[1].since(pair[0]) >= secs(25)));
    // A symbol that does not show is asked for once more and given up on each, in its time.
    let off = play.count(|action| *action == Action::Tell(News::SymbolOff(1)));
    assert_eq!(off, 1, "told once");
    assert!(play.count(|action| *action == Action::Tell(News::AskedAgain)) >= 3);
}
