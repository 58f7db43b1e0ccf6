//! The folder that an operation puts something into: refused, found or made.

use shared::{Entry, ErrorCode, Link, Rights, Scope, VPath};

use crate::storage::{Storage, StorageError, is_state_folder_name};

/// How often missing parents are made again.
const PARENTS_MADE_MAX: u32 = 16;

/// Refuses a path to or through the server's own directory.
///
/// # Errors
/// [`ErrorCode::NameReserved`].
pub(super) fn refuse_state_folder(target: &VPath) -> Result<(), StorageError> {
    if target.segments().any(is_state_folder_name) {
        return Err(StorageError::new(ErrorCode::NameReserved, "the name is reserved for the server's own directory"));
    }
    Ok(())
}

/// Makes sure that `folder` exists; with a scope, creates it and its missing parents where that has CREATE.
///
/// # Errors
/// [`ErrorCode::ParentMissing`] for a folder that is missing and not made; as [`expect_folder`] and
/// [`Storage::make_folder`].
pub(super) fn make_folders(storage: &dyn Storage, folder: &VPath, by: Option<&Scope>) -> Result<(), StorageError> {
    make_folders_noting(storage, folder, by, &mut || {})
}

/// [`make_folders`], which calls `on_made` after each folder that it creates: that stays, also after a later failure.
///
/// # Errors
/// As [`make_folders`].
pub(super) fn make_folders_noting(
    storage: &dyn Storage,
    folder: &VPath,
    by: Option<&Scope>,
    on_made: &mut dyn FnMut(),
) -> Result<(), StorageError> {
    match storage.stat(folder) {
        Ok(entry) => return expect_folder(&entry),
        Err(error) if error.code != ErrorCode::NotFound => return Err(error),
        Err(_) => {}
    }
    let missing = || StorageError::new(ErrorCode::ParentMissing, "the folder does not exist");
    let scope = by.ok_or_else(missing)?;
    for folder in folder.ancestry().skip(1) {
        match storage.stat(&folder) {
            Err(error) if error.code == ErrorCode::NotFound && !scope.rights_at(&folder).contains(Rights::CREATE) => {
                return Err(missing());
            }
            Err(error) if error.code == ErrorCode::NotFound => match storage.make_folder(&folder) {
                Ok(_) => on_made(),
                Err(error) if error.code == ErrorCode::AlreadyExists => {}
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Runs `place`, which puts an entry at `path`, after making the missing parents: again while other clients remove them.
/// Calls `on_made` after each folder that it creates, where `scope` grants CREATE.
///
/// # Errors
/// As [`make_folders`] and `place`.
pub(super) fn below_parents<T>(
    storage: &dyn Storage,
    path: &VPath,
    scope: &Scope,
    on_made: &mut dyn FnMut(),
    mut place: impl FnMut() -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let parent = path.parent().unwrap_or_default();
    let mut attempts = 1..=PARENTS_MADE_MAX;
    loop {
        let placed = make_folders_noting(storage, &parent, Some(scope), on_made).and_then(|()| place());
        match placed {
            Err(error) if error.code == ErrorCode::ParentMissing && attempts.next().is_some() => {}
            placed => return placed,
        }
    }
}

/// Requires the folder of a caller's base, which no request makes: one that was removed, or whose disk is missing,
/// must not come back as an empty folder.
///
/// # Errors
/// [`ErrorCode::NotFound`]; as [`expect_folder`] and [`Storage::stat`].
pub(super) fn expect_root(storage: &dyn Storage, root: &VPath) -> Result<(), StorageError> {
    // The root of the storage is open all the time.
    if root.is_root() { Ok(()) } else { expect_folder(&storage.stat(root)?) }
}

/// Requires a folder. A link is refused as the path of an entry below it is.
///
/// # Errors
/// [`ErrorCode::NotFolder`], [`ErrorCode::LinkEscapes`], [`ErrorCode::LinkBroken`].
fn expect_folder(entry: &Entry) -> Result<(), StorageError> {
    let code = match entry.link {
        _ if entry.is_folder() => return Ok(()),
        Some(Link::Escapes) => ErrorCode::LinkEscapes,
        Some(Link::Broken) => ErrorCode::LinkBroken,
        Some(Link::Inside(_)) | None => ErrorCode::NotFolder,
    };
    Err(StorageError::new(code, "an entry that is no folder has the name of the folder"))
}
