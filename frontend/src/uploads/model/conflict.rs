//! Conflicts of an upload with an existing entry: the cheapest way to find them, and the effect of the user's answer.

use super::item::{ExistingEntry, OnExisting};
use crate::ui::resolution::Resolution;

/// Most names of one folder that are looked up one by one; for more, the folder's listing costs less.
const STATS_MAX: usize = 8;

/// How to find out which of several names exist in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Request the metadata of each name.
    Stats,
    /// Read the folder's listing.
    Listing,
}

/// The cheaper lookup for a number of names.
pub fn lookup_for(names: usize) -> Lookup {
    if names <= STATS_MAX { Lookup::Stats } else { Lookup::Listing }
}

/// How to upload after the user's answer. `None` if the file is not uploaded. `Replace` for a folder, which an answer
/// for all conflicts can contain, keeps both: a file never replaces a folder.
pub fn resolve(resolution: Resolution, existing: &ExistingEntry) -> Option<OnExisting> {
    match resolution {
        Resolution::Skip => None,
        Resolution::Replace if !existing.folder => Some(OnExisting::Replace(existing.etag)),
        Resolution::Replace | Resolution::KeepBoth => Some(OnExisting::KeepBoth),
    }
}

#[cfg(test)]
mod tests {
    use shared::ETag;

    use super::*;

    #[test]
    fn resolve_replaces_only_the_state_that_the_user_saw_and_never_a_folder() {
        let file = ExistingEntry { folder: false, size: 1, modified: 2, etag: Some(ETag([7; 16])) };
        assert_eq!(resolve(Resolution::Replace, &file), Some(OnExisting::Replace(Some(ETag([7; 16])))));
        assert_eq!(resolve(Resolution::KeepBoth, &file), Some(OnExisting::KeepBoth));
        assert_eq!(resolve(Resolution::Skip, &file), None);
        let folder = ExistingEntry { folder: true, ..file };
        assert_eq!(resolve(Resolution::Replace, &folder), Some(OnExisting::KeepBoth));
    }

    #[test]
    fn lookup_for_reads_the_listing_for_many_names() {
        assert_eq!((lookup_for(1), lookup_for(8), lookup_for(9)), (Lookup::Stats, Lookup::Stats, Lookup::Listing));
    }
}
