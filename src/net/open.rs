//! From addresses to a connection that is ready for bytes: TCP, then TLS. A machine that is
//! stepped, so that one thread can drive both sides of a test or several connections.

use std::io;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use crate::net::deadline::Deadline;
use crate::net::deadline::Ready;
use crate::net::deadline::is_ready;
use crate::net::stream::Stream;
use crate::net::tcp;
use crate::net::tls::ClientTls;
use crate::net::tls::TlsError;
use crate::net::upgrade::UpgradeError;
use crate::net::url::Endpoint;
use crate::net::url::Scheme;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// How long connecting may take. Both are hard: a peer that accepts and stays silent, or sends a
/// byte now and then, is given up in time (`FAULTS.md` F04).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DialLimits {
    /// For TCP, over all addresses together.
    pub connect: DurNs,
    /// For TLS and the upgrade together, from the moment TCP is connected.
    pub handshake: DurNs,
}

/// 5 s each (`FAULTS.md` F04).
pub const DIAL_LIMITS: DialLimits =
    DialLimits { connect: DurNs::from_secs(5), handshake: DurNs::from_secs(5) };

/// What to connect to.
#[derive(Clone, Copy, Debug)]
pub struct Dial<'a> {
    /// Place and path.
    pub endpoint: &'a Endpoint,
    /// Where that is, tried in this order; the first that accepts is taken. If its handshake
    /// fails, no other is tried: whoever dials again may turn the list.
    pub addresses: &'a [SocketAddr],
    /// Whom to trust. Not used for plain connections.
    pub tls: &'a ClientTls,
    /// Deadlines.
    pub limits: DialLimits,
    /// Sent with the upgrade behind its own, for venues that want the key there.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Which step took too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// TCP.
    Connect,
    /// TLS.
    Tls,
    /// The WebSocket upgrade.
    Upgrade,
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DialError {
    /// The list of addresses is empty.
    #[error("there is no address to connect to")]
    NoAddress,
    /// Unencrypted to another machine: what the name says and what it resolves to differ.
    #[error("unencrypted connections go to this machine only, not to {0}: use wss:// or https://")]
    Plain(SocketAddr),
    /// No address accepts; of the last one tried.
    #[error("{address}: cannot connect: {why}")]
    Connect {
        /// The last one tried.
        address: SocketAddr,
        /// The system's words.
        why: String,
    },
    /// A deadline has passed.
    #[error("{step:?} did not finish in time")]
    Late {
        /// In which step.
        step: Step,
    },
    /// The certificate is not accepted, or this is no TLS.
    #[error("TLS is refused: {0}")]
    Tls(String),
    /// An answer that is no upgrade: a proxy, a block, a page (`FAULTS.md` F16).
    #[error("the server answers {status} instead of a WebSocket: {body}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The first bytes of the body, as text.
        body: String,
    },
    /// Something that is no HTTP, or no proper upgrade.
    #[error("the server answers no proper upgrade: {0}")]
    Upgrade(String),
    /// The peer hangs up in the middle.
    #[error("the server ends the connection during {step:?}: {why}")]
    Ended {
        /// In which step.
        step: Step,
        /// The system's words.
        why: String,
    },
}

impl From<TlsError> for DialError {
    fn from(why: TlsError) -> DialError {
        DialError::Tls(why.to_string())
    }
}

impl From<UpgradeError> for DialError {
    fn from(why: UpgradeError) -> DialError {
        DialError::Upgrade(why.to_string())
    }
}

impl DialError {
    /// What a failed read or write means during a step.
    pub(crate) fn of_io(why: &io::Error, step: Step) -> DialError {
        match why.kind() {
            io::ErrorKind::InvalidData => DialError::Tls(why.to_string()),
            _ => DialError::Ended { step, why: why.to_string() },
        }
    }
}

/// Connects and waits for it, TLS included, at most until the deadline.
pub(crate) fn connect(dial: &Dial, deadline: Deadline) -> Result<Stream, DialError> {
    let clock = Clock::start();
    let mut opening = Opening::begin(dial, clock.mono())?;
    loop {
        if let Some(opened) = opening.step(clock.mono())? {
            return Ok(opened.stream);
        }
        let left = opening.by().since(clock.mono()).min(deadline.left());
        if deadline.left() == DurNs(0) {
            return Err(DialError::Late { step: opening.at() });
        }
        if let Some(socket) = opening.fd() {
            is_ready(socket, opening.wants(), left)
                .map_err(|why| DialError::of_io(&why, opening.at()))?;
        }
    }
}

