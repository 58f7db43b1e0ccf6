//! The server's own directory under names that do not tell: on a file system that folds names, and by a bind mount.

use backend::storage::testing::simulated::SimulatedDisk;
use backend::storage::{Attributes, Expected, Storage, Visit};
use shared::ErrorCode;

use super::interruption::NOW;
use super::{code, path, trash_id, upload_id};

/// Checks that neither the folder nor what is in it can be read or written to.
#[track_caller]
pub(super) fn check_hidden(storage: &dyn Storage, name: &[u8]) {
    let inner = [name, b"/vault.lock"].concat();
    let folders = [name.to_vec(), [name, b"/staging"].concat()];
    for hidden in [name, inner.as_slice(), folders[1].as_slice()].map(path) {
        let name = hidden.encoded();
        assert_eq!(code(storage.stat(&hidden)), Some(ErrorCode::NotFound), "{name}");
        assert_eq!(code(storage.open(&hidden)), Some(ErrorCode::NotFound), "{name}");
        assert!(storage.try_stat(&hidden).is_none() && storage.try_open(&hidden).is_none(), "{name}");
        assert_eq!(code(storage.remove(&hidden, None)), Some(ErrorCode::NotFound), "{name}");
        let removed = storage.remove_tree(&hidden, &mut || Visit::Continue);
        assert_eq!(code(removed), Some(ErrorCode::NotFound), "{name}");
        assert_eq!(code(storage.trash(&hidden, None, trash_id(200), NOW)), Some(ErrorCode::NotFound), "{name}");
        let moved = storage.rename(&hidden, None, &path(b"taken"), &Expected::Nothing);
        assert_eq!(code(moved), Some(ErrorCode::NotFound), "{name}");
        assert!(storage.copy_link(&hidden, &path(b"taken"), false).is_err(), "{name}");
        assert!(storage.make_folder(&hidden).is_err(), "{name}");
        assert!(storage.make_link(&hidden, b"target").is_err(), "{name}");
        let stored = storage.store(upload_id(200), b"x", &hidden, &Expected::Anything, &Attributes::default());
        assert!(stored.is_err(), "{name}");
        assert!(storage.rename(&path(b"file"), None, &hidden, &Expected::Anything).is_err(), "{name}");
    }
    for hidden in folders.iter().map(|folder| path(folder)) {
        let name = hidden.encoded();
        let listed = storage.list(&hidden, &mut |_| Visit::Continue);
        assert_eq!(code(listed), Some(ErrorCode::NotFound), "{name}");
        let listed = storage.list_names(&hidden, &mut |_, _| Visit::Continue);
        assert_eq!(code(listed), Some(ErrorCode::NotFound), "{name}");
        assert_eq!(code(storage.space(&hidden)), Some(ErrorCode::NotFound), "{name}");
        assert_eq!(code(storage.watch(&hidden, Box::new(drop))), Some(ErrorCode::NotFound), "{name}");
    }
    let hidden = path(name);
    let parent = hidden.parent().unwrap();
    let mut rows = 0;
    let mut names = [hidden.name()].into_iter();
    storage
        .stat_names(&parent, &mut names, &mut |_, _| {
            rows += 1;
            Visit::Continue
        })
        .unwrap();
    assert_eq!(rows, 0, "{}", hidden.encoded());
    let mut listed = Vec::new();
    storage
        .list_names(&parent, &mut |name, _| {
            listed.push(name.to_vec());
            Visit::Continue
        })
        .unwrap();
    storage
        .list(&parent, &mut |entry| {
            listed.push(entry.path.name().to_vec());
            Visit::Continue
        })
        .unwrap();
    assert!(!listed.contains(&hidden.name().to_vec()), "{}", hidden.encoded());
}

#[test]
fn no_name_of_a_folding_file_system_leads_to_the_private_directory() {
    let disk = SimulatedDisk::folding(3);
    disk.add_file("file", "content").unwrap().add_file("thrown", "content").unwrap();
    let storage = disk.storage();
    storage.trash(&path(b"thrown"), None, trash_id(1), NOW).unwrap();
    let names = [".PASSERELLE", ".paßerelle", ".PA\u{1e9e}erelle", "PASSER~1", "passer~1"];
    names.iter().for_each(|name| check_hidden(&*storage, name.as_bytes()));
    drop(storage);
    // Another process has written nothing so far.
    for name in names {
        let storage = disk.storage();
        assert_eq!(code(storage.stat(&path(name.as_bytes()))), Some(ErrorCode::NotFound), "{name}");
        check_hidden(&*storage, name.as_bytes());
    }
    assert_eq!(disk.storage().stat(&path(b"FILE")).unwrap().size, 7);
}
