//! The one place that talks to Redis: writes a heartbeat and reads it back.
//!
//! A connection lives as long as everything on it was right and in time. After any timeout, error
//! or unexpected reply it is dropped: what arrives on it later would answer an older question
//! (`FAULTS.md` F54, F56). Nothing that a server says is repeated but its error code: old servers
//! echo arguments in their errors, and one argument is a password.
//!
//! Who beats also shows the loop's figures, so a beat has an end whatever the server does: no name
//! is looked up here, and each read and write gets what is left of one deadline, however little it
//! brings.

use std::env;
use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::ToSocketAddrs;
use std::time::Duration;

use redis::Cmd;
use redis::Parser;
use redis::RedisError;
use redis::Value;

use crate::telemetry::limits::RedisLimits;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// Environment variable that holds the password.
const PASSWORD_VARIABLE: &str = "REDIS_PASSWORD";
/// Longest error code that is repeated, in characters.
const LONGEST_CODE: usize = 20;

/// Why a heartbeat did not come back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BeatError {
    /// No connection, or it broke.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
    /// No answer within `redis.timeout_ms`.
    #[error("Redis does not answer in time")]
    TimedOut,
    /// The server answered with this error code.
    #[error("Redis refuses: {0}")]
    Refused(String),
    /// The answer belongs to another question, or the key is gone.
    #[error("Redis answers wrongly: {0}")]
    WrongReply(&'static str),
}

/// A password. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// This password. `None` if it is empty.
    pub fn new(text: String) -> Option<Password> {
        (!text.is_empty()).then_some(Password(text))
    }
    /// The password in the environment variable REDIS_PASSWORD.
    pub fn from_env() -> Option<Password> {
        env::var(PASSWORD_VARIABLE).ok().and_then(Password::new)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Whom to talk to, and as whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedisPlan {
    /// `redis` of the configuration.
    pub limits: RedisLimits,
    /// Second part of every key: which of several runs on one server this is.
    pub instance: String,
    /// Stands in the heartbeat and in the state.
    pub run_id: String,
    /// If the server wants one.
    pub password: Option<Password>,
    /// Where it is, from [`resolve`]; while it is empty every beat fails at once.
    pub addresses: Vec<SocketAddr>,
}

/// The addresses of the server's name. May wait for a name server for as long as the system's
/// resolver does, so it is asked once, before the run begins, and never by the telemetry thread.
///
/// # Errors
/// The resolver's own.
pub fn resolve(limits: &RedisLimits) -> io::Result<Vec<SocketAddr>> {
    Ok((limits.host.as_str(), limits.port).to_socket_addrs()?.collect())
}

/// The client. Synchronous; one connection at most.
pub struct RedisClient {
    plan: RedisPlan,
    heartbeat_key: String,
    state_key: String,
    clock: Clock,
    connection: Option<Connection>,
    /// Which address is tried first: behind one that did not answer comes the next.
    first: usize,
}

/// A connection, and what came on it without having been read as a reply yet.
struct Connection {
    stream: TcpStream,
    parser: Parser,
}

/// A connection until a deadline.
struct Until<'s> {
    stream: &'s TcpStream,
    clock: Clock,
    by: MonoNs,
}

