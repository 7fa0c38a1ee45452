//! Raw sections of the venues: where they are, which are used, our own request limits.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::types::ids::VenueId;

/// `upbit`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpbitYaml {
    /// Off leaves its instruments out.
    pub enabled: bool,
    /// Its silence or lag is ERROR and stops all entries; otherwise WARN, and stops its own routes.
    pub required: bool,
    /// Secret: stays empty here; environment UPBIT_API_KEY, UPBIT_API_KEY_FILE or a credential.
    #[schemars(extend("secret" = "UPBIT_API_KEY", "waits_for" = "mode live"))]
    pub api_key: String,
    /// Secret: stays empty here; environment UPBIT_API_SECRET, its _FILE or a credential.
    #[schemars(extend("secret" = "UPBIT_API_SECRET", "waits_for" = "mode live"))]
    pub api_secret: String,
    /// Base of REST requests.
    #[schemars(extend("form" = "https"))]
    pub rest_url: String,
    /// Public WebSocket.
    #[schemars(extend("form" = "wss"))]
    pub ws_url: String,
    /// Our own limit of REST requests.
    pub rate_limit: RateLimitYaml,
}

impl Default for UpbitYaml {
    fn default() -> Self {
        UpbitYaml {
            enabled: true,
            required: true,
            api_key: String::new(),
            api_secret: String::new(),
            rest_url: "https://api.upbit.com".to_owned(),
            ws_url: "wss://api.upbit.com/websocket/v1".to_owned(),
            rate_limit: RateLimitYaml::default(),
        }
    }
}

/// `binance`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BinanceYaml {
    /// Off leaves its instruments out.
    pub enabled: bool,
    /// Its silence or lag is ERROR and stops all entries; otherwise WARN, and stops its own routes.
    pub required: bool,
    /// Secret: stays empty here; environment BINANCE_API_KEY, BINANCE_API_KEY_FILE or a credential.
    #[schemars(extend("secret" = "BINANCE_API_KEY", "waits_for" = "mode live"))]
    pub api_key: String,
    /// Secret: stays empty here; environment BINANCE_API_SECRET, its _FILE or a credential.
    #[schemars(extend("secret" = "BINANCE_API_SECRET", "waits_for" = "mode live"))]
    pub api_secret: String,
    /// Base of REST requests.
    #[schemars(extend("form" = "https"))]
    pub rest_url: String,
    /// Public WebSocket.
    #[schemars(extend("form" = "wss"))]
    pub ws_url: String,
    /// Our own limit of REST requests.
    pub rate_limit: RateLimitYaml,
}

impl Default for BinanceYaml {
    fn default() -> Self {
        BinanceYaml {
            enabled: true,
            required: true,
            api_key: String::new(),
            api_secret: String::new(),
            rest_url: "https://api.binance.com".to_owned(),
            ws_url: "wss://stream.binance.com:9443".to_owned(),
            rate_limit: RateLimitYaml::default(),
        }
    }
}

/// `bithumb`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BithumbYaml {
    /// Off leaves its instruments out.
    pub enabled: bool,
    /// Its silence or lag is ERROR and stops all entries; otherwise WARN, and stops its own routes.
    pub required: bool,
    /// Secret: stays empty here; environment BITHUMB_API_KEY, BITHUMB_API_KEY_FILE or a credential.
    #[schemars(extend("secret" = "BITHUMB_API_KEY", "waits_for" = "mode live"))]
    pub api_key: String,
    /// Secret: stays empty here; environment BITHUMB_API_SECRET, its _FILE or a credential.
    #[schemars(extend("secret" = "BITHUMB_API_SECRET", "waits_for" = "mode live"))]
    pub api_secret: String,
    /// Base of REST requests.
    #[schemars(extend("form" = "https"))]
    pub rest_url: String,
    /// Public WebSocket.
    #[schemars(extend("form" = "wss"))]
    pub ws_url: String,
    /// Our own limit of REST requests.
    pub rate_limit: RateLimitYaml,
}

impl Default for BithumbYaml {
    fn default() -> Self {
        BithumbYaml {
            enabled: false,
            required: false,
            api_key: String::new(),
            api_secret: String::new(),
            rest_url: "https://api.bithumb.com".to_owned(),
            ws_url: "wss://ws-api.bithumb.com/websocket/v1".to_owned(),
            rate_limit: RateLimitYaml::default(),
        }
    }
}

