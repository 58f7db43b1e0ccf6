//! The rules for writing, shared by the backends: which entry may replace which, which names and link targets are
//! allowed. Pure: no file is touched.

use shared::limits::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};
use shared::{ETag, Entry, ErrorCode, VPath};

use super::symlinks::ResolveError;
use super::{StorageError, is_state_folder_name};

/// Longest name in bytes (`NAME_MAX` of Linux, macOS and NTFS).
pub(super) const NAME_BYTES_MAX: usize = 255;
/// Longest target of a link, in bytes: Linux's `PATH_MAX` without the final NUL.
const LINK_BYTES_MAX: usize = PATH_BYTES_MAX - 1;

/// What stands under a name, links not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EntryKind {
    File,
    Link,
    Folder {
        /// Also true if only the rename will tell.
        empty: bool,
    },
    Other,
}

/// Compares the source of a change with the state that its caller has seen.
///
/// # Errors
/// [`ErrorCode::Changed`].
pub(super) fn check_state(entry: &Entry, etag: Option<ETag>) -> Result<(), StorageError> {
    match etag {
        Some(_) if entry.etag != etag => Err(StorageError::new(ErrorCode::Changed, "the source is in another state")),
        _ => Ok(()),
    }
}

/// Allows the replacements that rename(2) allows, except those of special files.
///
/// # Errors
/// [`ErrorCode::NotRegular`], [`ErrorCode::NotEmpty`], [`ErrorCode::NotFolder`], [`ErrorCode::IsFolder`].
pub(super) fn check_replacement(new: EntryKind, old: EntryKind) -> Result<(), StorageError> {
    let code = match (new, old) {
        (_, EntryKind::Other) => ErrorCode::NotRegular,
        (EntryKind::Folder { .. }, EntryKind::Folder { empty: true }) => return Ok(()),
        (EntryKind::Folder { .. }, EntryKind::Folder { empty: false }) => ErrorCode::NotEmpty,
        (EntryKind::Folder { .. }, _) => ErrorCode::NotFolder,
        (_, EntryKind::Folder { .. }) => ErrorCode::IsFolder,
        _ => return Ok(()),
    };
    Err(StorageError::new(code, "replacing the entry at the destination"))
}

/// Allows the replacements that keep what they replace: of a file or link by a file or link.
///
/// # Errors
/// As [`check_replacement`]; [`ErrorCode::NotFolder`] also for a folder in place of a folder.
pub(super) fn check_kept(new: EntryKind, old: EntryKind) -> Result<(), StorageError> {
    match (new, old) {
        (EntryKind::Folder { .. }, EntryKind::Folder { .. }) => {
            Err(StorageError::new(ErrorCode::NotFolder, "a folder is merged, not replaced"))
        }
        _ => check_replacement(new, old),
    }
}

/// Refuses a new path that has the reserved name in any place, whether or not its parent exists.
///
/// # Errors
/// [`ErrorCode::NameReserved`].
pub(super) fn check_new_path(path: &VPath) -> Result<(), StorageError> {
    if path.segments().any(is_state_folder_name) {
        return Err(StorageError::new(ErrorCode::NameReserved, "the name is reserved for the server"));
    }
    Ok(())
}

/// Allows a link target that stays inside the root. The link is in a folder `depth` levels below the root; `resolve`
/// follows the target as it is now. A target that does not exist yet is judged by its text: every later use of the link
/// checks again.
///
/// # Errors
/// [`ErrorCode::NameRefused`], [`ErrorCode::LinkEscapes`].
pub(super) fn check_link_target(
    target: &[u8],
    depth: usize,
    resolve: impl FnOnce() -> Result<(), ResolveError>,
) -> Result<(), StorageError> {
    if target.is_empty() || target.len() > LINK_BYTES_MAX || target.contains(&0) {
        return Err(StorageError::new(ErrorCode::NameRefused, "no link has such a target"));
    }
    if target.starts_with(b"/") {
        return Err(StorageError::from(ResolveError::Escapes));
    }
    match resolve() {
        Ok(()) => Ok(()),
        Err(ResolveError::Refused(_) | ResolveError::Broken(_)) if !climbs_above_root(target, depth) => Ok(()),
        Err(_) => Err(StorageError::from(ResolveError::Escapes)),
    }
}

fn climbs_above_root(target: &[u8], depth: usize) -> bool {
    let step = |depth: usize, segment: &[u8]| match segment {
        b"" | b"." => Some(depth),
        b".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    };
    target.split(|&byte| byte == b'/').try_fold(depth, step).is_none()
}

/// The root has no name that a rename or removal could take away.
pub(super) fn root_is_fixed() -> StorageError {
    StorageError::new(ErrorCode::NameRefused, "the root cannot be renamed or removed")
}

/// Whether an entry of this folder could be one that no request can name.
pub(super) fn may_have_unnamed(folder: &VPath) -> bool {
    /// Longest name of any file system, in bytes: 255 UTF-16 units.
    const NAME_BYTES: usize = 255 * 3;
    folder.segments().count() >= PATH_SEGMENTS_MAX || folder.as_bytes().len() + 1 + NAME_BYTES > PATH_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_does_not_exist_is_judged_by_its_text() {
        let check = |target: &str, depth, resolved: fn() -> Result<(), ResolveError>| {
            check_link_target(target.as_bytes(), depth, resolved).map_err(|error| error.code)
        };
        let broken = || Err(ResolveError::Broken("no such entry"));
        assert_eq!(check("later", 0, broken), Ok(()));
        assert_eq!(check("../later", 1, broken), Ok(()));
        assert_eq!(check("a/../../later", 1, broken), Ok(()));
        assert_eq!(check("../later", 0, broken), Err(ErrorCode::LinkEscapes));
        assert_eq!(check("a/../../../x", 1, broken), Err(ErrorCode::LinkEscapes));
        // The result of following the target counts more than its text: a link in it may lead deeper.
        assert_eq!(check("deep/../../x", 0, || Ok(())), Ok(()));
        assert_eq!(check("inside", 3, || Err(ResolveError::Escapes)), Err(ErrorCode::LinkEscapes));
        assert_eq!(check("/etc", 3, || Ok(())), Err(ErrorCode::LinkEscapes));
        assert_eq!(check("", 0, broken), Err(ErrorCode::NameRefused));
        assert_eq!(check("a\0b", 0, broken), Err(ErrorCode::NameRefused));
    }
}
