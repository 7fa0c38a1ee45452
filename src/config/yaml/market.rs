//! Raw sections of venues, instruments and the simulated market.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Serialize;

use crate::config::decimal::Decimal;
use crate::config::yaml::venue::VenueYaml;
use crate::types::limit;
use crate::venue::binance;
use crate::venue::upbit;

/// Where prices come from and where orders go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Built-in seeded market, no network.
    Mock,
    /// Real feeds, simulated fills.
    Paper,
    /// Real orders, behind the live guard.
    Live,
}

impl Mode {
    /// Its name in files, summaries and journals.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Mock => "mock",
            Mode::Paper => "paper",
            Mode::Live => "live",
        }
    }
}

/// `mode`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModeYaml {
    /// Where prices come from and where orders go.
    pub current: Mode,
}

impl Default for ModeYaml {
    fn default() -> Self {
        ModeYaml { current: Mode::Mock }
    }
}

/// `live_guards`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LiveGuardsYaml {
    /// The environment has to say LIVE_TRADING=1.
    #[schemars(extend("waits_for" = "mode live"))]
    pub require_env_flag: bool,
    /// The file .live_trading_ok has to exist.
    #[schemars(extend("waits_for" = "mode live"))]
    pub require_manual_confirm_file: bool,
    /// The preflight has to have passed.
    #[schemars(extend("waits_for" = "mode live"))]
    pub require_safety_pass: bool,
    /// The first cycles of a live run send no orders.
    #[schemars(extend("waits_for" = "mode live"))]
    pub dry_run_on_startup: bool,
    /// How many cycles those are.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "cycles", "waits_for" = "mode live"))]
    pub dry_run_cycles: u32,
}

impl Default for LiveGuardsYaml {
    fn default() -> Self {
        LiveGuardsYaml {
            require_env_flag: true,
            require_manual_confirm_file: true,
            require_safety_pass: true,
            dry_run_on_startup: true,
            dry_run_cycles: 3,
        }
    }
}

/// A tick: a number, or the name of a table.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
pub struct TickYaml(pub String);

impl JsonSchema for TickYaml {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tick".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

/// One entry of `instruments`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstrumentYaml {
    /// Where it trades.
    pub venue: VenueYaml,
    /// BASE-QUOTE, like BTC-KRW; the quote is KRW on upbit and bithumb, else USDT.
    #[schemars(length(min = 3, max = 25))]
    pub name: String,
    /// Quantity step, in base coins; the venue's own where it is the same for all symbols (upbit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Decimal>,
    /// Price step in the quote currency, or upbit_krw for Upbit's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<TickYaml>,
    /// Smallest order value in the quote currency; the venue's own when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_notional: Option<Decimal>,
}

/// `instruments`: BTC and ETH on both venues and the rate, unless the file has its own list.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct InstrumentsYaml(#[schemars(length(max = limit::INSTRUMENTS))] pub Vec<InstrumentYaml>);

impl Default for InstrumentsYaml {
    fn default() -> Self {
        let upbit = |name: &str| InstrumentYaml {
            venue: VenueYaml::Upbit,
            name: name.to_owned(),
            lot: Some(Decimal::from_raw(upbit::rules::LOT_RAW)),
            tick: Some(TickYaml("upbit_krw".to_owned())),
            min_notional: Some(Decimal::from_raw(upbit::rules::MIN_NOTIONAL_RAW)),
        };
        let binance = |name: &str, lot| InstrumentYaml {
            venue: VenueYaml::Binance,
            name: name.to_owned(),
            lot: Some(Decimal::literal(lot)),
            tick: Some(TickYaml("0.01".to_owned())),
            min_notional: Some(Decimal::from_raw(binance::rules::MIN_NOTIONAL_RAW)),
        };
        InstrumentsYaml(vec![
            upbit("BTC-KRW"),
            upbit("ETH-KRW"),
            upbit("USDT-KRW"),
            binance("BTC-USDT", "0.00001"),
            binance("ETH-USDT", "0.0001"),
        ])
    }
}

/// `fx`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FxYaml {
    /// Oldest rate that may be traded on.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub max_age_ms: u64,
    /// A larger change between two books pauses entries.
    #[schemars(range(min = 0.01, max = 20), extend("unit" = "%"))]
    pub max_jump_pct: Decimal,
    /// How long a level has to stand after such a change before it is believed.
    #[schemars(range(min = 100, max = 600_000), extend("unit" = "ms"))]
    pub settle_ms: u64,
    /// The rate of every other KRW venue that has the instrument has to lie this near, else
    /// entries pause.
    #[schemars(range(min = 0.01, max = 20), extend("unit" = "%"))]
    pub max_gap_pct: Decimal,
}

