//! Bithumb public frames.

use crate::types::ids::InstrumentName;
use crate::venue::Codec;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;

/// Bithumb's codec.
#[derive(Clone, Copy, Debug)]
pub struct BithumbCodec;

impl Codec for BithumbCodec {
    fn decode<'f>(
        &self,
        _kind: FrameKind,
        _frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        scratch.clear();
        Err(DecodeError::Malformed)
    }

    fn instrument(&self, _symbol: &str) -> Option<InstrumentName> {
        None
    }

    fn symbol(&self, instrument: &InstrumentName) -> String {
        instrument.to_string()
    }
}
