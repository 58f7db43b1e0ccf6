//! The memory of one answer that grows with its folder. It is counted in steps, and not at all while it is small, so
//! most answers never use the admission.

use shared::ErrorCode;
use shared::limits::LISTED_UNCOUNTED_BYTES;

use crate::admission::{Admission, Permit, Refusal, Who};
use crate::storage::StorageError;

/// Memory is counted in multiples of this, in bytes.
const STEP_BYTES: u64 = 1 << 20;

/// The memory of one answer, until it is dropped.
#[derive(Debug)]
pub(super) struct CountedMemory {
    admission: Admission,
    who: Who,
    permit: Option<Permit>,
}

impl CountedMemory {
    /// No memory yet.
    pub(super) fn new(admission: &Admission, who: Who) -> Self {
        Self { admission: admission.clone(), who, permit: None }
    }

    /// Counts `bytes` from now on.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyRequests`] if its owner or all owners have too much, [`ErrorCode::TooLarge`] if it is more than
    /// one owner may have: what was counted before is still counted.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), StorageError> {
        let amount = match bytes {
            0..=LISTED_UNCOUNTED_BYTES => 0,
            bytes => (bytes as u64).next_multiple_of(STEP_BYTES),
        };
        let counted = match &mut self.permit {
            None if amount == 0 => Ok(()),
            None => self.admission.try_take(self.who, amount).map(|permit| self.permit = Some(permit)),
            Some(permit) if permit.amount() == amount => Ok(()),
            Some(permit) => permit.resize(amount),
        };
        counted.map_err(|refusal| {
            if refusal == Refusal::TooLarge || amount > self.admission.figures().bounds.one {
                StorageError::new(ErrorCode::TooLarge, "the folder takes more memory than one user may have")
            } else {
                StorageError::new(ErrorCode::TooManyRequests, "the folders that are being listed take too much memory")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Bounds;

    #[test]
    fn small_answers_are_not_counted_and_large_ones_in_steps() {
        let bounds = Bounds { all: 4 << 20, one: 3 << 20, waiting_one: 0, waiting_all: 0 };
        let admission = Admission::new(bounds);
        let mut memory = CountedMemory::new(&admission, Who::one());
        let held = || admission.figures().held;
        memory.set(LISTED_UNCOUNTED_BYTES).unwrap();
        assert_eq!(held(), 0);
        memory.set(LISTED_UNCOUNTED_BYTES + 1).unwrap();
        assert_eq!(held(), 1 << 20);
        memory.set((2 << 20) + 1).unwrap();
        assert_eq!(held(), 3 << 20);
        let mut other = CountedMemory::new(&admission, Who::client("b"));
        other.set(1 << 20).unwrap();
        assert_eq!(other.set(2 << 20).unwrap_err().code, ErrorCode::TooManyRequests);
        assert_eq!(memory.set(4 << 20).unwrap_err().code, ErrorCode::TooLarge);
        memory.set(0).unwrap();
        assert_eq!(held(), 1 << 20);
    }
}
