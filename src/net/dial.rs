//! From addresses to a WebSocket: TCP, TLS and the upgrade, each under its deadline.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use crate::net::deadline::Ready;
use crate::net::deadline::is_ready;
use crate::net::head;
use crate::net::head::ReplyHead;
pub use crate::net::open::DIAL_LIMITS;
pub use crate::net::open::Dial;
pub use crate::net::open::DialError;
pub use crate::net::open::DialLimits;
use crate::net::open::Opened;
use crate::net::open::Opening;
pub use crate::net::open::Step;
use crate::net::stream::Stream;
use crate::net::tls::ClientTls;
use crate::net::upgrade;
use crate::net::url::Endpoint;
use crate::net::ws::Side;
use crate::net::ws::Socket;
use crate::net::ws::fresh_key;
use crate::types::time::Clock;
use crate::types::time::MonoNs;

/// So much of the body of a refusal is told.
const TOLD_OF_BODY: usize = 300;
/// Bytes read at a time.
const CHUNK: usize = 4 << 10;

/// Connects and waits for it. Takes at most both limits together.
///
/// # Errors
/// [`DialError`]; a connection that was begun is gone then.
pub fn websocket(
    endpoint: &Endpoint,
    addresses: &[SocketAddr],
    tls: &ClientTls,
    limits: &DialLimits,
) -> Result<Socket, DialError> {
    Dial { endpoint, addresses, tls, limits: *limits, headers: &[] }.wait()
}

impl Dial<'_> {
    /// Begins to connect and returns at once.
    ///
    /// # Errors
    /// [`DialError`], if it is clear at once.
    pub fn begin(&self, now: MonoNs) -> Result<Dialling, DialError> {
        let key = fresh_key();
        let request = upgrade::request(self.endpoint, &key, self.headers)?;
        let stage = Stage::Opening(Opening::begin(self, now)?);
        Ok(Dialling { key, request, stage })
    }
    /// As [`websocket`].
    ///
    /// # Errors
    /// As [`websocket`].
    pub fn wait(&self) -> Result<Socket, DialError> {
        let clock = Clock::start();
        let mut dialling = self.begin(clock.mono())?;
        loop {
            let now = clock.mono();
            if let Some(socket) = dialling.step(now)? {
                return Ok(socket);
            }
            // One more step after the deadline tells in which step it has passed.
            dialling.pause(now).map_err(|why| DialError::of_io(&why, Step::Connect))?;
        }
    }
}

/// A WebSocket on its way. Dropping it gives it up.
#[derive(Debug)]
pub struct Dialling {
    key: String,
    request: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Opening(Opening),
    /// The request is going out; bytes of it that have gone.
    Asking(Opened, usize),
    /// The answer is coming in.
    Hearing(Opened, Vec<u8>),
    /// The answer is no; its body is coming in.
    Refused(Opened, ReplyHead, Vec<u8>),
    Done,
}

