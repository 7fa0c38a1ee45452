//! Facts as the fields of a line, and back, exactly. Every field of a line is read here.

use serde::Deserialize;
use serde::Serialize;

use crate::journal::text::ContentError;
use crate::journal::text::Dec;
use crate::journal::text::ENDINGS;
use crate::journal::text::Names;
use crate::journal::text::PURPOSES;
use crate::journal::text::SIDES;
use crate::journal::text::close_reason;
use crate::journal::text::name_in;
use crate::journal::text::need;
use crate::journal::text::value_in;
use crate::types::fact::FactKind;
use crate::types::fact::FxRates;
use crate::types::fact::PairChange;
use crate::types::fact::Reference;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::ids::TradeId;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::time::MonoNs;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::SignedQty;

/// An order about to be sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct IntentLine<'a> {
    id: u64,
    pair: u64,
    #[serde(borrow)]
    instrument: &'a str,
    side: &'a str,
    qty: Dec,
    limit: Dec,
    value_krw: Dec,
    purpose: &'a str,
    decided_ns: u64,
}

impl<'a> IntentLine<'a> {
    /// Its fields.
    ///
    /// # Errors
    /// An instrument that `names` does not know.
    pub fn of(request: &OrderRequest, value: Krw, names: &'a Names) -> Result<Self, ContentError> {
        Ok(IntentLine {
            id: request.id.0,
            pair: request.pair.0,
            instrument: names.name(request.instrument)?,
            side: name_in(&SIDES, &request.side),
            qty: Dec(request.qty.raw()),
            limit: Dec(request.limit.raw()),
            value_krw: Dec(value.raw()),
            purpose: name_in(&PURPOSES, &request.purpose),
            decided_ns: request.decided_at.0,
        })
    }
    /// The order.
    ///
    /// # Errors
    /// A name that is not known, a value that cannot be.
    pub fn request(&self, names: &Names) -> Result<OrderRequest, ContentError> {
        Ok(OrderRequest {
            id: OrderId(self.id),
            pair: PairId(self.pair),
            instrument: names.id(self.instrument)?,
            side: value_in(&SIDES, "side", self.side)?,
            qty: self.qty.qty("qty")?,
            limit: self.limit.price("limit")?,
            purpose: value_in(&PURPOSES, "purpose", self.purpose)?,
            decided_at: MonoNs(self.decided_ns),
        })
    }
    /// The fact.
    ///
    /// # Errors
    /// As [`IntentLine::request`].
    pub fn fact(&self, names: &Names) -> Result<FactKind, ContentError> {
        Ok(FactKind::Intent { request: self.request(names)?, value: self.value_krw.krw() })
    }
}

/// An order event; which fields there are follows from `event`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderLine<'a> {
    id: u64,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_quote: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_base: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    ending: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fx_bid: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fx_ask: Option<Dec>,
}

impl OrderLine<'_> {
    /// Its fields.
    pub fn of(event: &OrderEvent, fx: Option<FxRates>) -> Self {
        let fx_bid = fx.map(|fx| Dec(fx.bid.raw()));
        let fx_ask = fx.map(|fx| Dec(fx.ask.raw()));
        let base = OrderLine { id: event.id.0, fx_bid, fx_ask, ..OrderLine::default() };
        match event.kind {
            OrderEventKind::Ack => OrderLine { event: "ack", ..base },
            OrderEventKind::Fill(Fill { trade, price, qty, fee }) => {
                let (fee_quote, fee_base) = match fee {
                    Fee::Quote(raw) => (Some(Dec(raw)), None),
                    Fee::Base(qty) => (None, Some(Dec(qty.raw()))),
                };
                let (price, qty) = (Some(Dec(price.raw())), Some(Dec(qty.raw())));
                let trade = Some(trade.0);
                OrderLine { event: "fill", trade, price, qty, fee_quote, fee_base, ..base }
            }
            OrderEventKind::Done { ending, filled } => {
                let (ending, filled) = (Some(name_in(&ENDINGS, &ending)), Some(Dec(filled.raw())));
                OrderLine { event: "done", ending, filled, ..base }
            }
        }
    }
    /// The fact.
    ///
    /// # Errors
    /// A name that is not known, a field that is missing, a value that cannot be.
    pub fn fact(&self) -> Result<FactKind, ContentError> {
        let kind = match self.event {
            "ack" => OrderEventKind::Ack,
            "fill" => OrderEventKind::Fill(self.fill()?),
            "done" => OrderEventKind::Done {
                ending: value_in(&ENDINGS, "ending", need(self.ending, "ending")?)?,
                filled: need(self.filled, "filled")?.qty("filled")?,
            },
            other => {
                return Err(ContentError::Unknown { what: "event", name: other.to_owned() });
            }
        };
        let fx = fx_rates(self.fx_bid, self.fx_ask)?;
        Ok(FactKind::Order { event: OrderEvent { id: OrderId(self.id), kind }, fx })
    }
    fn fill(&self) -> Result<Fill, ContentError> {
        let fee = match (self.fee_quote, self.fee_base) {
            (Some(quote), None) => Fee::Quote(quote.0),
            (None, Some(base)) => Fee::Base(base.qty("fee_base")?),
            _ => return Err(ContentError::Missing("fee_quote or fee_base")),
        };
        Ok(Fill {
            trade: TradeId(need(self.trade, "trade")?),
            price: need(self.price, "price")?.price("price")?,
            qty: need(self.qty, "qty")?.qty("qty")?,
            fee,
        })
    }
}

