//! Public frames of the venue.

use crate::types::ids::InstrumentName;
use crate::venue::Codec;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;

/// The venue's codec.
#[derive(Clone, Copy, Debug)]
pub struct BinanceCodec;

impl Codec for BinanceCodec {
    fn decode<'f>(
        &self,
        _kind: FrameKind,
        _frame: &'f [u8],
        _scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        Err(DecodeError::Malformed)
    }
    fn instrument(&self, _symbol: &str) -> Option<InstrumentName> {
        None
    }
    fn symbol(&self, _instrument: &InstrumentName) -> String {
        String::new()
    }
}
