//! Changes of what is there already, and the jobs that carry them out. Every change is a job: it has a key that its
//! client minted, is journalled before it begins, says how far it is, can be cancelled, survives a restart, and leaves
//! for each item what became of it — which is what undo needs to know.

use serde::{Deserialize, Serialize};

use crate::entry::{ETag, Entry, Timestamp};
use crate::error::ErrorCode;
use crate::id::{JobId, TrashId};
use crate::path::VPath;

/// What to do where something stands at the destination already.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum Conflict {
    /// Leave it, and fail with [`ErrorCode::AlreadyExists`].
    #[default]
    #[cfg_attr(feature = "wire", n(0))]
    Fail,
    /// Put a file in the place of a file, and merge a folder into a folder, file by file. Never a file for a folder or
    /// the other way round. A change keeps the old file in the trash; an upload does not.
    #[cfg_attr(feature = "wire", n(1))]
    Replace,
    /// Choose a free name beside it: `name (2).ext`.
    #[cfg_attr(feature = "wire", n(2))]
    KeepBoth,
    /// Leave it and what was to come, and count that as done.
    #[cfg_attr(feature = "wire", n(3))]
    Skip,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum Change {
    /// Makes folders, with the folders on the way. One that is there already is an error unless `existing_ok`.
    #[cfg_attr(feature = "wire", n(0))]
    MakeFolder {
        /// Which.
        #[cfg_attr(feature = "wire", n(0))]
        paths: Vec<VPath>,
        /// True where a folder of that name will do.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        existing_ok: bool,
    },
    /// Renames, or moves to another folder.
    #[cfg_attr(feature = "wire", n(1))]
    Move {
        /// What goes where.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathPair>,
        /// What to do about what stands there.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        conflict: Conflict,
    },
    /// Copies files, folders with all that is in them, and links as links.
    #[cfg_attr(feature = "wire", n(2))]
    Copy {
        /// What goes where.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathPair>,
        /// What to do about what stands there.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        conflict: Conflict,
    },
    /// Puts into the trash, from where [`Change::Restore`] brings it back.
    #[cfg_attr(feature = "wire", n(3))]
    Trash {
        /// What.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathItem>,
    },
    /// Removes for ever.
    #[cfg_attr(feature = "wire", n(4))]
    Delete {
        /// What.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<PathItem>,
    },
    /// Brings back from the trash.
    #[cfg_attr(feature = "wire", n(5))]
    Restore {
        /// What, and where to.
        #[cfg_attr(feature = "wire", n(0))]
        items: Vec<RestoreItem>,
        /// What to do about what stands there.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(1))]
        conflict: Conflict,
    },
    /// Removes from the trash for ever.
    #[cfg_attr(feature = "wire", n(6))]
    Purge {
        /// What; none for all that the caller may see in it.
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
    /// The change is made only if the source is in this state, else fails with [`ErrorCode::Changed`].
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
    /// The change is made only if the entry is in this state, else fails with [`ErrorCode::Changed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(1))]
    pub if_etag: Option<ETag>,
}

/// One item of the trash to restore.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct RestoreItem {
    /// Which.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: TrashId,
    /// Where to; none for where it was. Folders on the way are made where they are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(1))]
    pub to: Option<VPath>,
}

/// Something in the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Trashed {
    /// By what it is restored.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: TrashId,
    /// As it was; the path is where it was.
    #[cfg_attr(feature = "wire", n(1))]
    pub entry: Entry,
    /// When it was put there.
    #[serde(with = "milliseconds")]
    #[cfg_attr(feature = "wire", n(2))]
    pub trashed: Timestamp,
    /// When it is removed for ever; none where that is not planned.
    #[serde(default, with = "optional_milliseconds", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "wire", n(3))]
    pub expires: Option<Timestamp>,
}

