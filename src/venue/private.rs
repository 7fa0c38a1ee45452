//! What a venue tells about our own account: orders, fills, balances, refusals. Decoded values;
//! text is owned, because none of this is as frequent as market data. Pure.
//!
//! A venue's folder implements [`Private`] in its `orders.rs`.

use crate::types::market::Side;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::stream::InstrumentRules;

/// Where an order stands with its venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// Accepted, nothing matched.
    Open,
    /// Partly matched and still open.
    PartlyFilled,
    /// Wholly matched.
    Filled,
    /// Over with a part unmatched, which may be all of it. `filled` alone says how much matched.
    Cancelled,
    /// Not taken.
    Rejected,
    /// Waits for a trigger and cannot match yet.
    Waiting,
}

/// One match of our order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VenueFill {
    /// The venue's id of the match: fills are told apart by it.
    pub trade_id: String,
    /// Price of the match.
    pub price: Price,
    /// Quantity of the match.
    pub qty: Qty,
    /// Fee of this match, raw 10⁻⁸ of `fee_asset`, positive when we pay; `None` if not told here.
    pub fee_raw: Option<i64>,
    /// The coin of the fee; empty if not told here.
    pub fee_asset: String,
    /// We were the maker; `None` if not told here.
    pub is_maker: Option<bool>,
}

/// An order as a stream or an answer shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderUpdate {
    /// The venue's code of the instrument; empty where the answer does not name it.
    pub symbol: String,
    /// The venue's id of the order.
    pub venue_order_id: String,
    /// Our id, where one was given. Of a cancel it is that of the order, not of the cancel.
    pub client_order_id: Option<String>,
    /// Which way; `None` where the answer does not say.
    pub side: Option<Side>,
    /// Where it stands; `None` where the answer only acknowledges (an ack is no state).
    pub state: Option<OrderState>,
    /// Limit price.
    pub price: Option<Price>,
    /// Ordered quantity in base coins; `None` for orders by value.
    pub qty: Option<Qty>,
    /// Matched so far, cumulative, base coins.
    pub filled: Option<Qty>,
    /// Value matched so far, cumulative, raw 10⁻⁸ of the quote currency.
    pub filled_value_raw: Option<i64>,
    /// The match that this update tells of.
    pub fill: Option<VenueFill>,
    /// Venue time of the update, ms since 1970; 0 if not told.
    pub venue_ts_ms: u64,
}

/// A balance as a stream or an answer shows it. Digits beyond 10⁻⁸ are cut, never rounded up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalanceUpdate {
    /// The coin.
    pub asset: String,
    /// Free, raw 10⁻⁸.
    pub free_raw: i64,
    /// Locked in orders, raw 10⁻⁸.
    pub locked_raw: i64,
}

/// What one private frame says; a frame may hold several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PrivateEvent {
    /// An order changed.
    Order(OrderUpdate),
    /// A balance changed or was told.
    Balance(BalanceUpdate),
    /// The venue ended the stream and wants it subscribed anew.
    Ended,
    /// An answer to a request over this connection.
    Reply(Reply),
    /// Everything else.
    Control(Control),
}

/// Which request an answer belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// Place an order.
    Place,
    /// Cancel an order.
    Cancel,
    /// One order.
    Order,
    /// Several orders.
    Orders,
    /// Our matches.
    Fills,
    /// Balances of the account.
    Balances,
    /// Fees of the account.
    Fees,
    /// The venue's time.
    Time,
    /// Instruments and their rules.
    Rules,
    /// A book.
    Book,
}

/// Fees of one symbol or account, ppm of the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeeRates {
    /// The venue's code; empty when they hold for the whole account.
    pub symbol: String,
    /// Maker fee, ppm; negative is a rebate.
    pub maker_ppm: i64,
    /// Taker fee, ppm.
    pub taker_ppm: i64,
}

/// A decoded answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// One or more orders.
    Orders(Vec<OrderUpdate>),
    /// Our matches, each with the venue's order id.
    Fills(Vec<(String, VenueFill)>),
    /// Balances.
    Balances(Vec<BalanceUpdate>),
    /// Fees.
    Fees(Vec<FeeRates>),
    /// Venue time, ms since 1970.
    Time(u64),
    /// Instruments.
    Rules(Vec<InstrumentRules>),
    /// Levels of a book, best first: bids, then asks, and its update number.
    Book {
        /// Bids as price and quantity.
        bids: Vec<(Price, Qty)>,
        /// Asks likewise.
        asks: Vec<(Price, Qty)>,
        /// The venue's number of it; `None` where it has none.
        update_id: Option<u64>,
    },
    /// Taken, and nothing more to know.
    Done,
    /// Refused.
    Refused(VenueError),
}

/// What a refusal means for us, whatever the venue's words are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ErrorClass {
    /// The request may have been executed: ask by our id, never send again.
    Unknown,
    /// Too many requests: wait.
    RateLimit,
    /// Banned until a time that the venue tells.
    Banned,
    /// Key, signature, permission or address are not accepted: stop.
    Auth,
    /// Our clock is off.
    Clock,
    /// Not enough balance.
    Balance,
    /// Price, size or value break a rule of the instrument.
    Rules,
    /// The same client id was used before.
    Duplicate,
    /// No such order.
    NoOrder,
    /// The order is over already.
    OrderOver,
    /// The order cannot be acted on yet: try again shortly.
    NotReady,
    /// The market does not take orders now, or the venue is under maintenance.
    Offline,
    /// No such symbol.
    NoSymbol,
    /// The request itself is malformed.
    Request,
    /// The venue is busy and did not act: try again later.
    Busy,
    /// It would have taken although it was to make only.
    WouldTake,
    /// A code that this program does not know.
    Other,
}

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VenueError {
    /// What it means.
    pub class: ErrorClass,
    /// The venue's code or name, as text.
    pub code: String,
    /// The venue's words, cut at 256 bytes.
    pub message: String,
    /// When the venue says so: no request for this long, ms.
    pub retry_after_ms: Option<u64>,
}

/// One venue's private messages and the answers to its requests.
pub trait Private {
    /// Everything that one private frame says, in its order.
    ///
    /// # Errors
    /// [`DecodeError`]; nothing of the frame counts then.
    fn decode_private(&self, frame: &[u8]) -> Result<Vec<PrivateEvent>, DecodeError>;

    /// The answer to a request over HTTP. A refusal is [`Reply::Refused`], also where it comes with
    /// status 200.
    ///
    /// # Errors
    /// [`DecodeError`] if it is neither: after a request that changes something, that outcome is
    /// unknown.
    fn decode_reply(&self, call: Call, status: u16, body: &[u8]) -> Result<Reply, DecodeError>;
}
