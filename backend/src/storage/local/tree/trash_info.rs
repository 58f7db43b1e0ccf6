//! `info.json` of an item of the trash: where the entry was, and in which state.

use serde::{Deserialize, Serialize};
use shared::{ETag, Entry, Kind, Link, Timestamp, VPath};

/// Longest `info.json` that is read, in bytes: a path and a link's target, each byte as three.
pub(super) const INFO_BYTES_MAX: usize = 32 << 10;

/// The content of `info.json`. Times are in nanoseconds since 1970, bytes are percent-encoded.
#[derive(Serialize, Deserialize)]
pub(super) struct Info {
    path: VPath,
    kind: Kind,
    size: u64,
    modified: i64,
    executable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<InfoLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    trashed: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InfoLink {
    Inside(String),
    Escapes,
    Broken,
}

impl Info {
    /// Describes an entry that is trashed at that time. Its path is relative to the outermost folder of its volume.
    pub(super) fn new(entry: &Entry, trashed: Timestamp) -> Self {
        let link = entry.link.as_ref().map(|link| match link {
            Link::Inside(target) => InfoLink::Inside(shared::path::encode_segment(target)),
            Link::Escapes => InfoLink::Escapes,
            Link::Broken => InfoLink::Broken,
        });
        Self {
            path: entry.path.clone(),
            kind: entry.kind,
            size: entry.size,
            modified: entry.modified.0,
            executable: entry.executable,
            link,
            etag: entry.etag.map(|etag| etag.to_string()),
            trashed: trashed.0,
        }
    }

    /// The entry at its path in the tree, and when it was trashed. `at` is the outermost folder of its volume. `None` if
    /// the path has become too long there.
    pub(super) fn entry_below(self, at: &VPath) -> Option<(Entry, Timestamp)> {
        let (trashed, entry) = (Timestamp(self.trashed), self.into_entry());
        Some((Entry { path: at.join_path(&entry.path).ok()?, ..entry }, trashed))
    }

    fn into_entry(self) -> Entry {
        let link = self.link.map(|link| match link {
            InfoLink::Inside(target) => Link::Inside(percent_encoding::percent_decode_str(&target).collect()),
            InfoLink::Escapes => Link::Escapes,
            InfoLink::Broken => Link::Broken,
        });
        Entry {
            path: self.path,
            kind: self.kind,
            size: self.size,
            modified: Timestamp(self.modified),
            executable: self.executable,
            link,
            etag: self.etag.as_deref().and_then(ETag::parse),
        }
    }
}
