//! The one place that talks to Redis: writes a heartbeat and reads it back.
//!
//! A connection lives as long as everything on it was right and in time. After any timeout, error
//! or unexpected reply it is dropped: what arrives on it later would answer an older question
//! (`FAULTS.md` F54, F56). Nothing that a server says is repeated but its error code: old servers
//! echo arguments in their errors, and one argument is a password.

use std::env;
use std::fmt;
use std::time::Duration;

use redis::Cmd;
use redis::Connection;
use redis::ConnectionAddr;
use redis::IntoConnectionInfo;
use redis::RedisConnectionInfo;
use redis::RedisError;
use redis::Value;
use redis::io::tcp::TcpSettings;

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
}

/// The client. Synchronous; one connection at most.
pub struct RedisClient {
    plan: RedisPlan,
    heartbeat_key: String,
    state_key: String,
    clock: Clock,
    connection: Option<Connection>,
}

impl RedisClient {
    /// A client that has not connected yet.
    pub fn new(plan: RedisPlan, clock: Clock) -> RedisClient {
        let key = |name| format!("{}:{}:{name}", plan.limits.prefix, plan.instance);
        let (heartbeat_key, state_key) = (key("heartbeat"), key("state"));
        RedisClient { plan, heartbeat_key, state_key, clock, connection: None }
    }
    /// Stands in the heartbeat and in the state.
    pub fn run_id(&self) -> &str {
        &self.plan.run_id
    }
    /// Writes heartbeat and state, reads the heartbeat back and holds it against what was written.
    /// Gives the time from writing to reading, without that of connecting. Blocks for at most the
    /// resolution of the host's name, one timeout for each of its addresses, one for signing in
    /// and one for the exchange.
    pub fn beat(&mut self, nonce: &str, state: &str) -> Result<DurNs, BeatError> {
        // Taken out, and put back only when all is well: every way out in between drops it.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let begin = self.clock.mono();
        self.exchange(&mut connection, nonce, state)?;
        self.connection = Some(connection);
        Ok(self.clock.mono().since(begin))
    }

    /// A connection that is signed in and looks at the right database.
    fn connect(&self) -> Result<Connection, BeatError> {
        let limits = &self.plan.limits;
        let address = ConnectionAddr::Tcp(limits.host.clone(), limits.port);
        // Signing in is ours, so that one deadline covers it: the library waits for each reply,
        // also for those that cannot come any more.
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let info = address.into_connection_info().map_err(judge)?;
        let info = info
            .set_redis_settings(settings)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let timeout = Duration::from_nanos(limits.timeout.0);
        let client = redis::Client::open(info).map_err(judge)?;
        let mut connection = client.get_connection_with_timeout(timeout).map_err(judge)?;
        connection.set_write_timeout(Some(timeout)).map_err(judge)?;
        self.sign_in(&mut connection)?;
        Ok(connection)
    }
    fn sign_in(&self, connection: &mut Connection) -> Result<(), BeatError> {
        let mut commands = Vec::new();
        if let Some(Password(password)) = &self.plan.password {
            commands.push(words(&["AUTH", password]));
        }
        if self.plan.limits.database != 0 {
            commands.push(words(&["SELECT", &self.plan.limits.database.to_string()]));
        }
        if commands.is_empty() {
            return Ok(());
        }
        let by = self.send(connection, &commands)?;
        commands.iter().try_for_each(|_| expect_ok(self.receive(connection, by)?))
    }
    fn exchange(
        &self,
        connection: &mut Connection,
        nonce: &str,
        state: &str,
    ) -> Result<(), BeatError> {
        let ttl = (self.plan.limits.ttl.0 / NS_PER_SEC).max(1).to_string();
        let commands = [
            words(&["SET", &self.heartbeat_key, nonce, "EX", &ttl]),
            words(&["SET", &self.state_key, state, "EX", &ttl]),
            words(&["GET", &self.heartbeat_key]),
        ];
        let by = self.send(connection, &commands)?;
        expect_ok(self.receive(connection, by)?)?;
        expect_ok(self.receive(connection, by)?)?;
        match self.receive(connection, by)? {
            Value::BulkString(echo) if echo == nonce.as_bytes() => Ok(()),
            Value::BulkString(_) => Err(BeatError::WrongReply("another heartbeat came back")),
            Value::Nil => Err(BeatError::WrongReply("the heartbeat is gone")),
            _ => Err(BeatError::WrongReply("what came back is no heartbeat")),
        }
    }
    /// Sends all commands at once. Gives the time by which all replies have to be there.
    fn send(&self, connection: &mut Connection, commands: &[Cmd]) -> Result<MonoNs, BeatError> {
        let by = self.clock.mono().plus(self.plan.limits.timeout);
        let bytes: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        connection.send_packed_command(&bytes).map_err(judge)?;
        Ok(by)
    }
    fn receive(&self, connection: &mut Connection, by: MonoNs) -> Result<Value, BeatError> {
        let left = by.since(self.clock.mono());
        if left == DurNs(0) {
            return Err(BeatError::TimedOut);
        }
        let left = Duration::from_nanos(left.0);
        connection.set_read_timeout(Some(left)).map_err(judge)?;
        match connection.recv_response().map_err(judge)? {
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
    if error.is_io_error() || error.kind() == redis::ErrorKind::InvalidClientConfig {
        return BeatError::Unreachable(error.to_string());
    }
    BeatError::WrongReply("that is not the protocol")
}