/// Both sides of FX, or neither.
///
/// # Errors
/// One side only, or a price that cannot be.
pub fn fx_rates(bid: Option<Dec>, ask: Option<Dec>) -> Result<Option<FxRates>, ContentError> {
    if bid.is_none() && ask.is_none() {
        return Ok(None);
    }
    let bid = need(bid, "fx_bid")?.price("fx_bid")?;
    let ask = need(ask, "fx_ask")?.price("fx_ask")?;
    Ok(Some(FxRates { bid, ask }))
}

/// A worth of both legs.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct ReferenceLine {
    qty: Dec,
    cost_krw: Dec,
    proceeds_krw: Dec,
}

impl ReferenceLine {
    /// Its fields.
    pub fn of(reference: &Reference) -> ReferenceLine {
        let Reference { qty, cost, proceeds } = reference;
        let (cost_krw, proceeds_krw) = (Dec(cost.raw()), Dec(proceeds.raw()));
        ReferenceLine { qty: Dec(qty.raw()), cost_krw, proceeds_krw }
    }
    /// The value.
    ///
    /// # Errors
    /// A negative quantity.
    pub fn reference(self) -> Result<Reference, ContentError> {
        let (cost, proceeds) = (self.cost_krw.krw(), self.proceeds_krw.krw());
        Ok(Reference { qty: self.qty.qty("qty")?, cost, proceeds })
    }
}

/// A pair's change; which fields there are follows from `change`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PairLine<'a> {
    pair: u64,
    change: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    buy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sell: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<ReferenceLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge_ppm: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excess: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_krw: Option<Dec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pnl_krw: Option<Dec>,
}

impl<'a> PairLine<'a> {
    /// Its fields.
    ///
    /// # Errors
    /// An instrument that `names` does not know.
    pub fn of(id: PairId, change: &PairChange, names: &'a Names) -> Result<Self, ContentError> {
        let base = PairLine { pair: id.0, ..PairLine::default() };
        Ok(match change {
            PairChange::Entered { buy, sell, reference, edge } => {
                let (buy, sell) = (Some(names.name(*buy)?), Some(names.name(*sell)?));
                let (reference, edge_ppm) = (Some(ReferenceLine::of(reference)), Some(edge.get()));
                PairLine { change: "entered", buy, sell, reference, edge_ppm, ..base }
            }
            PairChange::Missed => PairLine { change: "missed", ..base },
            PairChange::Opened { qty } => {
                PairLine { change: "opened", qty: Some(Dec(qty.raw())), ..base }
            }
            PairChange::Unhedged { excess } => {
                PairLine { change: "unhedged", excess: Some(Dec(excess.raw())), ..base }
            }
            PairChange::Closing { reason, reference } => {
                let (reason, reference) = (Some(reason.name()), Some(ReferenceLine::of(reference)));
                PairLine { change: "closing", reason, reference, ..base }
            }
            PairChange::Closed { pnl } => {
                PairLine { change: "closed", pnl_krw: Some(Dec(pnl.raw())), ..base }
            }
            PairChange::Residual { excess, value } => {
                let (excess, value_krw) = (Some(Dec(excess.raw())), Some(Dec(value.raw())));
                PairLine { change: "residual", excess, value_krw, ..base }
            }
            PairChange::Swept { krw, excess, value } => {
                let (excess, value_krw) = (Some(Dec(excess.raw())), Some(Dec(value.raw())));
                let instrument = Some(names.name(*krw)?);
                PairLine { change: "swept", instrument, excess, value_krw, ..base }
            }
        })
    }
    /// The fact.
    ///
    /// # Errors
    /// A name that is not known, a field that is missing, a value that cannot be.
    pub fn fact(&self, names: &Names) -> Result<FactKind, ContentError> {
        let change = match self.change {
            "entered" => PairChange::Entered {
                buy: names.id(need(self.buy, "buy")?)?,
                sell: names.id(need(self.sell, "sell")?)?,
                reference: need(self.reference, "reference")?.reference()?,
                edge: Ppm::new(need(self.edge_ppm, "edge_ppm")?),
            },
            "missed" => PairChange::Missed,
            "opened" => PairChange::Opened { qty: need(self.qty, "qty")?.qty("qty")? },
            "unhedged" => PairChange::Unhedged { excess: self.excess()? },
            "closing" => PairChange::Closing {
                reason: close_reason(need(self.reason, "reason")?)?,
                reference: need(self.reference, "reference")?.reference()?,
            },
            "closed" => PairChange::Closed { pnl: need(self.pnl_krw, "pnl_krw")?.krw() },
            "residual" => PairChange::Residual { excess: self.excess()?, value: self.value()? },
            "swept" => PairChange::Swept {
                krw: names.id(need(self.instrument, "instrument")?)?,
                excess: self.excess()?,
                value: self.value()?,
            },
            other => {
                return Err(ContentError::Unknown { what: "change", name: other.to_owned() });
            }
        };
        Ok(FactKind::Pair { id: PairId(self.pair), change })
    }
    fn excess(&self) -> Result<SignedQty, ContentError> {
        Ok(need(self.excess, "excess")?.signed())
    }
    fn value(&self) -> Result<Krw, ContentError> {
        Ok(need(self.value_krw, "value_krw")?.krw())
    }
}

/// A lean between the venues.
#[derive(Serialize, Deserialize)]
pub struct ImbalanceLine {
    /// Parts per million.
    pub part_ppm: i64,
}

impl ImbalanceLine {
    /// The fact.
    pub fn fact(&self) -> FactKind {
        FactKind::Imbalance { part: Ppm::new(self.part_ppm) }
    }
}
