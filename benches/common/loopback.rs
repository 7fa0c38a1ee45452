//! A venue on loopback that sends numbered book frames on a fixed schedule, whoever is slow, and
//! bare readers of the same bytes.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use arb::net::dial::DIAL_LIMITS;
use arb::net::dial::Dial;
use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::SERVE_LIMITS;
use arb::net::tls::ClientTls;
use arb::net::url::Endpoint;
use arb::net::ws::Incoming;
use arb::net::ws::Socket;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::types::market::BookTop;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::SCALE;

/// Frames of one run that are measured, and before them such that are not.
pub const SAMPLES: usize = 1_000;
pub const WARM_UP: usize = 100;
const FRAMES: usize = WARM_UP + SAMPLES;
/// Before the first frame, so that every thread has gone to rest.
const GRACE: DurNs = DurNs::from_ms(20);
/// Only a guard.
const PATIENCE: DurNs = DurNs::from_secs(5);
const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
/// Bytes read at a time, as by `net::ws`.
const CHUNK: usize = 16 << 10;

/// How late a frame was.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Since just before its write.
    pub from_send: DurNs,
    /// Since it should have been written.
    pub from_due: DurNs,
}

/// When each frame was due and sent; beside the wire, so that frames are a venue's own.
pub struct Times {
    due: Vec<AtomicU64>,
    sent: Vec<AtomicU64>,
    answered: AtomicUsize,
}

impl Times {
    /// Of a run that has not begun.
    pub fn new() -> Arc<Times> {
        let zeros = || (0..FRAMES).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Times { due: zeros(), sent: zeros(), answered: AtomicUsize::new(0) })
    }
    /// The frame of that number was dealt with at that time.
    pub fn answer(&self, number: usize, at: MonoNs) -> Sample {
        self.answered.fetch_add(1, Ordering::Release);
        let since = |times: &[AtomicU64]| at.since(MonoNs(times[number].load(Ordering::Acquire)));
        Sample { from_send: since(&self.sent), from_due: since(&self.due) }
    }
}

/// Upbit books whose best bid is one BTC and as many units of 1e-8 as the frame's number says.
pub fn frames() -> Arc<Vec<Vec<u8>>> {
    const SIZE: &str = r#""bid_size":"#;
    let frame = |number: usize| {
        let text = crate::frames::upbit(number as u64);
        let begin = text.find(SIZE).map_or(0, |at| at + SIZE.len());
        let end = begin + text[begin..].find('}').unwrap_or(0);
        format!("{}1.{number:08}{}", &text[..begin], &text[end..]).into_bytes()
    };
    let frames: Vec<_> = (0..FRAMES).map(frame).collect();
    assert!(frames.iter().all(|frame| frame.len() == frames[0].len()), "bare readers count bytes");
    Arc::new(frames)
}

/// Which of the frames a top is of.
pub fn number_of(top: &BookTop) -> Option<usize> {
    let best = top.bids.first().filter(|_| top.invalid.is_none())?;
    usize::try_from(best.qty.raw() - SCALE).ok().filter(|number| *number < FRAMES)
}

/// How the venue reaches its reader.
pub enum Wire {
    /// A bare connection that carries what the WebSocket would.
    Bare(TcpStream),
    /// A WebSocket.
    Web(Box<Peer>),
}

/// The venue's agent.
pub struct Venue {
    pub clock: Clock,
    pub wire: Wire,
    pub frames: Arc<Vec<Vec<u8>>>,
    pub times: Arc<Times>,
    pub period: DurNs,
    /// Set in its first turn.
    pub begin: Option<MonoNs>,
    pub sent: usize,
}

impl Venue {
    fn next_due(&self) -> Option<MonoNs> {
        let passed = DurNs(self.period.0 * self.sent as u64);
        self.begin.filter(|_| self.sent < FRAMES).map(|begin| begin.plus(passed))
    }
    fn send(&mut self, due: MonoNs) {
        let (frame, number) = (&self.frames[self.sent], self.sent);
        self.sent += 1;
        self.times.due[number].store(due.0, Ordering::Release);
        let now = self.clock.mono();
        self.times.sent[number].store(now.0, Ordering::Release);
        match &mut self.wire {
            // A reader that is gone is missed by its samples.
            Wire::Bare(stream) => drop(stream.write_all(frame)),
            Wire::Web(peer) => {
                let _ = peer.send_binary(frame);
                while peer.poll(now).is_some() {}
            }
        }
    }
}

