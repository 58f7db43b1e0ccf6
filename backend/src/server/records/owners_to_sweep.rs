//! The owners whose ended jobs or uploads may be too many: the others are not counted again at each sweep.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::server::authority::Owner;
use crate::storage::StorageError;

/// The owners of which something has ended since the last sweep; `None` for all, as at the start.
#[derive(Default)]
pub(super) struct OwnersToSweep(Mutex<Option<HashSet<Owner>>>);

impl OwnersToSweep {
    pub(super) fn add(&self, owner: &Owner) {
        if let Some(owners) = &mut *self.owners()
            && !owners.contains(owner)
        {
            owners.insert(owner.clone());
        }
    }

    /// Calls `sweep` for each owner, or for each of `all` at the first time and after a failure.
    pub(super) fn sweep(
        &self,
        all: impl FnOnce() -> Result<Vec<Owner>, StorageError>,
        sweep: impl FnMut(Owner) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let known = self.owners().replace(HashSet::new());
        let owners = known.map_or_else(all, |owners| Ok(owners.into_iter().collect()));
        let swept = owners.and_then(|owners| owners.into_iter().try_for_each(sweep));
        swept.inspect_err(|_| self.add_all())
    }

    /// All owners are swept at the next time.
    pub(super) fn add_all(&self) {
        *self.owners() = None;
    }

    fn owners(&self) -> MutexGuard<'_, Option<HashSet<Owner>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not noted is not looked at again.
    #[test]
    fn owners_of_which_nothing_has_ended_are_not_swept_again() {
        let ended = OwnersToSweep::default();
        let swept = |all: &[&str]| {
            let mut swept = Vec::new();
            let all = || Ok(all.iter().map(|name| Owner((*name).into())).collect());
            let note = |owner: Owner| {
                swept.push(owner.0);
                Ok(())
            };
            ended.sweep(all, note).unwrap();
            swept
        };
        assert_eq!(swept(&["a", "b"]), [b"a", b"b"]);
        assert!(swept(&["a", "b"]).is_empty());
        ended.add(&Owner(b"b".to_vec()));
        assert_eq!(swept(&["a", "b"]), [b"b"]);
        ended.add(&Owner(b"b".to_vec()));
        let failed = |_| Err(StorageError::new(shared::ErrorCode::Io, "a failing disk"));
        assert!(ended.sweep(|| Ok(Vec::new()), failed).is_err());
        assert_eq!(swept(&["a", "b"]), [b"a", b"b"]);
    }
}
