//! An edit of a listing: one entry that is there, or is not.

use shared::{ETag, Entry};

/// One entry of a folder is there, as it is now, or is not there.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// It is there.
    Present(Entry),
    /// Nothing of that raw name is there.
    Absent(Box<[u8]>),
}

impl Edit {
    /// Nothing is there.
    pub fn absent(name: &[u8]) -> Self {
        Self::Absent(name.into())
    }

    /// The raw name that it is about.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Present(entry) => entry.path.name(),
            Self::Absent(name) => name,
        }
    }

    /// The state that the entry is in, as far as it is known.
    pub fn etag(&self) -> Option<ETag> {
        match self {
            Self::Present(entry) => entry.etag,
            Self::Absent(_) => None,
        }
    }
}
