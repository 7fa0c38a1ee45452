//! The first record of a process: which run this is, and everything that it knew when it began.

use serde::Deserialize;
use serde::Serialize;

use crate::journal::text::ContentError;
use crate::journal::text::Dec;
use crate::journal::text::ENDINGS;
use crate::journal::text::Names;
use crate::journal::text::close_reason;
use crate::journal::text::name_in;
use crate::journal::text::need;
use crate::journal::text::value_in;
use crate::journal::wire::IntentLine;
use crate::journal::wire::ReferenceLine;
use crate::journal::wire::fx_rates;
use crate::types::carry::CarriedCounts;
use crate::types::carry::CarriedHolding;
use crate::types::carry::CarriedKind;
use crate::types::carry::CarriedOrder;
use crate::types::carry::CarriedPair;
use crate::types::carry::CarriedResidual;
use crate::types::carry::CarriedTotals;
use crate::types::carry::Carry;
use crate::types::carry::Stage;
use crate::types::ids::Asset;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::ids::TradeId;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;
use crate::types::units::Krw;

/// Layout of the records. Another number is refused.
const VERSION: u32 = 1;

/// Which run this is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Number of the run, unique.
    pub run_id: String,
    /// `mock`, `paper` or `live`: a journal belongs to one of them.
    pub mode: String,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Hash of the configuration.
    pub config_sha256: String,
    /// Version of the program.
    pub program: String,
}

/// A process began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Start {
    /// Which run.
    pub manifest: Manifest,
    /// When earlier processes began that ended without a stop, oldest first: the crash loop guard.
    pub crashes: Vec<WallNs>,
    /// What the engine knew. `carry.at` is the record's own moment.
    pub carry: Carry,
}

/// The fields of a start.
#[derive(Serialize, Deserialize)]
pub struct StartLine<'a> {
    version: u32,
    manifest: Manifest,
    crashes_ns: Vec<u64>,
    instruments: Vec<String>,
    next_order: u64,
    next_pair: u64,
    fx_bid: Option<Dec>,
    fx_ask: Option<Dec>,
    totals: TotalsLine,
    counts: CarriedCounts,
    holdings: Vec<HoldingLine>,
    #[serde(borrow)]
    pairs: Vec<CarriedPairLine<'a>>,
    orders: Vec<CarriedOrderLine<'a>>,
    residuals: Vec<ResidualLine>,
}

