//! Jobs: the state, the progress and the outcomes of a change that the server carries out.

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::error::ErrorCode;
use crate::id::{JobId, TrashId};
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
        /// One sentence for the log.
        #[serde(default)]
        #[cfg_attr(feature = "wire", n(2))]
        message: String,
    },
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
        let failed = Outcome::Failed { code: ErrorCode::NoSpace, path: None, message: "full".into() };
        let json = r#"{"result":"failed","code":"no_space","message":"full"}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), json);
        assert_eq!(serde_json::from_str::<Outcome>(json).unwrap(), failed);
    }
}
