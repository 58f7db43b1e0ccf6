//! Changes to existing files and folders, and items of the trash. Every change is a job: it has an
//! idempotency key chosen by its client, is journalled before it starts, reports progress, can be cancelled, survives a
//! restart, and records the outcome of each item, from which the page derives undo.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::entry::{ETag, Entry, Timestamp};
use crate::id::TrashId;
use crate::path::VPath;
use crate::rights::Rights;

/// What to do if the destination exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum Conflict {
    /// Keep it, and fail with [`ErrorCode::AlreadyExists`](crate::ErrorCode::AlreadyExists).
    #[default]
    #[cfg_attr(feature = "wire", n(0))]
    Fail,
    /// Replace a file by a file, and merge a folder into a folder, file by file. A file never replaces a folder, nor a
    /// folder a file. The old file goes to the trash, where it can be kept.
    #[cfg_attr(feature = "wire", n(1))]
    Replace,
    /// Use a free name in the same folder: `name (2).ext`.
    #[cfg_attr(feature = "wire", n(2))]
    KeepBoth,
    /// Keep it, and skip the item as a success.
    #[cfg_attr(feature = "wire", n(3))]
    Skip,
}

/// A text that names no [`Conflict`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownConflict;

/// A change to files and folders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum Change {
    /// Makes folders, with missing parents. An existing folder is an error unless `existing_ok` is set.
    #[cfg_attr(feature = "wire", n(0))]
    MakeFolder {
        /// The folders.
        #[cfg_attr(feature = "wire", n(0))]
        paths: Vec<VPath>,
        /// True to accept an existing folder.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        existing_ok: bool,
    },
    /// Renames entries, or moves them to another folder.
    #[cfg_attr(feature = "wire", n(1))]
    Move {
        /// Sources and destinations.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathPair>,
        /// What to do if a destination exists.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        conflict: Conflict,
    },
    /// Copies files, folders with their content, and links as links.
    #[cfg_attr(feature = "wire", n(2))]
    Copy {
        /// Sources and destinations.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathPair>,
        /// What to do if a destination exists.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        conflict: Conflict,
    },
    /// Moves entries to the trash. [`Change::Restore`] is the inverse.
    #[cfg_attr(feature = "wire", n(3))]
    Trash {
        /// The entries.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathItem>,
    },
    /// Deletes entries permanently.
    #[cfg_attr(feature = "wire", n(4))]
    Delete {
        /// The entries.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathItem>,
    },
    /// Restores items of the trash.
    #[cfg_attr(feature = "wire", n(5))]
    Restore {
        /// The items and their destinations.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<RestoreItem>,
        /// What to do if a destination exists.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        conflict: Conflict,
    },
    /// Deletes items of the trash permanently.
    #[cfg_attr(feature = "wire", n(6))]
    Purge {
        /// The items. `None` for all that the caller can see.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(0))]
        ids: Option<Vec<TrashId>>,
    },
}

/// One entry to move or copy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct PathPair {
    /// The source. A link is moved or copied as a link.
    #[cfg_attr(feature = "wire", n(0))]
    pub from: VPath,
    /// The destination, new name included.
    #[cfg_attr(feature = "wire", n(1))]
    pub to: VPath,
    /// The change is made only if the source is in this state, else fails with
    /// [`ErrorCode::Changed`](crate::ErrorCode::Changed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(2))]
    pub if_etag: Option<ETag>,
}

/// One entry to trash or delete.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct PathItem {
    /// The entry. A link means the link, not its target.
    #[cfg_attr(feature = "wire", n(0))]
    pub path: VPath,
    /// The change is made only if the entry is in this state, else fails with
    /// [`ErrorCode::Changed`](crate::ErrorCode::Changed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(1))]
    pub if_etag: Option<ETag>,
}

/// One item of the trash to restore.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct RestoreItem {
    /// The item.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: TrashId,
    /// The destination. `None` for the original path. Missing parents are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(1))]
    pub to: Option<VPath>,
}

/// An item of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Trashed {
    /// The id for restoring it.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: TrashId,
    /// The entry as it was, with its original path.
    #[cfg_attr(feature = "wire", n(1))]
    pub entry: Entry,
    /// When it was moved to the trash.
    #[serde(with = "milliseconds")]
    #[cfg_attr(feature = "wire", n(2))]
    pub trashed: Timestamp,
    /// When it is deleted permanently. `None` for never.
    #[serde(default, with = "optional_milliseconds", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(3))]
    pub expires: Option<Timestamp>,
    /// The disk that it is on is not connected. Until it is, the item is neither restored nor deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "wire", n(4), cbor(default))]
    pub absent: bool,
}

