//! Folders that an operation needs on its way: found, made, or refused.

use shared::{ErrorCode, VPath};

use crate::storage::{Storage, StorageError, is_state_folder_name};

/// Refuses a path that leads through the server's own directory, or to it.
pub(super) fn refuse_own_names(target: &VPath) -> Result<(), StorageError> {
    if target.segments().any(is_state_folder_name) {
        return Err(StorageError::new(ErrorCode::NameRefused, "that name is the server's own"));
    }
    Ok(())
}

/// Sees to it that there is such a folder; makes it with those on the way, where that is wanted.
///
/// # Errors
/// [`ErrorCode::ParentMissing`] where it is not wanted, [`ErrorCode::NotFolder`], and as [`Storage::make_folder`].
pub(super) fn make_folders(storage: &dyn Storage, folder: &VPath, make: bool) -> Result<(), StorageError> {
    match storage.stat(folder) {
        Ok(entry) if entry.is_folder() => return Ok(()),
        Ok(_) => return Err(StorageError::new(ErrorCode::NotFolder, "a file stands where a folder is needed")),
        Err(error) if error.code != ErrorCode::NotFound => return Err(error),
        Err(_) if !make => {
            return Err(StorageError::new(ErrorCode::ParentMissing, "the folder is not there"));
        }
        Err(_) => {}
    }
    for folder in folder.ancestry().skip(1) {
        match storage.stat(&folder) {
            Err(error) if error.code == ErrorCode::NotFound => match storage.make_folder(&folder) {
                Err(error) if error.code != ErrorCode::AlreadyExists => return Err(error),
                _ => {}
            },
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}
