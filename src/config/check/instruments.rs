//! Instruments, routes and starting balances.

use crate::config::check::fault;
use crate::config::check::limits::percent;
use crate::config::decimal::Decimal;
use crate::config::walk::Findings;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::InstrumentYaml;
use crate::config::yaml::InstrumentsYaml;
use crate::config::yaml::PaperYaml;
use crate::engine::limits::Balance;
use crate::types::ids::Asset;
use crate::types::ids::InstrumentId;
use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::ids::instrument_name;
use crate::types::limit;
use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::TickTable;
use crate::types::number::parse_fixed;
use crate::types::units::Ppm;
use crate::types::units::Qty;
use crate::types::units::SCALE;
use crate::venue::binance;
use crate::venue::upbit;

/// The instrument that gives the rate.
const FX_NAME: &str = "USDT-KRW";
/// A lot, minimum or balance further than this from the shipped one is in the wrong unit.
const PLAUSIBLE_FACTOR: i128 = 100;

/// What all instruments of a venue have in common.
struct VenueRules {
    quote: Quote,
    fee: Ppm,
    buy_fee: BuyFee,
    lot_raw: Option<i64>,
    min_notional_raw: i64,
    whole_book_feed: bool,
    enabled: bool,
}

/// Every instrument in use, numbered; routes and the rate exist.
pub fn check(yaml: &ConfigYaml, found: &mut Findings) -> Vec<Instrument> {
    let before = found.faults.len();
    let mut made: Vec<Instrument> = Vec::new();
    let selected = Selected::new(yaml, found);
    let rules = VenueId::ALL.map(|venue| rules_of(venue, yaml, found));
    for (index, row) in yaml.instruments.0.iter().enumerate() {
        let path = format!("instruments[{index}]");
        let rules = &rules[row.venue.id().index()];
        let Some(instrument) = one(row, (&path, rules), found) else { continue };
        let twice = |i: &Instrument| i.venue == instrument.venue && i.name == instrument.name;
        if made.iter().any(twice) {
            let what = format!("{} is there already", label(&instrument));
            fault(found, &path, what, "remove one of the two");
        } else if rules.enabled && selected.holds(&instrument, yaml) {
            made.push(instrument);
        }
    }
    if found.faults.len() == before && !found.is_faulty("instruments") {
        routes(yaml, &made, found);
    }
    for (index, instrument) in made.iter_mut().enumerate() {
        instrument.id = InstrumentId(u8::try_from(index).unwrap_or(u8::MAX));
    }
    made
}

/// Starting balances of the simulated venues.
pub fn balances(yaml: &ConfigYaml, found: &mut Findings) -> Vec<Balance> {
    let shipped = PaperYaml::default().balances;
    let mut made = Vec::new();
    for (venue_name, assets) in &yaml.paper.balances {
        let path = format!("paper.balances.{venue_name}");
        let Some(venue) = VenueId::from_name(venue_name) else {
            let names: Vec<_> = VenueId::ALL.iter().map(|venue| venue.name()).collect();
            let fix = format!("venues: {}", names.join(", "));
            fault(found, &path, format!("unknown venue {venue_name}"), &fix);
            continue;
        };
        for (code, amount) in assets {
            let path = format!("{path}.{code}");
            let usual = shipped.get(venue_name).and_then(|venue| venue.get(code));
            let Some(asset) = asset(code).filter(|_| traded(yaml, venue, code)) else {
                let what = format!("no instrument on {venue_name} has the asset {code}");
                fault(found, &path, what, "remove it, or add the instrument");
                continue;
            };
            if amount.raw() != 0 {
                near(found, &path, (*amount, usual.copied()), code);
            }
            made.push(Balance { venue, asset, raw: amount.raw() });
        }
    }
    made
}

fn traded(yaml: &ConfigYaml, venue: VenueId, code: &str) -> bool {
    let parts = |row: &InstrumentYaml| row.name.split('-').any(|part| part == code);
    yaml.instruments.0.iter().any(|row| row.venue.id() == venue && parts(row))
}

