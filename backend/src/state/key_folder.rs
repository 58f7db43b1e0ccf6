//! The keys of a state directory that are made and removed while its server runs: one file for each, `keys/<id>.key`.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::error::{StateError, failed};
use super::key_entry::KeyEntry;
use super::private::{make_private_folder, private_options};

const FOLDER_NAME: &str = "keys";
const EXTENSION: &str = "key";
/// Most files of keys that are read.
const FILES_MAX: usize = 1_000;
/// Most bytes of the file of a key: a line of the key, and a path of 4096 bytes that is percent-encoded.
const FILE_BYTES_MAX: u64 = 16 << 10;

/// The folder of the keys of a state directory.
#[derive(Clone, Debug)]
pub struct KeyFolder(PathBuf);

impl KeyFolder {
    /// That of the state directory `state`.
    pub fn of(state: &Path) -> Self {
        Self(state.join(FOLDER_NAME))
    }

    /// The keys, and why files with the ending of a key are none.
    ///
    /// # Errors
    /// [`StateError::Io`] if the folder, or a file that is in it, cannot be read: what the folder has is then unknown.
    pub fn read(&self) -> Result<(Vec<KeyEntry>, Vec<StateError>), StateError> {
        let (mut keys, mut refused) = (Vec::new(), Vec::new());
        let names = match fs::read_dir(&self.0) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((keys, refused)),
            Err(error) => return Err(failed(&self.0)(error)),
        };
        for name in names {
            let path = name.map_err(failed(&self.0))?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            if keys.len() + refused.len() == FILES_MAX {
                refused.push(StateError::TooManyKeys(self.0.clone()));
                break;
            }
            match read_entry(&path) {
                Ok(entry) => keys.push(entry),
                // It was removed since the folder was listed.
                Err(StateError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                Err(error @ StateError::Io { .. }) => return Err(error),
                Err(error) => refused.push(error),
            }
        }
        Ok((keys, refused))
    }

    /// Adds a key, which is there as a whole or not at all.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn add(&self, entry: &KeyEntry) -> Result<(), StateError> {
        make_private_folder(&self.0)?;
        let path = self.path(entry.key.id());
        let unnamed = path.with_extension("new");
        let mut file = private_options().create_new(true).open(&unnamed).map_err(failed(&unnamed))?;
        write!(file, "{entry}").and_then(|()| file.sync_all()).map_err(failed(&unnamed))?;
        fs::rename(&unnamed, &path).map_err(failed(&path))
    }

    /// Removes the key with this id. False if there is none.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn remove(&self, id: &str) -> Result<bool, StateError> {
        if !is_file_name(id) {
            return Ok(false);
        }
        let path = self.path(id);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.{EXTENSION}"))
    }
}

/// Whether the id of a key names a file of the folder, and none elsewhere.
fn is_file_name(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn read_entry(path: &Path) -> Result<KeyEntry, StateError> {
    let file = fs::File::open(path).map_err(failed(path))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed(path))?;
    let malformed = |source| StateError::KeyEntry { path: path.to_owned(), source };
    let entry: KeyEntry = String::from_utf8_lossy(&bytes).parse().map_err(malformed)?;
    // Otherwise two files may have one id, and the removal of one would leave the other.
    if path.file_stem().is_some_and(|stem| stem == entry.key.id()) {
        Ok(entry)
    } else {
        Err(StateError::OtherKey { path: path.to_owned(), id: entry.key.id().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use shared::{Rights, VPath};

    use super::*;
    use crate::wire::Key;

    fn entry() -> KeyEntry {
        let key = Key::generate().unwrap();
        let (rights, folder) = (Rights::READ_ONLY, VPath::root());
        KeyEntry { key, name: String::new(), rights, folder, is_gateway: false, ends: None }
    }

    #[test]
    fn keys_are_added_and_removed() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::of(state.path());
        assert_eq!(folder.read().unwrap().0, []);
        let (first, second) = (entry(), entry());
        folder.add(&first).unwrap();
        folder.add(&second).unwrap();
        let mut keys = folder.read().unwrap().0;
        keys.sort_by_key(|entry| entry.key.id() != first.key.id());
        assert_eq!(keys, [first.clone(), second.clone()]);
        assert!(folder.remove(first.key.id()).unwrap() && !folder.remove(first.key.id()).unwrap());
        assert_eq!(folder.read().unwrap().0, [second]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&folder.0), 0o700);
            fs::read_dir(&folder.0).unwrap().for_each(|file| assert_eq!(mode(&file.unwrap().path()), 0o600));
        }
    }

    #[test]
    fn no_id_removes_a_file_elsewhere() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::of(state.path());
        folder.add(&entry()).unwrap();
        let local = state.path().join("local.key");
        fs::write(&local, "precious").unwrap();
        for id in ["../local", "", ".", "a/b", "..\\local"] {
            assert!(!folder.remove(id).unwrap(), "{id}");
        }
        assert!(local.exists());
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_opens_nothing() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::of(state.path());
        let good = entry();
        folder.add(&good).unwrap();
        fs::write(folder.path("broken"), "no key").unwrap();
        fs::write(folder.path("copied"), good.to_string()).unwrap();
        fs::write(folder.path("long"), format!("{good}name {}", "a".repeat(20_000))).unwrap();
        fs::write(folder.0.join("notes.txt"), "anything").unwrap();
        let (keys, refused) = folder.read().unwrap();
        assert_eq!((keys, refused.len()), (vec![good], 3));
    }
}
