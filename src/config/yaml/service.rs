//! Raw sections of threads, Redis, alerts and the status address.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::config::decimal::Decimal;

/// `alert`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertYaml {
    /// Off silences every channel.
    #[schemars(extend("waits_for" = "alerts"))]
    pub enabled: bool,
    /// Send to Telegram.
    #[schemars(extend("waits_for" = "alerts"))]
    pub telegram_enabled: bool,
    /// Telegram.
    pub telegram: TelegramYaml,
}

impl Default for AlertYaml {
    fn default() -> Self {
        AlertYaml { enabled: true, telegram_enabled: false, telegram: TelegramYaml::default() }
    }
}

/// `alert.telegram`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TelegramYaml {
    /// Secret: stays empty here; environment TELEGRAM_BOT_TOKEN, its _FILE or a credential.
    #[schemars(extend("secret" = "TELEGRAM_BOT_TOKEN", "waits_for" = "alerts"))]
    pub bot_token: String,
    /// Secret: stays empty here; environment TELEGRAM_CHAT_ID, its _FILE or a credential.
    #[schemars(extend("secret" = "TELEGRAM_CHAT_ID", "waits_for" = "alerts"))]
    pub chat_id: String,
    /// Longest time of one delivery.
    #[schemars(range(min = 0.1, max = 60), extend("unit" = "s", "waits_for" = "alerts"))]
    pub timeout_seconds: Decimal,
}

impl Default for TelegramYaml {
    fn default() -> Self {
        TelegramYaml {
            bot_token: String::new(),
            chat_id: String::new(),
            timeout_seconds: Decimal::literal("5"),
        }
    }
}

/// `alerts`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsYaml {
    /// Send to the address in environment ARB_WEBHOOK_URL.
    #[schemars(extend("waits_for" = "alerts"))]
    pub webhook_enabled: bool,
    /// Send to the address in environment ARB_SLACK_URL.
    #[schemars(extend("waits_for" = "alerts"))]
    pub slack_enabled: bool,
    /// Most messages on one channel.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "per minute", "waits_for" = "alerts"))]
    pub max_per_minute: u32,
    /// The same alert is not sent again for this long.
    #[schemars(range(min = 1, max = 86_400), extend("unit" = "s", "waits_for" = "alerts"))]
    pub repeat_after_seconds: u64,
}

impl Default for AlertsYaml {
    fn default() -> Self {
        AlertsYaml {
            webhook_enabled: false,
            slack_enabled: false,
            max_per_minute: 10,
            repeat_after_seconds: 300,
        }
    }
}

/// `metrics_server`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsServerYaml {
    /// Off listens nowhere.
    #[schemars(extend("waits_for" = "the metrics page"))]
    pub enabled: bool,
    /// Address to listen on; only 127.0.0.1, ::1 and localhost are accepted.
    #[schemars(extend("waits_for" = "the metrics page"))]
    pub host: String,
    /// Port to listen on.
    #[schemars(range(min = 1_024, max = 65_535))]
    #[schemars(extend("unit" = "port", "waits_for" = "the metrics page"))]
    pub port: u32,
    /// Where Prometheus reads.
    #[schemars(extend("form" = "route", "waits_for" = "the metrics page"))]
    pub path: String,
}

impl Default for MetricsServerYaml {
    fn default() -> Self {
        MetricsServerYaml {
            enabled: false,
            host: "127.0.0.1".to_owned(),
            port: 8_000,
            path: "/metrics".to_owned(),
        }
    }
}

/// `http`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpYaml {
    /// Serve the status page beside metrics and health.
    #[schemars(extend("waits_for" = "the metrics page"))]
    pub page: bool,
    /// Most connections at once.
    #[schemars(range(min = 1, max = 1_000))]
    #[schemars(extend("unit" = "connections", "waits_for" = "the metrics page"))]
    pub max_connections: u32,
    /// Longest time of one request.
    #[schemars(range(min = 100, max = 60_000))]
    #[schemars(extend("unit" = "ms", "waits_for" = "the metrics page"))]
    pub request_timeout_ms: u64,
}