fn one(
    row: &InstrumentYaml,
    (path, rules): (&str, &VenueRules),
    found: &mut Findings,
) -> Option<Instrument> {
    let venue = row.venue.id();
    let (name, base) = name_of(row, (path, rules), found)?;
    let shipped = InstrumentsYaml::default().0.into_iter();
    let usual =
        shipped.into_iter().find(|known| known.venue == row.venue && known.name == row.name);
    let unit = rules.quote.code();
    let lot = row.lot.map(Decimal::raw).or(rules.lot_raw);
    let Some(lot) = lot else {
        let fix = "add lot: the venue's stepSize of this symbol";
        fault(found, path, format!("{} needs a lot", row.name), fix);
        return None;
    };
    let at = |key: &str| format!("{path}.{key}");
    let lots = (Decimal::from_raw(lot), usual.as_ref().and_then(|known| known.lot));
    near(found, &at("lot"), lots, &base);
    let least = row.min_notional.unwrap_or(Decimal::from_raw(rules.min_notional_raw));
    let usual_least = usual.as_ref().and_then(|known| known.min_notional);
    near(found, &at("min_notional"), (least, usual_least), unit);
    Some(Instrument {
        id: InstrumentId(0),
        venue,
        name,
        base,
        quote: rules.quote,
        lot: Qty::from_raw(lot)?,
        ticks: ticks(row, (path, usual.as_ref()), found)?,
        min_notional_raw: least.raw(),
        fee: rules.fee,
        buy_fee: rules.buy_fee,
        whole_book_feed: rules.whole_book_feed,
    })
}

fn name_of(
    row: &InstrumentYaml,
    (path, rules): (&str, &VenueRules),
    found: &mut Findings,
) -> Option<(InstrumentName, Asset)> {
    let quote = rules.quote.code();
    let parts = row.name.split_once('-').filter(|(_, money)| *money == quote);
    let made = parts.and_then(|(base, money)| Some((instrument_name(base, money)?, asset(base)?)));
    if made.is_none() {
        let venue = row.venue.id().name();
        let what = format!("{} is no BASE-{quote} instrument of {venue}", row.name);
        fault(found, &format!("{path}.name"), what, &format!("write it like BTC-{quote}"));
    }
    made
}

