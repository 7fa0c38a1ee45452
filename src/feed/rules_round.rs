//! A round of requests for the rules of a venue's instruments. Pure.
//!
//! Some venues answer for all symbols at once, and refuse the whole if one of them is unknown
//! (Binance `exchangeInfo`); others have a request for each symbol besides one for all (Upbit). A
//! symbol that the venue does not know must stay one symbol's problem. So a request about several
//! symbols that is refused is followed by requests for each, and one about a single symbol that is
//! refused costs this symbol alone. If the venue then knows none, the round has failed: that is no
//! matter of symbols.
//!
//! Bounded: at most the paths for all symbols together and those for each of them.

use std::collections::VecDeque;

use crate::venue::stream::InstrumentRules;
use crate::venue::stream::Stream;
use crate::venue::stream::merge_rules;

/// The round fails: what was refused belongs to no single symbol, or no symbol is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the venue tells the rules of none of the instruments")]
pub struct NothingTold;

/// The state of a round.
#[derive(Clone, Debug)]
pub struct RulesRound {
    /// Codes of the instruments, each with the paths that would be asked for it alone.
    symbols: Vec<(String, Vec<String>)>,
    left: VecDeque<String>,
    /// Symbols that the venue does not know.
    unknown: Vec<String>,
    rules: Vec<InstrumentRules>,
}

impl RulesRound {
    /// About to ask for all of these.
    pub fn new(stream: &dyn Stream, symbols: &[String]) -> RulesRound {
        let codes: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let own = |code: &String| (code.clone(), stream.rules_paths(&[code]));
        RulesRound {
            symbols: symbols.iter().map(own).collect(),
            left: stream.rules_paths(&codes).into(),
            unknown: Vec::new(),
            rules: Vec::new(),
        }
    }
    /// The path to ask now; `None` at the end of the round. What comes of it goes to
    /// [`RulesRound::on_rules`] or [`RulesRound::on_denied`].
    pub fn next_path(&self) -> Option<&str> {
        self.left.front().map(String::as_str)
    }
    /// The answer to it.
    pub fn on_rules(&mut self, rules: Vec<InstrumentRules>) {
        self.left.pop_front();
        let is_ours = |rule: &InstrumentRules| self.symbols.iter().any(|(c, _)| *c == rule.symbol);
        let ours = rules.into_iter().filter(is_ours).collect();
        merge_rules(&mut self.rules, ours);
    }
    /// The venue does not answer what was asked: it says so, or its answer cannot be read.
    ///
    /// # Errors
    /// [`NothingTold`], if that was about all symbols and there is no asking for each.
    pub fn on_denied(&mut self) -> Result<(), NothingTold> {
        let Some(path) = self.left.pop_front() else { return Err(NothingTold) };
        let asks = |(_, paths): &&(String, Vec<String>)| paths.contains(&path);
        let mut of = self.symbols.iter().filter(asks).map(|(code, _)| code.clone());
        match (of.next(), of.next()) {
            (None, _) => self.ask_each(),
            (Some(code), None) => self.unknown.push(code),
            (Some(_), Some(_)) => return Err(NothingTold),
        }
        Ok(())
    }
    /// What the venue told of each symbol that it knows, at the end of the round.
    ///
    /// # Errors
    /// [`NothingTold`], if it knows none.
    pub fn finish(self) -> Result<Vec<InstrumentRules>, NothingTold> {
        let RulesRound { symbols, unknown, mut rules, .. } = self;
        rules.retain(|rule| !unknown.contains(&rule.symbol));
        let is_silent = rules.is_empty() && !symbols.is_empty();
        if is_silent { Err(NothingTold) } else { Ok(rules) }
    }

    /// Asks for each symbol that nothing is known of and that no request in the queue is about.
    fn ask_each(&mut self) {
        let is_told = |code: &String| self.rules.iter().any(|rule| rule.symbol == *code);
        let own = self.symbols.iter().filter(|(code, _)| !is_told(code));
        let paths: Vec<String> = own.flat_map(|(_, paths)| paths.clone()).collect();
        for path in paths {
            if !self.left.contains(&path) {
                self.left.push_back(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ids::VenueId;
    use crate::types::ids::instrument_name;
    use crate::venue::stream_of;

    fn rule(symbol: &str) -> InstrumentRules {
        let name = instrument_name("A", "B").expect("a name");
        let (ticks, lot, min_notional_raw, code) = (None, None, None, None);
        let symbol = symbol.to_owned();
        InstrumentRules { symbol, name, is_trading: true, ticks, lot, min_notional_raw, code }
    }

    /// The symbols told at the end, and the paths that were asked; a path that names one of `bad`
    /// is denied.
    fn round(
        venue: VenueId,
        symbols: &[&str],
        bad: &[&str],
    ) -> (Result<Vec<String>, NothingTold>, usize) {
        let symbols: Vec<String> = symbols.iter().map(|&code| code.to_owned()).collect();
        let mut round = RulesRound::new(&*stream_of(venue), &symbols);
        let mut asked = 0;
        while let Some(path) = round.next_path().map(str::to_owned) {
            asked += 1;
            if bad.iter().any(|bad| path.contains(bad)) {
                if let Err(end) = round.on_denied() {
                    return (Err(end), asked);
                }
                continue;
            }
            let is_list = path.contains("/market/all");
            let named = symbols.iter().filter(|code| is_list || path.contains(code.as_str()));
            round.on_rules(named.map(|code| rule(code)).collect());
        }
        let told = round.finish();
        (told.map(|rules| rules.into_iter().map(|rule| rule.symbol).collect()), asked)
    }

    #[test]
    fn a_symbol_that_the_venue_does_not_know_is_asked_for_alone_and_costs_no_other() {
        let [a, b, c] = ["BTCUSDT", "GONEUSDT", "ETHUSDT"];
        let known = Ok(vec![a.to_owned(), c.to_owned()]);
        assert_eq!(round(VenueId::Binance, &[a, b, c], &[b]), (known.clone(), 4));
        assert_eq!(round(VenueId::Bybit, &[a, b, c], &[b]), (known, 3));
        let all = [a, b, c].map(str::to_owned).to_vec();
        assert_eq!(round(VenueId::Binance, &[a, b, c], &[]), (Ok(all), 1), "one request for all");
        let krw = ["KRW-BTC", "KRW-GONE"];
        let known = Ok(vec!["KRW-BTC".to_owned()]);
        assert_eq!(round(VenueId::Upbit, &krw, &["GONE"]), (known, 3));
    }

    #[test]
    fn a_venue_that_knows_nothing_at_all_is_no_matter_of_symbols() {
        let both = ["BTCUSDT", "ETHUSDT"];
        assert_eq!(round(VenueId::Binance, &both, &["/api"]), (Err(NothingTold), 3));
        assert_eq!(round(VenueId::Bybit, &both, &["/v5"]), (Err(NothingTold), 2));
        let krw = ["KRW-BTC", "KRW-ETH"];
        assert_eq!(round(VenueId::Upbit, &krw, &["/market/all"]), (Err(NothingTold), 1));
        assert_eq!(round(VenueId::Binance, &both[..1], &["/api"]), (Err(NothingTold), 1));
    }
}