/// How a change stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Job {
    /// The idempotency key that it was asked for with.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: JobId,
    /// How it stands.
    #[cfg_attr(feature = "wire", n(1))]
    pub state: JobState,
    /// Counts up at each step; what a waiting client has seen.
    #[cfg_attr(feature = "wire", n(2))]
    pub version: u64,
    /// How far it is.
    #[cfg_attr(feature = "wire", n(3))]
    pub progress: Progress,
    /// What became of each item, in the order of the request; those not reached yet are missing.
    #[cfg_attr(feature = "wire", n(4))]
    pub outcomes: Vec<Outcome>,
}

/// How a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum JobState {
    /// At work, or waiting for its turn.
    #[cfg_attr(feature = "wire", n(0))]
    Running,
    /// Every item has its outcome, be it a failure.
    #[cfg_attr(feature = "wire", n(1))]
    Done,
    /// Its client cancelled it; items without an outcome were not touched.
    #[cfg_attr(feature = "wire", n(2))]
    Canceled,
}

/// How far a job is. Totals are what is known so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Progress {
    /// Entries dealt with, those inside folders too.
    #[cfg_attr(feature = "wire", n(0))]
    pub entries: u64,
    /// Entries in all.
    #[cfg_attr(feature = "wire", n(1))]
    pub entries_total: u64,
    /// Bytes copied.
    #[cfg_attr(feature = "wire", n(2))]
    pub bytes: u64,
    /// Bytes in all.
    #[cfg_attr(feature = "wire", n(3))]
    pub bytes_total: u64,
}

/// What became of one item of a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum Outcome {
    /// It was done.
    #[cfg_attr(feature = "wire", n(0))]
    Done {
        /// Where it is now, as it is now; none where it is in the trash or gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "wire", n(0))]
        entry: Option<Entry>,
        /// Where in the trash it is now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "wire", n(1))]
        trash: Option<TrashId>,
        /// What was replaced on the way and is in the trash now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "wire", n(2))]
        replaced: Vec<TrashId>,
    },
    /// Something stood there, and the request said to leave it.
    #[cfg_attr(feature = "wire", n(1))]
    Skipped,
    /// It was not done, or not all of it.
    #[cfg_attr(feature = "wire", n(2))]
    Failed {
        /// Why.
        #[serde(with = "code")]
        #[cfg_attr(feature = "wire", n(0))]
        code: ErrorCode,
        /// Which entry, where it is not the item itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "wire", n(1))]
        path: Option<VPath>,
        /// One sentence.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(2))]
        message: String,
    },
}

impl Change {
    /// How many items it has; 1 for emptying the trash.
    pub fn len(&self) -> usize {
        match self {
            Self::MakeFolder { paths, .. } => paths.len(),
            Self::Move { items, .. } | Self::Copy { items, .. } => items.len(),
            Self::Trash { items } | Self::Delete { items } => items.len(),
            Self::Restore { items, .. } => items.len(),
            Self::Purge { ids } => ids.as_ref().map_or(1, Vec::len),
        }
    }

    /// True where it names nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Milliseconds since 1970 in JSON.
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

/// The same, or nothing.
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

/// A code by its name in JSON.
mod code {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::error::ErrorCode;

    pub(super) fn serialize<S: Serializer>(code: &ErrorCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ErrorCode, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(ErrorCode::from_name(&name).unwrap_or(ErrorCode::Unknown(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_the_api_document_says() {
        let from = VPath::parse("a").unwrap();
        let to = VPath::parse("b/%FF").unwrap();
        let change = Change::Move { items: vec![PathPair { from, to, if_etag: None }], conflict: Conflict::KeepBoth };
        let json = r#"{"action":"move","items":[{"from":"a","to":"b/%FF"}],"conflict":"keep_both"}"#;
        assert_eq!(serde_json::to_string(&change).unwrap(), json);
        assert_eq!(serde_json::from_str::<Change>(json).unwrap(), change);
        let failed = Outcome::Failed { code: ErrorCode::NoSpace, path: None, message: "full".into() };
        let json = r#"{"result":"failed","code":"no_space","message":"full"}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), json);
        assert_eq!(serde_json::from_str::<Outcome>(json).unwrap(), failed);
        let purge: Change = serde_json::from_str(r#"{"action":"purge"}"#).unwrap();
        assert_eq!(purge, Change::Purge { ids: None });
    }
}
