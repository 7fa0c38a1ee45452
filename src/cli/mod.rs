//! The command line: every flag, the one dispatch, the one way to end.
//!
//! Owns: arguments, stdout, stderr, exit codes. Never: a decision about trading.

pub mod config;
pub mod decode;
pub mod doctor;
pub mod exit;
pub mod faults;
pub mod log;
pub mod output;
pub mod pages;
pub mod record;
pub mod repeat;
pub mod replay;
pub mod report;
pub mod run;
pub mod sim;
pub mod simargs;
pub mod simpages;
pub mod stress;
pub mod summary;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use clap::ValueHint;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap_complete::Shell;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::record::FileArgs;
use crate::cli::record::RecordArgs;
use crate::cli::report::ReportArgs;
use crate::cli::simargs::SimArgs;
use crate::cli::stress::StressArgs;
use crate::config::load::DEFAULT_PATH;
use crate::config::load::Flag;
use crate::config::load::Loaded;
use crate::config::load::Origin;
use crate::config::load::Request;
use crate::sim::limits::Stage;
use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::number::parse_fixed;
use crate::types::time::DurNs;

/// Longest `--interval`: a day.
const MOST_INTERVAL_SECS: u64 = 86_400;
/// Shortest `--interval` besides 0: closing cycles must not be all that an engine does.
const LEAST_INTERVAL: DurNs = DurNs::from_ms(1);
/// Nanoseconds in 10⁻⁸ s, the step of [`parse_fixed`].
const NS_PER_RAW: u64 = 10;

const EXAMPLES: &str = "\
Examples:
  arb run --once --mock                   one cycle of the synthetic market
  arb run --mode mock --loops 1440 --interval 60 --virtual
                                          a day of it, in seconds
  arb replay market.rec.gz                what the engine would have done
  arb replay market.rec.gz --json         the same, as one JSON object
  arb record --out tapes/market           raw frames to disk, without trading
  arb decode market.rec.gz --venue upbit  every book of one venue, a JSON line each
  arb report .                            was the run in this directory stable?
  arb stress --scenario feed_silence      one stress scenario; --list names them
  arb sim --for 900                       a local exchange of five venues, with --faults at will
  arb --config my.yml config check        every fault of a configuration at once
  arb config show                         values in force, and where each comes from

Data goes to stdout, everything else to stderr.
";

/// Cross-exchange arbitrage, built to run for days unattended.
///
/// arb watches the same asset on two exchanges and finds moments when buying on one and selling
/// on the other pays after fees, depth, slippage and currency. Nothing here needs a key or a
/// service, and no command of this version sends an order to an exchange: `run --mode paper`,
/// `record` and `doctor` read what it shows to everybody.
#[derive(Parser, Debug)]
#[command(name = "arb", version, arg_required_else_help = true, after_help = after_help())]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Args, Debug)]
pub struct Common {
    /// Configuration file [default: config/live.yml if there is one, else built-in values]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Directory under which every relative output path lies; created if missing
    #[arg(long, global = true, value_name = "DIR", default_value = ".",
          value_hint = ValueHint::DirPath)]
    pub run_dir: PathBuf,
    /// End with one JSON object on one line of stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Silence what is not a warning
    #[arg(long, global = true)]
    pub quiet: bool,
}