/// A connection on its way. Dropping it gives it up.
#[derive(Debug)]
pub struct Opening {
    scheme: Scheme,
    host: String,
    tls: ClientTls,
    limits: DialLimits,
    /// Those not tried yet, in reverse.
    left: Vec<SocketAddr>,
    /// When TCP must stand at the latest.
    connect_by: MonoNs,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Connecting { tcp: TcpStream, address: SocketAddr, by: MonoNs },
    Shaking { stream: Stream, by: MonoNs },
    Done,
}

/// A connection that is ready for bytes, and until when its handshake must be over.
#[derive(Debug)]
pub(crate) struct Opened {
    pub stream: Stream,
    pub by: MonoNs,
}

impl Opening {
    /// Begins with the first address.
    pub(crate) fn begin(dial: &Dial, now: MonoNs) -> Result<Opening, DialError> {
        if dial.endpoint.scheme == Scheme::Plain
            && let Some(other) = dial.addresses.iter().find(|one| !one.ip().is_loopback())
        {
            return Err(DialError::Plain(*other));
        }
        let mut opening = Opening {
            scheme: dial.endpoint.scheme,
            host: dial.endpoint.host.clone(),
            tls: dial.tls.clone(),
            limits: dial.limits,
            left: dial.addresses.iter().rev().copied().collect(),
            connect_by: now.plus(dial.limits.connect),
            stage: Stage::Done,
        };
        opening.stage = opening.next_address(DialError::NoAddress, now)?;
        Ok(opening)
    }
    /// One step without waiting; `None` while it is not done.
    pub(crate) fn step(&mut self, now: MonoNs) -> Result<Option<Opened>, DialError> {
        if let Stage::Connecting { tcp, address, by } = &self.stage {
            let (address, by) = (*address, *by);
            match tcp::is_connected(tcp) {
                Ok(true) => self.begin_handshake(now)?,
                Ok(false) if now < by => return Ok(None),
                Ok(false) => {
                    let late = DialError::Late { step: Step::Connect };
                    self.stage = self.next_address(late, now)?;
                    return Ok(None);
                }
                Err(why) => {
                    let failed = DialError::Connect { address, why: why.to_string() };
                    self.stage = self.next_address(failed, now)?;
                    return Ok(None);
                }
            }
        }
        self.shake(now)
    }
    /// What the next step waits for.
    pub(crate) fn wants(&self) -> Ready {
        match &self.stage {
            Stage::Connecting { .. } => Ready::Write,
            Stage::Shaking { stream, .. } => stream.wants(),
            Stage::Done => Ready::Read,
        }
    }
    /// When the present step is over at the latest.
    pub(crate) fn by(&self) -> MonoNs {
        match &self.stage {
            Stage::Connecting { by, .. } | Stage::Shaking { by, .. } => *by,
            Stage::Done => MonoNs(0),
        }
    }
    const fn at(&self) -> Step {
        match &self.stage {
            Stage::Connecting { .. } => Step::Connect,
            Stage::Shaking { .. } | Stage::Done => Step::Tls,
        }
    }
    /// The socket of the present step.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.stage {
            Stage::Connecting { tcp, .. } => Some(tcp.as_fd()),
            Stage::Shaking { stream, .. } => Some(stream.as_fd()),
            Stage::Done => None,
        }
    }
    /// Starts with the next address, which gets its share of the time that is left. Once all are
    /// tried, what became of the last one is the answer.
    fn next_address(&mut self, mut before: DialError, now: MonoNs) -> Result<Stage, DialError> {
        while let Some(address) = self.left.pop() {
            let share = self.connect_by.since(now).0 / (self.left.len() as u64 + 1);
            match tcp::begin(address) {
                Ok(tcp) => {
                    let by = now.plus(DurNs(share));
                    return Ok(Stage::Connecting { tcp, address, by });
                }
                Err(why) => before = DialError::Connect { address, why: why.to_string() },
            }
        }
        Err(before)
    }
    fn begin_handshake(&mut self, now: MonoNs) -> Result<(), DialError> {
        let Stage::Connecting { tcp, .. } = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(());
        };
        let tls = match self.scheme {
            Scheme::Plain => None,
            Scheme::Tls => Some(self.tls.connection(&self.host)?.into()),
        };
        let by = now.plus(self.limits.handshake);
        self.stage = Stage::Shaking { stream: Stream::new(tcp, tls), by };
        Ok(())
    }
    fn shake(&mut self, now: MonoNs) -> Result<Option<Opened>, DialError> {
        let Stage::Shaking { stream, by } = &mut self.stage else { return Ok(None) };
        let is_done = stream.shake().map_err(|why| DialError::of_io(&why, Step::Tls))?;
        if !is_done && now >= *by {
            return Err(DialError::Late { step: Step::Tls });
        }
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Shaking { stream, by } if is_done => Ok(Some(Opened { stream, by })),
            going_on => {
                self.stage = going_on;
                Ok(None)
            }
        }
    }
}
