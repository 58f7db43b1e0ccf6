//! Decisions about changes: how conflicts are resolved. Pure.

use shared::name_key::equivalence_key;
use shared::{Conflict, Entry, ErrorCode, Rights, VPath};

/// How an entry gets to its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Plan {
    /// The target is free: it goes there.
    Take,
    /// The entry at the target goes into the trash first.
    Replace,
    /// Its entries go into the folder at the target, one by one.
    Merge,
    /// It goes to a free name beside the target.
    Beside,
    /// It stays where it is.
    Skip,
}

/// How `source` gets to a target where `present` is.
///
/// # Errors
/// [`ErrorCode::AlreadyExists`], [`ErrorCode::IsFolder`], [`ErrorCode::NotFolder`], [`ErrorCode::Forbidden`].
pub(super) fn plan(
    conflict: Conflict,
    rights: Rights,
    source: &Entry,
    present: Option<&Entry>,
) -> Result<Plan, ErrorCode> {
    let Some(present) = present else { return Ok(Plan::Take) };
    match conflict {
        Conflict::Fail => Err(ErrorCode::AlreadyExists),
        Conflict::Skip => Ok(Plan::Skip),
        Conflict::KeepBoth => Ok(Plan::Beside),
        // One entry under two names, or twice one name: trashing either would lose both.
        Conflict::Replace if is_same_entry(source, present) => Err(ErrorCode::AlreadyExists),
        Conflict::Replace => match (is_real_folder(source), is_real_folder(present)) {
            (true, true) => Ok(Plan::Merge),
            (true, false) => Err(ErrorCode::NotFolder),
            (false, true) => Err(ErrorCode::IsFolder),
            (false, false) if !rights.contains(Rights::REPLACE) => Err(ErrorCode::Forbidden),
            (false, false) => Ok(Plan::Replace),
        },
    }
}

/// True for a failure at the target of an entry that a new decision of the conflict can avoid: the target has appeared
/// or changed since the last decision.
pub(super) fn is_overtaken(conflict: Conflict, code: ErrorCode) -> bool {
    match code {
        ErrorCode::AlreadyExists => conflict != Conflict::Fail,
        ErrorCode::PreconditionFailed => conflict == Conflict::Replace,
        _ => false,
    }
}

/// True if both are one entry on the disk. A link has the validator of its target, so links are compared by their
/// paths.
pub(super) fn is_same_entry(source: &Entry, present: &Entry) -> bool {
    if source.link.is_some() || present.link.is_some() {
        return source.link == present.link && source.path == present.path;
    }
    source.etag.is_some() && source.etag == present.etag
}

/// True if some file system takes both names in a folder for one: they differ by letter case or composition alone.
pub(super) fn may_be_respelled(from: &VPath, to: &VPath) -> bool {
    let key = |path: &VPath| equivalence_key(path.name());
    from.name() != to.name() && from.parent() == to.parent() && key(from).is_some() && key(from) == key(to)
}

/// True for two files that look like one file under two names, or like a file and its copy.
pub(super) fn is_alike(left: &Entry, right: &Entry) -> bool {
    let plain = |entry: &Entry| entry.is_file() && entry.link.is_none();
    plain(left) && plain(right) && left.size == right.size && left.modified == right.modified
}

/// True for a failure that concerns one entry of a folder: the others can still be copied or moved. Every other failure
/// would meet the next entry as well.
pub(super) fn concerns_one_entry(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotFound
            | ErrorCode::IsFolder
            | ErrorCode::NotFolder
            | ErrorCode::NotRegular
            | ErrorCode::LinkEscapes
            | ErrorCode::LinkBroken
            | ErrorCode::Changed
            | ErrorCode::PreconditionFailed
            | ErrorCode::AlreadyExists
            | ErrorCode::NameRefused
            | ErrorCode::NameReserved
            | ErrorCode::NameTooLong
            | ErrorCode::NotEmpty
            | ErrorCode::BadPath
            | ErrorCode::TooLarge
            | ErrorCode::Forbidden
            | ErrorCode::AccessDenied
            | ErrorCode::CrossDevice
            // Without free descriptors.
            | ErrorCode::TooManyRequests
            | ErrorCode::Io
    )
}

/// A folder, and not a link to one.
pub(super) fn is_real_folder(entry: &Entry) -> bool {
    entry.is_folder() && entry.link.is_none()
}

