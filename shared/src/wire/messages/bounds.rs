//! Bounds of requests that decoding does not check.

use super::changing::{CancelJob, ChangeRequest, JobStatus, ListTrash};
use super::common::Caller;
use super::handshake::Hello;
use super::reading::{Digest, Get, List, Stat, Walk, Watch};
use super::uploading::{Abort, Commit, Put, Stage, Store, UploadStatus};
use crate::digest::{Algorithm, Checksum};
use crate::limits::{
    CAPABILITIES_MAX, CHANGE_ITEMS_MAX, CURSOR_BYTES_MAX, GET_ITEMS_MAX, LIST_LIMIT_MAX, SCOPE_ROOTS_MAX,
    STORE_BYTES_MAX, TEXT_BYTES_MAX, TRASH_LIMIT_MAX, UPLOAD_METADATA_BYTES_MAX, UPLOAD_PARTS_MAX, WALK_PATHS_MAX,
};
use crate::wire::constants::MAGIC;

/// A message with bounds beyond its encoding.
pub trait Bounded {
    /// Checks the bounds, before the request is carried out.
    ///
    /// # Errors
    /// A sentence that names the violated bound.
    fn check_bounds(&self) -> Result<(), &'static str>;
}

fn check(holds: bool, sentence: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(sentence) }
}

impl Bounded for Hello {
    fn check_bounds(&self) -> Result<(), &'static str> {
        check(self.magic == MAGIC, "the magic is not that of this protocol")?;
        check(self.min_version <= self.max_version, "the lowest version is above the highest")?;
        check(self.capabilities.len() <= CAPABILITIES_MAX, "too many capabilities")?;
        check(self.capabilities.iter().all(|name| name.len() <= TEXT_BYTES_MAX), "a capability's name is too long")
    }
}

impl Bounded for Caller {
    fn check_bounds(&self) -> Result<(), &'static str> {
        check(self.scope.roots.len() <= SCOPE_ROOTS_MAX, "too many roots in the scope")?;
        check(self.trace_id.as_ref().is_none_or(|id| id.len() <= TEXT_BYTES_MAX), "the trace id is too long")?;
        check(self.principal.as_ref().is_none_or(|name| name.len() <= TEXT_BYTES_MAX), "the principal is too long")?;
        check(self.scope.roots.iter().all(|root| root.name.len() <= TEXT_BYTES_MAX), "a root's name is too long")
    }
}

impl Bounded for List {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=LIST_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 1000000")?;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "the cursor is too long")
    }
}

impl Bounded for Stat {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for Get {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=GET_ITEMS_MAX).contains(&self.items.len()), "a GET has 1 to 1024 files")
    }
}

impl Bounded for Walk {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=WALK_PATHS_MAX).contains(&self.paths.len()), "a WALK has 1 to 1024 paths")?;
        // The cursor of a WALK contains a percent-encoded path.
        let longest = 3 * crate::limits::PATH_BYTES_MAX + TEXT_BYTES_MAX;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= longest), "the cursor is too long")
    }
}

impl Bounded for Stage {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check(self.metadata.len() <= UPLOAD_METADATA_BYTES_MAX, "the metadata is too long")?;
        check(self.parts.len() <= UPLOAD_PARTS_MAX, "an upload has at most 1000 parts")?;
        check(self.if_match.as_ref().is_none_or(|etags| etags.len() <= TEXT_BYTES_MAX), "too many entity tags")?;
        check(self.length.is_none_or(|length| i64::try_from(length).is_ok()), "the length exceeds that of any file")?;
        check(self.target.as_ref().is_none_or(|target| !target.is_root()), "the target is the root")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")
    }
}

impl Bounded for Put {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        let end = self.offset.checked_add(self.length.unwrap_or(0));
        check(end.is_some_and(|end| i64::try_from(end).is_ok()), "the length exceeds that of any file")?;
        check(self.total.is_none_or(|total| i64::try_from(total).is_ok()), "the length exceeds that of any file")?;
        let fits = |sum: &Checksum| sum.digest.len() == sum.algorithm.length();
        check(self.checksum.as_ref().is_none_or(fits), "the checksum has another length than its algorithm's")
    }
}

impl Bounded for Store {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.stage.check_bounds()?;
        let fits = self.stage.length.is_some_and(|length| length <= STORE_BYTES_MAX);
        check(fits, "a STORE needs a length of at most 256 KiB")?;
        check(self.stage.target.is_some(), "a STORE needs a target")?;
        let plain = !self.stage.resumable && self.stage.key.is_none() && self.stage.parts.is_empty();
        check(plain, "a STORE has no record, no key and no parts")?;
        let fits = |sum: &Checksum| sum.digest.len() == sum.algorithm.length();
        check(self.checksum.as_ref().is_none_or(fits), "the checksum has another length than its algorithm's")
    }
}

impl Bounded for UploadStatus {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for Commit {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check(self.if_match.as_ref().is_none_or(|etags| etags.len() <= TEXT_BYTES_MAX), "too many entity tags")?;
        check(self.target.as_ref().is_none_or(|target| !target.is_root()), "the target is the root")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")
    }
}

impl Bounded for Abort {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for Digest {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=Algorithm::ALL.len()).contains(&self.algorithms.len()), "a DIGEST has 1 to 4 algorithms")
    }
}

impl Bounded for ChangeRequest {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=CHANGE_ITEMS_MAX).contains(&self.change.len()), "a change has 1 to 1000 items")
    }
}

impl Bounded for JobStatus {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for CancelJob {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for ListTrash {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=TRASH_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 1000")?;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "the cursor is too long")
    }
}

impl Bounded for Watch {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}
