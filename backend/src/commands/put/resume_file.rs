//! Resume files: small files of this user, each with the key of an upload in progress, by which a repeated command
//! resumes it. They are optional: without one, an upload starts over.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared::limits::UPLOAD_EXPIRY;
use shared::{JobId, Timestamp, VPath};

use super::local_file::FileState;
use crate::commands::destination_notes::{absolute, delete_older, name_of};
use crate::state::client_folder;

/// A longer file is not a resume file.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// The resume files of uploads to one server.
pub(super) struct ResumeFiles {
    /// `None` if this user has no folder for them.
    folder: Option<PathBuf>,
    server: String,
}

/// The resume file of one local file and its path on the server.
pub(super) struct ResumeFile {
    path: Option<PathBuf>,
}

impl ResumeFiles {
    /// The resume files for `server`. Deletes those of all servers whose uploads have expired.
    pub(super) fn open(server: &str) -> Self {
        let folder = client_folder("uploads").ok();
        if let Some(folder) = &folder {
            delete_older(folder, UPLOAD_EXPIRY);
        }
        Self { folder, server: server.to_owned() }
    }

    /// The resume file for an upload of `local` to `remote`.
    pub(super) fn file(&self, local: &Path, remote: &VPath) -> ResumeFile {
        // The absolute path, because the command may be repeated in another folder.
        let local = absolute(local);
        let name = name_of(&[self.server.as_bytes(), local.as_os_str().as_encoded_bytes(), remote.as_bytes()]);
        ResumeFile { path: self.folder.as_ref().map(|folder| folder.join(name)) }
    }
}

impl ResumeFile {
    /// The key of the upload in progress. `None` if there is none, or if it is of another state of the file.
    pub(super) fn read(&self, state: &FileState) -> Option<JobId> {
        let path = self.path.as_ref()?;
        if fs::metadata(path).ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        let content: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let same = content["size"].as_u64() == Some(state.size)
            && content["modified_ns"].as_i64().map(Timestamp) == Some(state.modified);
        if same { JobId::parse(content["key"].as_str()?) } else { None }
    }

    /// Stores the key of an upload. Errors are ignored.
    pub(super) fn write(&self, key: JobId, state: &FileState) {
        if let Some(path) = &self.path {
            let content = json!({ "key": key, "size": state.size, "modified_ns": state.modified.0 });
            // Replaced by a rename, so that a kill leaves the old or the new file. With neither, a repeated command
            // would start a second upload, and the first would use the server's disk until it expires.
            let new = path.with_extension("new");
            let _ = fs::write(&new, content.to_string()).and_then(|()| fs::rename(&new, path));
        }
    }

    /// Deletes the file, because the upload has ended. Errors are ignored.
    pub(super) fn remove(&self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_file_is_for_one_state_of_one_file_and_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let files = |server: &str| ResumeFiles { folder: Some(folder.path().to_owned()), server: server.into() };
        let remote = VPath::parse("a/b").unwrap();
        let state = FileState { size: 5, modified: Timestamp(7), executable: None };
        let key = JobId([3; 16]);
        let file = files("here").file(Path::new("/f"), &remote);
        assert_eq!(file.read(&state), None);
        file.write(key, &state);
        file.write(key, &state);
        assert_eq!(file.read(&state), Some(key));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(file.read(&FileState { size: 6, ..state }), None);
        assert_eq!(file.read(&FileState { modified: Timestamp(8), ..state }), None);
        assert_eq!(files("there").file(Path::new("/f"), &remote).read(&state), None);
        assert_eq!(files("here").file(Path::new("/g"), &remote).read(&state), None);
        assert_eq!(files("here").file(Path::new("/f"), &VPath::root()).read(&state), None);
        file.remove();
        assert_eq!(file.read(&state), None);
        fs::write(file.path.as_ref().unwrap(), "not JSON").unwrap();
        assert_eq!(file.read(&state), None);
        let without_folder = ResumeFiles { folder: None, server: String::new() }.file(Path::new("/f"), &remote);
        without_folder.write(key, &state);
        assert_eq!(without_folder.read(&state), None);
    }
}
