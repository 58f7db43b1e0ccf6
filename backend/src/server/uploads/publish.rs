//! The name that a new file gets. Blocks.

use shared::wire::Failure;
use shared::{Algorithm, Conflict, Digests, ErrorCode, Rights, VPath};

use super::registry::Uploads;
use crate::admission::Who;
use crate::server::error::RequestError;
use crate::server::records::uploads::Destination;
use crate::storage::{Published, Storage, free_beside, is_beside};

/// How many names are tried that others take between the look at them and the publication.
const NAMES_MAX: u32 = 1_000;

/// Publishes a file at its destination by means of `publish`, or at a free name beside it for [`Conflict::KeepBoth`].
/// `None` if [`Conflict::Skip`] leaves what is there.
///
/// # Errors
/// As `publish`; [`ErrorCode::Forbidden`] for a conflict that the caller may not resolve by replacing, and for a name
/// beside a file that is all that the caller may change.
pub(super) fn publish_at(
    storage: &dyn Storage,
    destination: &Destination,
    conflict: Conflict,
    mut publish: impl FnMut(&VPath) -> Result<Published, RequestError>,
) -> Result<Option<(VPath, Published)>, RequestError> {
    let mut path = destination.path.clone();
    if conflict == Conflict::KeepBoth && storage.stat(&path).is_ok() {
        path = beside(storage, destination)?;
    }
    for _ in 0..NAMES_MAX {
        match publish(&path) {
            Ok(published) => return Ok(Some((path, published))),
            Err(RequestError::Failed(failure)) if failure.code == ErrorCode::AlreadyExists => match conflict {
                Conflict::KeepBoth => path = beside(storage, destination)?,
                Conflict::Skip => return Ok(None),
                // The caller has CREATE but not REPLACE.
                Conflict::Replace => return Err(ErrorCode::Forbidden.into()),
                Conflict::Fail => return Err(failure.into()),
            },
            // The caller has REPLACE but not CREATE; a condition of the client's own comes with another conflict.
            Err(RequestError::Failed(failure))
                if failure.code == ErrorCode::PreconditionFailed && conflict == Conflict::Replace =>
            {
                return Err(ErrorCode::Forbidden.into());
            }
            Err(error) => return Err(error),
        }
    }
    Err(Failure::new(ErrorCode::AlreadyExists, "there is no free name beside it").into())
}

/// A free path beside a destination.
fn beside(storage: &dyn Storage, destination: &Destination) -> Result<VPath, ErrorCode> {
    free_beside(&destination.path, |path| {
        let allowed = destination.scope.rights_at(path).contains(Rights::CREATE);
        if allowed { Ok(storage.stat(path).is_err()) } else { Err(ErrorCode::Forbidden) }
    })
}

/// Whether `path` is one of the names that [`publish_at`] tries for a file that is `wanted` at a path.
pub(super) fn is_at_or_beside(path: &VPath, wanted: &VPath) -> bool {
    path == wanted || is_beside(path, wanted)
}

/// The caller's path of the file at `path`, which is at or beside the path that the caller `asked` for.
pub(super) fn as_asked(destination: &Destination, asked: &VPath, path: &VPath) -> VPath {
    destination.scope.base.strip_prefix_of(path).unwrap_or_else(|| asked.clone())
}

/// The caller's path of an entry beside a new file whose name is equivalent to its name. `None` also for a caller who
/// may not list the folder.
pub(super) fn similar_to(
    uploads: &Uploads,
    storage: &dyn Storage,
    who: Who,
    destination: &Destination,
    asked: &VPath,
    path: &VPath,
) -> Option<VPath> {
    if !destination.rights().contains(Rights::LIST) {
        return None;
    }
    let name = uploads.similar.find(storage, path, who)?;
    let beside = path.parent()?.join(&name).ok()?;
    // The rights may be those on the file alone.
    let listed = destination.scope.rights_at(&beside).contains(Rights::LIST);
    asked.parent()?.join(&name).ok().filter(|_| listed)
}

/// Compares the BLAKE3 digest with the one that the client named, if it named one.
///
/// # Errors
/// [`ErrorCode::ChecksumMismatch`].
pub(super) fn check_blake3(digests: &Digests, wanted: Option<&[u8]>) -> Result<(), RequestError> {
    if wanted.is_some() && digests.get(Algorithm::Blake3) != wanted {
        return Err(Failure::new(ErrorCode::ChecksumMismatch, "the bytes have another digest").into());
    }
    Ok(())
}
