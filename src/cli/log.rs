//! Where the log goes: stderr, so that stdout stays data. Set up once, before any command.

use log::LevelFilter;

/// Starts the log at INFO, at WARN with `--quiet`. `RUST_LOG` decides when the flag does not.
/// Colour appears on a terminal only. A second call changes nothing.
pub fn start(quiet: bool) {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(if quiet { LevelFilter::Warn } else { LevelFilter::Info });
    if !quiet {
        builder.parse_env("RUST_LOG");
    }
    // An error means that a logger runs already, as in a test binary: that one stays.
    let _ = builder.target(env_logger::Target::Stderr).try_init();
}
