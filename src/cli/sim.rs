//! `arb sim`: the local exchange, on loopback, for as long as it is asked to.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;

use crate::cli::Common;
use crate::cli::config::refused;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::replay::stop_flag;
use crate::cli::simargs::SimArgs;
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
use crate::sim::server::agent::OpenError;
use crate::sim::server::agent::Ports;
use crate::sim::server::agent::Setup;
use crate::sim::server::agent::SimServer;
use crate::sim::server::house::House;
use crate::sim::server::limits::SimFault;
use crate::sim::server::stats::Count;
use crate::sim::server::stats::Stats;
use crate::sim::server::tour::tour;
use crate::types::control::PermissionWord;
use crate::types::ids::VenueId;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// The name of the built-in script.
const TOUR: &str = "tour";
/// Between two looks at the stop flag, and between two lines of progress.
const LOOK: DurNs = DurNs::from_ms(100);
const PROGRESS: DurNs = DurNs::from_secs(10);
/// The server may take so long to say goodbye.
const DRAIN: DurNs = DurNs::from_secs(2);

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
    let adds_up = |house: &House| house.exchange().ledger().broken().is_empty();
    let is_conserved = server.houses().iter().all(adds_up);
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
