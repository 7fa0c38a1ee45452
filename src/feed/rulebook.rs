//! What a desk asks of its own accord: the rules of the instruments at the start and hourly, the
//! venue's time each minute. Which request is next, and what its answer means.

use crate::feed::clock::ServerTime;
use crate::feed::requests::Asked;
use crate::feed::requests::Reply;
use crate::feed::rules_round::NothingTold;
use crate::feed::rules_round::RulesRound;
use crate::runtime::link::Link;
use crate::runtime::link::Tx;
use crate::runtime::link::WhenFull;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::stream::InstrumentRules;
use crate::venue::stream::Stream;

/// Rules of all venues to whoever keeps them. Depth: each venue sends once an hour.
pub const RULES: Link = Link { name: "rules", depth: 16, when_full: WhenFull::KeepNewest };

const RULES_EVERY: DurNs = DurNs::from_secs(3_600);
const TIME_EVERY: DurNs = DurNs::from_secs(60);
/// After a round that failed the next one comes after so long.
const RETRY: DurNs = DurNs::from_secs(60);

/// The rules of a venue's instruments, as of now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RulesNews {
    /// Which venue.
    pub venue: VenueId,
    /// When the last answer came.
    pub at: Now,
    /// One for each of our instruments that the venue lists. One that is missing is not listed.
    pub rules: Vec<InstrumentRules>,
}

/// The state of both errands.
pub struct Rulebook {
    venue: VenueId,
    stream: Box<dyn Stream + Send>,
    symbols: Vec<String>,
    round: RulesRound,
    /// Its answers are small and carry a date.
    dated: Option<String>,
    news: Option<Tx<RulesNews>>,
    rules_at: MonoNs,
    time_at: MonoNs,
    asks_time: bool,
}

impl Rulebook {
    /// Both due at once. Rules are not asked for if nobody wants them.
    pub fn new(
        venue: VenueId,
        (stream, symbols): (Box<dyn Stream + Send>, Vec<String>),
        news: Option<Tx<RulesNews>>,
    ) -> Rulebook {
        let codes: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let paths = stream.rules_paths(&codes);
        let round = RulesRound::new(&*stream, &symbols);
        let never_unless = |wanted| if wanted { MonoNs(0) } else { MonoNs(u64::MAX) };
        let rules_at = never_unless(news.is_some() && !paths.is_empty());
        let time_at = never_unless(stream.time_path().is_some() || !paths.is_empty());
        Rulebook {
            venue,
            stream,
            symbols,
            round,
            dated: paths.last().cloned(),
            news,
            rules_at,
            time_at,
            asks_time: false,
        }
    }
    /// When the next request is due.
    pub fn due(&self) -> MonoNs {
        self.rules_at.min(self.time_at)
    }
    /// The path of the request that is due. Its answer goes to [`Rulebook::on_asked`].
    pub fn next_path(&mut self, now: MonoNs) -> Option<String> {
        self.asks_time = self.time_at <= now;
        if self.asks_time {
            // Without an endpoint for it, the date of the smallest known answer has to do.
            let path = self.stream.time_path().map(str::to_owned);
            return path.or_else(|| self.dated.clone());
        }
        (self.rules_at <= now).then(|| self.round.next_path().map(str::to_owned)).flatten()
    }
    /// What came of it. A time, if that was asked for.
    pub fn on_asked(&mut self, asked: Asked, now: Now) -> Option<ServerTime> {
        if self.asks_time {
            self.time_at = now.mono.plus(TIME_EVERY);
            return match asked {
                Asked::Reply(reply) => self.time_of(&reply),
                // An error has a date too.
                Asked::Denied(reply) if self.stream.time_path().is_none() => self.time_of(&reply),
                _ => None,
            };
        }
        let round = match asked {
            Asked::Reply(reply) => match self.stream.rules(&reply.body) {
                Ok(rules) => {
                    self.round.on_rules(rules);
                    Ok(())
                }
                Err(_) => self.round.on_denied(),
            },
            Asked::Denied(_) => self.round.on_denied(),
            Asked::NotYet | Asked::Refused { .. } | Asked::Failed => Err(NothingTold),
        };
        match round {
            Ok(()) if self.round.next_path().is_some() => {}
            Ok(()) => self.end_round(now),
            Err(NothingTold) => self.fail(now),
        }
        None
    }

