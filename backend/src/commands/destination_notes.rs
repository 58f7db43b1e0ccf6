//! Notes of the destinations that `get` and `put` made: small files of this user. By its note, the same command repeated
//! goes on in the folder instead of making one inside it. They are optional: without one, the rule of `cp -r` applies.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use shared::hex;

use crate::state::client_folder;

/// A note is deleted when it was not used for this time.
const NOTE_EXPIRY: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A longer file is not a note.
const NOTE_BYTES_MAX: u64 = 4 << 10;

/// The note of one command: verb, server, source and destination.
pub(super) struct DestinationNote {
    /// `None` if this user has no folder for notes.
    path: Option<PathBuf>,
}

impl DestinationNote {
    /// The note of the command with these `parts`. Deletes expired notes of all commands.
    pub(super) fn of(parts: &[impl AsRef<[u8]>]) -> Self {
        let folder = client_folder("destinations").ok();
        if let Some(folder) = &folder {
            delete_older(folder, NOTE_EXPIRY);
        }
        Self::within(folder, parts)
    }

    fn within(folder: Option<PathBuf>, parts: &[impl AsRef<[u8]>]) -> Self {
        Self { path: folder.map(|folder| folder.join(name_of(parts))) }
    }

    /// True if the command made the folder with that identity.
    pub(super) fn is_of(&self, identity: &str) -> bool {
        let Some(path) = &self.path else { return false };
        let short = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= NOTE_BYTES_MAX);
        short && fs::read(path).is_ok_and(|noted| noted == identity.as_bytes())
    }

    /// Notes that the command made the folder with that identity. Errors are ignored.
    pub(super) fn write(&self, identity: &str) {
        if let Some(path) = &self.path {
            // Replaced by a rename, so that a kill leaves the old or the new note.
            let new = path.with_extension("new");
            let _ = fs::write(&new, identity).and_then(|()| fs::rename(&new, path));
        }
    }

    /// Deletes the note. Errors are ignored.
    pub(super) fn remove(&self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

/// A file name for these parts of a command. Other parts, or parts that are divided otherwise, have another name.
pub(super) fn name_of(parts: &[impl AsRef<[u8]>]) -> String {
    let mut hash = Sha256::new();
    for part in parts.iter().map(AsRef::as_ref) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

/// The path without its dot segments and the slash at its end, from the root on: a command may be repeated in another
/// folder, or typed in another way.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components().collect()
}

/// Deletes the files of a folder that are older than `age`. Errors are ignored.
pub(super) fn delete_older(folder: &Path, age: Duration) {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let passed = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if passed.is_some_and(|passed| passed > age) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_of_one_command_and_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let note = |parts: &[&[u8]]| DestinationNote::within(Some(folder.path().to_owned()), parts);
        let parts: [&[u8]; 3] = [b"get", b"photos", b"/home/photos"];
        assert!(!note(&parts).is_of("1"));
        note(&parts).write("1");
        assert!(note(&parts).is_of("1") && !note(&parts).is_of("2"));
        assert!(!note(&[b"get", b"photo", b"s/home/photos"]).is_of("1"));
        note(&parts).write("2");
        assert!(note(&parts).is_of("2"));
        note(&parts).remove();
        assert!(!note(&parts).is_of("2"));
        note(&parts).write("2");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = DestinationNote::within(None, &parts);
        nowhere.write("1");
        assert!(!nowhere.is_of("1"));
    }

    #[test]
    fn only_files_of_that_age_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let old = fs::File::create(folder.path().join("old")).unwrap();
        old.set_modified(SystemTime::now() - 2 * NOTE_EXPIRY).unwrap();
        fs::write(folder.path().join("new"), "").unwrap();
        delete_older(folder.path(), NOTE_EXPIRY);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["new"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_has_one_absolute_form() {
        let here = std::env::current_dir().unwrap();
        for typed in ["./photos", "photos", "photos/", "photos/."] {
            assert_eq!(absolute(Path::new(typed)), here.join("photos"), "{typed}");
        }
    }
}
