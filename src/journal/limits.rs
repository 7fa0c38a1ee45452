//! What the journal may rely on: checked limits, made by `config`.

use crate::types::time::DurNs;

/// Bounds and rhythm of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalLimits {
    /// `journal.max_file_mb`: a file that has grown this large is followed by a new one.
    pub max_file_bytes: u64,
    /// Bound of this process's files, and again of those of earlier ones: at a start the oldest
    /// are removed beyond it; once this process's own reach it, entries are shut.
    pub max_total_bytes: u64,
    /// `journal.id_block`: order numbers reserved at once. At least [`JournalLimits::LEAST_BLOCK`].
    pub id_block: u64,
    /// Longest time that a record waits for its sync. Zero: every batch is synced.
    pub sync_every: DurNs,
}

impl JournalLimits {
    /// Fewest numbers in a block: half of it has to outlast one sync of a slow disk.
    pub const LEAST_BLOCK: u64 = 10;
}

impl Default for JournalLimits {
    /// 64 MiB a file, 1 GiB in all, 1,000 numbers, 50 ms: 20 syncs a second cost a disk nothing,
    /// and with reserved numbers an unsynced record costs no safety.
    fn default() -> JournalLimits {
        JournalLimits {
            max_file_bytes: 64 << 20,
            max_total_bytes: 1 << 30,
            id_block: 1_000,
            sync_every: DurNs::from_ms(50),
        }
    }
}