fn ticks(
    row: &InstrumentYaml,
    (path, usual): (&str, Option<&InstrumentYaml>),
    found: &mut Findings,
) -> Option<TickTable> {
    let path = format!("{path}.tick");
    let text = row.tick.as_ref().map(|tick| tick.0.as_str());
    let by_table = row.venue.id() == VenueId::Upbit;
    match (text, by_table) {
        (None | Some("upbit_krw"), true) => TickTable::banded(&upbit::rules::KRW_TICKS),
        (None | Some("upbit_krw"), false) => {
            let what = format!("{} needs a tick that is a number", row.name);
            fault(found, &path, what, "write the venue's tickSize of this symbol");
            None
        }
        (Some(text), _) => {
            let value = decimal(text)?;
            let shipped = usual.and_then(|known| decimal(&known.tick.as_ref()?.0));
            near(found, &path, (value, shipped), row.name.as_str());
            TickTable::fixed(value.raw())
        }
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    let raw = parse_fixed(text.as_bytes()).ok()?;
    Some(Decimal::from_raw(raw))
}

/// Above 0, and no more than [`PLAUSIBLE_FACTOR`] away from what is shipped, if it is.
fn near(found: &mut Findings, path: &str, (value, usual): (Decimal, Option<Decimal>), unit: &str) {
    if value.raw() <= 0 {
        let what = format!("must be above 0 {unit}, got {value}");
        return fault(found, path, what, "see config/live.yml for an example");
    }
    let Some(usual) = usual else { return };
    let (value_raw, usual_raw) = (i128::from(value.raw()), i128::from(usual.raw()));
    let far = |a: i128, b: i128| a > b * PLAUSIBLE_FACTOR;
    if far(value_raw, usual_raw) || far(usual_raw, value_raw) {
        let what = format!("must be within {PLAUSIBLE_FACTOR} × of {usual} {unit}, got {value}");
        fault(found, path, what, &format!("{usual} is the default; check the unit"));
    }
}

fn rules_of(venue: VenueId, yaml: &ConfigYaml, found: &mut Findings) -> VenueRules {
    let signal = &yaml.signal_engine;
    match venue {
        VenueId::Upbit => VenueRules {
            quote: Quote::Krw,
            fee: percent(found, "signal_engine.upbit_fee", signal.upbit_fee),
            buy_fee: upbit::rules::BUY_FEE,
            lot_raw: Some(upbit::rules::LOT_RAW),
            min_notional_raw: upbit::rules::MIN_NOTIONAL_RAW,
            whole_book_feed: true,
            enabled: yaml.upbit.enabled,
        },
        VenueId::Binance => VenueRules {
            quote: Quote::Usdt,
            fee: percent(found, "signal_engine.binance_fee", signal.binance_fee),
            buy_fee: binance::rules::BUY_FEE,
            lot_raw: None,
            min_notional_raw: binance::rules::MIN_NOTIONAL_RAW,
            whole_book_feed: false,
            enabled: yaml.binance.enabled,
        },
        VenueId::Bithumb => VenueRules {
            quote: Quote::Krw,
            fee: percent(found, "signal_engine.bithumb_fee", signal.bithumb_fee),
            buy_fee: BuyFee::Quote,
            lot_raw: Some(1),
            min_notional_raw: 5_000 * SCALE,
            whole_book_feed: true,
            enabled: yaml.bithumb.enabled,
        },
        VenueId::Bybit => VenueRules {
            quote: Quote::Usdt,
            fee: percent(found, "signal_engine.bybit_fee", signal.bybit_fee),
            buy_fee: BuyFee::Base,
            lot_raw: None,
            min_notional_raw: 5 * SCALE,
            whole_book_feed: false,
            enabled: yaml.bybit.enabled,
        },
        VenueId::Okx => VenueRules {
            quote: Quote::Usdt,
            fee: percent(found, "signal_engine.okx_fee", signal.okx_fee),
            buy_fee: BuyFee::Base,
            lot_raw: None,
            min_notional_raw: SCALE,
            whole_book_feed: false,
            enabled: yaml.okx.enabled,
        },
    }
}

/// The rate exists, at least one base is on both sides, and the two lots of each route fit.
fn routes(yaml: &ConfigYaml, made: &[Instrument], found: &mut Findings) {
    let path = "instruments";
    let fx = yaml.venues.fx.id();
    if !made.iter().any(|i| i.venue == fx && i.name.as_str() == FX_NAME) {
        let what = format!("{FX_NAME} on {} is missing: it is the rate", fx.name());
        fault(found, path, what, &format!("add - {{venue: {}, name: {FX_NAME}}}", fx.name()));
    }
    let mut count = 0;
    for won in made.iter().filter(|i| i.quote == Quote::Krw) {
        for tether in made.iter().filter(|i| i.quote == Quote::Usdt && i.base == won.base) {
            count += 1;
            let lots = [won.lot.raw(), tether.lot.raw()];
            let (Some(fine), Some(coarse)) = (lots.iter().min(), lots.iter().max()) else {
                continue;
            };
            if coarse % fine != 0 {
                let (a, b) = (label(won), label(tether));
                let what = format!("the lots of {a} and {b} are no multiples of each other");
                fault(found, path, what, "take the lots that the venues publish");
            }
        }
    }
    if count == 0 {
        let what = "no coin has both a KRW and a USDT instrument".to_owned();
        fault(found, path, what, "add one of each, like BTC-KRW on upbit and BTC-USDT on binance");
    }
    if count > limit::ROUTES {
        let what = format!("{count} routes, at most {} are possible", limit::ROUTES);
        fault(found, path, what, "remove some instruments");
    }
}

/// Which instruments `websocket.*_symbols` leaves in use.
struct Selected {
    names: [Vec<String>; VenueId::ALL.len()],
}

impl Selected {
    fn new(yaml: &ConfigYaml, found: &mut Findings) -> Selected {
        let lists = [
            (VenueId::Upbit, "websocket.upbit_symbols", &yaml.websocket.upbit_symbols),
            (VenueId::Binance, "websocket.binance_symbols", &yaml.websocket.binance_symbols),
            (VenueId::Bithumb, "websocket.bithumb_symbols", &yaml.websocket.bithumb_symbols),
            (VenueId::Bybit, "websocket.bybit_symbols", &yaml.websocket.bybit_symbols),
            (VenueId::Okx, "websocket.okx_symbols", &yaml.websocket.okx_symbols),
        ];
        let mut names = std::array::from_fn(|_| Vec::new());
        for (venue, path, list) in lists {
            for (index, symbol) in list.iter().enumerate() {
                let rows = yaml.instruments.0.iter().filter(|row| row.venue.id() == venue);
                let same =
                    |row: &&InstrumentYaml| symbol.replace('-', "") == row.name.replace('-', "");
                match rows.into_iter().find(same) {
                    Some(row) => names[venue.index()].push(row.name.clone()),
                    None => {
                        let path = format!("{path}[{index}]");
                        let what = format!("{symbol} is none of the instruments");
                        fault(found, &path, what, "add it to instruments, or remove it here");
                    }
                }
            }
        }
        Selected { names }
    }

    fn holds(&self, instrument: &Instrument, yaml: &ConfigYaml) -> bool {
        let names = &self.names[instrument.venue.index()];
        let name = instrument.name.as_str();
        let is_rate = name == FX_NAME && instrument.venue == yaml.venues.fx.id();
        names.is_empty() || is_rate || names.iter().any(|n| n == name)
    }
}

fn label(instrument: &Instrument) -> String {
    format!("{} on {}", instrument.name, instrument.venue.name())
}
