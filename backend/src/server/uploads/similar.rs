//! Names that people take for the name of a new file: they differ only in letter case, or in composed and decomposed
//! letters. The answer to an upload names one of them. It may miss a name that another program has added within the
//! last seconds, because nothing depends on it. Blocks.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::VPath;
use shared::name_key::equivalence_key;

use crate::admission::{Who, heaviest};
use crate::storage::{Storage, Visit};

/// How long the names of a folder are used before they are read again: many small uploads into one large folder read it
/// once in this time.
const NAMES_KEPT: Duration = Duration::from_secs(10);
/// Names of a larger folder are not compared.
const NAMES_MAX: usize = 100_000;
/// Folders whose names are kept.
const FOLDERS_MAX: usize = 256;
/// Names that are kept, of about 40 bytes each.
const NAMES_KEPT_MAX: u64 = 1_600_000;

/// The names of the folders that uploads lately went to.
#[derive(Default)]
pub(super) struct SimilarNames {
    folders: Mutex<HashMap<VPath, FolderNames>>,
}

struct FolderNames {
    read: Instant,
    /// For whose upload they were read.
    who: Who,
    /// `None` for a folder that is too large, or that could not be read.
    keys: Option<Keys>,
}

/// The equivalence keys of the names of a folder, all as hashes.
#[derive(Default)]
struct Keys(HashMap<u64, Known>);

/// The names that have one key.
#[derive(Clone, Copy)]
struct Known {
    first: u64,
    several: bool,
}

impl Keys {
    /// Adds a name. True if another one has its key.
    fn add(&mut self, key: &str, name: &[u8]) -> bool {
        let name = hash(name);
        let known = self.0.entry(hash(key.as_bytes())).or_insert(Known { first: name, several: false });
        known.several |= known.first != name;
        known.several
    }
}

impl SimilarNames {
    /// Another name in the folder of the new file at `path` that is equivalent to its name.
    pub(super) fn find(&self, storage: &dyn Storage, path: &VPath, who: Who) -> Option<Vec<u8>> {
        let (folder, name) = (path.parent()?, path.name());
        let key = equivalence_key(name)?;
        // Hashes of two names may collide, and a name may be gone: the folder decides.
        self.may_have(storage, &folder, &key, name, who)
            .then(|| read_equivalent(storage, &folder, &key, name))
            .flatten()
    }

    /// Frees the names of folders that no upload goes to any more.
    pub(super) fn sweep(&self) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|_, names| names.read.elapsed() < NAMES_KEPT);
    }

    /// Whether the folder may have another name with that key. Adds the name.
    fn may_have(&self, storage: &dyn Storage, folder: &VPath, key: &str, name: &[u8], who: Who) -> bool {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|_, names| names.read.elapsed() < NAMES_KEPT);
        if !folders.contains_key(folder) {
            // A slow disk must not keep other uploads waiting.
            drop(folders);
            let names = FolderNames { read: Instant::now(), who, keys: read_keys(storage, folder) };
            folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            make_room(&mut folders, names.len());
            folders.insert(folder.clone(), names);
        }
        let keys = folders.get_mut(folder).and_then(|folder| folder.keys.as_mut());
        keys.is_some_and(|keys| keys.add(key, name))
    }
}

impl FolderNames {
    fn len(&self) -> u64 {
        self.keys.as_ref().map_or(0, |keys| keys.0.len() as u64)
    }
}

/// Drops folders until there is room for one more with so many names.
fn make_room(folders: &mut HashMap<VPath, FolderNames>, names: u64) {
    while folders.len() >= FOLDERS_MAX {
        drop_of_heaviest(folders, |_| 1);
    }
    while !folders.is_empty() && folders.values().map(FolderNames::len).sum::<u64>() + names > NAMES_KEPT_MAX {
        drop_of_heaviest(folders, FolderNames::len);
    }
}

/// Drops the folder that was read first of those of the owner whose folders weigh most.
fn drop_of_heaviest(folders: &mut HashMap<VPath, FolderNames>, weight: impl Fn(&FolderNames) -> u64) {
    let whose = heaviest(folders.values().map(|names| (names.who, weight(names))));
    let owned = folders.iter().filter(|(_, names)| Some(names.who) == whose);
    let first = owned.min_by_key(|(_, names)| names.read).map(|(folder, _)| folder.clone());
    first.map(|folder| folders.remove(&folder));
}

fn read_keys(storage: &dyn Storage, folder: &VPath) -> Option<Keys> {
    let mut keys = Keys::default();
    let mut count = 0;
    let visited = storage.list_names(folder, &mut |name, _| {
        count += 1;
        if let Some(key) = equivalence_key(name) {
            keys.add(&key, name);
        }
        if count > NAMES_MAX { Visit::Stop } else { Visit::Continue }
    });
    (visited.is_ok() && count <= NAMES_MAX).then_some(keys)
}

fn read_equivalent(storage: &dyn Storage, folder: &VPath, key: &str, name: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    let visited = storage.list_names(folder, &mut |other, _| {
        if other != name && equivalence_key(other).as_deref() == Some(key) {
            found = Some(other.to_vec());
            return Visit::Stop;
        }
        Visit::Continue
    });
    visited.ok().and(found)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStorage;

    #[test]
    fn an_equivalent_name_is_found_wherever_it_came_from() {
        let storage = MemoryStorage::new();
        let similar = SimilarNames::default();
        let add = |name: &str| {
            storage.add_file(name, Vec::new()).unwrap();
            let found = similar.find(&storage, &VPath::from_bytes(name.as_bytes()).unwrap(), Who::one());
            found.map(|name| String::from_utf8(name).unwrap())
        };
        assert_eq!(add("d/Notes.txt"), None);
        assert_eq!(add("d/other.txt"), None);
        // Read with the folder, and added by an upload after it.
        assert_eq!(add("d/notes.TXT").as_deref(), Some("Notes.txt"));
        assert_eq!(add("d/e\u{301}te\u{301}"), None);
        assert_eq!(add("d/été").as_deref(), Some("e\u{301}te\u{301}"));
        // Another folder, and the first name that is read of it.
        assert_eq!(add("e/notes.txt"), None);
        assert_eq!(add("top"), None);
        assert_eq!(add("TOP").as_deref(), Some("top"));
    }

    #[test]
    fn both_names_are_noticed_when_the_folder_is_read_after_the_second() {
        for [first, second] in [["a", "A"], ["A", "a"]] {
            let storage = MemoryStorage::new();
            storage.add_file(first, Vec::new()).unwrap();
            storage.add_file(second, Vec::new()).unwrap();
            let found =
                SimilarNames::default().find(&storage, &VPath::from_bytes(second.as_bytes()).unwrap(), Who::one());
            assert_eq!(found.as_deref(), Some(first.as_bytes()));
        }
    }

    #[test]
    fn uploads_into_many_folders_do_not_displace_the_folder_of_another_client() {
        let names = |who| FolderNames { read: Instant::now(), who, keys: Some(Keys::default()) };
        let mut folders = HashMap::from([(VPath::root(), names(Who::client("quiet")))]);
        for number in 0..2 * FOLDERS_MAX {
            make_room(&mut folders, 0);
            folders.insert(VPath::parse(&number.to_string()).unwrap(), names(Who::client("busy")));
        }
        assert!(folders.contains_key(&VPath::root()));
        assert_eq!(folders.len(), FOLDERS_MAX);
        make_room(&mut folders, NAMES_KEPT_MAX + 1);
        assert!(folders.is_empty());
    }
}