/// `bybit`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BybitYaml {
    /// Off leaves its instruments out.
    pub enabled: bool,
    /// Its silence or lag is ERROR and stops all entries; otherwise WARN, and stops its own routes.
    pub required: bool,
    /// Secret: stays empty here; environment BYBIT_API_KEY, BYBIT_API_KEY_FILE or a credential.
    #[schemars(extend("secret" = "BYBIT_API_KEY", "waits_for" = "mode live"))]
    pub api_key: String,
    /// Secret: stays empty here; environment BYBIT_API_SECRET, its _FILE or a credential.
    #[schemars(extend("secret" = "BYBIT_API_SECRET", "waits_for" = "mode live"))]
    pub api_secret: String,
    /// Base of REST requests.
    #[schemars(extend("form" = "https"))]
    pub rest_url: String,
    /// Public WebSocket.
    #[schemars(extend("form" = "wss"))]
    pub ws_url: String,
    /// Our own limit of REST requests.
    pub rate_limit: RateLimitYaml,
}

impl Default for BybitYaml {
    fn default() -> Self {
        BybitYaml {
            enabled: false,
            required: false,
            api_key: String::new(),
            api_secret: String::new(),
            rest_url: "https://api.bybit.com".to_owned(),
            ws_url: "wss://stream.bybit.com".to_owned(),
            rate_limit: RateLimitYaml::default(),
        }
    }
}

/// `okx`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OkxYaml {
    /// Off leaves its instruments out.
    pub enabled: bool,
    /// Its silence or lag is ERROR and stops all entries; otherwise WARN, and stops its own routes.
    pub required: bool,
    /// Secret: stays empty here; environment OKX_API_KEY, OKX_API_KEY_FILE or a credential.
    #[schemars(extend("secret" = "OKX_API_KEY", "waits_for" = "mode live"))]
    pub api_key: String,
    /// Secret: stays empty here; environment OKX_API_SECRET, its _FILE or a credential.
    #[schemars(extend("secret" = "OKX_API_SECRET", "waits_for" = "mode live"))]
    pub api_secret: String,
    /// Secret: stays empty here; environment OKX_API_PASSPHRASE, its _FILE or a credential.
    #[schemars(extend("secret" = "OKX_API_PASSPHRASE", "waits_for" = "mode live"))]
    pub api_passphrase: String,
    /// Base of REST requests.
    #[schemars(extend("form" = "https"))]
    pub rest_url: String,
    /// Public WebSocket.
    #[schemars(extend("form" = "wss"))]
    pub ws_url: String,
    /// Our own limit of REST requests.
    pub rate_limit: RateLimitYaml,
}

impl Default for OkxYaml {
    fn default() -> Self {
        OkxYaml {
            enabled: false,
            required: false,
            api_key: String::new(),
            api_secret: String::new(),
            api_passphrase: String::new(),
            rest_url: "https://www.okx.com".to_owned(),
            ws_url: "wss://ws.okx.com:8443".to_owned(),
            rate_limit: RateLimitYaml::default(),
        }
    }
}

/// `rate_limit` of a venue.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimitYaml {
    /// Sustained requests.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "requests/s"))]
    pub requests_per_second: u32,
    /// Requests at once after a pause.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "requests"))]
    pub burst_size: u32,
}

impl Default for RateLimitYaml {
    fn default() -> Self {
        RateLimitYaml { requests_per_second: 10, burst_size: 20 }
    }
}

/// A venue's name in the file.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum VenueYaml {
    /// Upbit.
    Upbit,
    /// Binance spot.
    Binance,
    /// Bithumb.
    Bithumb,
    /// Bybit spot.
    Bybit,
    /// OKX spot.
    Okx,
}

impl VenueYaml {
    /// The venue that is meant.
    pub const fn id(self) -> VenueId {
        match self {
            VenueYaml::Upbit => VenueId::Upbit,
            VenueYaml::Binance => VenueId::Binance,
            VenueYaml::Bithumb => VenueId::Bithumb,
            VenueYaml::Bybit => VenueId::Bybit,
            VenueYaml::Okx => VenueId::Okx,
        }
    }
}

/// `venues`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VenuesYaml {
    /// The venue whose USDT-KRW book is the rate; it needs that instrument.
    pub fx: VenueYaml,
    /// Longest time from connecting to an open, subscribed socket.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub connect_timeout_ms: u64,
    /// A socket without any frame or pong for this long is replaced. It is probed after 2 s.
    #[schemars(range(min = 6_000, max = 12_000), extend("unit" = "ms"))]
    pub silence_timeout_ms: u64,
    /// Whose certificates are trusted: webpki (the built-in list), system, or a PEM file.
    pub tls_roots: String,
}

impl Default for VenuesYaml {
    fn default() -> Self {
        VenuesYaml {
            fx: VenueYaml::Upbit,
            connect_timeout_ms: 5_000,
            silence_timeout_ms: 12_000,
            tls_roots: "webpki".to_owned(),
        }
    }
}
