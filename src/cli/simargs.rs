//! The arguments of `arb sim`, and the examples below its help.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;

use crate::cli::Common;
use crate::sim::plan::MAX_UPDATES_PER_SECOND;
use crate::sim::server::limits::LONGEST_LIFE;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::time::NS_PER_SEC;

/// Name of the certificate's file.
const CERTIFICATE: &str = "sim-certificate.pem";

/// Examples below the help.
pub const EXAMPLES: &str = "\
Two terminals:
  arb sim --for 900                              all five venues on ports 17700 to 17704
  arb sim --print-config > sim.yml               a configuration that points at them
  arb --config sim.yml run --mode paper --interval 1

With faults:
  arb sim --for 600 --faults tour                every fault of market data, venue after venue
  arb sim --faults my.yml                        a script of your own, see below
  curl -d '{\"kind\":\"silence\",\"venue\":\"okx\",\"for\":\"6s\"}' localhost:17705/_sim/fault
  curl localhost:17705/_sim/ledger?venue=upbit   orders, fills and balances: the truth

A script is a list of faults; `kind` and `for` are needed, `venue: all` is the default:
  faults:
    - {at: 30s, for: 6s, kind: lag, venue: upbit, by: 800ms}
    - {at: 60s, for: 4s, kind: gap, venue: binance, symbol: BTC-USDT}
    - {at: 90s, for: 3s, kind: burst, venue: okx, factor: 100}
kinds of the market data: lag silence half_open rst slow_loris one_byte_frames garbage giant_frame
  gap duplicate reorder crossed_book zero_price stale_timestamps future_timestamps unit_change
  accept_then_close accept_silent drop_subscription server_shutdown unknown_symbol burst frozen_book
kinds of requests and orders: http_5xx html_403 timeout_after_accept lost_reply duplicate_fill
  fill_before_ack partial_fill maintenance clock_skew
`by` is a time (lag, clock_skew, stale_timestamps, future_timestamps), `factor` a number (burst,
partial_fill).
";

/// Arguments of `arb sim`.
#[derive(Clone, Debug, clap::Args)]
pub struct SimArgs {
    /// Port of Upbit; Binance, Bithumb, Bybit, OKX and the operator's port follow. 0 takes free
    /// ones and prints them
    #[arg(long, value_name = "PORT", default_value_t = 17_700)]
    pub base_port: u16,
    /// Venues to serve, with commas [default: all five]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = venue())]
    pub venues: Vec<VenueId>,
    /// Coins to list, with commas, at most six
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "BTC,ETH",
          value_parser = base)]
    pub bases: Vec<Asset>,
    /// Seed of the market and of the accounts' keys; the usual one holds an entry for an engine at
    /// its defaults within a minute
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub seed: u64,
    /// Images of each book per second
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_UPDATES_PER_SECOND)))]
    pub updates_per_second: u32,
    /// Speak TLS with a certificate that is made at the start
    #[arg(long)]
    pub tls: bool,
    /// Where the certificate goes, for the client to trust (venues.tls_roots)
    #[arg(long, value_name = "DIR", default_value = "state",
          value_hint = clap::ValueHint::DirPath)]
    pub cert_dir: PathBuf,
    /// Faults to inject: a script, or `tour`, which is built in
    #[arg(long, value_name = "FILE|tour", value_hint = clap::ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// End after this time; at most a day
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=LONGEST_LIFE.0 / NS_PER_SEC))]
    pub seconds: u64,
    /// Print a configuration for `arb run --mode paper` against it, and serve nothing
    #[arg(long)]
    pub print_config: bool,
    /// Print the keys of the simulated accounts, which are worth nothing, and serve nothing
    #[arg(long)]
    pub print_account: bool,
}

fn venue() -> impl TypedValueParser<Value = VenueId> {
    let names = PossibleValuesParser::new(VenueId::ALL.map(VenueId::name));
    names.try_map(|name| VenueId::from_name(&name).ok_or("no such venue"))
}

fn base(text: &str) -> Result<Asset, String> {
    asset(text).ok_or_else(|| "write a coin in capitals: BTC".to_owned())
}

impl SimArgs {
    /// The venues, each once, in the order of their numbers.
    pub fn venues(&self) -> Vec<VenueId> {
        let is_in = |venue: &VenueId| self.venues.is_empty() || self.venues.contains(venue);
        VenueId::ALL.into_iter().filter(is_in).collect()
    }
    /// Where the certificate lies.
    pub fn certificate(&self, common: &Common) -> PathBuf {
        common.run_dir.join(&self.cert_dir).join(CERTIFICATE)
    }
}
