//! News about an uploaded file besides its success: the file that it replaced, a name that looks the same.

use shared::TrashId;

/// An uploaded file with news.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Display name of the file.
    pub name: String,
    /// What became of the file that it replaced.
    pub replaced: Option<Replaced>,
    /// Display name of an entry beside it whose name looks the same.
    pub similar: Option<String>,
}

/// What became of a file that an upload replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Replaced {
    /// The trash keeps it as this item.
    Kept(TrashId),
    /// The server could not keep it: it is larger than the trash may be, or its disk or file system cannot keep it.
    Lost,
}

impl Replaced {
    /// The item of the trash.
    pub fn trash(self) -> Option<TrashId> {
        match self {
            Self::Kept(id) => Some(id),
            Self::Lost => None,
        }
    }
}

impl From<Option<TrashId>> for Replaced {
    fn from(trash: Option<TrashId>) -> Self {
        trash.map_or(Self::Lost, Self::Kept)
    }
}
