//! Decisions about uploads: where bytes are written, and under which condition a file is published. Pure.

use shared::wire::{Failure, Put};
use shared::{Conflict, ETag, Entry, ErrorCode, Link, Rights};

use crate::server::records::uploads::UploadRecord;
use crate::storage::Expected;

/// Where the bytes of a PUT are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WriteRange {
    /// The offset of the first byte.
    pub(super) start: u64,
    /// The offset behind the last byte that is allowed; `None` if no length is announced.
    pub(super) end: Option<u64>,
    /// The length of the whole upload.
    pub(super) length: Option<u64>,
}

/// Where the bytes of a PUT are written.
///
/// # Errors
/// [`ErrorCode::OffsetMismatch`], [`ErrorCode::LengthMismatch`], [`ErrorCode::BadRequest`].
pub(super) fn write_range(record: &UploadRecord, put: &Put) -> Result<WriteRange, Failure> {
    if record.is_joined() {
        return Err(Failure::new(ErrorCode::BadRequest, "a joined upload takes no bytes of its own"));
    }
    if put.offset != record.durable {
        let message = format!("the bytes begin at {}, the upload is at {}", put.offset, record.durable);
        return Err(Failure::new(ErrorCode::OffsetMismatch, message));
    }
    let length = match (record.length, put.total) {
        (Some(known), Some(total)) if known != total => {
            return Err(Failure::new(ErrorCode::LengthMismatch, "the upload was announced with another length"));
        }
        (known, total) => known.or(total),
    };
    let end = match put.length {
        Some(bytes) => Some(put.offset.checked_add(bytes).ok_or_else(too_long)?),
        None => length,
    };
    match length {
        Some(length) if end.is_some_and(|end| end > length) || put.offset > length => Err(too_long()),
        _ => Ok(WriteRange { start: put.offset, end, length }),
    }
}

fn too_long() -> Failure {
    Failure::new(ErrorCode::LengthMismatch, "the bytes go past the end of the upload")
}

/// Under which condition the target becomes the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TargetCondition {
    /// What the storage has to find at the target.
    pub(super) expected: Expected,
    /// What happens if it finds something else.
    pub(super) conflict: Conflict,
}

impl TargetCondition {
    /// The rights that an upload with this condition uses: CREATE unless it only replaces, REPLACE if it may replace.
    pub(super) fn uses(&self) -> Rights {
        match self.expected {
            Expected::Nothing => Rights::CREATE,
            Expected::Anything => Rights::CREATE.union(Rights::REPLACE),
            Expected::State(_) => Rights::REPLACE,
        }
    }
}

/// The condition of a COMMIT: its own fields, or else those of the STAGE.
pub(super) fn target_condition(
    record: &UploadRecord,
    conflict: Option<Conflict>,
    if_match: Option<Vec<ETag>>,
) -> TargetCondition {
    // A new decision about the conflict was made with the target's present state in view, so the old validators are
    // void.
    let staged = if conflict.is_some() { None } else { record.request.if_match.clone() };
    let conflict = conflict.unwrap_or(record.request.conflict);
    match if_match.or(staged) {
        Some(etags) => TargetCondition { expected: Expected::State(etags), conflict: Conflict::Fail },
        None if conflict == Conflict::Replace => TargetCondition { expected: Expected::Anything, conflict },
        None => TargetCondition { expected: Expected::Nothing, conflict },
    }
}

/// The condition within the caller's rights: CREATE alone replaces no file, REPLACE alone creates none. To a drop box
/// every file goes beside what is there.
///
/// # Errors
/// [`ErrorCode::Forbidden`]; [`ErrorCode::NotFound`] for a condition on what is in a drop box.
pub(super) fn within_rights(condition: TargetCondition, rights: Rights) -> Result<TargetCondition, ErrorCode> {
    if rights.is_drop() {
        return match condition.expected {
            Expected::State(_) => Err(ErrorCode::NotFound),
            _ => Ok(TargetCondition { expected: Expected::Nothing, conflict: Conflict::KeepBoth }),
        };
    }
    let (create, replace) = (rights.contains(Rights::CREATE), rights.contains(Rights::REPLACE));
    match &condition.expected {
        Expected::Nothing if create => Ok(condition),
        Expected::State(_) if replace => Ok(condition),
        Expected::Anything if create && replace => Ok(condition),
        Expected::Anything if create => Ok(TargetCondition { expected: Expected::Nothing, ..condition }),
        Expected::Anything if replace => Ok(TargetCondition { expected: Expected::State(Vec::new()), ..condition }),
        _ => Err(ErrorCode::Forbidden),
    }
}

/// Whether a COMMIT could succeed while the target is `present`. Saves the client from sending bytes in vain.
///
/// # Errors
/// [`ErrorCode::AlreadyExists`], [`ErrorCode::PreconditionFailed`], [`ErrorCode::Forbidden`], [`ErrorCode::IsFolder`],
/// [`ErrorCode::NotRegular`], [`ErrorCode::LinkEscapes`], [`ErrorCode::LinkBroken`].
pub(super) fn check_target(condition: &TargetCondition, present: Option<&Entry>) -> Result<(), ErrorCode> {
    match (&condition.expected, present) {
        // The caller has REPLACE but not CREATE; a condition of the client's own comes with another conflict.
        (Expected::State(_), None) if condition.conflict == Conflict::Replace => Err(ErrorCode::Forbidden),
        (Expected::State(_), None) => Err(ErrorCode::PreconditionFailed),
        (Expected::State(etags), Some(present)) if !matches(etags, present.etag) => Err(ErrorCode::PreconditionFailed),
        (Expected::Nothing, Some(_)) if condition.conflict == Conflict::Fail => Err(ErrorCode::AlreadyExists),
        (Expected::Nothing, Some(_)) if condition.conflict == Conflict::Replace => Err(ErrorCode::Forbidden),
        (Expected::State(_) | Expected::Anything, Some(present)) if present.is_folder() => Err(ErrorCode::IsFolder),
        (Expected::State(_) | Expected::Anything, Some(present)) if !present.is_file() => Err(no_file(present)),
        _ => Ok(()),
    }
}

