//! What to do where a file stands already at an upload's target, and how to find out cheaply.

use super::item::{Rule, Theirs};

/// Up to so many files of one folder are looked up one by one; beyond, its listing costs less.
const STATS_MAX: usize = 8;

/// A person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The new one gets a free name beside it.
    KeepBoth,
    /// The new one takes its place.
    Replace,
    /// Nothing is sent.
    Skip,
}

/// How to find out what stands in a folder under certain names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// Ask for each.
    Stats,
    /// Read the folder.
    Listing,
}

/// The cheaper way for so many names.
pub fn inquiry(names: usize) -> Inquiry {
    if names <= STATS_MAX { Inquiry::Stats } else { Inquiry::Listing }
}

/// What an answer means for the commit; none for nothing to commit. A file never replaces a folder: the answer for all
/// keeps both then.
pub fn resolve(decision: Decision, theirs: &Theirs) -> Option<Rule> {
    match decision {
        Decision::Skip => None,
        Decision::Replace if !theirs.folder => Some(Rule::Replace(theirs.etag)),
        Decision::Replace | Decision::KeepBoth => Some(Rule::KeepBoth),
    }
}

#[cfg(test)]
mod tests {
    use shared::ETag;

    use super::*;

    #[test]
    fn only_what_was_seen_is_replaced_and_never_a_folder() {
        let file = Theirs { folder: false, size: 1, modified: 2, etag: Some(ETag([7; 16])) };
        assert_eq!(resolve(Decision::Replace, &file), Some(Rule::Replace(Some(ETag([7; 16])))));
        assert_eq!(resolve(Decision::KeepBoth, &file), Some(Rule::KeepBoth));
        assert_eq!(resolve(Decision::Skip, &file), None);
        let folder = Theirs { folder: true, ..file };
        assert_eq!(resolve(Decision::Replace, &folder), Some(Rule::KeepBoth));
    }

    #[test]
    fn a_listing_is_read_for_many() {
        assert_eq!((inquiry(1), inquiry(8), inquiry(9)), (Inquiry::Stats, Inquiry::Stats, Inquiry::Listing));
    }
}
