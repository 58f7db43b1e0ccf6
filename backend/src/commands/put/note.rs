//! Notes on uploads that are under way, in this user's own folder, so that the same command goes on where an earlier
//! one stopped. A note is a convenience: without a place for it, or if it is lost, an upload begins again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::hex;
use shared::limits::UPLOAD_EXPIRY;
use shared::{JobId, Timestamp, VPath};

use super::local::State;
use crate::state::client_folder;

/// A note longer than this is none.
const NOTE_BYTES_MAX: u64 = 4 << 10;

/// Where the notes are, if there is such a place.
pub(super) struct Notes {
    folder: Option<PathBuf>,
    server: String,
}

/// The place of the note on one file's upload to one path.
pub(super) struct Note {
    path: Option<PathBuf>,
}

impl Notes {
    /// Of uploads to that server. Forgets those that the server has forgotten, too.
    pub(super) fn open(server: &str) -> Self {
        let folder = client_folder("uploads").ok();
        if let Some(folder) = &folder {
            forget_old(folder);
        }
        Self { folder, server: server.to_owned() }
    }

    pub(super) fn on(&self, local: &Path, remote: &VPath) -> Note {
        let mut hash = Sha256::new();
        // The one on this machine by its whole path: the same command may be given in another folder.
        let local = std::path::absolute(local).unwrap_or_else(|_| local.to_owned());
        for part in [self.server.as_bytes(), local.as_os_str().as_encoded_bytes(), remote.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name = hex::encode(&hash.finalize()[..16]);
        Note { path: self.folder.as_ref().map(|folder| folder.join(name)) }
    }
}

impl Note {
    /// The key of the upload that was begun when the file was as it is now.
    pub(super) fn read(&self, state: &State) -> Option<JobId> {
        let path = self.path.as_ref()?;
        if fs::metadata(path).ok()?.len() > NOTE_BYTES_MAX {
            return None;
        }
        let note: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let same = note["size"].as_u64() == Some(state.size)
            && note["modified_ns"].as_i64().map(Timestamp) == Some(state.modified);
        if same { JobId::parse(note["key"].as_str()?) } else { None }
    }

    /// Leaves the key for whoever comes back.
    pub(super) fn write(&self, key: JobId, state: &State) {
        if let Some(path) = &self.path {
            let note = json!({ "key": key, "size": state.size, "modified_ns": state.modified.0 });
            // Whoever is killed meanwhile leaves this one or the one before: without either, the upload would lie on the
            // server until it expires, and a second one begin.
            let new = path.with_extension("new");
            let _ = fs::write(&new, note.to_string()).and_then(|()| fs::rename(&new, path));
        }
    }

    /// The upload is over.
    pub(super) fn remove(&self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

fn forget_old(folder: &Path) {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > UPLOAD_EXPIRY) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_speaks_for_one_state_of_one_file_on_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let notes = |server: &str| Notes { folder: Some(folder.path().to_owned()), server: server.into() };
        let remote = VPath::parse("a/b").unwrap();
        let state = State { size: 5, modified: Timestamp(7), executable: None };
        let key = JobId([3; 16]);
        let note = notes("here").on(Path::new("/f"), &remote);
        assert_eq!(note.read(&state), None);
        note.write(key, &state);
        note.write(key, &state);
        assert_eq!(note.read(&state), Some(key));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(note.read(&State { size: 6, ..state }), None);
        assert_eq!(note.read(&State { modified: Timestamp(8), ..state }), None);
        assert_eq!(notes("there").on(Path::new("/f"), &remote).read(&state), None);
        assert_eq!(notes("here").on(Path::new("/g"), &remote).read(&state), None);
        assert_eq!(notes("here").on(Path::new("/f"), &VPath::root()).read(&state), None);
        note.remove();
        assert_eq!(note.read(&state), None);
        fs::write(note.path.as_ref().unwrap(), "no note").unwrap();
        assert_eq!(note.read(&state), None);
        let nowhere = Notes { folder: None, server: String::new() }.on(Path::new("/f"), &remote);
        nowhere.write(key, &state);
        assert_eq!(nowhere.read(&state), None);
    }
}