    fn time_of(&self, reply: &Reply) -> Option<ServerTime> {
        let (venue_ms, step_ms) = match self.stream.time_path() {
            Some(_) => (self.stream.time_ms(&reply.body).ok()?, 1),
            None => (reply.date_ms?, 1_000),
        };
        let Reply { asked_at, heard_at, .. } = *reply;
        Some(ServerTime { asked_at, heard_at, venue_ms, step_ms })
    }
    fn end_round(&mut self, now: Now) {
        let next = self.new_round();
        let round = std::mem::replace(&mut self.round, next);
        let Ok(rules) = round.finish() else { return self.fail(now) };
        if let Some(news) = &self.news {
            // A full link has newer news of the same kind in it, or nobody at its end.
            let _ = news.send(RulesNews { venue: self.venue, at: now, rules });
        }
        self.rules_at = now.mono.plus(RULES_EVERY);
    }
    fn fail(&mut self, now: Now) {
        log::warn!("{}: the rules of the instruments cannot be read", self.venue.name());
        self.rules_at = now.mono.plus(RETRY);
        self.round = self.new_round();
    }
    fn new_round(&self) -> RulesRound {
        RulesRound::new(&*self.stream, &self.symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ids::instrument_name;
    use crate::types::time::WallNs;
    use crate::venue::DecodeError;
    use crate::venue::stream::Manners;
    use crate::venue::stream_of;

    /// Upbit's manners, and rules that are whatever the answer names.
    struct Words;

    impl Stream for Words {
        fn manners(&self) -> Manners {
            stream_of(VenueId::Upbit).manners()
        }
        fn path(&self) -> &'static str {
            ""
        }
        fn subscribe(&self, _: &[&str], _: u64) -> Vec<String> {
            vec![]
        }
        fn unsubscribe(&self, _: &[&str], _: u64) -> Vec<String> {
            vec![]
        }
        fn rules_paths(&self, _: &[&str]) -> Vec<String> {
            vec!["/list".to_owned(), "/more".to_owned()]
        }
        fn rules(&self, body: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
            let text = std::str::from_utf8(body).map_err(|_| DecodeError::Utf8)?;
            let rule = |code: &str| InstrumentRules {
                symbol: code.trim_start_matches('-').to_owned(),
                name: instrument_name("A", "B").expect("a name"),
                is_trading: !code.starts_with('-'),
                ticks: None,
                lot: None,
                min_notional_raw: None,
                code: (code == "X").then_some(7),
            };
            if text == "page" {
                Err(DecodeError::Malformed)
            } else {
                Ok(text.split(' ').map(rule).collect())
            }
        }
        fn time_path(&self) -> Option<&'static str> {
            None
        }
        fn time_ms(&self, _: &[u8]) -> Result<u64, DecodeError> {
            Err(DecodeError::Malformed)
        }
    }

    fn at(secs: u64) -> Now {
        Now { mono: MonoNs(0).plus(DurNs::from_secs(secs)), wall: WallNs(secs) }
    }

    fn reply(body: &str) -> Asked {
        let (asked_at, heard_at) = (WallNs(1), WallNs(2));
        Asked::Reply(Reply { body: body.into(), date_ms: Some(5_000), asked_at, heard_at })
    }

    #[test]
    fn a_round_asks_each_path_once_tells_our_symbols_and_comes_again_in_an_hour() {
        let (tx, rx) = RULES.open();
        let ours = ["X", "Y"].map(str::to_owned).to_vec();
        let mut book = Rulebook::new(VenueId::Upbit, (Box::new(Words), ours), Some(tx));
        assert_eq!(
            book.next_path(at(0).mono).as_deref(),
            Some("/more"),
            "the date of the smallest"
        );
        let time = book.on_asked(reply(""), at(0)).expect("a date");
        assert_eq!((time.venue_ms, time.step_ms), (5_000, 1_000));
        for (path, body) in [("/list", "X Y Z"), ("/more", "-Y X")] {
            assert_eq!(book.next_path(at(1).mono).as_deref(), Some(path));
            assert_eq!(book.on_asked(reply(body), at(1)), None);
        }
        let told = rx.take().expect("news");
        let rules: Vec<_> =
            told.rules.iter().map(|r| (r.symbol.as_str(), r.is_trading, r.code)).collect();
        assert_eq!(rules, [("X", true, Some(7)), ("Y", false, None)]);
        assert_eq!(book.next_path(at(59).mono), None);
        assert_eq!(book.next_path(at(61).mono).as_deref(), Some("/more"), "the time again");
        book.on_asked(Asked::Failed, at(61));
        book.time_at = MonoNs(u64::MAX);
        assert_eq!(book.next_path(at(3_600).mono), None);
        assert_eq!(book.next_path(at(3_601).mono).as_deref(), Some("/list"));
    }

    #[test]
    fn a_page_instead_of_rules_is_no_rules_and_the_round_begins_anew() {
        let (tx, rx) = RULES.open();
        let ours = vec!["X".to_owned()];
        let mut book = Rulebook::new(VenueId::Upbit, (Box::new(Words), ours), Some(tx));
        book.time_at = MonoNs(u64::MAX);
        for (body, secs) in [("X", 0), ("page", 0)] {
            book.next_path(at(secs).mono).expect("a path");
            book.on_asked(reply(body), at(secs));
        }
        assert!(rx.take().is_none());
        assert_eq!(book.next_path(at(59).mono), None);
        assert_eq!(book.next_path(at(60).mono).as_deref(), Some("/list"));
    }
}