/// Why an entry that is neither file nor folder is not replaced.
fn no_file(present: &Entry) -> ErrorCode {
    match present.link {
        Some(Link::Escapes) => ErrorCode::LinkEscapes,
        Some(Link::Broken) => ErrorCode::LinkBroken,
        Some(Link::Inside(_)) | None => ErrorCode::NotRegular,
    }
}

fn matches(etags: &[ETag], etag: Option<ETag>) -> bool {
    etags.is_empty() || etag.is_some_and(|etag| etags.contains(&etag))
}

#[cfg(test)]
mod tests {
    use shared::wire::{Caller, Stage};
    use shared::{Timestamp, UploadId, VPath};

    use super::*;
    use crate::server::authority::Owner;

    fn record(length: Option<u64>, durable: u64) -> UploadRecord {
        let stage = Stage { target: Some(VPath::parse("a").unwrap()), length, resumable: true, ..Stage::default() };
        let mut record = UploadRecord::new(UploadId([1; 16]), Owner(Vec::new()), stage, Timestamp(0), Timestamp(9));
        record.durable = durable;
        record
    }

    fn put(offset: u64, length: Option<u64>, total: Option<u64>) -> Put {
        Put {
            caller: Caller::default(),
            upload: UploadId([1; 16]),
            offset,
            length,
            checksum: None,
            total,
            blake3: None,
        }
    }

    #[track_caller]
    fn check(record: &UploadRecord, put: &Put, expected: Result<(u64, Option<u64>, Option<u64>), ErrorCode>) {
        let found = write_range(record, put)
            .map(|range| (range.start, range.end, range.length))
            .map_err(|failure| failure.code);
        assert_eq!(found, expected);
    }

    #[test]
    fn write_range_begins_at_the_offset_and_ends_with_the_upload() {
        check(&record(Some(9), 4), &put(4, Some(5), None), Ok((4, Some(9), Some(9))));
        check(&record(Some(9), 4), &put(4, None, None), Ok((4, Some(9), Some(9))));
        check(&record(Some(9), 4), &put(4, Some(2), Some(9)), Ok((4, Some(6), Some(9))));
        check(&record(None, 4), &put(4, None, None), Ok((4, None, None)));
        check(&record(None, 4), &put(4, Some(0), Some(4)), Ok((4, Some(4), Some(4))));
        for offset in [0, 3, 5, u64::MAX] {
            check(&record(Some(9), 4), &put(offset, None, None), Err(ErrorCode::OffsetMismatch));
        }
        check(&record(Some(9), 4), &put(4, Some(6), None), Err(ErrorCode::LengthMismatch));
        check(&record(Some(9), 4), &put(4, Some(u64::MAX), None), Err(ErrorCode::LengthMismatch));
        check(&record(Some(9), 4), &put(4, None, Some(8)), Err(ErrorCode::LengthMismatch));
        check(&record(None, 4), &put(4, None, Some(3)), Err(ErrorCode::LengthMismatch));
        check(&record(None, 4), &put(4, Some(2), Some(5)), Err(ErrorCode::LengthMismatch));
    }

    #[test]
    fn within_rights_narrows_the_condition() {
        let check = |expected: Expected, rights, wanted: Result<Expected, ErrorCode>| {
            let condition = TargetCondition { expected, conflict: Conflict::Replace };
            assert_eq!(within_rights(condition, rights).map(|condition| condition.expected), wanted);
        };
        check(Expected::Anything, Rights::ALL, Ok(Expected::Anything));
        check(Expected::Anything, Rights::ADD, Ok(Expected::Nothing));
        check(Expected::Anything, Rights::REPLACE, Ok(Expected::State(Vec::new())));
        check(Expected::Anything, Rights::READ_ONLY, Err(ErrorCode::Forbidden));
        check(Expected::Nothing, Rights::REPLACE, Err(ErrorCode::Forbidden));
        check(Expected::State(Vec::new()), Rights::ADD, Err(ErrorCode::Forbidden));
        check(Expected::State(Vec::new()), Rights::CREATE, Err(ErrorCode::NotFound));
    }

    #[test]
    fn in_a_drop_box_nothing_is_in_the_way() {
        for conflict in Conflict::ALL {
            let condition = target_condition(&record(Some(0), 0), Some(conflict), None);
            let kept = TargetCondition { expected: Expected::Nothing, conflict: Conflict::KeepBoth };
            assert_eq!(within_rights(condition, Rights::CREATE), Ok(kept));
        }
    }

    #[test]
    fn fields_of_a_commit_come_before_those_of_its_stage() {
        let mut staged = record(Some(0), 0);
        staged.request.if_match = Some(vec![ETag([7; 16])]);
        let check = |conflict, if_match, expected| {
            assert_eq!(target_condition(&staged, conflict, if_match).expected, expected);
        };
        check(None, None, Expected::State(vec![ETag([7; 16])]));
        check(Some(Conflict::Replace), None, Expected::Anything);
        check(Some(Conflict::KeepBoth), None, Expected::Nothing);
        check(Some(Conflict::KeepBoth), Some(Vec::new()), Expected::State(Vec::new()));
    }
}
