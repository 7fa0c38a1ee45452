//! What both venues publish about their instruments: which are listed, and on which tick.

use crate::types::market::TickBand;
use crate::types::market::TickTable;
use crate::venue::DecodeError;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::each;
use crate::venue::krw::object::message;
use crate::venue::krw::object::need;
use crate::venue::krw::public;
use crate::venue::stream::InstrumentRules;

/// The rules in an answer: the list of all markets, the ticks of some, or what our account may do
/// in one (`orders/chance`). A market whose code is none of ours is left out. Warnings and cautions
/// about a coin do not stop orders; a market that is announced (`PREVIEW`) or `DELISTED` takes
/// none, nor does one whose state for orders is not `active`.
///
/// # Errors
/// [`DecodeError`] if the answer is not what the venue documents, an error of the venue among it.
pub fn rules(body: &[u8], table: &[TickBand]) -> Result<Vec<InstrumentRules>, DecodeError> {
    if body.trim_ascii_start().starts_with(b"{") {
        return Ok(chance(&Object::read(message(body)?)?)?.into_iter().collect());
    }
    let read = |row: Object<'_>| instrument(&row, table);
    Ok(each(body, read)?.into_iter().flatten().collect())
}

/// Orders have to reach the larger of both sides' minimum.
fn chance(row: &Object<'_>) -> Result<Option<InstrumentRules>, DecodeError> {
    let market = Object::read(need(row.raw(&["market"]))?)?;
    let symbol = need(market.text(&["id"])?)?;
    let Some(name) = public::instrument(&symbol) else { return Ok(None) };
    let mut least = None;
    for names in [["bid"].as_slice(), ["ask"].as_slice()] {
        let side = Object::read(need(market.raw(names))?)?;
        least = least.max(side.amount(&["min_total"])?);
    }
    let is_trading = need(market.text(&["state"])?)? == "active";
    let (ticks, lot, code) = (None, None, None);
    let min_notional_raw = least;
    Ok(Some(InstrumentRules { symbol, name, is_trading, ticks, lot, min_notional_raw, code }))
}

fn instrument(
    row: &Object<'_>,
    table: &[TickBand],
) -> Result<Option<InstrumentRules>, DecodeError> {
    let symbol = need(row.text(&["market"])?)?;
    let Some(name) = public::instrument(&symbol) else { return Ok(None) };
    let ticks = match row.amount(&["tick_size"])? {
        None => None,
        Some(tick_raw) => {
            let table = if name.ends_with("-KRW") { table } else { &[] };
            Some(published(tick_raw, table).ok_or(DecodeError::Value)?)
        }
    };
    let state = row.text(&["market_state"])?;
    let is_trading = state.is_none_or(|state| state == "ACTIVE");
    let (lot, min_notional_raw, code) = (None, None, None);
    Ok(Some(InstrumentRules { symbol, name, is_trading, ticks, lot, min_notional_raw, code }))
}

/// A published tick is that of the present price, and is asked for once in an hour. If it stands
/// in the table, the market obeys the table: then the coarser of both holds in each band, which
/// lies on the grid of either, also after the price has left its band. A tick that the table does
/// not know is a rule of its own and holds at every price. `None` if it is not above 0.
fn published(tick_raw: i64, table: &[TickBand]) -> Option<TickTable> {
    if !table.iter().any(|band| band.tick_raw == tick_raw) {
        return TickTable::fixed(tick_raw);
    }
    let coarser = |band: &TickBand| TickBand { tick_raw: band.tick_raw.max(tick_raw), ..*band };
    let mut bands: Vec<TickBand> = table.iter().map(coarser).collect();
    bands.dedup_by_key(|band| band.tick_raw);
    TickTable::banded(&bands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::units::Price;
    use crate::types::units::SCALE;
    use crate::venue::upbit::rules::KRW_TICKS;

    fn tick_of(symbol: &str, tick: &str, price: i64) -> i64 {
        let body = format!(r#"[{{"market":"{symbol}","tick_size":"{tick}"}}]"#);
        let found = rules(body.as_bytes(), &KRW_TICKS).expect("good rules");
        let ticks = found[0].ticks.clone().expect("ticks");
        ticks.tick_at(Price::from_raw(price * SCALE).expect("positive"))
    }

    #[test]
    fn a_published_tick_holds_and_never_leaves_the_grid_of_the_table() {
        assert_eq!(tick_of("KRW-BTC", "1000", 116_539_000), 1_000 * SCALE);
        assert_eq!(tick_of("KRW-XRP", "1", 4_000), SCALE);
        assert_eq!(tick_of("KRW-XRP", "1", 5_000), 5 * SCALE, "the next band is coarser");
        assert_eq!(tick_of("KRW-XRP", "5", 4_990), 5 * SCALE, "every multiple of 5 is one of 1");
        assert_eq!(tick_of("KRW-USDT", "0.5", 1_343), SCALE / 2, "a rule of its own");
        assert_eq!(tick_of("USDT-BTC", "0.01", 90_000), SCALE / 100, "not a market in won");
        for tick in ["0", "-1", "x"] {
            let body = format!(r#"[{{"market":"KRW-BTC","tick_size":"{tick}"}}]"#);
            assert!(rules(body.as_bytes(), &KRW_TICKS).is_err(), "{tick}");
        }
    }

    #[test]
    fn each_tick_of_a_coarser_band_is_a_multiple_of_the_finer_ones() {
        for pair in KRW_TICKS.windows(2) {
            assert_eq!(pair[1].tick_raw % pair[0].tick_raw, 0);
        }
    }

    #[test]
    fn warnings_do_not_stop_a_market_but_its_state_does() {
        let body = br#"[{"market":"KRW-A","market_event":{"warning":true,"caution":{"X":true}}},
            {"market":"KRW-B","market_state":"PREVIEW"},{"market":"KRW-C","market_state":"ACTIVE"},
            {"market":"KRW-D","market_warning":"CAUTION"},{"market":"odd"}]"#;
        let found = rules(body, &[]).expect("good rules");
        let trading: Vec<bool> = found.iter().map(|rules| rules.is_trading).collect();
        assert_eq!(trading, [true, false, true, true]);
        assert!(rules(br#"{"error":{"name":404,"message":"x"}}"#, &[]).is_err());
        assert!(rules(br#"[{"name":"KRW-A"}]"#, &[]).is_err());
    }
}
