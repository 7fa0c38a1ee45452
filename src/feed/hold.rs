//! What a second connection receives before it takes over: held in order, bounded.
//!
//! Where every frame is a whole book, only the newest of each instrument is kept. Elsewhere every
//! frame of a book is, up to [`MOST_FRAMES`] and [`MOST_BYTES`]; one more is refused, and the
//! connection is given up.

use std::collections::VecDeque;

use crate::venue::stream::BookSource;

/// Most frames held: three minutes of six busy books.
pub const MOST_FRAMES: usize = 16_384;
/// Most bytes held.
pub const MOST_BYTES: usize = 16 << 20;

/// There is no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("more frames than a second connection may hold")]
pub struct Full;

/// A frame and the instrument that it is of.
#[derive(Debug)]
pub struct HeldFrame {
    /// Which instrument.
    pub slot: usize,
    /// The frame.
    pub payload: Vec<u8>,
}

/// The frames of one connection.
#[derive(Debug)]
pub struct Hold {
    source: BookSource,
    frames: VecDeque<HeldFrame>,
    bytes: usize,
}

impl Hold {
    /// Empty, for a venue with books of that kind.
    pub fn new(source: BookSource) -> Hold {
        Hold { source, frames: VecDeque::new(), bytes: 0 }
    }
    /// Holds a frame of a book.
    ///
    /// # Errors
    /// [`Full`]; it is not held then.
    pub fn push(&mut self, slot: usize, payload: &[u8]) -> Result<(), Full> {
        if self.source == BookSource::Whole
            && let Some(older) = self.frames.iter().position(|frame| frame.slot == slot)
            && let Some(frame) = self.frames.remove(older)
        {
            self.bytes -= frame.payload.len();
        }
        if self.frames.len() >= MOST_FRAMES || self.bytes + payload.len() > MOST_BYTES {
            return Err(Full);
        }
        self.bytes += payload.len();
        self.frames.push_back(HeldFrame { slot, payload: payload.to_owned() });
        Ok(())
    }
    /// The next one, oldest first.
    pub fn pop(&mut self) -> Option<HeldFrame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.payload.len();
        Some(frame)
    }
    /// Forgets everything and gives its memory back: there are months between two uses.
    pub fn clear(&mut self) {
        (self.frames, self.bytes) = (VecDeque::new(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_whole_books_the_newest_is_held_and_of_diffs_all() {
        for (source, expected) in [
            (BookSource::Whole, vec![b"c", b"d"]),
            (BookSource::StreamSnapshot, vec![b"a", b"b", b"c", b"d"]),
        ] {
            let mut hold = Hold::new(source);
            for (slot, payload) in [(0, b"a"), (1, b"b"), (0, b"c"), (1, b"d")] {
                hold.push(slot, payload).expect("room");
            }
            let held: Vec<Vec<u8>> =
                std::iter::from_fn(|| hold.pop()).map(|frame| frame.payload).collect();
            assert_eq!(held, expected);
        }
    }

    #[test]
    fn neither_frames_nor_bytes_grow_beyond_their_bound() {
        let mut hold = Hold::new(BookSource::RequestedSnapshot);
        let taken = (0..2 * MOST_FRAMES).take_while(|_| hold.push(0, b"x").is_ok()).count();
        assert_eq!(taken, MOST_FRAMES);
        hold.clear();
        let large = vec![b' '; 1 << 20];
        let taken = (0..100).take_while(|_| hold.push(0, &large).is_ok()).count();
        assert_eq!(taken, MOST_BYTES >> 20);
    }
}