impl Default for FxYaml {
    fn default() -> Self {
        FxYaml {
            max_age_ms: 3_000,
            max_jump_pct: Decimal::literal("1"),
            settle_ms: 5_000,
            max_gap_pct: Decimal::literal("1"),
        }
    }
}

/// `mock`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MockYaml {
    /// Seed of the market when the command line gives none: same seed, same market.
    #[schemars(extend("unit" = "number"))]
    pub seed: u64,
    /// Updates of each book, also in virtual time.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "updates/s"))]
    pub updates_per_second: u32,
}

impl Default for MockYaml {
    fn default() -> Self {
        MockYaml { seed: 7, updates_per_second: 10 }
    }
}

/// Starting balances, by venue and asset.
pub type BalancesYaml = BTreeMap<String, BTreeMap<String, Decimal>>;

/// `paper`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PaperYaml {
    /// The fastest order.
    #[schemars(range(min = 0, max = 1_000), extend("from" = 1, "unit" = "ms"))]
    pub latency_min_ms: u64,
    /// The mean order; the part above the minimum is exponential.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "ms"))]
    pub latency_mean_ms: u64,
    /// No order takes longer.
    #[schemars(range(min = 1, max = 60_000), extend("unit" = "ms"))]
    pub latency_max_ms: u64,
    /// Part of the orders that the venue refuses.
    #[schemars(range(min = 0, max = 50), extend("from" = 0.001, "unit" = "%"))]
    pub reject_pct: Decimal,
    /// Part of each level that is really there for us.
    #[schemars(range(min = 1, max = 100), extend("unit" = "%"))]
    pub depth_pct: Decimal,
    /// Starting balances, by venue and asset; a venue or asset that is left out has none.
    pub balances: BalancesYaml,
}

impl Default for PaperYaml {
    fn default() -> Self {
        let of = |rows: &[(&str, &str)]| {
            let row = |(asset, text): &(&str, &str)| (asset.to_string(), Decimal::literal(text));
            rows.iter().map(row).collect()
        };
        let upbit = of(&[("KRW", "10000000"), ("BTC", "0.1"), ("ETH", "2")]);
        let binance = of(&[("USDT", "7000"), ("BTC", "0.1"), ("ETH", "2")]);
        PaperYaml {
            latency_min_ms: 5,
            latency_mean_ms: 25,
            latency_max_ms: 250,
            reject_pct: Decimal::literal("0.5"),
            depth_pct: Decimal::literal("100"),
            balances: [("upbit".to_owned(), upbit), ("binance".to_owned(), binance)].into(),
        }
    }
}

/// `websocket`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebsocketYaml {
    /// Off is for mode mock only.
    #[schemars(extend("waits_for" = "mode paper"))]
    pub enabled: bool,
    /// Which upbit instruments are used, like BTC-KRW; empty: all. The rate's is always used.
    #[schemars(length(max = limit::INSTRUMENTS))]
    pub upbit_symbols: Vec<String>,
    /// Which binance instruments are used, like BTCUSDT or BTC-USDT; empty: all.
    #[schemars(length(max = limit::INSTRUMENTS))]
    pub binance_symbols: Vec<String>,
    /// Which bithumb instruments are used, like BTC-KRW; empty: all.
    #[schemars(length(max = limit::INSTRUMENTS))]
    pub bithumb_symbols: Vec<String>,
    /// Which bybit instruments are used, like BTCUSDT or BTC-USDT; empty: all.
    #[schemars(length(max = limit::INSTRUMENTS))]
    pub bybit_symbols: Vec<String>,
    /// Which okx instruments are used, like BTC-USDT; empty: all.
    #[schemars(length(max = limit::INSTRUMENTS))]
    pub okx_symbols: Vec<String>,
    /// Longest pause between two attempts to connect (it grows from 0.125 s, with jitter).
    #[schemars(range(min = 0.2, max = 300), extend("unit" = "s"))]
    pub reconnect_interval: Decimal,
}

impl Default for WebsocketYaml {
    fn default() -> Self {
        WebsocketYaml {
            enabled: true,
            upbit_symbols: Vec::new(),
            binance_symbols: Vec::new(),
            bithumb_symbols: Vec::new(),
            bybit_symbols: Vec::new(),
            okx_symbols: Vec::new(),
            reconnect_interval: Decimal::literal("30"),
        }
    }
}
