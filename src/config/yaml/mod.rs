//! What the file says: one raw struct per section, its keys, defaults, ranges, units and meaning.
//!
//! This is the only place where a key is written down. The JSON Schema made from these structs is
//! the key table of the validator, of `config explain` and of editors: `minimum` and `maximum`
//! are the allowed range, `from` the smallest value beside 0, `unit` the unit, `waits_for` the
//! part of the program that is not built yet and will read the key.
//!
//! Ranges exclude 1000 × and 1/1000 of each shipped value (wrong unit). One home per meaning:
//! addresses, keys and request limits of a venue are in `upbit` and `binance`, what concerns all
//! of them in `venues`; the listening address is in `metrics_server`, how it is served in `http`;
//! Telegram is in `alert`, the other channels and the rate limits in `alerts`.

mod longrun;
mod market;
mod service;
mod trading;
mod venue;
mod watchdog;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

pub use longrun::*;
pub use market::*;
pub use service::*;
pub use trading::*;
pub use venue::*;
pub use watchdog::*;

/// The whole configuration of `arb`. Every section and key is optional.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigYaml {
    /// Whether prices and orders are simulated.
    pub mode: ModeYaml,
    /// Upbit, KRW markets.
    pub upbit: UpbitYaml,
    /// Binance spot, USDT markets.
    pub binance: BinanceYaml,
    /// Bithumb, KRW markets.
    pub bithumb: BithumbYaml,
    /// Bybit spot, USDT markets.
    pub bybit: BybitYaml,
    /// OKX spot, USDT markets.
    pub okx: OkxYaml,
    /// What concerns all venues.
    pub venues: VenuesYaml,
    /// What is traded, and on which grid.
    pub instruments: InstrumentsYaml,
    /// The rate of won per tether.
    pub fx: FxYaml,
    /// What has to be true before an order reaches a real venue.
    pub live_guards: LiveGuardsYaml,
    /// When a difference in price is an opportunity.
    pub signal_engine: SignalEngineYaml,
    /// How large and how stubborn an entry is.
    pub execution_engine: ExecutionEngineYaml,
    /// How orders are followed.
    pub order_manager: OrderManagerYaml,
    /// Limits of one order.
    pub safety: SafetyYaml,
    /// Ceilings before a trade and ages of data.
    pub risk: RiskYaml,
    /// Limits of everything that is open.
    pub position_engine: PositionEngineYaml,
    /// When an open pair has earned enough or waited long enough.
    pub exit: ExitYaml,
    /// When an open pair has lost enough.
    pub stoploss: StoplossYaml,
    /// When exposure is reduced.
    pub rebalancer: RebalancerYaml,
    /// The built-in market of mode mock.
    pub mock: MockYaml,
    /// The simulated venue of modes mock and paper.
    pub paper: PaperYaml,
    /// Market data connections.
    pub websocket: WebsocketYaml,
    /// Telegram.
    pub alert: AlertYaml,
    /// Other alert channels, and the limits of all of them.
    pub alerts: AlertsYaml,
    /// The address of metrics, health and status page.
    pub metrics_server: MetricsServerYaml,
    /// How that address is served.
    pub http: HttpYaml,
    /// The log file.
    pub logging: LoggingYaml,
    /// Redis, optional.
    pub redis: RedisYaml,
    /// Threads, cores and idling.
    pub runtime: RuntimeYaml,
    /// Where facts are kept.
    pub journal: JournalYaml,
    /// Limits of CPU, memory and descriptors.
    pub sys_monitor: SysMonitorYaml,
    /// The watchdog: the one table of WARN and ERROR thresholds, and what follows from them.
    pub watchdog: WatchdogYaml,
    /// Stability snapshots.
    pub longrun: LongrunYaml,
}
