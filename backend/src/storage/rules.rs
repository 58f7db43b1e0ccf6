//! What may be written where: the policy that the backends share, as pure functions over what they found. No file is
//! touched here.

use shared::{ETag, Entry, ErrorCode};

use super::links::Lost;
use super::{Expected, Staged, StorageError, is_state_folder_name};

/// Longest name that a file system that matters takes (`NAME_MAX` of POSIX on Linux), in bytes.
pub(super) const NAME_BYTES_MAX: usize = 255;
/// Longest target of a link, in bytes: Linux's `PATH_MAX` without the final NUL.
const LINK_BYTES_MAX: usize = shared::limits::PATH_BYTES_MAX - 1;
/// What one call copies at most, in bytes, so that its caller can count and cancel.
pub(super) const COPY_BYTES_MAX: u64 = 64 << 20;

/// What stands under a name, links not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    File,
    Link,
    Folder {
        /// True also where only the attempt will tell.
        empty: bool,
    },
    Other,
}

impl Expected {
    /// Whether what stands there is what must.
    pub(super) fn check(&self, standing: Option<&Entry>) -> Result<(), StorageError> {
        match (self, standing) {
            (Self::Anything, _) | (Self::Nothing, None) => Ok(()),
            (Self::Nothing, Some(_)) => Err(refused(ErrorCode::AlreadyExists, "something stands at the destination")),
            (Self::State(states), Some(entry))
                if states.is_empty() || entry.etag.is_some_and(|etag| states.contains(&etag)) =>
            {
                Ok(())
            }
            (Self::State(_), _) => Err(refused(ErrorCode::PreconditionFailed, "the destination is in another state")),
        }
    }
}

/// Whether a source is in the state that its caller saw.
pub(super) fn check_state(entry: &Entry, etag: Option<ETag>) -> Result<(), StorageError> {
    match etag {
        Some(_) if entry.etag != etag => Err(refused(ErrorCode::Changed, "the source is in another state")),
        _ => Ok(()),
    }
}

/// Whether one kind of thing may take the place of another, as POSIX has it, and never that of a special file.
pub(super) fn check_replacement(new: Standing, old: Standing) -> Result<(), StorageError> {
    let code = match (new, old) {
        (_, Standing::Other) => ErrorCode::NotRegular,
        (Standing::Folder { .. }, Standing::Folder { empty: true }) => return Ok(()),
        (Standing::Folder { .. }, Standing::Folder { empty: false }) => ErrorCode::NotEmpty,
        (Standing::Folder { .. }, _) => ErrorCode::NotFolder,
        (_, Standing::Folder { .. }) => ErrorCode::IsFolder,
        _ => return Ok(()),
    };
    Err(refused(code, "replacing what stands at the destination"))
}

/// Whether an entry may be given that name.
pub(super) fn check_new_name(name: &[u8]) -> Result<(), StorageError> {
    if is_state_folder_name(name) {
        return Err(refused(ErrorCode::NameRefused, "the name is the server's own"));
    }
    Ok(())
}

/// Whether a link in a folder `depth` folders below the root may have that target, where `walk` tells how following it
/// ends now. A target that is not there yet is judged by its text; whoever follows the link later is refused anyway if
/// it leads out by then.
pub(super) fn check_link_target(
    target: &[u8],
    depth: usize,
    walk: impl FnOnce() -> Result<(), Lost>,
) -> Result<(), StorageError> {
    if target.is_empty() || target.len() > LINK_BYTES_MAX || target.contains(&0) {
        return Err(refused(ErrorCode::NameRefused, "no link has such a target"));
    }
    if target.starts_with(b"/") {
        return Err(StorageError::from(Lost::Escapes));
    }
    match walk() {
        Ok(()) => Ok(()),
        Err(Lost::Refused(_) | Lost::Broken(_)) if !climbs(target, depth) => Ok(()),
        Err(_) => Err(StorageError::from(Lost::Escapes)),
    }
}

/// True if the text goes above the root.
fn climbs(target: &[u8], depth: usize) -> bool {
    let step = |depth: usize, segment: &[u8]| match segment {
        b"" | b"." => Some(depth),
        b".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    };
    target.split(|&byte| byte == b'/').try_fold(depth, step).is_none()
}

/// The root has no name that it could lose.
pub(super) fn root_stays() -> StorageError {
    refused(ErrorCode::NameRefused, "the root stays where it is")
}

pub(super) fn refused(code: ErrorCode, context: &'static str) -> StorageError {
    StorageError::new(code, context)
}

/// Copies through a buffer, where nothing better can, and says how many bytes: fewer than `length` only at the end of
/// the source, or where one call has copied enough.
pub(super) fn copy_by_hand(
    to: &dyn Staged,
    read: impl Fn(&mut [u8], u64) -> Result<usize, StorageError>,
    from: u64,
    length: u64,
    offset: u64,
) -> Result<u64, StorageError> {
    let length = length.min(COPY_BYTES_MAX);
    let mut buffer = vec![0; shared::limits::PIECE_BYTES.min(usize::try_from(length).unwrap_or(usize::MAX))];
    let mut copied = 0;
    while copied < length {
        let wanted = usize::try_from(length - copied).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = read(&mut buffer[..wanted], from.saturating_add(copied))?;
        if count == 0 {
            break;
        }
        to.write_at(&buffer[..count], offset.saturating_add(copied))?;
        copied += count as u64;
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_come_is_judged_by_its_text() {
        let check = |target: &str, depth, walked: fn() -> Result<(), Lost>| {
            check_link_target(target.as_bytes(), depth, walked).map_err(|error| error.code)
        };
        let broken = || Err(Lost::Broken("nothing there"));
        assert_eq!(check("later", 0, broken), Ok(()));
        assert_eq!(check("../later", 1, broken), Ok(()));
        assert_eq!(check("a/../../later", 1, broken), Ok(()));
        assert_eq!(check("../later", 0, broken), Err(ErrorCode::LinkEscapes));
        assert_eq!(check("a/../../../x", 1, broken), Err(ErrorCode::LinkEscapes));
        // What a walk found out counts more than the text: a link on the way may lead deeper.
        assert_eq!(check("deep/../../x", 0, || Ok(())), Ok(()));
        assert_eq!(check("inside", 3, || Err(Lost::Escapes)), Err(ErrorCode::LinkEscapes));
        assert_eq!(check("/etc", 3, || Ok(())), Err(ErrorCode::LinkEscapes));
        assert_eq!(check("", 0, broken), Err(ErrorCode::NameRefused));
        assert_eq!(check("a\0b", 0, broken), Err(ErrorCode::NameRefused));
    }
}