impl Dialling {
    /// Goes on as far as it can without waiting; `None` while it is not done.
    ///
    /// # Errors
    /// [`DialError`]; no further step is of use then.
    pub fn step(&mut self, now: MonoNs) -> Result<Option<Socket>, DialError> {
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Done);
            let (next, may_go_on) = match stage {
                Stage::Opening(opening) => open(opening, now)?,
                Stage::Asking(opened, gone) => ask(opened, gone, &self.request)?,
                Stage::Hearing(opened, heard) => match self.hear(opened, heard)? {
                    Heard::Socket(socket) => return Ok(Some(*socket)),
                    Heard::Stage(stage, may_go_on) => (stage, may_go_on),
                },
                Stage::Refused(opened, head, body) => refuse(opened, head, body, now)?,
                Stage::Done => return Err(DialError::NoAddress),
            };
            self.stage = next;
            if !may_go_on {
                return self.in_time(now).map(|()| None);
            }
        }
    }
    /// Waits until another step may help, at most until the present step must be over.
    fn pause(&self, now: MonoNs) -> io::Result<()> {
        let by = match &self.stage {
            Stage::Opening(opening) => opening.by(),
            Stage::Asking(opened, _) | Stage::Hearing(opened, _) => opened.by,
            Stage::Refused(opened, ..) => opened.by,
            Stage::Done => now,
        };
        let ready = match &self.stage {
            Stage::Opening(opening) => opening.wants(),
            Stage::Asking(..) => Ready::Write,
            _ => Ready::Read,
        };
        match self.fd() {
            Some(socket) => is_ready(socket, ready, by.since(now)).map(|_| ()),
            None => Ok(()),
        }
    }
    /// The socket in use; `None` between two addresses and after the end.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.stage {
            Stage::Opening(opening) => opening.fd(),
            Stage::Asking(opened, _) | Stage::Hearing(opened, _) => Some(opened.stream.as_fd()),
            Stage::Refused(opened, ..) => Some(opened.stream.as_fd()),
            Stage::Done => None,
        }
    }
    fn in_time(&self, now: MonoNs) -> Result<(), DialError> {
        match &self.stage {
            Stage::Asking(opened, _) | Stage::Hearing(opened, _) if now >= opened.by => {
                Err(DialError::Late { step: Step::Upgrade })
            }
            _ => Ok(()),
        }
    }
    fn hear(&self, mut opened: Opened, mut heard: Vec<u8>) -> Result<Heard, DialError> {
        let is_over = match take(&mut opened.stream, &mut heard) {
            Ok(Taken::Nothing) => return Ok(Heard::Stage(Stage::Hearing(opened, heard), false)),
            Ok(Taken::Some) => false,
            Ok(Taken::End) => true,
            Err(why) => return Err(DialError::of_io(&why, Step::Upgrade)),
        };
        let head = head::reply(&heard).map_err(|why| DialError::Upgrade(why.to_string()))?;
        match head {
            Some(head) if head.status == 101 => {
                upgrade::confirm(&head, &self.key)?;
                let early = heard.split_off(head.bytes);
                Ok(Heard::Socket(Box::new(Socket::new(opened.stream, early, Side::Client))))
            }
            Some(head) => {
                let body = heard.split_off(head.bytes);
                Ok(Heard::Stage(Stage::Refused(opened, head, body), true))
            }
            None if is_over => {
                let why = "the end came before an answer".to_owned();
                Err(DialError::Ended { step: Step::Upgrade, why })
            }
            None => Ok(Heard::Stage(Stage::Hearing(opened, heard), true)),
        }
    }
}

enum Heard {
    Socket(Box<Socket>),
    Stage(Stage, bool),
}

type Next = Result<(Stage, bool), DialError>;

fn open(mut opening: Opening, now: MonoNs) -> Next {
    match opening.step(now)? {
        Some(opened) => Ok((Stage::Asking(opened, 0), true)),
        None => Ok((Stage::Opening(opening), false)),
    }
}

fn ask(mut opened: Opened, gone: usize, request: &[u8]) -> Next {
    match opened.stream.write(&request[gone..]) {
        Ok(moved) if gone + moved < request.len() => {
            Ok((Stage::Asking(opened, gone + moved), true))
        }
        Ok(_) => Ok((Stage::Hearing(opened, Vec::new()), true)),
        Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
            Ok((Stage::Asking(opened, gone), false))
        }
        Err(why) => Err(DialError::of_io(&why, Step::Upgrade)),
    }
}

/// Tells the refusal once its body is there, or as much of it as is told, or the time is over.
fn refuse(mut opened: Opened, head: ReplyHead, mut body: Vec<u8>, now: MonoNs) -> Next {
    let announced = head.headers.get("content-length").and_then(|value| value.parse().ok());
    let wanted = announced.unwrap_or(TOLD_OF_BODY).min(TOLD_OF_BODY);
    let is_over = body.len() >= wanted || now >= opened.by;
    let taken = if is_over {
        Taken::End
    } else {
        take(&mut opened.stream, &mut body).unwrap_or(Taken::End)
    };
    match taken {
        Taken::Some => Ok((Stage::Refused(opened, head, body), true)),
        Taken::Nothing => Ok((Stage::Refused(opened, head, body), false)),
        Taken::End => Err(DialError::Refused { status: head.status, body: told(&body) }),
    }
}

/// The first bytes as one line of text.
fn told(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(TOLD_OF_BODY)]);
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Some,
    Nothing,
    End,
}

fn take(stream: &mut Stream, into: &mut Vec<u8>) -> io::Result<Taken> {
    let mut chunk = [0; CHUNK];
    match stream.read(&mut chunk) {
        Ok(0) => Ok(Taken::End),
        Ok(count) => {
            into.extend_from_slice(&chunk[..count]);
            Ok(Taken::Some)
        }
        Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(Taken::Nothing),
        Err(why) => Err(why),
    }
}
