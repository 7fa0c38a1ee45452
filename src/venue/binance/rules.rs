//! Minimum order and fee rules of Binance spot (`VENUES.md` 2.3), and the rules of each symbol as
//! `GET /api/v3/exchangeInfo` tells them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::types::ids::instrument_name;
use crate::types::market::BuyFee;
use crate::types::market::TickTable;
use crate::types::units::Qty;
use crate::types::units::SCALE;
use crate::venue::DecodeError;
use crate::venue::binance::values::Fixed;
use crate::venue::binance::values::parse;
use crate::venue::stream::InstrumentRules;

/// Smallest order value, USDT × 10⁻⁸ (NOTIONAL filter of BTCUSDT).
pub const MIN_NOTIONAL_RAW: i64 = 5 * SCALE;

/// Buys pay their fee out of the coins received (no BNB discount).
pub const BUY_FEE: BuyFee = BuyFee::Base;

#[derive(Deserialize)]
struct Info<'f> {
    #[serde(borrow)]
    symbols: Vec<Symbol<'f>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol<'f> {
    #[serde(borrow)]
    symbol: Cow<'f, str>,
    #[serde(borrow)]
    status: Cow<'f, str>,
    #[serde(borrow)]
    base_asset: Cow<'f, str>,
    #[serde(borrow)]
    quote_asset: Cow<'f, str>,
    #[serde(default = "yes")]
    is_spot_trading_allowed: bool,
    #[serde(borrow)]
    filters: Vec<Filter<'f>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'f> {
    #[serde(borrow)]
    filter_type: Cow<'f, str>,
    tick_size: Option<Fixed>,
    step_size: Option<Fixed>,
    min_notional: Option<Fixed>,
}

const fn yes() -> bool {
    true
}

/// The rules in the body of `exchangeInfo`. Symbols whose coins have no plain code, of which there
/// are some, are left out: this program cannot name them.
///
/// # Errors
/// [`DecodeError`] if it is no such body, also if the venue refused.
pub fn exchange_info(text: &str) -> Result<Vec<InstrumentRules>, DecodeError> {
    let info: Info<'_> = parse(text)?;
    info.symbols.iter().filter_map(|symbol| symbol.rules().transpose()).collect()
}

impl Symbol<'_> {
    /// A grid or minimum of 0 switches its filter off, as the documents say.
    fn rules(&self) -> Result<Option<InstrumentRules>, DecodeError> {
        let Some(name) = instrument_name(&self.base_asset, &self.quote_asset) else {
            return Ok(None);
        };
        let mut rules = InstrumentRules {
            symbol: self.symbol.to_string(),
            name,
            is_trading: self.status == "TRADING" && self.is_spot_trading_allowed,
            ticks: None,
            lot: None,
            min_notional_raw: None,
            code: None,
        };
        for filter in &self.filters {
            match filter.filter_type.as_ref() {
                "PRICE_FILTER" => rules.ticks = TickTable::fixed(grid(filter.tick_size)?),
                "LOT_SIZE" => {
                    let step = grid(filter.step_size)?;
                    rules.lot = Qty::from_raw(step).filter(|lot| !lot.is_zero());
                }
                // The older name stands beside the newer one on some symbols: the stricter counts.
                "NOTIONAL" | "MIN_NOTIONAL" => {
                    let least = grid(filter.min_notional)?;
                    rules.min_notional_raw = rules.min_notional_raw.max(Some(least));
                }
                _ => {}
            }
        }
        Ok(Some(rules))
    }
}

fn grid(value: Option<Fixed>) -> Result<i64, DecodeError> {
    value.ok_or(DecodeError::Malformed)?.amount()
}