/// Refuses an entry that would go into itself, or be merged with a folder that contains it.
///
/// # Errors
/// [`ErrorCode::IntoItself`]; [`ErrorCode::BadRequest`] for the root, which cannot be moved.
pub(super) fn check_paths(from: &VPath, to: &VPath, conflict: Conflict) -> Result<(), ErrorCode> {
    if from.is_root() || to.is_root() {
        return Err(ErrorCode::BadRequest);
    }
    let below = from != to && from.strip_prefix_of(to).is_some();
    let above = from != to && to.strip_prefix_of(from).is_some();
    if below || (above && conflict == Conflict::Replace) { Err(ErrorCode::IntoItself) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use shared::{ETag, Kind, Link, Timestamp};

    use super::*;

    fn entry(kind: Kind, tag: u8, link: bool) -> Entry {
        Entry {
            path: VPath::parse("x").unwrap(),
            kind,
            size: 0,
            modified: Timestamp(0),
            executable: false,
            link: link.then(|| Link::Inside(b"y".to_vec())),
            etag: Some(ETag([tag; 16])),
        }
    }

    #[test]
    fn plan_follows_the_conflict_the_kinds_and_the_rights() {
        let (file, folder) = (entry(Kind::File, 1, false), entry(Kind::Folder, 2, false));
        let (other, link) = (entry(Kind::File, 3, false), entry(Kind::Folder, 4, true));
        let check = |conflict, source: &Entry, present: Option<&Entry>, expected| {
            assert_eq!(plan(conflict, Rights::ALL, source, present), expected);
        };
        check(Conflict::Fail, &file, None, Ok(Plan::Take));
        check(Conflict::Fail, &file, Some(&other), Err(ErrorCode::AlreadyExists));
        let merged = entry(Kind::Folder, 5, false);
        check(Conflict::Skip, &folder, Some(&folder), Ok(Plan::Skip));
        check(Conflict::KeepBoth, &file, Some(&file), Ok(Plan::Beside));
        check(Conflict::Replace, &file, Some(&other), Ok(Plan::Replace));
        check(Conflict::Replace, &file, Some(&file), Err(ErrorCode::AlreadyExists));
        check(Conflict::Replace, &folder, Some(&merged), Ok(Plan::Merge));
        check(Conflict::Replace, &folder, Some(&folder), Err(ErrorCode::AlreadyExists));
        check(Conflict::Replace, &folder, Some(&file), Err(ErrorCode::NotFolder));
        check(Conflict::Replace, &file, Some(&folder), Err(ErrorCode::IsFolder));
        // A link is no folder, whatever its target.
        check(Conflict::Replace, &folder, Some(&link), Err(ErrorCode::NotFolder));
        check(Conflict::Replace, &link, Some(&file), Ok(Plan::Replace));
        check(Conflict::Replace, &link, Some(&link), Err(ErrorCode::AlreadyExists));
        let like = Entry { path: VPath::parse("z").unwrap(), ..link.clone() };
        check(Conflict::Replace, &link, Some(&like), Ok(Plan::Replace));
        assert_eq!(plan(Conflict::Replace, Rights::CREATE, &file, Some(&other)), Err(ErrorCode::Forbidden));
    }

    #[test]
    fn a_failure_of_one_entry_differs_from_a_failure_of_all() {
        for code in [
            ErrorCode::AccessDenied,
            ErrorCode::NotRegular,
            ErrorCode::Changed,
            ErrorCode::PreconditionFailed,
            ErrorCode::TooManyRequests,
            ErrorCode::Io,
        ] {
            assert!(concerns_one_entry(code), "{code}");
        }
        for code in [ErrorCode::NoSpace, ErrorCode::QuotaExceeded, ErrorCode::ReadOnly, ErrorCode::ParentMissing] {
            assert!(!concerns_one_entry(code), "{code}");
        }
    }

    #[test]
    fn may_be_respelled_tells_spellings_of_one_name() {
        let check = |from: &str, to: &str| may_be_respelled(&VPath::parse(from).unwrap(), &VPath::parse(to).unwrap());
        assert!(check("d/name", "d/Name"));
        assert!(check("\u{e9}", "e\u{301}"));
        assert!(!check("d/name", "d/name"), "the same spelling");
        assert!(!check("d/name", "e/Name"), "another folder");
        assert!(!check("d/name", "d/other"), "another name");
    }

    #[test]
    fn check_paths_refuses_an_entry_that_goes_into_itself() {
        let check = |from: &str, to: &str, conflict, expected| {
            let (from, to) = (VPath::parse(from).unwrap(), VPath::parse(to).unwrap());
            assert_eq!(check_paths(&from, &to, conflict), expected, "{from} to {to}");
        };
        check("a", "b", Conflict::Fail, Ok(()));
        check("a", "ab", Conflict::Fail, Ok(()));
        check("a", "a", Conflict::KeepBoth, Ok(()));
        check("a", "a/b", Conflict::Fail, Err(ErrorCode::IntoItself));
        check("a/b", "a", Conflict::KeepBoth, Ok(()));
        check("a/b", "a", Conflict::Replace, Err(ErrorCode::IntoItself));
        check("", "a", Conflict::Fail, Err(ErrorCode::BadRequest));
        check("a", "", Conflict::Fail, Err(ErrorCode::BadRequest));
    }
}
