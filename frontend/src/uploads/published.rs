//! News about an uploaded file besides its success: the file that it replaced, a name that looks the same.

use shared::TrashId;

/// An uploaded file with news.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Display name of the file.
    pub name: String,
    /// The item of the trash that keeps the file which it replaced.
    pub replaced: Option<TrashId>,
    /// Display name of an entry beside it whose name looks the same.
    pub similar: Option<String>,
}
