//! The information about an item of the trash: where the entry was, and in which state.

use serde::{Deserialize, Serialize};
use shared::{ETag, Entry, Kind, Link, Timestamp, TrashId, VPath};

use crate::storage::TrashItem;

/// Longest text of one item that is read, in bytes: a path and a link's target, each byte as three.
pub(super) const INFO_BYTES_MAX: usize = 32 << 10;

/// The information about an item, as JSON. Times are in nanoseconds since 1970, bytes are percent-encoded.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<u64>,
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
            owner: None,
        }
    }

    /// Adds who replaced the entry.
    pub(super) fn with_owner(self, owner: u64) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// The item with this description, of an entry that was replaced or deleted. `at` is the outermost folder of its
    /// volume. `None` if the path has become too long there.
    pub(super) fn into_item(self, id: TrashId, replaced: bool, at: &VPath, disk: u64) -> Option<TrashItem> {
        let (trashed, owner, entry) = (Timestamp(self.trashed), self.owner, self.into_entry());
        let entry = Entry { path: at.join_path(&entry.path).ok()?, ..entry };
        Some(TrashItem { id, trashed, owner, entry, replaced, disk, connected: true })
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