/// What the program can do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the engine: the main job
    ///
    /// In mode mock the market is synthetic and seeded, fills are simulated, and nothing leaves
    /// this machine. A cycle closes every interval; trading itself follows each book change.
    Run(RunArgs),
    /// Run a recording through the engine on a virtual clock, trading on paper
    ///
    /// The frames go through the same decoders, books and engine as in a live run, at the times
    /// of the recording. The same file, configuration and seed give the same decisions and the
    /// same trace_hash each time. A recorded run (`arb run --record`) has marks beside its frames:
    /// then its own decisions are repeated and compared one by one, with the trace_hash of that
    /// run at the end. What differs is an error.
    Replay(ReplayArgs),
    /// Write the raw frames of the configured venues to disk, without trading
    ///
    /// Files are text, one frame a line, compressed, each readable by itself; no file is ever
    /// overwritten. A kill loses at most a second.
    #[command(after_help = record::EXAMPLES)]
    Record(RecordArgs),
    /// Print one JSON line for each book, trade or order event in a recording
    Decode(DecodeArgs),
    /// Judge what a run left behind: was it stable?
    ///
    /// Reads the snapshots, the minutes and the events in DIR or in DIR/logs/stability, also those
    /// of a run that was interrupted or still goes on, and snapshots of the previous system. Needs
    /// no configuration and changes nothing. Exits 0 for PASS, 10 for FAIL, 12 for INCONCLUSIVE:
    /// FAIL beats INCONCLUSIVE beats PASS, and fewer than 24 snapshots or minutes are never a
    /// PASS. What could not be measured fails; a damaged or foreign file is named and leaves the
    /// verdict open.
    #[command(after_help = report::EXAMPLES)]
    Report(ReportArgs),
    /// Put real runs under real stress and check what they do about it
    ///
    /// Each scenario starts this program in a folder of its own, injects one condition for real,
    /// from a silent feed to kill -9, and checks that what must happen does, in time. All of them
    /// take less than five minutes on two cores. Those of Redis need a redis-server.
    Stress(StressArgs),
    /// Serve a local exchange that speaks the protocols of all five venues
    ///
    /// On loopback, each venue on a port of its own: WebSocket and REST, public and private, with
    /// their paths, their limits and their silences. Books are those of a seeded synthetic market;
    /// orders match against them, and a ledger keeps the truth. Keys are really verified
    /// (--print-account prints them). Nothing leaves this machine. Faults come from a script or
    /// from requests to the operator's port while it runs. It ends by itself after --for SECONDS,
    /// or with the first SIGINT.
    #[command(after_help = simargs::EXAMPLES)]
    Sim(SimArgs),
    /// Look at everything that a run needs, before it starts
    ///
    /// Configuration, run directory, disk, machine and limits; for every real venue in use also its
    /// name, TLS, WebSocket, clock and instruments. Each check says ok, skip, WARN or FAIL, and how
    /// to mend it. Changes nothing.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor,
    /// Look into the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completion script of a shell
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print a manual page in roff
    #[command(hide = true)]
    Man {
        /// Words of the command; none for the program.
        words: Vec<String>,
    },
}

/// Arguments of `arb run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The same as --mode mock
    #[arg(long, conflicts_with = "mode")]
    pub mock: bool,
    /// Where prices come from and where orders go [default: the configuration's]
    #[arg(long, value_name = "MODE", value_parser = ["mock", "paper", "live"])]
    pub mode: Option<String>,
    /// Close exactly one cycle after the first decision on fresh books, then end
    #[arg(long)]
    pub once: bool,
    /// End after this many cycles; 0 means no end. Wins over --once
    #[arg(long, value_name = "N")]
    pub loops: Option<u64>,
    /// Time between two cycles; fractions allowed; 0 closes one after each market step
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub interval: DurNs,
    /// Seed of the synthetic market and of simulated fills [default: mock.seed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Run the mock market on a virtual clock, as fast as the machine goes
    #[arg(long = "virtual")]
    pub is_virtual: bool,
    /// Print KRW and yes/no where the metrics line has ₩ and signs
    #[arg(long)]
    pub ascii: bool,
    /// Faults to inject: a schedule file, or `tree`, which is built in and drives the watchdog
    /// through every state within 24 hours at --interval 60
    #[arg(long, value_name = "FILE|tree", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// Record all frames and what the engine did with them: NAME becomes NAME-000001.rec.gz and
    /// so on. `arb replay` repeats the run from that
    #[arg(long, value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// When the next recorded file begins and what is kept.
    #[command(flatten)]
    pub recorded: FileArgs,
}