impl Default for HttpYaml {
    fn default() -> Self {
        HttpYaml { page: true, max_connections: 16, request_timeout_ms: 2_000 }
    }
}

/// `redis`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedisYaml {
    /// Off keeps heartbeats in the process.
    pub enabled: bool,
    /// Its loss is WARN, then ERROR; otherwise WARN only.
    pub required: bool,
    /// Server and database; its name is looked up once, at the start. A password goes into
    /// environment REDIS_PASSWORD.
    #[schemars(extend("form" = "redis"))]
    pub url: String,
    /// First part of every key.
    pub prefix: String,
    /// Life of the heartbeat key.
    #[schemars(range(min = 2, max = 3_600), extend("unit" = "s"))]
    pub health_ttl_seconds: u64,
    /// Longest time of connecting, then of one whole exchange.
    #[schemars(range(min = 10, max = 1_000), extend("unit" = "ms"))]
    pub timeout_ms: u64,
}

impl Default for RedisYaml {
    fn default() -> Self {
        RedisYaml {
            enabled: false,
            required: false,
            url: "redis://127.0.0.1:6379/0".to_owned(),
            prefix: "arb".to_owned(),
            health_ttl_seconds: 60,
            timeout_ms: 500,
        }
    }
}

/// Which agents share a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// One thread per agent.
    Threads,
    /// Feeds, engine and gateway turn by turn on one thread: below three cores.
    Shared,
}

/// What a thread does without work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdlePolicy {
    /// Keeps its core busy: fastest.
    Spin,
    /// Offers its core to others.
    Yield,
    /// Sleeps until woken or due.
    Park,
    /// Spins only where cores suffice.
    Auto,
}

/// One entry of `runtime.threads`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThreadYaml {
    /// Core to run on; null leaves it to the system.
    #[schemars(range(min = 0, max = 1_023), extend("unit" = "core", "nullable" = true))]
    pub core: Option<u32>,
    /// What it does without work.
    pub idle: IdlePolicy,
}

impl Default for ThreadYaml {
    fn default() -> Self {
        ThreadYaml { core: None, idle: IdlePolicy::Auto }
    }
}

/// `runtime.threads`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThreadsYaml {
    /// Market data of Upbit.
    pub feed_upbit: ThreadYaml,
    /// Market data of Binance.
    pub feed_binance: ThreadYaml,
    /// Market data of Bithumb.
    pub feed_bithumb: ThreadYaml,
    /// Market data of Bybit.
    pub feed_bybit: ThreadYaml,
    /// Market data of OKX.
    pub feed_okx: ThreadYaml,
    /// Decisions; in placement shared, also feeds and gateway.
    pub engine: ThreadYaml,
    /// Orders.
    pub gateway: ThreadYaml,
    /// Facts to disk.
    pub journal: ThreadYaml,
    /// Logs, snapshots, Redis, status.
    pub telemetry: ThreadYaml,
    /// Watchdog.
    pub watchdog: ThreadYaml,
}

impl ThreadsYaml {
    /// Every thread with its key.
    pub fn all(&self) -> [(&'static str, &ThreadYaml); 10] {
        [
            ("feed_upbit", &self.feed_upbit),
            ("feed_binance", &self.feed_binance),
            ("feed_bithumb", &self.feed_bithumb),
            ("feed_bybit", &self.feed_bybit),
            ("feed_okx", &self.feed_okx),
            ("engine", &self.engine),
            ("gateway", &self.gateway),
            ("journal", &self.journal),
            ("telemetry", &self.telemetry),
            ("watchdog", &self.watchdog),
        ]
    }
}

/// `runtime`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeYaml {
    /// Which agents share a thread.
    pub placement: Placement,
    /// Core and idling of each thread.
    pub threads: ThreadsYaml,
}

impl Default for RuntimeYaml {
    fn default() -> Self {
        RuntimeYaml { placement: Placement::Threads, threads: ThreadsYaml::default() }
    }
}
