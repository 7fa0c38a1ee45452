//! The codec of a venue with this grammar: the usual spelling first, then every other one.

use crate::types::ids::InstrumentName;
use crate::venue::Codec;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;
use crate::venue::krw::public;
use crate::venue::krw::public::BookTime;

/// Reads the usual spelling of a venue, or nothing.
pub type Usual = for<'f> fn(&'f [u8], &mut Scratch) -> Option<Event<'f>>;

/// A codec for whole books in this grammar.
#[derive(Clone, Copy, Debug)]
pub struct KrwCodec {
    /// Reads the venue's usual spelling.
    pub usual: Usual,
    /// The unit of the venue's books.
    pub time: BookTime,
}

impl KrwCodec {
    /// As [`Codec::decode`], in every spelling that the documents allow. Alone judges what is
    /// wrong with a frame.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    pub fn decode_any<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        public::decode((kind, frame), self.time, scratch)
    }
}

impl Codec for KrwCodec {
    /// A `RestDepth` frame is `Malformed`: the books are whole and need no snapshot.
    fn decode<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        scratch.clear();
        let usual = if kind == FrameKind::Ws { (self.usual)(frame, scratch) } else { None };
        usual.map_or_else(|| self.decode_any(kind, frame, scratch), Ok)
    }

    fn instrument(&self, symbol: &str) -> Option<InstrumentName> {
        public::instrument(symbol)
    }

    fn symbol(&self, instrument: &InstrumentName) -> String {
        public::symbol(instrument)
    }
}