/// Arguments of `arb replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// The recording: text, one frame a line; gzip when the name ends in .gz. Several files follow
    /// each other; a folder stands for those in it
    #[arg(required = true, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// Seed of the simulated latencies and rejects [default: mock.seed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Recorded time between two cycles; fractions allowed
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub interval: DurNs,
    /// Faults to inject: a schedule file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// Leave the marks of a recorded run alone: decide anew, with simulated fills. Also done with
    /// --faults
    #[arg(long)]
    pub simulate: bool,
}

/// Arguments of `arb decode`.
#[derive(Args, Debug)]
pub struct DecodeArgs {
    /// The recording: text, one frame a line; gzip when the name ends in .gz
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Whose frames to print
    #[arg(long, value_parser = venue())]
    pub venue: VenueId,
    /// Most levels to print on each side of a book [default: all]
    #[arg(long, value_name = "N", value_parser = levels)]
    pub levels: Option<usize>,
}

/// What `arb config` can do.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum ConfigCommand {
    /// Validate; print every fault with its line, its range and the nearest known key
    Check,
    /// Print the values in force and where each comes from
    Show,
    /// Print what keys mean, their ranges and defaults; cycles also in wall time
    Explain {
        /// A key (risk.max_quote_age_ms), a section (risk), or everything
        key: Option<String>,
        /// Time between two cycles; fractions allowed
        #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
        interval: DurNs,
    },
    /// Print the JSON Schema of the file, for editors
    Schema,
}

fn after_help() -> String {
    format!("{EXAMPLES}\n{}", exit::table())
}

fn venue() -> impl TypedValueParser<Value = VenueId> {
    let names = PossibleValuesParser::new(VenueId::ALL.map(VenueId::name));
    names.try_map(|name| VenueId::from_name(&name).ok_or("no such venue"))
}

fn levels(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=limit::BOOK_LEVELS).contains(count));
    count.ok_or_else(|| format!("give a whole number from 1 to {}", limit::BOOK_LEVELS))
}

fn seconds(text: &str) -> Result<DurNs, String> {
    let raw = parse_fixed(text.as_bytes()).ok().and_then(|raw| u64::try_from(raw).ok());
    let length = raw.and_then(|raw| raw.checked_mul(NS_PER_RAW)).map(DurNs);
    let range = LEAST_INTERVAL..=DurNs::from_secs(MOST_INTERVAL_SECS);
    let fits = length.filter(|length| *length == DurNs(0) || range.contains(length));
    fits.ok_or_else(|| format!("give 0, or seconds from 0.001 to {MOST_INTERVAL_SECS}"))
}

/// The whole program: arguments to command to exit code.
pub fn main() -> ExitCode {
    // The panic's message is on stderr already; the code must be ours, not Rust's 101.
    let exit = std::panic::catch_unwind(|| run(std::env::args_os())).unwrap_or(Exit::Internal);
    ExitCode::from(exit.code())
}

fn run(arguments: impl Iterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version arrive here too. Who closed the stream does not want the text.
            let _ = answer.print();
            return if answer.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    // `run` keeps a log file besides stderr and starts its own.
    if !matches!(cli.command, Command::Run(_)) {
        log::start(cli.common.quiet);
    }
    dispatch(&cli).unwrap_or_else(|error| {
        // Without stderr nobody is left to tell; the exit code still tells.
        let _ = writeln!(std::io::stderr(), "{error}");
        error.exit
    })
}

