//! The words of the watchdog: how bad a moment is, in which state the run is, how it ends.

/// How bad the worst signal is. Ordered: the worst of several is their maximum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Severity {
    /// Every signal is measured and inside its bands.
    Ok,
    /// Worth a look; trading goes on.
    Warn,
    /// As [`Severity::Error`], from a signal that never counts strikes (Redis).
    ErrorNoStrike,
    /// No entries; lasting, it strikes.
    Error,
    /// CRITICAL at once, then whatever `watchdog.on_critical` says.
    Fatal,
    /// CRITICAL at once, then the end of the run: no cooldown cures it (kill switch, loss limit,
    /// journal failure, lost lock, refused key, dead thread).
    Halt,
}

impl Severity {
    /// Every severity, ascending.
    pub const ALL: [Severity; 6] = [
        Severity::Ok,
        Severity::Warn,
        Severity::ErrorNoStrike,
        Severity::Error,
        Severity::Fatal,
        Severity::Halt,
    ];

    /// ERROR or worse: entries stop.
    pub fn stops_entries(self) -> bool {
        self >= Severity::ErrorNoStrike
    }
    /// FATAL or worse: everything is drained.
    pub fn is_fatal(self) -> bool {
        self >= Severity::Fatal
    }
    /// The word in events and on the terminal.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Ok => "OK",
            Severity::Warn => "WARN",
            Severity::ErrorNoStrike | Severity::Error => "ERROR",
            Severity::Fatal | Severity::Halt => "FATAL",
        }
    }
}

/// What the windows of a live run say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Level {
    /// No WARN within the last W cycles.
    Normal,
    /// A WARN within the last W cycles, no ERROR within the last E.
    Warn,
    /// An ERROR within the last E cycles.
    Error,
}

/// The state of the run as events, snapshots and operators see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum State {
    /// Started, not yet reconciled, or a persisted cooldown is left.
    Boot,
    /// Live, nothing to report.
    Normal,
    /// Live, alerting.
    Warn,
    /// Live, counting strikes.
    Error,
    /// Trading is off and everything open is being drained.
    Critical,
    /// Drained; trading stays off for a while.
    Cooldown,
    /// Draining because the run was asked to end.
    Stopping,
    /// Over. Never left.
    Exit(Ending),
}

impl State {
    /// The word in events, snapshots and on the terminal.
    pub const fn name(self) -> &'static str {
        match self {
            State::Boot => "BOOT",
            State::Normal => "NORMAL",
            State::Warn => "WARN",
            State::Error => "ERROR",
            State::Critical => "CRITICAL",
            State::Cooldown => "COOLDOWN",
            State::Stopping => "STOPPING",
            State::Exit(_) => "EXIT",
        }
    }
    /// Its place in the names that boards show.
    pub const fn index(self) -> u8 {
        match self {
            State::Boot => 0,
            State::Normal => 1,
            State::Warn => 2,
            State::Error => 3,
            State::Critical => 4,
            State::Cooldown => 5,
            State::Stopping => 6,
            State::Exit(_) => 7,
        }
    }

    /// How bad it is: an alert is raised when it becomes worse.
    pub const fn badness(self) -> u8 {
        match self {
            State::Boot | State::Normal | State::Stopping | State::Exit(_) => 0,
            State::Warn => 1,
            State::Error => 2,
            State::Cooldown => 3,
            State::Critical => 4,
        }
    }
    /// Trading, or pausing entries only.
    pub const fn is_live(self) -> bool {
        matches!(self, State::Normal | State::Warn | State::Error)
    }
}

impl From<Level> for State {
    fn from(level: Level) -> State {
        match level {
            Level::Normal => State::Normal,
            Level::Warn => State::Warn,
            Level::Error => State::Error,
        }
    }
}

/// How a run ended. The command line turns it into an exit code (`PRODUCT.md` 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Ending {
    /// It was asked to, and nothing one-sided is left: 0.
    Done,
    /// CRITICAL with `on_critical: shutdown`, drained clean: 20.
    Flat,
    /// A [`Severity::Halt`], drained clean. The code is that of its cause: see
    /// [`crate::watchdog::signal::Signal`].
    Halted,
    /// The drain left a one-sided position, or did not end in time: 22.
    Unhedged,
    /// The third CRITICAL in 24 h, drained clean: 23, to be restarted by hand.
    CrashLoop,
}
