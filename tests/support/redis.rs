//! Redis for tests: a real server on a port of its own, and one whose replies are scripted.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;

/// Keeps a broken build from hanging, no more.
pub const PATIENCE: DurNs = DurNs::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);
const TRIES: usize = 5;

/// True when there is a server to test with. Without one the test is NOT RUN and says so on the
/// real stderr; where everything is required it fails.
pub fn server_is_there(test: &str) -> bool {
    let there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        return true;
    }
    let required = env::var("ARB_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "redis-server is not installed, and ARB_REQUIRE_ALL=1");
    let line = format!("NOT RUN: {test}: redis-server is not installed\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
    false
}

/// Looks until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = Clock::start();
    while !holds() {
        assert!(clock.mono().since(MonoNs(0)) < PATIENCE, "no {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// A real server; gone when this is.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// On a free port of the loopback. Somebody may take the port in between: then another one.
    pub fn start() -> Server {
        for _ in 0..TRIES {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            if let Some(server) = Server::start_on(port) {
                return server;
            }
        }
        panic!("redis-server does not start");
    }
    /// `None` when it cannot have the port.
    pub fn start_on(port: u16) -> Option<Server> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "no", "--enable-debug-command", "yes"]);
        command.arg("--dir").arg(env::temp_dir());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Server { child: command.spawn().expect("redis-server starts"), port };
        let mut is_over = false;
        until("answer of redis-server", || {
            is_over = server.child.try_wait().expect("a child").is_some();
            is_over || server.is_ours()
        });
        (!is_over).then_some(server)
    }
    fn is_ours(&self) -> bool {
        let pid = format!("process_id:{}\r\n", self.child.id());
        TcpStream::connect(("127.0.0.1", self.port)).is_ok_and(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
            let mut reply = [0; 4_096];
            let asked = stream.write_all(b"INFO server\r\n");
            let read = asked.and_then(|()| stream.read(&mut reply)).unwrap_or(0);
            String::from_utf8_lossy(&reply[..read]).contains(&pid)
        })
    }
    /// One inline command and what came back first.
    pub fn ask(&self, command: &str) -> String {
        let mut stream = self.tell(command);
        let mut reply = [0; 4_096];
        let read = stream.read(&mut reply).expect("a reply");
        String::from_utf8_lossy(&reply[..read]).into_owned()
    }
    /// One inline command; the reply is not waited for.
    pub fn tell(&self, command: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a server");
        stream.set_read_timeout(Some(Duration::from_nanos(PATIENCE.0))).expect("a timeout");
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("a server");
        stream
    }
    pub fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &script]).status().expect("a shell");
        assert!(sent.success(), "no signal was sent");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL ends also a stopped one. It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives the reply to one command, or silence.
pub type Script = Box<dyn FnMut(&[String]) -> Option<String> + Send>;

/// A server that says what its script says, on a thread of the crew.
pub struct Scripted {
    listener: TcpListener,
    script: Script,
    open: Vec<(TcpStream, Vec<u8>)>,
    accepted: Arc<AtomicUsize>,
}

impl Scripted {
    /// The server, its port, and how many connections it has taken.
    pub fn new(script: Script) -> (Scripted, u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let accepted = Arc::<AtomicUsize>::default();
        let server = Scripted { listener, script, open: vec![], accepted: Arc::clone(&accepted) };
        (server, port, accepted)
    }
    /// Reads what has come and answers whole commands. False when the other side is gone.
    fn serve(script: &mut Script, stream: &mut TcpStream, input: &mut Vec<u8>) -> bool {
        let mut bytes = [0; 4_096];
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(read) => input.extend_from_slice(&bytes[..read]),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
        while let Some((command, length)) = command(input) {
            input.drain(..length);
            let reply = script(&command).unwrap_or_default();
            if stream.write_all(reply.as_bytes()).is_err() {
                return false;
            }
        }
        true
    }
}

impl Agent for Scripted {
    fn name(&self) -> &'static str {
        "scripted-redis"
    }
    fn turn(&mut self, _: Now) -> Turn {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).expect("a socket");
            self.open.push((stream, vec![]));
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
        let script = &mut self.script;
        self.open.retain_mut(|(stream, input)| Scripted::serve(script, stream, input));
        Turn::Idle
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

/// The first whole command and its length in bytes.
fn command(input: &[u8]) -> Option<(Vec<String>, usize)> {
    let line = |from: usize, sign: u8| {
        let end = from + input.get(from..)?.windows(2).position(|pair| pair == b"\r\n")?;
        assert_eq!(input[from], sign, "a command of the protocol");
        let text = std::str::from_utf8(&input[from + 1..end]).expect("text");
        Some((text.parse::<usize>().expect("a number"), end + 2))
    };
    let (count, mut at) = line(0, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, start) = line(at, b'$')?;
        words.push(String::from_utf8_lossy(input.get(start..start + length)?).into_owned());
        at = start + length + 2;
    }
    (at <= input.len()).then_some((words, at))
}