fn dispatch(cli: &Cli) -> Result<Exit, CliError> {
    match &cli.command {
        Command::Run(arguments) => run::run(arguments, &cli.common),
        Command::Replay(arguments) => {
            let loaded = load(&cli.common, Vec::new())?;
            let seed = arguments.seed.unwrap_or(loaded.checked.sections.mock.seed);
            let (json, quiet) = (cli.common.json, cli.common.quiet);
            let faults = faults::faults(arguments.faults.as_deref(), Stage::Replay)?;
            let is_simulated = arguments.simulate || !faults.is_empty();
            let interval = arguments.interval;
            let how = replay::How { seed, interval, json, quiet, faults, is_simulated };
            repeat::replay(&arguments.files, &loaded, &how)
        }
        Command::Record(arguments) => record::record(arguments, &cli.common),
        Command::Decode(arguments) => {
            let out = &mut std::io::stdout().lock();
            decode::decode(&arguments.file, arguments.venue, arguments.levels, out)
        }
        Command::Report(arguments) => report::report(arguments, cli.common.json),
        Command::Stress(arguments) => stress::stress(arguments, &cli.common),
        Command::Sim(arguments) => sim::sim(arguments, &cli.common),
        Command::Doctor => doctor::doctor(&request(&cli.common), &cli.common),
        Command::Config(command) => show_config(command, &cli.common),
        Command::Completions { shell } => {
            output::print(&pages::completions(Cli::command(), *shell))
        }
        Command::Man { words } => output::print(&pages::manual(Cli::command(), words)?),
    }
}

/// The configuration that the flags and the environment describe; says once when it is built in.
fn load(common: &Common, flags: Vec<Flag>) -> Result<Loaded, CliError> {
    let loaded = config::load(&Request { flags, ..request(common) })?;
    if loaded.origin == Origin::BuiltIn {
        ::log::info!("no --config and no {DEFAULT_PATH}: the built-in defaults apply");
    }
    Ok(loaded)
}

fn request(common: &Common) -> Request {
    // A variable that is not UTF-8 cannot be one of ours.
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let env = std::env::vars_os().filter_map(text).collect();
    Request { path: common.config.clone(), env, flags: Vec::new() }
}

fn show_config(command: &ConfigCommand, common: &Common) -> Result<Exit, CliError> {
    let request = request(common);
    let mut text = Vec::new();
    match command {
        ConfigCommand::Check => config::check(&request, &mut text)?,
        ConfigCommand::Show => {
            let format = if common.json { config::Format::Json } else { config::Format::Text };
            config::show(&request, format, &mut text)?;
        }
        ConfigCommand::Explain { key, interval } => {
            let args = config::ExplainArgs { key: key.clone(), interval: *interval };
            config::explain(&args, &request, &mut text)?;
        }
        ConfigCommand::Schema => config::schema(&mut text)?,
    }
    output::print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definitions_agree_with_themselves() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_global_flag_may_stand_before_or_after_its_command() {
        for line in ["arb --json --run-dir d replay f", "arb replay f --run-dir d --json"] {
            let cli = parse(line).unwrap();
            assert!(cli.common.json, "{line}");
            assert_eq!(cli.common.run_dir, PathBuf::from("d"), "{line}");
        }
    }

    #[test]
    fn an_interval_may_be_a_fraction_but_not_negative_or_longer_than_a_day() {
        assert_eq!(seconds("0.5"), Ok(DurNs::from_ms(500)));
        assert_eq!(seconds("0"), Ok(DurNs(0)));
        assert_eq!(seconds("86400"), Ok(DurNs::from_secs(86_400)));
        for text in ["-1", "0.0009", "86400.1", "1e18", "NaN", "", "5s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_venue_that_nobody_knows_is_a_usage_error() {
        let decode = |name: &str| parse(&format!("arb decode f --venue {name}"));
        for venue in VenueId::ALL {
            assert!(decode(venue.name()).is_ok());
        }
        assert!(decode("mtgox").is_err());
    }

    #[test]
    fn at_least_one_level_and_at_most_a_whole_book_is_printed() {
        assert_eq!(levels("1"), Ok(1));
        assert_eq!(levels("5000"), Ok(5_000));
        for text in ["0", "5001", "-1", "all"] {
            assert!(levels(text).is_err(), "{text}");
        }
    }
}
