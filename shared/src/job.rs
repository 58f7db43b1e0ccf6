//! Jobs: the state, the progress and the outcomes of a change that the server carries out.

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::error::ErrorCode;
use crate::id::{JobId, TrashId};
use crate::limits::{LEFT_OUT_BYTES_MAX, LEFT_OUT_LISTED_MAX};
use crate::path::VPath;

/// The state of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Job {
    /// The idempotency key of the change.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: JobId,
    /// Whether it runs.
    #[cfg_attr(feature = "wire", n(1))]
    pub state: JobState,
    /// Increases with each step. A client that waits sends the version that it knows.
    #[cfg_attr(feature = "wire", n(2))]
    pub version: u64,
    /// How much is done.
    #[cfg_attr(feature = "wire", n(3))]
    pub progress: Progress,
    /// The outcomes of the items that are done, in the order of the request.
    #[cfg_attr(feature = "wire", n(4))]
    pub outcomes: Vec<Outcome>,
}

/// Whether a job runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum JobState {
    /// Running or waiting to run.
    #[cfg_attr(feature = "wire", n(0))]
    Running,
    /// Every item has an outcome, success or failure.
    #[cfg_attr(feature = "wire", n(1))]
    Done,
    /// Cancelled by its client. Items without an outcome are unchanged.
    #[cfg_attr(feature = "wire", n(2))]
    Canceled,
}

/// The progress of a job. Totals grow while the job finds entries in folders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Progress {
    /// Entries done, those in folders included.
    #[cfg_attr(feature = "wire", n(0))]
    pub entries: u64,
    /// Entries found.
    #[cfg_attr(feature = "wire", n(1))]
    pub entries_total: u64,
    /// Bytes copied.
    #[cfg_attr(feature = "wire", n(2))]
    pub bytes: u64,
    /// Bytes to copy, of the entries found.
    #[cfg_attr(feature = "wire", n(3))]
    pub bytes_total: u64,
}

/// The outcome of one item of a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum Outcome {
    /// The item succeeded.
    #[cfg_attr(feature = "wire", n(0))]
    Done {
        /// The entry at its new path. `None` if it is in the trash or deleted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "wire", n(0))]
        entry: Option<Entry>,
        /// The id of the item in the trash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "wire", n(1))]
        trash: Option<TrashId>,
        /// Replaced files, which are in the trash.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "wire", n(2))]
        replaced: Vec<TrashId>,
        /// Entries below the item that were not copied or moved; the others were.
        #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
        #[cfg_attr(feature = "wire", cbor(n(3), default))]
        left_out: LeftOut,
    },
    /// The destination exists, and the request asked to skip such items.
    #[cfg_attr(feature = "wire", n(1))]
    Skipped,
    /// The item failed, possibly after a part of it succeeded.
    #[cfg_attr(feature = "wire", n(2))]
    Failed {
        /// The reason.
        #[serde(with = "code")]
        #[cfg_attr(feature = "wire", n(0))]
        code: ErrorCode,
        /// The entry that failed, if it is not the item itself but below it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "wire", n(1))]
        path: Option<VPath>,
        /// The sentence of the code, for people.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(2))]
        message: String,
        /// True if a part of the item was done before: what it made or moved stays.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(feature = "wire", cbor(n(3), default))]
        incomplete: bool,
    },
}

/// Entries that a copy or a move left out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct LeftOut {
    /// How many were left out.
    #[cfg_attr(feature = "wire", n(0))]
    pub total: u64,
    /// The first of them: at most [`LEFT_OUT_LISTED_MAX`], with paths of at most
    /// [`LEFT_OUT_BYTES_MAX`] bytes together.
    #[cfg_attr(feature = "wire", n(1))]
    pub listed: Vec<LeftOutEntry>,
}

/// An entry that a copy or a move left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct LeftOutEntry {
    /// Where it stands, unchanged.
    #[cfg_attr(feature = "wire", n(0))]
    pub path: VPath,
    /// The reason.
    #[serde(with = "code")]
    #[cfg_attr(feature = "wire", n(1))]
    pub code: ErrorCode,
}

impl Outcome {
    /// An item that succeeded, with its entry.
    pub fn done(entry: Option<Entry>) -> Self {
        Self::Done { entry, trash: None, replaced: Vec::new(), left_out: LeftOut::default() }
    }

    /// An item that failed before anything was done.
    pub fn failed(code: ErrorCode) -> Self {
        Self::Failed { code, path: None, message: String::new(), incomplete: false }
    }
}

impl LeftOut {
    /// True if nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Counts an entry, and lists it if the limits allow.
    pub fn add(&mut self, path: VPath, code: ErrorCode) {
        self.total += 1;
        let bytes: usize = self.listed.iter().map(|entry| entry.path.as_bytes().len()).sum();
        if self.listed.len() < LEFT_OUT_LISTED_MAX && bytes + path.as_bytes().len() <= LEFT_OUT_BYTES_MAX {
            self.listed.push(LeftOutEntry { path, code });
        }
    }
}

/// JSON form of an [`ErrorCode`]: its name.
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
    fn a_failed_outcome_names_its_code_in_json() {
        let failed = Outcome::Failed { code: ErrorCode::NoSpace, path: None, message: "full".into(), incomplete: true };
        let json = r#"{"result":"failed","code":"no_space","message":"full","incomplete":true}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), json);
        assert_eq!(serde_json::from_str::<Outcome>(json).unwrap(), failed);
        let failed = Outcome::failed(ErrorCode::NoSpace);
        let json = r#"{"result":"failed","code":"no_space","message":""}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), json);
        assert_eq!(serde_json::from_str::<Outcome>(json).unwrap(), failed);
    }

    #[test]
    fn left_out_entries_are_counted_and_listed_up_to_the_limits() {
        let mut left_out = LeftOut::default();
        let long = VPath::parse(&["x"; 99].map(|name| name.repeat(40)).join("/")).unwrap();
        (0..10).for_each(|_| left_out.add(long.clone(), ErrorCode::NotRegular));
        let fitting = LEFT_OUT_BYTES_MAX / long.as_bytes().len();
        assert_eq!((left_out.total, left_out.listed.len()), (10, fitting));
        let mut left_out = LeftOut::default();
        (0..200).for_each(|_| left_out.add(VPath::parse("a").unwrap(), ErrorCode::NotRegular));
        assert_eq!((left_out.total, left_out.listed.len()), (200, LEFT_OUT_LISTED_MAX));
        let mut left_out = LeftOut::default();
        left_out.add(VPath::parse("a/pipe").unwrap(), ErrorCode::NotRegular);
        let json = r#"{"total":1,"listed":[{"path":"a/pipe","code":"not_regular"}]}"#;
        assert_eq!(serde_json::to_string(&left_out).unwrap(), json);
    }
}