impl Change {
    /// The number of items. Emptying the trash counts as one.
    pub fn len(&self) -> usize {
        match self {
            Self::MakeFolder { paths, .. } => paths.len(),
            Self::Move { items, .. } | Self::Copy { items, .. } => items.len(),
            Self::Trash { items } | Self::Delete { items } => items.len(),
            Self::Restore { items, .. } => items.len(),
            Self::Purge { ids } => ids.as_ref().map_or(1, Vec::len),
        }
    }

    /// The rights that it needs at what it takes entries from: at a source of a move or a copy, at an entry that is thrown
    /// away or deleted, and where an item of the trash was.
    pub fn rights_at_source(&self) -> Rights {
        match self {
            Self::MakeFolder { .. } => Rights::NONE,
            Self::Copy { .. } => Rights::READ_ONLY,
            Self::Move { .. } | Self::Trash { .. } | Self::Delete { .. } => Rights::DELETE,
            Self::Restore { .. } | Self::Purge { .. } => Rights::TRASH,
        }
    }

    /// The rights that it needs where it puts entries. A replaced file needs [`Rights::REPLACE`] besides.
    pub fn rights_at_target(&self) -> Rights {
        match self {
            Self::MakeFolder { .. } | Self::Move { .. } | Self::Copy { .. } | Self::Restore { .. } => Rights::ADD,
            Self::Trash { .. } | Self::Delete { .. } | Self::Purge { .. } => Rights::NONE,
        }
    }

    /// All rights that it needs, at the source or at the target.
    pub fn rights_needed(&self) -> Rights {
        self.rights_at_source().union(self.rights_at_target())
    }

    /// What it does with a target that exists.
    pub fn conflict(&self) -> Conflict {
        match self {
            Self::Move { conflict, .. } | Self::Copy { conflict, .. } | Self::Restore { conflict, .. } => *conflict,
            Self::MakeFolder { .. } | Self::Trash { .. } | Self::Delete { .. } | Self::Purge { .. } => Conflict::Fail,
        }
    }

    /// True if there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// JSON form of a [`Timestamp`]: milliseconds since 1970.
mod milliseconds {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::entry::Timestamp;

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(moment.milliseconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_milliseconds)
    }
}

impl Conflict {
    /// Every rule.
    pub const ALL: [Self; 4] = [Self::Fail, Self::Replace, Self::KeepBoth, Self::Skip];

    /// The name in JSON, in `Upload-Metadata` and in the query of a form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Replace => "replace",
            Self::KeepBoth => "keep_both",
            Self::Skip => "skip",
        }
    }
}

impl FromStr for Conflict {
    type Err = UnknownConflict;

    fn from_str(name: &str) -> Result<Self, UnknownConflict> {
        Self::ALL.into_iter().find(|rule| rule.name() == name).ok_or(UnknownConflict)
    }
}

/// The end of a sentence about the text.
impl fmt::Display for UnknownConflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Conflict::ALL.map(|rule| format!("`{}`", rule.name()));
        write!(formatter, "is none of {}", names.join(", "))
    }
}

impl std::error::Error for UnknownConflict {}

/// JSON form of an optional [`Timestamp`]: milliseconds since 1970, or absent.
mod optional_milliseconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::entry::Timestamp;

    pub(super) fn serialize<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        moment.map(Timestamp::milliseconds).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_milliseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_matches_the_api_document() {
        let from = VPath::parse("a").unwrap();
        let to = VPath::parse("b/%FF").unwrap();
        let change = Change::Move { items: vec![PathPair { from, to, if_etag: None }], conflict: Conflict::KeepBoth };
        let json = r#"{"action":"move","items":[{"from":"a","to":"b/%FF"}],"conflict":"keep_both"}"#;
        assert_eq!(serde_json::to_string(&change).unwrap(), json);
        assert_eq!(serde_json::from_str::<Change>(json).unwrap(), change);
        for rule in Conflict::ALL {
            assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{}\"", rule.name()));
            assert_eq!(rule.name().parse(), Ok(rule));
        }
        assert_eq!("Replace".parse::<Conflict>(), Err(UnknownConflict));
        let purge: Change = serde_json::from_str(r#"{"action":"purge"}"#).unwrap();
        assert_eq!(purge, Change::Purge { ids: None });
    }
}
