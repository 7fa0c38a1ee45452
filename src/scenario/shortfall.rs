//! How the repetition of a recorded run can end before that run did.

use crate::feed::mark_reader::MarkFault;
use crate::feed::mark_text::Hole;
use crate::feed::tape::TapeError;
use crate::types::ids::VenueId;
use crate::types::order::OrderRequest;

/// Where a repetition is not as the recorded run was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Difference {
    /// The frame in the recording is not the one that was recorded.
    #[error("input {number} of {} is not the one that was recorded", venue.name())]
    Frame {
        /// Of this venue.
        venue: VenueId,
        /// Its number.
        number: u64,
    },
    /// The engine's state before a turn is another one.
    #[error("turn {turn}: the engine's trace differs before it")]
    Trace {
        /// From 1.
        turn: u64,
    },
    /// An order is another one, missing or too much.
    #[error("turn {turn}: recorded was {recorded:?}, now comes {made:?}")]
    Order {
        /// From 1.
        turn: u64,
        /// As recorded.
        recorded: Option<OrderRequest>,
        /// As decided now.
        made: Option<OrderRequest>,
    },
    /// A mark names what cannot be: an instrument that is not there, an input out of order.
    #[error("turn {turn}: its marks contradict each other")]
    Marks {
        /// From 1.
        turn: u64,
    },
    /// All turns were alike, the hash at the end is not.
    #[error("the trace at the end is {made:016x}, recorded was {recorded:016x}")]
    End {
        /// As recorded.
        recorded: u64,
        /// As decided now.
        made: u64,
    },
}

/// Why a repetition did not come to the end of its run. Up to there it was compared.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Short {
    /// Not as recorded.
    #[error("the decisions differ: {0}")]
    Differs(Difference),
    /// The recording ends or is damaged.
    #[error("the recording: {0}")]
    Tape(TapeError),
    /// The recording ends before its marks do.
    #[error("the recording ends before input {number} of {}", venue.name())]
    TapeEnds {
        /// Of this venue.
        venue: VenueId,
        /// The input that is missing.
        number: u64,
    },
    /// The marks are damaged.
    #[error("the marks: {0}")]
    Marks(MarkFault),
    /// The marks end without the end of the run: it was killed, or still goes on.
    #[error("the marks end before the run does")]
    NoEnd,
    /// The recorder could not keep up.
    #[error("the recording is incomplete from here on: {}", hole_name(*.0))]
    Hole(Hole),
    /// Recording and marks do not belong together.
    #[error("too many frames wait for their marks: these files do not belong together")]
    Apart,
    /// The watcher said so.
    #[error("interrupted")]
    Interrupted,
}

const fn hole_name(hole: Hole) -> &'static str {
    match hole {
        Hole::Input(venue) => venue.name(),
        Hole::Marks => "marks of the engine",
    }
}