#[derive(Serialize, Deserialize)]
struct TotalsLine {
    realized_krw: Dec,
    realized_today_krw: Dec,
    fees_krw: Dec,
    fills: u64,
    day_notional_krw: Dec,
    day: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct HoldingLine {
    venue: String,
    asset: String,
    amount: Dec,
    start: Dec,
}

#[derive(Serialize, Deserialize)]
struct CarriedPairLine<'a> {
    pair: u64,
    buy: &'a str,
    sell: &'a str,
    stage: &'a str,
    attempts: Option<u8>,
    since_ns: Option<u64>,
    reason: Option<&'a str>,
    intended: Dec,
    long: Dec,
    short: Dec,
    cash_krw: Dec,
    notional_krw: Dec,
    reference: ReferenceLine,
    entered_ns: u64,
    kind: &'a str,
    wanted: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct CarriedOrderLine<'a> {
    #[serde(borrow)]
    intent: IntentLine<'a>,
    filled: Dec,
    ending: Option<&'a str>,
    total: Option<Dec>,
    trades: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct ResidualLine {
    asset: String,
    qty: Dec,
    value_krw: Dec,
    attempted: Dec,
}

const KINDS: [(CarriedKind, &str); 3] = [
    (CarriedKind::Entry, "entry"),
    (CarriedKind::Counted, "counted"),
    (CarriedKind::Sweep, "sweep"),
];

impl<'a> StartLine<'a> {
    /// Its fields.
    ///
    /// # Errors
    /// An instrument that `names` does not know.
    pub fn of(start: &Start, names: &'a Names) -> Result<StartLine<'a>, ContentError> {
        let carry = &start.carry;
        let pairs = carry.pairs.iter().map(|pair| CarriedPairLine::of(pair, names));
        let orders = carry.orders.iter().map(|order| CarriedOrderLine::of(order, names));
        Ok(StartLine {
            version: VERSION,
            manifest: start.manifest.clone(),
            crashes_ns: start.crashes.iter().map(|at| at.0).collect(),
            instruments: names.all().to_vec(),
            next_order: carry.next_order.0,
            next_pair: carry.next_pair.0,
            fx_bid: carry.fx.map(|fx| Dec(fx.bid.raw())),
            fx_ask: carry.fx.map(|fx| Dec(fx.ask.raw())),
            totals: TotalsLine::of(&carry.totals),
            counts: carry.counts,
            holdings: carry.holdings.iter().map(HoldingLine::of).collect(),
            pairs: pairs.collect::<Result<_, _>>()?,
            orders: orders.collect::<Result<_, _>>()?,
            residuals: carry.residuals.iter().map(ResidualLine::of).collect(),
        })
    }
    /// The value; `at` is the moment of its record.
    ///
    /// # Errors
    /// Another layout, a name that is not known, a value that cannot be.
    pub fn start(&self, at: Now, names: &Names) -> Result<Start, ContentError> {
        if self.version != VERSION {
            return Err(ContentError::Range("version"));
        }
        let orders = self.orders.iter().map(|line| line.order(names));
        let carry = Carry {
            at,
            next_order: OrderId(self.next_order),
            next_pair: PairId(self.next_pair),
            fx: fx_rates(self.fx_bid, self.fx_ask)?,
            totals: self.totals.totals(),
            counts: self.counts,
            holdings: self.holdings.iter().map(HoldingLine::holding).collect::<Result<_, _>>()?,
            pairs: self.pairs.iter().map(|line| line.pair(names)).collect::<Result<_, _>>()?,
            orders: orders.collect::<Result<_, _>>()?,
            residuals: self.residuals.iter().map(ResidualLine::row).collect::<Result<_, _>>()?,
        };
        let crashes = self.crashes_ns.iter().map(|ns| WallNs(*ns)).collect();
        Ok(Start { manifest: self.manifest.clone(), crashes, carry })
    }
}

impl TotalsLine {
    fn of(totals: &CarriedTotals) -> TotalsLine {
        let krw = |amount: Krw| Dec(amount.raw());
        TotalsLine {
            realized_krw: krw(totals.realized),
            realized_today_krw: krw(totals.realized_today),
            fees_krw: krw(totals.fees),
            fills: totals.fills,
            day_notional_krw: krw(totals.day_notional),
            day: totals.day,
        }
    }
    fn totals(&self) -> CarriedTotals {
        CarriedTotals {
            realized: self.realized_krw.krw(),
            realized_today: self.realized_today_krw.krw(),
            fees: self.fees_krw.krw(),
            fills: self.fills,
            day_notional: self.day_notional_krw.krw(),
            day: self.day,
        }
    }
}

fn known_asset(code: &str) -> Result<Asset, ContentError> {
    asset(code).ok_or_else(|| ContentError::Unknown { what: "asset", name: code.to_owned() })
}

impl HoldingLine {
    fn of(holding: &CarriedHolding) -> HoldingLine {
        HoldingLine {
            venue: holding.venue.name().to_owned(),
            asset: holding.asset.to_string(),
            amount: Dec(holding.raw),
            start: Dec(holding.start_raw),
        }
    }
    fn holding(&self) -> Result<CarriedHolding, ContentError> {
        let unknown = || ContentError::Unknown { what: "venue", name: self.venue.clone() };
        let venue = VenueId::from_name(&self.venue).ok_or_else(unknown)?;
        let (raw, start_raw) = (self.amount.0, self.start.0);
        Ok(CarriedHolding { venue, asset: known_asset(&self.asset)?, raw, start_raw })
    }
}

impl<'a> CarriedPairLine<'a> {
    fn of(pair: &CarriedPair, names: &'a Names) -> Result<CarriedPairLine<'a>, ContentError> {
        let (stage, attempts, since_ns, reason) = match pair.stage {
            Stage::Working => ("working", None, None, None),
            Stage::Open => ("open", None, None, None),
            Stage::Unhedged { attempts, since } => {
                ("unhedged", Some(attempts), Some(since.0), None)
            }
            Stage::Closing { reason } => ("closing", None, None, Some(reason.name())),
        };
        Ok(CarriedPairLine {
            pair: pair.id.0,
            buy: names.name(pair.buy)?,
            sell: names.name(pair.sell)?,
            stage,
            attempts,
            since_ns,
            reason,
            intended: Dec(pair.intended.raw()),
            long: Dec(pair.long.raw()),
            short: Dec(pair.short.raw()),
            cash_krw: Dec(pair.cash.raw()),
            notional_krw: Dec(pair.notional.raw()),
            reference: ReferenceLine::of(&pair.reference),
            entered_ns: pair.entered_at.0,
            kind: name_in(&KINDS, &pair.kind),
            wanted: pair.wanted.map(|reason| reason.name()),
        })
    }
    fn pair(&self, names: &Names) -> Result<CarriedPair, ContentError> {
        Ok(CarriedPair {
            id: PairId(self.pair),
            buy: names.id(self.buy)?,
            sell: names.id(self.sell)?,
            stage: self.stage()?,
            intended: self.intended.qty("intended")?,
            long: self.long.signed(),
            short: self.short.signed(),
            cash: self.cash_krw.krw(),
            notional: self.notional_krw.krw(),
            reference: self.reference.reference()?,
            entered_at: MonoNs(self.entered_ns),
            kind: value_in(&KINDS, "kind of pair", self.kind)?,
            wanted: self.wanted.map(close_reason).transpose()?,
        })
    }
    fn stage(&self) -> Result<Stage, ContentError> {
        match self.stage {
            "working" => Ok(Stage::Working),
            "open" => Ok(Stage::Open),
            "unhedged" => Ok(Stage::Unhedged {
                attempts: need(self.attempts, "attempts")?,
                since: MonoNs(need(self.since_ns, "since_ns")?),
            }),
            "closing" => Ok(Stage::Closing { reason: close_reason(need(self.reason, "reason")?)? }),
            other => Err(ContentError::Unknown { what: "stage", name: other.to_owned() }),
        }
    }
}

impl<'a> CarriedOrderLine<'a> {
    fn of(order: &CarriedOrder, names: &'a Names) -> Result<CarriedOrderLine<'a>, ContentError> {
        Ok(CarriedOrderLine {
            // Its value counted when it was sent and stands in the day's sum.
            intent: IntentLine::of(&order.request, Krw::ZERO, names)?,
            filled: Dec(order.filled.raw()),
            ending: order.ended.map(|(ending, _)| name_in(&ENDINGS, &ending)),
            total: order.ended.map(|(_, total)| Dec(total.raw())),
            trades: order.trades.iter().map(|trade| trade.0).collect(),
        })
    }
    fn order(&self, names: &Names) -> Result<CarriedOrder, ContentError> {
        let ended = match (self.ending, self.total) {
            (None, None) => None,
            (ending, total) => Some((
                value_in(&ENDINGS, "ending", need(ending, "ending")?)?,
                need(total, "total")?.qty("total")?,
            )),
        };
        Ok(CarriedOrder {
            request: self.intent.request(names)?,
            filled: self.filled.qty("filled")?,
            ended,
            trades: self.trades.iter().map(|trade| TradeId(*trade)).collect(),
        })
    }
}

impl ResidualLine {
    fn of(row: &CarriedResidual) -> ResidualLine {
        ResidualLine {
            asset: row.base.to_string(),
            qty: Dec(row.qty.raw()),
            value_krw: Dec(row.value.raw()),
            attempted: Dec(row.attempted.raw()),
        }
    }
    fn row(&self) -> Result<CarriedResidual, ContentError> {
        Ok(CarriedResidual {
            base: known_asset(&self.asset)?,
            qty: self.qty.signed(),
            value: self.value_krw.krw(),
            attempted: self.attempted.signed(),
        })
    }
}
