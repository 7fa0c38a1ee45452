//! Every size that is fixed at compile time, with its reason and how sizes relate.

/// Most venues in one run: five are known, the rest is room.
pub const VENUES: usize = 8;
/// Most instruments in one run: five venues, up to six symbols each.
pub const INSTRUMENTS: usize = 32;
/// Most routes (one KRW instrument against one USDT instrument of the same base): two KRW and three
/// USDT venues with six bases each have 36.
pub const ROUTES: usize = 40;
/// Most assets whose balance is tracked on one venue.
pub const ASSETS: usize = 16;
/// Levels a side of the top that a feed publishes: all of Upbit's 30, and more than any order of
/// the allowed size walks on the others.
pub const TOP_LEVELS: usize = 32;
/// Levels a side that a book keeps: a Binance snapshot of `limit=5000`.
pub const BOOK_LEVELS: usize = 5_000;
/// Depth diffs that wait for a snapshot: a hundred seconds of `depth@100ms`.
pub const PENDING_DIFFS: usize = 1_024;
/// Longest frame that is looked at, in bytes.
pub const FRAME_BYTES: usize = 1 << 20;
/// Deepest nesting of a frame that is looked at (serde_json's own limit is 128).
pub const FRAME_DEPTH: usize = 32;
/// Pairs alive at once. `position_engine.max_open_positions` lies at or below this.
pub const PAIRS: usize = 32;
/// Orders alive at once: two legs of every pair.
pub const ORDERS: usize = 64;
/// Fills that one IOC order may produce: one for each level it can walk, twice.
pub const FILLS_PER_ORDER: usize = 64;
/// Facts that one engine call may produce: every pair may enter, fill, close and be noted.
pub const FACTS: usize = 512;
/// Orders that one engine turn may send.
pub const OUTBOX: usize = 64;
/// Widest stop-loss window, in samples (`stoploss.atr_window`).
pub const PNL_SAMPLES: usize = 256;
/// Rolling order-rate window: the most orders that one minute may be allowed.
pub const ORDERS_PER_MINUTE: usize = 1_200;

const _: () = assert!(ORDERS >= 2 * PAIRS, "every pair may have both legs at work");
const _: () = assert!(ORDERS <= 64, "orders at work are tracked in one u64 bit set");
const _: () = assert!(FILLS_PER_ORDER >= 2 * TOP_LEVELS, "an order may walk a whole top twice");
