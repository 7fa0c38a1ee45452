//! `arb sim`: the local exchange, on loopback, for as long as it is asked to.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use serde_json::Value;
use serde_json::json;

use crate::cli::Common;
use crate::cli::config::refused;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::replay::stop_flag;
use crate::cli::simpages;
use crate::config::simscript;
use crate::net::tls::Identity;
use crate::net::tls::ServerTls;
use crate::runtime::crew::Crew;
use crate::runtime::crew::End;
use crate::runtime::crew::Ended;
use crate::runtime::crew::Post;
use crate::runtime::drive::Order;
use crate::runtime::idle::Wait;
use crate::sim::dialect::dialect;
use crate::sim::exchange::report;
use crate::sim::plan::MAX_UPDATES_PER_SECOND;
use crate::sim::server::agent::OpenError;
use crate::sim::server::agent::Ports;
use crate::sim::server::agent::Setup;
use crate::sim::server::agent::SimServer;
use crate::sim::server::limits::LONGEST_LIFE;
use crate::sim::server::limits::SimFault;
use crate::sim::server::stats::Count;
use crate::sim::server::stats::Stats;
use crate::sim::server::tour::tour;
use crate::types::control::PermissionWord;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// The name of the built-in script.
const TOUR: &str = "tour";
/// Name of the certificate's file.
const CERTIFICATE: &str = "sim-certificate.pem";
/// Between two looks at the stop flag, and between two lines of progress.
const LOOK: DurNs = DurNs::from_ms(100);
const PROGRESS: DurNs = DurNs::from_secs(10);
/// The server may take so long to say goodbye.
const DRAIN: DurNs = DurNs::from_secs(2);

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
    /// Seed of the market and of the accounts' keys
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// Images of each book per second
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_UPDATES_PER_SECOND)))]
    pub updates_per_second: u32,
    /// Speak TLS with a certificate that is made at the start
    #[arg(long)]
    pub tls: bool,
    /// Where the certificate goes, for the client to trust (venues.tls_roots)
    #[arg(long, value_name = "DIR", default_value = "state", value_hint = clap::ValueHint::DirPath)]
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

/// Serves until the time is over or a signal comes.
///
/// # Errors
/// `Exit::Config` for a script that makes no sense, `Exit::Usage` for coins or ports that do not,
/// `Exit::Io` for a port that is taken or a certificate that cannot be written.
pub fn sim(args: &SimArgs, common: &Common) -> Result<Exit, CliError> {
    if args.print_account {
        return output::print(simpages::accounts(args, common)?.as_bytes());
    }
    if args.print_config {
        return output::print(simpages::configuration(args, common)?.as_bytes());
    }
    let faults = faults(args)?;
    let tls = match args.tls {
        true => Some(certificate(&args.certificate(common))?),
        false => None,
    };
    let setup = Setup {
        venues: args.venues(),
        bases: args.bases.clone(),
        seed: args.seed,
        updates_per_second: args.updates_per_second,
        base_port: args.base_port,
        tls,
        faults,
        dialect,
    };
    let server = SimServer::open(setup, Clock::wall().as_ms()).map_err(unopened)?;
    let ports = server.ports().map_err(|why| failed(&why))?;
    output::print(ready(&ports, args, common).as_bytes())?;
    serve(server, args, common)
}

fn faults(args: &SimArgs) -> Result<Vec<SimFault>, CliError> {
    match &args.faults {
        None => Ok(Vec::new()),
        Some(name) if name == Path::new(TOUR) => Ok(tour(&args.venues())),
        Some(path) => simscript::load(path).map_err(refused),
    }
}

fn certificate(path: &Path) -> Result<ServerTls, CliError> {
    let unusable = |why: &dyn std::fmt::Display| {
        let what = format!("{}: {why}", path.display());
        CliError::new(Exit::Io, what, "name a folder that can be written with --cert-dir")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|why| unusable(&why))?;
    }
    let identity = Identity::local().map_err(|why| unusable(&why))?;
    identity.write_certificate(path).map_err(|why| unusable(&why))?;
    ServerTls::new(&identity).map_err(|why| unusable(&why))
}

fn unopened(why: OpenError) -> CliError {
    let (exit, fix) = match &why {
        OpenError::Bind { .. } => {
            (Exit::Io, "end what listens there, name another --base-port, or 0 for free ports")
        }
        OpenError::Bases | OpenError::NoVenues | OpenError::Ports(_) => {
            (Exit::Usage, "`arb sim --help` shows what there is")
        }
        OpenError::Plan(_) => (Exit::Usage, "name other --bases"),
    };
    CliError::new(exit, why, fix)
}

