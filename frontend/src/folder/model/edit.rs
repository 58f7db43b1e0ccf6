//! An edit of a listing. Pure.

use shared::{ETag, Entry};

/// The present state of one name in a folder.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// This entry exists.
    Present(Entry),
    /// No entry has this raw name.
    Absent(Box<[u8]>),
}

impl Edit {
    /// The edit for a name that no entry has.
    pub fn absent(name: &[u8]) -> Self {
        Self::Absent(name.into())
    }

    /// The raw name.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Present(entry) => entry.path.name(),
            Self::Absent(name) => name,
        }
    }

    /// The state of the entry, as far as the server named it.
    pub fn etag(&self) -> Option<ETag> {
        match self {
            Self::Present(entry) => entry.etag,
            Self::Absent(_) => None,
        }
    }
}
