//! What a request about an upload comes to, decided without doing it.

use shared::wire::{Failure, Put};
use shared::{Conflict, ETag, Entry, ErrorCode, Rights};

use crate::server::records::uploads::UploadRecord;
use crate::storage::Expected;

/// Where the bytes of a PUT go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Room {
    /// The first one's place.
    pub start: u64,
    /// No byte goes here or behind; none where nobody said how many there will be.
    pub end: Option<u64>,
    /// How many there will be in all.
    pub length: Option<u64>,
}

/// Where the bytes of a PUT go, if it may come.
///
/// # Errors
/// [`ErrorCode::OffsetMismatch`], [`ErrorCode::LengthMismatch`], [`ErrorCode::BadRequest`].
pub(super) fn room(record: &UploadRecord, put: &Put) -> Result<Room, Failure> {
    if record.is_joined() {
        return Err(Failure::new(ErrorCode::BadRequest, "an upload that is joined of others takes no bytes"));
    }
    if put.offset != record.durable {
        let message = format!("the bytes begin at {}, the upload stands at {}", put.offset, record.durable);
        return Err(Failure::new(ErrorCode::OffsetMismatch, message));
    }
    let length = match (record.length, put.total) {
        (Some(known), Some(said)) if known != said => {
            return Err(Failure::new(ErrorCode::LengthMismatch, "the upload was announced with another length"));
        }
        (known, said) => known.or(said),
    };
    let end = match put.length {
        Some(bytes) => Some(put.offset.checked_add(bytes).ok_or_else(too_long)?),
        None => length,
    };
    match length {
        Some(length) if end.is_some_and(|end| end > length) || put.offset > length => Err(too_long()),
        _ => Ok(Room { start: put.offset, end, length }),
    }
}

fn too_long() -> Failure {
    Failure::new(ErrorCode::LengthMismatch, "the bytes go on behind the end of the upload")
}

/// What must hold at the target, and what to do where it does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Terms {
    /// What the storage is told.
    pub expected: Expected,
    /// What where something stands there.
    pub conflict: Conflict,
}

/// What a COMMIT wants of its target: the STAGE's word where it has none of its own.
pub(super) fn terms(record: &UploadRecord, conflict: Option<Conflict>, if_match: Option<Vec<ETag>>) -> Terms {
    // A client that says anew what to do about a conflict speaks of what it sees now.
    let staged = if conflict.is_some() { None } else { record.request.if_match.clone() };
    let conflict = conflict.unwrap_or(record.request.conflict);
    match if_match.or(staged) {
        Some(etags) => Terms { expected: Expected::State(etags), conflict: Conflict::Fail },
        None if conflict == Conflict::Replace => Terms { expected: Expected::Anything, conflict },
        None => Terms { expected: Expected::Nothing, conflict },
    }
}

/// The terms as far as the caller's rights go: who may only create replaces nothing, and who may only replace creates
/// nothing.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub(super) fn within(terms: Terms, rights: Rights) -> Result<Terms, ErrorCode> {
    let (create, replace) = (rights.contains(Rights::CREATE), rights.contains(Rights::REPLACE));
    match &terms.expected {
        Expected::Nothing if create => Ok(terms),
        Expected::State(_) if replace => Ok(terms),
        Expected::Anything if create && replace => Ok(terms),
        Expected::Anything if create => Ok(Terms { expected: Expected::Nothing, ..terms }),
        Expected::Anything if replace => Ok(Terms { expected: Expected::State(Vec::new()), ..terms }),
        _ => Err(ErrorCode::Forbidden),
    }
}

/// Whether an upload to where `there` stands now could become a file: what saves sending the bytes where it could not.
///
/// # Errors
/// [`ErrorCode::AlreadyExists`], [`ErrorCode::PreconditionFailed`], [`ErrorCode::IsFolder`], [`ErrorCode::NotRegular`].
pub(super) fn foresee(terms: &Terms, there: Option<&Entry>) -> Result<(), ErrorCode> {
    match (&terms.expected, there) {
        (Expected::State(_), None) => Err(ErrorCode::PreconditionFailed),
        (Expected::State(etags), Some(there)) if !matches(etags, there.etag) => Err(ErrorCode::PreconditionFailed),
        (Expected::Nothing, Some(_)) if terms.conflict == Conflict::Fail => Err(ErrorCode::AlreadyExists),
        (Expected::Nothing, Some(_)) if terms.conflict == Conflict::Replace => Err(ErrorCode::Forbidden),
        (Expected::State(_) | Expected::Anything, Some(there)) if there.is_folder() => Err(ErrorCode::IsFolder),
        (Expected::State(_) | Expected::Anything, Some(there)) if !there.is_file() => Err(ErrorCode::NotRegular),
        _ => Ok(()),
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
        let stage = Stage {
            caller: Caller::default(),
            target: Some(VPath::parse("a").unwrap()),
            length,
            conflict: Conflict::Fail,
            if_match: None,
            modified: None,
            blake3: None,
            executable: None,
            metadata: String::new(),
            parts: Vec::new(),
            resumable: true,
            make_parents: false,
            key: None,
        };
        let mut record = UploadRecord::new(UploadId([1; 16]), Owner(Vec::new()), stage, Timestamp(0), Timestamp(9));
        record.durable = durable;
        record
    }

    fn put(offset: u64, length: Option<u64>, total: Option<u64>) -> Put {
        Put { caller: Caller::default(), upload: UploadId([1; 16]), offset, length, checksum: None, total }
    }

    #[track_caller]
    fn check(record: &UploadRecord, put: &Put, expected: Result<(u64, Option<u64>, Option<u64>), ErrorCode>) {
        let found = room(record, put).map(|room| (room.start, room.end, room.length)).map_err(|failure| failure.code);
        assert_eq!(found, expected);
    }

    #[test]
    fn bytes_begin_where_the_upload_stands_and_end_where_it_does() {
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
    fn rights_narrow_what_may_stand_at_the_target() {
        let check = |expected: Expected, rights, wanted: Result<Expected, ErrorCode>| {
            let terms = Terms { expected, conflict: Conflict::Replace };
            assert_eq!(within(terms, rights).map(|terms| terms.expected), wanted);
        };
        check(Expected::Anything, Rights::ALL, Ok(Expected::Anything));
        check(Expected::Anything, Rights::CREATE, Ok(Expected::Nothing));
        check(Expected::Anything, Rights::REPLACE, Ok(Expected::State(Vec::new())));
        check(Expected::Anything, Rights::READ_ONLY, Err(ErrorCode::Forbidden));
        check(Expected::Nothing, Rights::REPLACE, Err(ErrorCode::Forbidden));
        check(Expected::State(Vec::new()), Rights::CREATE, Err(ErrorCode::Forbidden));
    }

    #[test]
    fn a_commit_speaks_for_itself_where_it_says_anything() {
        let mut staged = record(Some(0), 0);
        staged.request.if_match = Some(vec![ETag([7; 16])]);
        let check = |conflict, if_match, expected| assert_eq!(terms(&staged, conflict, if_match).expected, expected);
        check(None, None, Expected::State(vec![ETag([7; 16])]));
        check(Some(Conflict::Replace), None, Expected::Anything);
        check(Some(Conflict::KeepBoth), None, Expected::Nothing);
        check(Some(Conflict::KeepBoth), Some(Vec::new()), Expected::State(Vec::new()));
    }
}
