//! A walk over every line of every journal file, with arithmetic of its own: reads the text as
//! JSON and shares nothing with engine, journal reader or audit.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

const UNIT: i128 = 100_000_000;

/// What all lines together say.
#[derive(Default)]
pub struct Walk {
    pub starts: u64,
    pub fills: u64,
    pub closed: u64,
    /// Orders that were at work when their process died.
    pub interrupted_orders: u64,
    /// Won, raw.
    pub realized: i128,
    /// Won, raw.
    pub fees: i128,
    balances: BTreeMap<(String, String), i128>,
    cash: BTreeMap<u64, i128>,
    orders: BTreeMap<u64, Order>,
    working: BTreeSet<u64>,
    newest_order: u64,
    newest_trade: u64,
    newest_line: (u64, String),
}

struct Order {
    pair: u64,
    venue: String,
    base: String,
    quote: String,
    is_buy: bool,
    wanted: i128,
    filled: i128,
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} starts, {} fills, {} pairs ", self.starts, self.fills, self.closed)?;
        write!(f, "closed, {} orders cut short, ", self.interrupted_orders)?;
        write!(f, "{} records, realized {} raw", self.newest_line.0, self.realized)
    }
}

impl Walk {
    /// Every line of these files, in order: numbered without a hole, each naming the one before.
    pub fn over(files: &[PathBuf]) -> Walk {
        let mut walk = Walk::default();
        for file in files {
            let text = fs::read_to_string(file).expect("text");
            // A start that was killed right after it made its file leaves it empty.
            let whole = text.is_empty() || text.ends_with('\n');
            assert!(whole, "{}: a torn end was not cut", file.display());
            for line in text.lines() {
                walk.line(&serde_json::from_str(line).expect("JSON"));
            }
        }
        walk
    }
    pub fn balance(&self, venue: &str, asset: &str) -> i128 {
        self.balances.get(&(venue.to_owned(), asset.to_owned())).copied().unwrap_or(0)
    }

    fn line(&mut self, line: &Value) {
        let (seq, before) = (whole(&line["seq"]), &self.newest_line);
        assert_eq!(seq, before.0 + 1, "records are missing before {line}");
        assert!(seq == 1 || word(&line["prev"]) == before.1, "not behind its record: {line}");
        self.newest_line = (seq, word(&line["crc"]).to_owned());
        match word(&line["kind"]) {
            "start" => self.start(line),
            "intent" => self.intent(line),
            "order" => self.event(line),
            "pair" => self.pair(line),
            _ => {}
        }
    }

    /// A process takes over exactly what the lines before it add up to.
    fn start(&mut self, line: &Value) {
        self.starts += 1;
        self.newest_trade = 0;
        self.interrupted_orders += self.working.len() as u64;
        self.working.clear();
        for row in line["holdings"].as_array().expect("holdings") {
            let at = (word(&row["venue"]).to_owned(), word(&row["asset"]).to_owned());
            let amount = raw(&row["amount"]);
            if self.starts == 1 {
                self.balances.insert(at, amount);
            } else {
                assert_eq!(self.balances.get(&at).copied().unwrap_or(0), amount, "{at:?}");
            }
        }
        let totals = &line["totals"];
        assert_eq!(whole(&totals["fills"]), self.fills, "at start {}", self.starts);
        assert_eq!(raw(&totals["realized_krw"]), self.realized, "at start {}", self.starts);
        assert_eq!(raw(&totals["fees_krw"]), self.fees, "at start {}", self.starts);
        let mut open = BTreeMap::new();
        for pair in line["pairs"].as_array().expect("pairs") {
            open.insert(whole(&pair["pair"]), raw(&pair["cash_krw"]));
        }
        let mine = self.cash.iter().filter(|(_, cash)| **cash != 0);
        for (pair, cash) in mine {
            assert_eq!(open.get(pair), Some(cash), "pair {pair} at start {}", self.starts);
        }
    }

