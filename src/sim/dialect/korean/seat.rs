//! What Upbit and Bithumb remember of one WebSocket. Pure.

use crate::sim::dialect::korean::asked::Format;
use crate::sim::dialect::korean::asked::Kind;
use crate::sim::dialect::pace::Window;
use crate::types::market::Level;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// One subscribed code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// What is sent.
    pub kind: Kind,
    /// Of which instrument.
    pub instrument: usize,
    /// Levels of a book.
    pub levels: usize,
    /// The first frame is still to be sent.
    pub owes_snapshot: bool,
    /// Frames after the first are sent.
    pub is_live: bool,
    /// The book changed since the last frame.
    pub is_dirty: bool,
    /// Number of the last slot in which a frame was sent.
    pub slot: u64,
    /// Best bid and ask that trades are read off.
    pub best: Option<(Level, Level)>,
}

/// What is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KoreanSeat {
    /// It was opened with a token.
    pub is_private: bool,
    /// How frames are written.
    pub format: Format,
    /// Subscribed public codes, each once a kind.
    pub lines: Vec<Line>,
    /// Subscribed private kinds with their instruments; empty means all.
    pub own: Vec<(Kind, Vec<usize>)>,
    /// Status messages are pushed, the next one then.
    pub status_at: Option<MonoNs>,
    /// An error was sent: the close follows then.
    pub closes_at: Option<MonoNs>,
    /// Messages of a second.
    pub per_second: Window,
    /// Messages of a minute.
    pub per_minute: Window,
}

/// Most subscribed lines of one socket: far above the 855 codes that were seen on one.
pub const MOST_LINES: usize = 4_096;

impl KoreanSeat {
    /// Of a new connection, whose client may send so many messages a second.
    pub const fn new(per_second: Window) -> KoreanSeat {
        KoreanSeat {
            is_private: false,
            format: Format { is_short: false, is_list: false },
            lines: Vec::new(),
            own: Vec::new(),
            status_at: None,
            closes_at: None,
            per_second,
            per_minute: Window::new(100, DurNs::from_secs(60)),
        }
    }
}