impl Until<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        left(self.clock, self.by).map(Some).ok_or_else(|| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Until<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(bytes)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Time until `by`; `None` when there is none.
fn left(clock: Clock, by: MonoNs) -> Option<Duration> {
    let left = by.since(clock.mono());
    (left > DurNs(0)).then(|| Duration::from_nanos(left.0))
}

impl RedisClient {
    /// A client that has not connected yet.
    pub fn new(plan: RedisPlan, clock: Clock) -> RedisClient {
        let key = |name| format!("{}:{}:{name}", plan.limits.prefix, plan.instance);
        let (heartbeat_key, state_key) = (key("heartbeat"), key("state"));
        RedisClient { plan, heartbeat_key, state_key, clock, connection: None, first: 0 }
    }
    /// Stands in the heartbeat and in the state.
    pub fn run_id(&self) -> &str {
        &self.plan.run_id
    }
    /// Writes heartbeat and state, reads the heartbeat back and holds it against what was written.
    /// Gives the time from writing to reading, without that of connecting. Blocks for at most two
    /// timeouts: one for connecting, one for signing in and the exchange together.
    pub fn beat(&mut self, nonce: &str, state: &str) -> Result<DurNs, BeatError> {
        // Taken out, and put back only when all is well: every way out in between drops it.
        let held = self.connection.take();
        let is_new = held.is_none();
        let mut connection = held.map_or_else(|| self.connect(), Ok)?;
        let by = self.by();
        if is_new {
            self.sign_in(&mut connection, by)?;
        }
        let begin = self.clock.mono();
        self.exchange(&mut connection, (nonce, state), by)?;
        self.connection = Some(connection);
        Ok(self.clock.mono().since(begin))
    }

    /// Connects, signs in and asks for a sign of life; writes nothing. Gives the time that the
    /// question took. Blocks for at most two timeouts.
    pub fn ping(&mut self) -> Result<DurNs, BeatError> {
        let mut connection = self.connect()?;
        let by = self.by();
        self.sign_in(&mut connection, by)?;
        let begin = self.clock.mono();
        self.send(&connection, &[words(&["PING"])], by)?;
        match self.receive(&mut connection, by)? {
            Value::SimpleString(pong) if pong == "PONG" => Ok(self.clock.mono().since(begin)),
            _ => Err(BeatError::WrongReply("PONG was expected")),
        }
    }

    /// The deadline of what begins now.
    fn by(&self) -> MonoNs {
        self.clock.mono().plus(self.plan.limits.timeout)
    }
    /// A connection to the first address that takes one; all of them share one timeout. One that
    /// uses it up is not the first at the next beat.
    fn connect(&mut self) -> Result<Connection, BeatError> {
        let nowhere = "its name had no address when the run began";
        let (by, mut failure) = (self.by(), BeatError::Unreachable(nowhere.to_owned()));
        let count = self.plan.addresses.len();
        for _ in 0..count {
            let Some(left) = left(self.clock, by) else { break };
            let address = self.plan.addresses[self.first % count];
            match TcpStream::connect_timeout(&address, left) {
                Ok(stream) => {
                    // Only a matter of speed: without it the beat is later, not wrong.
                    let _ = stream.set_nodelay(true);
                    return Ok(Connection { stream, parser: Parser::new() });
                }
                Err(error) => failure = judge(error.into()),
            }
            self.first = (self.first + 1) % count;
        }
        Err(failure)
    }
    /// Shows the password and chooses the database.
    fn sign_in(&self, connection: &mut Connection, by: MonoNs) -> Result<(), BeatError> {
        let mut commands = Vec::new();
        if let Some(Password(password)) = &self.plan.password {
            commands.push(words(&["AUTH", password]));
        }
        if self.plan.limits.database != 0 {
            commands.push(words(&["SELECT", &self.plan.limits.database.to_string()]));
        }
        self.send(connection, &commands, by)?;
        commands.iter().try_for_each(|_| expect_ok(self.receive(connection, by)?))
    }
    fn exchange(
        &self,
        connection: &mut Connection,
        (nonce, state): (&str, &str),
        by: MonoNs,
    ) -> Result<(), BeatError> {
        let ttl = (self.plan.limits.ttl.0 / NS_PER_SEC).max(1).to_string();
        let commands = [
            words(&["SET", &self.heartbeat_key, nonce, "EX", &ttl]),
            words(&["SET", &self.state_key, state, "EX", &ttl]),
            words(&["GET", &self.heartbeat_key]),
        ];
        self.send(connection, &commands, by)?;
        expect_ok(self.receive(connection, by)?)?;
        expect_ok(self.receive(connection, by)?)?;
        match self.receive(connection, by)? {
            Value::BulkString(echo) if echo == nonce.as_bytes() => Ok(()),
            Value::BulkString(_) => Err(BeatError::WrongReply("another heartbeat came back")),
            Value::Nil => Err(BeatError::WrongReply("the heartbeat is gone")),
            _ => Err(BeatError::WrongReply("what came back is no heartbeat")),
        }
    }
    /// Sends all commands at once.
    fn send(&self, connection: &Connection, commands: &[Cmd], by: MonoNs) -> Result<(), BeatError> {
        let bytes: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        let mut until = Until { stream: &connection.stream, clock: self.clock, by };
        until.write_all(&bytes).map_err(|error| judge(error.into()))
    }
    fn receive(&self, connection: &mut Connection, by: MonoNs) -> Result<Value, BeatError> {
        let until = Until { stream: &connection.stream, clock: self.clock, by };
        match connection.parser.parse_value(until).map_err(judge)? {
            Value::ServerError(error) => Err(refused(error.code())),
            reply => Ok(reply),
        }
    }
}

fn words(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command
}

fn expect_ok(reply: Value) -> Result<(), BeatError> {
    match reply {
        Value::Okay => Ok(()),
        _ => Err(BeatError::WrongReply("OK was expected")),
    }
}

/// Error codes are upper-case words, so nothing else passes.
fn refused(code: &str) -> BeatError {
    let plain = |c: char| c.is_ascii_uppercase() || matches!(c, '-' | '_');
    let is_code = !code.is_empty() && code.len() <= LONGEST_CODE && code.chars().all(plain);
    BeatError::Refused(if is_code { code } else { "with an unknown error" }.to_owned())
}

fn judge(error: RedisError) -> BeatError {
    if error.is_timeout() {
        return BeatError::TimedOut;
    }
    if let Some(code) = error.code() {
        return refused(code);
    }
    if error.is_io_error() {
        return BeatError::Unreachable(error.to_string());
    }
    BeatError::WrongReply("that is not the protocol")
}
