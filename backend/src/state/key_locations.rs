//! The recorded locations of keys: one small file per server address, by which client verbs of this user find its key.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{StateError, failed};
use super::key_file::read_key;
use super::private::{make_private_folder, private_options};
use super::user::user_folder;
use crate::wire::Key;

/// Records that the server at `address` has its key in the file `key`.
///
/// # Errors
/// [`StateError::Nowhere`] and [`StateError::Io`].
pub fn record_key(address: &str, key: &Path) -> Result<(), StateError> {
    let record = record_path(address)?;
    let key = std::path::absolute(key).map_err(failed(key))?;
    if let Some(folder) = record.parent() {
        make_private_folder(folder)?;
    }
    let mut file = private_options().create(true).truncate(true).open(&record).map_err(failed(&record))?;
    file.write_all(key.as_os_str().as_encoded_bytes()).map_err(failed(&record))
}

/// The key of the server at `address`, from where [`record_key`] says that it is.
///
/// # Errors
/// [`StateError::NoKey`] without a record, otherwise as [`read_key`].
pub fn key_of(address: &str) -> Result<Key, StateError> {
    let record = record_path(address)?;
    let bytes = fs::read(&record).map_err(|_| StateError::NoKey(address.to_owned()))?;
    read_key(&path_from(bytes).ok_or_else(|| StateError::NoKey(address.to_owned()))?)
}

fn record_path(address: &str) -> Result<PathBuf, StateError> {
    // Servers record the default address as 127.0.0.1; users often type `localhost`.
    let address = address.replace("localhost", "127.0.0.1");
    Ok(user_folder()?.join("servers").join(shared::path::encode_segment(address.as_bytes())))
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(|text| OsString::from(text).into())
}
