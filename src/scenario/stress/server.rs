//! A real Redis on a port of its own, never one that runs already.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use crate::runtime::child::Guarded;
use crate::runtime::child::Signal;

/// The program.
pub const SERVER: &str = "redis-server";
/// Longest wait for one answer of a server on this machine.
const ANSWER: Duration = Duration::from_millis(200);

/// True when there is a server to start.
pub fn is_installed() -> bool {
    let mut command = Command::new(SERVER);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A server; gone when this is.
#[derive(Debug)]
pub struct Redis {
    child: Guarded,
    port: u16,
    folder: PathBuf,
}

impl Redis {
    /// Starts one on a free port of the loopback. It answers a little later: [`Redis::answers`].
    ///
    /// # Errors
    /// There is no port or no server.
    pub fn start(folder: &Path) -> io::Result<Redis> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        drop(listener);
        Ok(Redis { child: serve(port, folder)?, port, folder: folder.to_owned() })
    }
    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
    /// True when it is this server that answers on the port.
    pub fn answers(&self) -> bool {
        let name = format!("process_id:{}\r\n", self.child.id());
        self.ask("INFO server").is_ok_and(|reply| reply.contains(&name))
    }
    /// True when it holds a key: somebody has written one.
    pub fn holds_keys(&self) -> bool {
        self.ask("DBSIZE").is_ok_and(|reply| reply.starts_with(':') && !reply.starts_with(":0"))
    }
    /// Sends the server a signal.
    ///
    /// # Errors
    /// The system's.
    pub fn send(&mut self, signal: Signal) -> Result<(), String> {
        self.child.send(signal).map_err(|error| format!("signal to {SERVER}: {error}"))
    }
    /// Ends it and starts another on the same port.
    ///
    /// # Errors
    /// The system's.
    pub fn restart(&mut self) -> Result<(), String> {
        self.send(Signal::Kill)?;
        let child = serve(self.port, &self.folder);
        self.child = child.map_err(|error| format!("{SERVER}: {error}"))?;
        Ok(())
    }

    fn ask(&self, command: &str) -> io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reply = [0; 4_096];
        let read = stream.read(&mut reply)?;
        Ok(String::from_utf8_lossy(&reply[..read]).into_owned())
    }
}

fn serve(port: u16, folder: &Path) -> io::Result<Guarded> {
    let mut command = Command::new(SERVER);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--dir"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Guarded::start(&mut command)
}
