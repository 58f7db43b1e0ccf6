//! The folder that an operation puts something into: refused, found or made.

use shared::{ErrorCode, VPath};

use crate::storage::{Storage, StorageError, is_state_folder_name};

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

/// Makes sure that `folder` exists; with `make`, creates it and its missing parents.
///
/// # Errors
/// [`ErrorCode::ParentMissing`] without `make`, [`ErrorCode::NotFolder`], and as [`Storage::make_folder`].
pub(super) fn make_folders(storage: &dyn Storage, folder: &VPath, make: bool) -> Result<(), StorageError> {
    match storage.stat(folder) {
        Ok(entry) if entry.is_folder() => return Ok(()),
        Ok(_) => return Err(StorageError::new(ErrorCode::NotFolder, "a file has the name of the folder")),
        Err(error) if error.code != ErrorCode::NotFound => return Err(error),
        Err(_) if !make => return Err(StorageError::new(ErrorCode::ParentMissing, "the folder does not exist")),
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