    fn intent(&mut self, line: &Value) {
        let id = whole(&line["id"]);
        assert!(id > self.newest_order, "order number {id} was used before");
        self.newest_order = id;
        let (venue, name) = word(&line["instrument"]).split_once(':').expect("venue:name");
        let (base, quote) = name.split_once('-').expect("base-quote");
        let order = Order {
            pair: whole(&line["pair"]),
            venue: venue.to_owned(),
            base: base.to_owned(),
            quote: quote.to_owned(),
            is_buy: word(&line["side"]) == "buy",
            wanted: raw(&line["qty"]),
            filled: 0,
        };
        self.orders.insert(id, order);
        self.working.insert(id);
    }

    fn event(&mut self, line: &Value) {
        let id = whole(&line["id"]);
        match word(&line["event"]) {
            "fill" => self.fill(id, line),
            "done" => {
                let order = &self.orders[&id];
                assert_eq!(order.filled, raw(&line["filled"]), "a fill of order {id} is missing");
                // A start ends what its dead process had at work.
                self.working.remove(&id);
            }
            _ => {}
        }
    }

    fn fill(&mut self, id: u64, line: &Value) {
        // The simulated venue numbers the matches of its life from 1.
        assert_eq!(whole(&line["trade"]), self.newest_trade + 1, "a match is missing: {line}");
        self.newest_trade += 1;
        assert!(self.working.contains(&id), "a match of an order that is over: {line}");
        let order = self.orders.get_mut(&id).expect("an intent before its fill");
        let (price, qty) = (raw(&line["price"]), raw(&line["qty"]));
        order.filled += qty;
        assert!(order.filled <= order.wanted, "more than was wanted: {line}");
        let [fee, fee_base] = ["fee_quote", "fee_base"].map(|key| match &line[key] {
            Value::Null => 0,
            amount => raw(amount),
        });
        let (gross, fee_worth) = (price * qty, up(price * fee_base, UNIT));
        let (base, quote) = match order.is_buy {
            true => (qty - fee_base, -(up(gross, UNIT) + fee)),
            false => (-qty - fee_base, gross.div_euclid(UNIT) - fee),
        };
        let rate = match (order.quote.as_str(), order.is_buy) {
            ("KRW", _) => UNIT,
            (_, true) => raw(&line["fx_ask"]),
            (_, false) => raw(&line["fx_bid"]),
        };
        // Costs are rounded up, proceeds down: both toward less money.
        let cash = ((quote - fee_worth) * rate).div_euclid(UNIT);
        let pair = order.pair;
        for (asset, by) in [(order.base.clone(), base), (order.quote.clone(), quote)] {
            *self.balances.entry((order.venue.clone(), asset)).or_default() += by;
        }
        *self.cash.entry(pair).or_default() += cash;
        self.fees += up((fee + fee_worth) * rate, UNIT);
        self.fills += 1;
    }

    fn pair(&mut self, line: &Value) {
        let id = whole(&line["pair"]);
        match word(&line["change"]) {
            "residual" => *self.cash.entry(id).or_default() += raw(&line["value_krw"]),
            "swept" => *self.cash.entry(id).or_default() -= raw(&line["value_krw"]),
            "missed" => assert_eq!(self.cash.remove(&id).unwrap_or(0), 0, "{line}"),
            "closed" => {
                let cash = self.cash.remove(&id).unwrap_or(0);
                assert_eq!(cash, raw(&line["pnl_krw"]), "{line}");
                self.realized += cash;
                self.closed += 1;
            }
            _ => {}
        }
    }
}

fn up(value: i128, by: i128) -> i128 {
    -(-value).div_euclid(by)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// An exact decimal in 10⁻⁸ units.
fn raw(value: &Value) -> i128 {
    let text = word(value);
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (whole, part) = size.split_once('.').unwrap_or((size, ""));
    let digits = format!("{whole}{part:0<8}");
    assert!(part.len() <= 8, "{text} has more than eight places");
    sign * digits.parse::<i128>().unwrap_or_else(|_| panic!("{text} is no number"))
}