fn failed(why: &dyn std::fmt::Display) -> CliError {
    CliError::new(Exit::Internal, why, "report this defect")
}

/// What is printed once everything listens.
fn ready(ports: &Ports, args: &SimArgs, common: &Common) -> String {
    let certificate = args.tls.then(|| args.certificate(common).display().to_string());
    if common.json {
        let venues: serde_json::Map<String, Value> = ports
            .venues
            .iter()
            .map(|(venue, port)| (venue.name().into(), (*port).into()))
            .collect();
        let line = json!({
            "ready": true,
            "ports": venues,
            "admin": ports.admin,
            "tls_certificate": certificate,
            "for_seconds": args.seconds,
        });
        return format!("{line}\n");
    }
    let (ws, http) = if args.tls { ("wss", "https") } else { ("ws", "http") };
    let row = |(venue, port): &(VenueId, u16)| {
        let path = simpages::ws_path(*venue);
        format!("{:8} {ws}://127.0.0.1:{port}{path}  {http}://127.0.0.1:{port}\n", venue.name())
    };
    let mut text: String = ports.venues.iter().map(row).collect();
    text.push_str(&format!("operator http://127.0.0.1:{}/_sim/stats\n", ports.admin));
    if let Some(path) = certificate {
        text.push_str(&format!("certificate {path}\n"));
    }
    text.push_str(&format!("serving for {} s\n", args.seconds));
    text
}

fn serve(server: SimServer, args: &SimArgs, common: &Common) -> Result<Exit, CliError> {
    let stop = stop_flag(Exit::Interrupted);
    let (clock, stats) = (Clock::start(), server.stats());
    let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
    let post = Post::new("sim-server", Wait::Park, DRAIN);
    let worker = crew.start(server, post).map_err(|why| failed(&why))?;
    let over = clock.mono().plus(DurNs::from_secs(args.seconds));
    let mut tell_at = clock.mono().plus(PROGRESS);
    let ended = loop {
        let now = clock.mono();
        if now >= over || stop.load(Ordering::Acquire) || crew.standing() != Order::Run {
            break if now >= over { "time" } else { "signal" };
        }
        if now >= tell_at && !common.quiet {
            tell_at = now.plus(PROGRESS);
            // Without stderr nobody wants to be told.
            let _ = writeln!(std::io::stderr(), "{}", progress(&stats, over.since(now)));
        }
        crew.wait_until(over.min(now.plus(LOOK)));
    };
    crew.stop(Order::Drain);
    let by = MonoNs(clock.mono().0).plus(DRAIN).plus(DRAIN);
    finish(crew.join(worker, by), (&stats, ended), args, common)
}

fn progress(stats: &Stats, left: DurNs) -> String {
    let sum = |what| stats.sum(what);
    format!(
        "sim: {} open, {} messages out, {} orders, {} fills, {} faults, {} cut; {} s left",
        sum(Count::Accepted).saturating_sub(sum(Count::Ended) + sum(Count::TurnedAway)),
        sum(Count::MessagesOut),
        sum(Count::Orders),
        sum(Count::Fills),
        sum(Count::Faults),
        sum(Count::CutSlow),
        left.0 / NS_PER_SEC,
    )
}

fn finish(
    ended: Ended<SimServer>,
    (stats, why): (&Stats, &str),
    args: &SimArgs,
    common: &Common,
) -> Result<Exit, CliError> {
    let server = match ended.end {
        End::Returned(server, _) => server,
        End::Panicked(fall) => return Err(failed(&fall.message)),
        End::Left => return Err(failed(&"the server did not end")),
    };
    let ledgers = server.houses().iter().map(|house| report::ledger(house.exchange()));
    let is_conserved = ledgers.map(|ledger| ledger["conserved"] == true).all(|is| is);
    if common.json {
        let counts = stats.json(&args.venues());
        let line = json!({"ended": why, "conserved": is_conserved, "stats": counts});
        output::print(format!("{line}\n").as_bytes())?;
    } else {
        output::print(format!("{}\n", progress(stats, DurNs(0))).as_bytes())?;
    }
    match is_conserved {
        true => Ok(Exit::Done),
        false => Err(failed(&"a ledger does not add up")),
    }
}