impl Agent for Venue {
    fn name(&self) -> &'static str {
        "venue"
    }
    fn turn(&mut self, now: Now) -> Turn {
        self.begin.get_or_insert(now.mono.plus(GRACE));
        match self.next_due() {
            Some(due) if now.mono >= due => {
                self.send(due);
                Turn::Worked
            }
            _ => Turn::Idle,
        }
    }
    fn due(&self) -> Option<MonoNs> {
        self.next_due()
    }
    fn is_drained(&self) -> bool {
        self.sent == FRAMES && self.times.answered.load(Ordering::Acquire) == FRAMES
    }
}

/// Where a bare reader reads.
pub trait Source {
    /// Whole frames that have come since, by one read.
    fn read(&mut self) -> usize;
    /// Its socket.
    fn socket(&self) -> BorrowedFd<'_>;
}

/// A TCP connection, and how long a frame on it is.
pub struct Bare {
    pub stream: TcpStream,
    pub frame_bytes: usize,
    pub bytes: usize,
    pub buffer: Vec<u8>,
}

impl Source for Bare {
    fn read(&mut self) -> usize {
        let before = self.bytes / self.frame_bytes;
        self.bytes += self.stream.read(&mut self.buffer).unwrap_or(0);
        self.bytes / self.frame_bytes - before
    }
    fn socket(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Source for Socket {
    fn read(&mut self) -> usize {
        usize::from(matches!(Socket::read(self), Ok(Some(Incoming::Frame(_)))))
    }
    fn socket(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

/// Reads frames and does nothing with them.
pub struct Reader<S> {
    pub clock: Clock,
    pub source: S,
    pub times: Arc<Times>,
    pub samples: Vec<Sample>,
}

impl<S: Source> Agent for Reader<S> {
    fn name(&self) -> &'static str {
        "reader"
    }
    fn turn(&mut self, _: Now) -> Turn {
        let frames = self.source.read();
        for _ in 0..frames {
            self.samples.push(self.times.answer(self.samples.len(), self.clock.mono()));
        }
        if frames > 0 { Turn::Worked } else { Turn::Idle }
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        visit(self.source.socket());
    }
}

/// Both ends of a TCP connection; the first one is the reader's and never blocks.
pub fn tcp() -> Option<(Bare, TcpStream)> {
    let listener = TcpListener::bind(SocketAddr::from(ANY_PORT)).ok()?;
    let stream = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    let (far, _) = listener.accept().ok()?;
    for end in [&stream, &far] {
        end.set_nodelay(true).ok()?;
    }
    stream.set_nonblocking(true).ok()?;
    Some((Bare { stream, frame_bytes: 0, bytes: 0, buffer: vec![0; CHUNK] }, far))
}

/// What a server sends of a binary message on a WebSocket: head, length, payload.
pub fn framed(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let framed = |frame: &Vec<u8>| {
        let length = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[0x82, 126], &length[..], frame].concat()
    };
    frames.iter().map(framed).collect()
}

/// Both ends of a WebSocket on loopback.
pub fn websocket() -> Option<(Socket, Peer)> {
    let clock = Clock::start();
    let listener = Listener::bind(SocketAddr::from(ANY_PORT), None, SERVE_LIMITS).ok()?;
    let addresses = [listener.address().ok()?];
    let endpoint = Endpoint::parse(&format!("ws://{}/", addresses[0])).ok()?;
    let tls = ClientTls::new(&[]).ok()?;
    let limits = DIAL_LIMITS;
    let dial = Dial { endpoint: &endpoint, addresses: &addresses, tls: &tls, limits, headers: &[] };
    let mut dialling = dial.begin(clock.mono()).ok()?;
    let mut peer: Option<Peer> = None;
    while clock.mono() < MonoNs(PATIENCE.0) {
        let now = clock.mono();
        if let Some(socket) = dialling.step(now).ok()? {
            return peer.map(|peer| (socket, peer));
        }
        match &mut peer {
            None => peer = listener.accept(now).ok()?,
            Some(peer) => {
                if let Some(PeerEvent::Request(request)) = peer.poll(now) {
                    peer.upgrade(&request, &[]).ok()?;
                }
            }
        }
    }
    None
}
