//! Renaming, removing, trashing, restoring and purging.

use std::collections::{BTreeMap, HashSet};

use backend::storage::{
    Attributes, Expected, Keep, LinkScope, Replacement, Storage, StorageError, ToRestore, ToTrash, TrashItem,
    TrashListing, TrashQuery, Visit,
};
use shared::{ETag, ErrorCode, Kind, Link, Timestamp, TrashId};

use super::{Fixture, code, content, last_segment, list, path, read, stat, trash_id, upload_id};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

pub(super) fn entries_are_renamed(fixture: &dyn Fixture) {
    fixture.file(b"a/file", b"content");
    fixture.folder(b"b");
    fixture.link(b"a/link", b"file");
    fixture.link(b"to b", b"b");
    fixture.file(b"a/folder/inner/file", b"deep");
    let storage = fixture.storage();
    let rename = |from: &[u8], to: &[u8]| storage.rename(&path(from), None, &path(to), &Expected::Nothing).unwrap();
    let before = stat(fixture, b"a/file").unwrap();
    let moved = rename(b"a/file", b"to b/new name");
    assert_eq!((moved.path.clone(), moved.size, moved.modified), (path(b"to b/new name"), 7, before.modified));
    assert_eq!(stat(fixture, b"to b/new name").unwrap(), moved);
    assert_eq!(content(fixture, b"b/new name").unwrap(), b"content");
    assert_eq!(code(stat(fixture, b"a/file")), Some(ErrorCode::NotFound));
    // A link is renamed itself, and its target is relative to its new folder.
    assert_eq!(rename(b"a/link", b"b/link").link, Some(Link::Broken));
    assert_eq!(rename(b"b/new name", b"b/file").size, 7);
    assert_eq!(content(fixture, b"b/link").unwrap(), b"content");
    assert_eq!(rename(b"a/folder", b"b/moved").kind, Kind::Folder);
    assert_eq!(content(fixture, b"b/moved/inner/file").unwrap(), b"deep");
    assert!(list(fixture, b"a").unwrap().is_empty());
    if fixture.special(b"special") {
        assert_eq!(rename(b"special", b"b/special").kind, Kind::Other);
    }
}

pub(super) fn a_rename_replaces_as_expected(fixture: &dyn Fixture) {
    for (name, content) in [(b"one".as_slice(), b"1"), (b"two", b"2"), (b"full/file", b"3")] {
        fixture.file(name, content);
    }
    fixture.folder(b"empty");
    fixture.folder(b"other");
    fixture.link(b"link", b"one");
    let storage = fixture.storage();
    let etag = |name: &[u8]| stat(fixture, name).unwrap().etag.unwrap();
    let check = |from: &[u8], to: &[u8], expected: &Expected, refusal: ErrorCode| {
        let got = storage.rename(&path(from), None, &path(to), expected);
        let shown = [from, b" to ", to].concat();
        assert_eq!(code(got), Some(refusal), "{}", String::from_utf8_lossy(&shown));
    };
    let stale = Expected::State(vec![ETag([9; 16])]);
    check(b"one", b"two", &Expected::Nothing, ErrorCode::AlreadyExists);
    check(b"one", b"two", &stale, ErrorCode::PreconditionFailed);
    check(b"one", b"new", &stale, ErrorCode::PreconditionFailed);
    check(b"one", b"one", &Expected::Anything, ErrorCode::AlreadyExists);
    check(b"one", b"empty", &Expected::Anything, ErrorCode::IsFolder);
    check(b"empty", b"one", &Expected::Anything, ErrorCode::NotFolder);
    check(b"empty", b"full", &Expected::Anything, ErrorCode::NotEmpty);
    check(b"full", b"full/below", &Expected::Nothing, ErrorCode::IntoItself);
    check(b"full", b"full/not/below", &Expected::Nothing, ErrorCode::ParentMissing);
    check(b"full/file", b"full", &Expected::Anything, ErrorCode::IsFolder);
    check(b"one", b"none/new", &Expected::Nothing, ErrorCode::ParentMissing);
    check(b"one", b"two/new", &Expected::Nothing, ErrorCode::NotFolder);
    check(b"none", b"new", &Expected::Nothing, ErrorCode::NotFound);
    check(b"none/none", b"new", &Expected::Nothing, ErrorCode::NotFound);
    check(b"", b"new", &Expected::Nothing, ErrorCode::NameRefused);
    check(b"one", b"", &Expected::Anything, ErrorCode::IsFolder);
    if fixture.special(b"special") {
        check(b"one", b"special", &Expected::Anything, ErrorCode::NotRegular);
    }
    fixture.link(b"into", b"full");
    check(b"full", b"into/below", &Expected::Nothing, ErrorCode::IntoItself);

    let replaced = storage.rename(&path(b"one"), None, &path(b"two"), &Expected::State(vec![etag(b"two")]));
    assert_eq!(replaced.unwrap().size, 1);
    assert_eq!(content(fixture, b"two").unwrap(), b"1");
    storage.rename(&path(b"full"), None, &path(b"empty"), &Expected::Anything).unwrap();
    assert_eq!(content(fixture, b"empty/file").unwrap(), b"3");
    // A link is replaced itself; its target stays.
    fixture.link(b"alias", b"empty/file");
    storage.rename(&path(b"two"), None, &path(b"alias"), &Expected::Anything).unwrap();
    assert_eq!(
        (stat(fixture, b"alias").unwrap().link, content(fixture, b"empty/file").unwrap()),
        (None, b"3".to_vec())
    );
}

pub(super) fn a_source_in_another_state_is_refused(fixture: &dyn Fixture) {
    fixture.file(b"file", b"content");
    fixture.link(b"dangling", b"nothing");
    let storage = fixture.storage();
    let stale = Some(ETag([9; 16]));
    for name in [path(b"file"), path(b"dangling")] {
        assert_eq!(code(storage.rename(&name, stale, &path(b"new"), &Expected::Nothing)), Some(ErrorCode::Changed));
        assert_eq!(code(storage.remove(&name, stale)), Some(ErrorCode::Changed));
        assert_eq!(code(storage.trash(&name, stale, trash_id(1), NOW)), Some(ErrorCode::Changed));
    }
    let etag = stat(fixture, b"file").unwrap().etag;
    storage.rename(&path(b"file"), etag, &path(b"new"), &Expected::Nothing).unwrap();
    let etag = stat(fixture, b"new").unwrap().etag;
    storage.trash(&path(b"new"), etag, trash_id(1), NOW).unwrap();
    let etag = storage.restore(trash_id(1), &path(b"file")).unwrap().etag;
    storage.remove(&path(b"file"), etag).unwrap();
}

pub(super) fn files_links_and_empty_folders_are_removed(fixture: &dyn Fixture) {
    fixture.file(b"file", b"content");
    fixture.file(b"full/file", b"content");
    fixture.folder(b"empty");
    fixture.link(b"to full", b"full");
    fixture.link(b"dangling", b"nothing");
    let out = [b"../".as_slice(), last_segment(&fixture.root()), b"2"].concat();
    fixture.link(b"out", &out);
    let storage = fixture.storage();
    assert_eq!(code(storage.remove(&path(b"full"), None)), Some(ErrorCode::NotEmpty));
    assert_eq!(code(storage.remove(&path(b"none"), None)), Some(ErrorCode::NotFound));
    assert_eq!(code(storage.remove(&path(b"none/none"), None)), Some(ErrorCode::NotFound));
    assert_eq!(code(storage.remove(&path(b""), None)), Some(ErrorCode::NameRefused));
    assert_eq!(code(storage.remove(&path(b"out/secret"), None)), Some(ErrorCode::LinkEscapes));
    for name in [b"file".as_slice(), b"empty", b"to full", b"dangling", b"out"] {
        storage.remove(&path(name), None).unwrap();
        assert_eq!(code(stat(fixture, name)), Some(ErrorCode::NotFound));
    }
    if fixture.special(b"special") {
        storage.remove(&path(b"special"), None).unwrap();
    }
    let left: Vec<_> = list(fixture, b"").unwrap().into_keys().collect();
    assert_eq!(left, [b"full".to_vec()]);
    assert_eq!(content(fixture, b"full/file").unwrap(), b"content");
    fixture.check_outside();
}

pub(super) fn trashed_entries_are_listed_and_restored(fixture: &dyn Fixture) {
    fixture.file(b"docs/file", b"content");
    fixture.file(b"docs/folder/inner/file", b"deep");
    fixture.folder(b"other");
    fixture.link(b"docs/link", b"file");
    let storage = fixture.storage();
    let mut entries = BTreeMap::new();
    for (number, name) in [b"docs/file".as_slice(), b"docs/folder", b"docs/link"].into_iter().enumerate() {
        let number = number as u8 + 1;
        entries.insert(trash_id(number), stat(fixture, name).unwrap());
        storage.trash(&path(name), None, trash_id(number), Timestamp(NOW.0 + i64::from(number))).unwrap();
        assert_eq!(code(stat(fixture, name)), Some(ErrorCode::NotFound));
    }
    let items = trashed(fixture);
    assert_eq!(items.len(), 3);
    for (id, entry) in &entries {
        assert_eq!(items[id].trashed, Timestamp(NOW.0 + i64::from(id.0[0])));
        // The link was trashed after its target, so it was broken.
        if id.0[0] < 3 {
            assert_eq!(&items[id].entry, entry);
        }
    }
    check_pages(storage);

    let restore = |number, to: &[u8]| storage.restore(trash_id(number), &path(to));
    fixture.file(b"taken", b"");
    assert_eq!(code(restore(1, b"taken")), Some(ErrorCode::AlreadyExists));
    assert_eq!(code(restore(1, b"none/file")), Some(ErrorCode::ParentMissing));
    assert_eq!(code(restore(1, b"taken/file")), Some(ErrorCode::NotFolder));
    assert_eq!(code(restore(9, b"file")), Some(ErrorCode::Gone));
    let back = restore(1, b"docs/file").unwrap();
    assert_eq!((back.size, &back), (7, &stat(fixture, b"docs/file").unwrap()));
    assert_eq!(code(restore(1, b"docs/again")), Some(ErrorCode::Gone));
    assert_eq!(restore(2, b"other/folder").unwrap().kind, Kind::Folder);
    assert_eq!(content(fixture, b"other/folder/inner/file").unwrap(), b"deep");
    assert_eq!(restore(3, b"docs/link").unwrap().size, 7);
    assert!(trashed(fixture).is_empty());
    assert_eq!(code(storage.trash(&path(b""), None, trash_id(1), NOW)), Some(ErrorCode::NameRefused));
    assert_eq!(code(storage.trash(&path(b"none"), None, trash_id(1), NOW)), Some(ErrorCode::NotFound));
    assert!(trashed(fixture).is_empty());
}

pub(super) fn a_purge_deletes_entry_by_entry(fixture: &dyn Fixture) {
    for number in 0..5 {
        fixture.file(format!("folder/inner {number}/file").as_bytes(), b"content");
    }
    fixture.file(b"kept/file", b"kept");
    let outside = [fixture.root().as_slice(), b"2"].concat();
    fixture.link(b"folder/out", &outside);
    fixture.link(b"folder/inside", b"../kept");
    fixture.link(b"folder/inner 0/up", b"../../kept/file");
    let storage = fixture.storage();
    storage.trash(&path(b"folder"), None, trash_id(1), NOW).unwrap();
    fixture.link(b"link", b"kept");
    storage.trash(&path(b"link"), None, trash_id(2), NOW).unwrap();
    assert_eq!(code(storage.purge(trash_id(3), &mut || Visit::Continue)), Some(ErrorCode::Gone));
    // A stopped purge continues.
    let mut visits = 0;
    let mut stop = || {
        visits += 1;
        if visits == 4 { Visit::Stop } else { Visit::Continue }
    };
    storage.purge(trash_id(1), &mut stop).unwrap();
    assert_eq!(visits, 4);
    assert_eq!(trashed(fixture).len(), 2);
    let mut rest = 0;
    let mut count = || {
        rest += 1;
        Visit::Continue
    };
    storage.purge(trash_id(1), &mut count).unwrap();
    // Five folders with a file each, three links and the folder itself.
    assert_eq!(visits + rest, 14);
    storage.purge(trash_id(2), &mut || Visit::Continue).unwrap();
    assert!(trashed(fixture).is_empty());
    assert_eq!(code(storage.purge(trash_id(1), &mut || Visit::Continue)), Some(ErrorCode::Gone));
    assert_eq!(content(fixture, b"kept/file").unwrap(), b"kept");
    fixture.check_outside();
}

pub(super) fn deep_trees_are_purged(fixture: &dyn Fixture) {
    // Deeper than any path can be, by a rename into a deep folder.
    let half = vec!["d"; 200].join("/");
    fixture.file(format!("a/{half}/file").as_bytes(), b"content");
    fixture.file(format!("b/{half}/file").as_bytes(), b"content");
    let storage = fixture.storage();
    storage.rename(&path(b"a"), None, &path(format!("b/{half}/a").as_bytes()), &Expected::Nothing).unwrap();
    storage.trash(&path(b"b"), None, trash_id(1), NOW).unwrap();
    let mut count = 0;
    let mut visit = || {
        count += 1;
        Visit::Continue
    };
    storage.purge(trash_id(1), &mut visit).unwrap();
    assert_eq!(count, 404);
    assert!(trashed(fixture).is_empty());
}

fn trashed(fixture: &dyn Fixture) -> BTreeMap<TrashId, TrashItem> {
    let mut items = BTreeMap::new();
    for item in fixture.storage().list_trash(&TrashQuery::default()).unwrap().items {
        assert_eq!(fixture.storage().stat_trash(item.id).unwrap(), item);
        assert!(items.insert(item.id, item).is_none());
    }
    items
}

/// Pages of any length, from any position, are those of the whole listing; hidden items and those of other folders are
/// left out.
fn check_pages(storage: &dyn Storage) {
    let whole = storage.list_trash(&TrashQuery::default()).unwrap();
    assert!(whole.items.is_sorted_by_key(TrashItem::position) && whole.items.len() > 2);
    assert_eq!((whole.total, whole.more), (whole.items.len() as u64, false));
    for limit in 1..=whole.items.len() {
        let mut query = TrashQuery { limit, ..TrashQuery::default() };
        let mut items = Vec::new();
        loop {
            let page = storage.list_trash(&query).unwrap();
            assert_eq!(page.total, whole.total);
            assert!(page.items.len() <= limit);
            query.after = page.items.last().map(TrashItem::position);
            items.extend(page.items);
            if !page.more {
                break;
            }
        }
        assert_eq!(items, whole.items, "in pages of {limit}");
    }
    let first = &whole.items[0];
    let hidden = TrashQuery { hidden: HashSet::from([first.id]), limit: 1, ..TrashQuery::default() };
    let page = storage.list_trash(&hidden).unwrap();
    assert_eq!((page.items, page.total), (vec![whole.items[1].clone()], whole.total - 1));
    let below = TrashQuery { below: LinkScope::below(first.entry.path.clone()), ..TrashQuery::default() };
    assert_eq!(storage.list_trash(&below).unwrap().items, std::slice::from_ref(first));
    let elsewhere = TrashQuery { below: LinkScope::below(path(b"no such folder")), ..TrashQuery::default() };
    assert_eq!(storage.list_trash(&elsewhere).unwrap(), TrashListing::default());
    assert_eq!(code(storage.stat_trash(trash_id(99))), Some(ErrorCode::Gone));
}

pub(super) fn entries_of_a_group_have_a_result_each(fixture: &dyn Fixture) {
    for name in [b"a/1".as_slice(), b"a/2", b"a/3", b"a/sub/inner", b"b/1"] {
        fixture.file(name, name);
    }
    fixture.link(b"a/link", b"1");
    fixture.tick();
    let storage = fixture.storage();
    storage.trash(&path(b"b/1"), None, trash_id(9), NOW).unwrap();
    fixture.file(b"b/1", b"another");
    let paths = [b"a/1".as_slice(), b"a/1", b"a/none", b"a/2", b"a/3", b"a/sub", b"a/link", b"b/1", b""].map(path);
    let entries: Vec<_> = paths
        .iter()
        .zip([1, 2, 3, 4, 5, 6, 7, 9, 8])
        .map(|(path, number)| {
            let etag = (number == 4).then_some(ETag([9; 16]));
            ToTrash { path, etag, id: trash_id(number) }
        })
        .collect();
    let codes: Vec<_> = storage.trash_all(&entries, NOW).into_iter().map(code).collect();
    let gone = Some(ErrorCode::NotFound);
    let (stale, twice, root) = (Some(ErrorCode::Changed), Some(ErrorCode::AlreadyExists), Some(ErrorCode::NameRefused));
    assert_eq!(codes, [None, gone, gone, stale, None, None, None, twice, root]);
    assert_eq!(list(fixture, b"a").unwrap().keys().map(Vec::as_slice).collect::<Vec<_>>(), [b"2"]);
    let trash = storage.list_trash(&TrashQuery::default()).unwrap();
    let items: Vec<_> = trash.items.iter().map(|item| (item.id, item.entry.path.as_bytes())).collect();
    let expected = [(1, b"a/1".as_slice()), (5, b"a/3"), (6, b"a/sub"), (7, b"a/link"), (9, b"b/1")];
    assert_eq!(items, expected.map(|(number, path)| (trash_id(number), path)));
    let ids = [1, 5, 6, 42, 7, 9].map(trash_id);
    let looked_at = |item: Result<TrashItem, StorageError>| item.map_err(|error| error.code);
    let one_by_one: Vec<_> = ids.iter().map(|id| looked_at(storage.stat_trash(*id))).collect();
    assert_eq!(storage.stat_trash_all(&ids).into_iter().map(looked_at).collect::<Vec<_>>(), one_by_one);
    // Each item can be purged or restored by itself.
    storage.purge(trash_id(5), &mut || Visit::Continue).unwrap();
    let targets = [b"a/1".as_slice(), b"a/3", b"a/2", b"a/new", b"a/link", b"none/x", b"b/back"].map(path);
    let items: Vec<_> =
        targets.iter().zip([1, 5, 6, 6, 7, 9, 9]).map(|(to, number)| ToRestore { id: trash_id(number), to }).collect();
    let restored = storage.restore_all(&items);
    let codes: Vec<_> = restored.iter().map(|restored| restored.as_ref().err().map(|error| error.code)).collect();
    let (gone, missing) = (Some(ErrorCode::Gone), Some(ErrorCode::ParentMissing));
    assert_eq!(codes, [None, gone, twice, None, None, missing, None]);
    for (entry, to) in restored.into_iter().zip(&targets).filter_map(|(entry, to)| Some((entry.ok()?, to))) {
        assert_eq!(entry, storage.stat(to).unwrap());
    }
    assert_eq!(content(fixture, b"a/1").unwrap(), b"a/1");
    assert_eq!(content(fixture, b"a/new/inner").unwrap(), b"a/sub/inner");
    assert_eq!(content(fixture, b"b/back").unwrap(), b"b/1");
    assert_eq!(storage.list_trash(&TrashQuery::default()).unwrap(), TrashListing::default());
}

pub(super) fn a_tree_is_removed_where_it_is(fixture: &dyn Fixture) {
    for name in [b"a/1".as_slice(), b"a/sub/inner", b"a/sub/other", b"b"] {
        fixture.file(name, name);
    }
    fixture.link(b"a/link", b"../b");
    let storage = fixture.storage();
    assert_eq!(storage.remove_tree(&path(b"a"), &mut || Visit::Stop).unwrap(), Visit::Stop);
    let mut removed = 1;
    let mut visit = || {
        removed += 1;
        Visit::Continue
    };
    assert_eq!(storage.remove_tree(&path(b"a"), &mut visit).unwrap(), Visit::Continue);
    assert_eq!(removed, 6);
    assert_eq!(code(storage.remove_tree(&path(b"a"), &mut || Visit::Continue)), Some(ErrorCode::NotFound));
    assert_eq!(list(fixture, b"").unwrap().keys().map(Vec::as_slice).collect::<Vec<_>>(), [b"b"]);
    // A stop after the last entry leaves nothing.
    assert_eq!(storage.remove_tree(&path(b"b"), &mut || Visit::Stop).unwrap(), Visit::Continue);
}

pub(super) fn keep(number: u8) -> Keep {
    Keep { id: trash_id(number), now: NOW, bytes_max: 1_000, owner: 7 }
}

/// The items of the trash, the newest first, with their path, size and whether they were replaced.
fn kept(fixture: &dyn Fixture) -> Vec<(Vec<u8>, u64, bool)> {
    let items = fixture.storage().list_trash(&TrashQuery::default()).unwrap().items;
    items.into_iter().map(|item| (item.entry.path.as_bytes().to_vec(), item.entry.size, item.replaced)).collect()
}

pub(super) fn a_published_upload_keeps_the_file_that_it_replaces(fixture: &dyn Fixture) {
    fixture.file(b"docs/file", b"the old one");
    fixture.link(b"link", b"docs/file");
    let storage = fixture.storage();
    let reading = storage.open(&path(b"docs/file")).unwrap();
    let store = |number, name: &[u8], bytes: &[u8], bytes_max| {
        let keep = Some(Keep { bytes_max, ..keep(number) });
        let attributes = Attributes { keep, ..Attributes::default() };
        storage.store(upload_id(number), bytes, &path(name), &Expected::Anything, &attributes).unwrap()
    };
    fixture.tick();
    let first = store(1, b"docs/file", b"new", 1_000);
    assert_eq!(first.kept.map(|kept| (kept.id, kept.bytes)), Some((trash_id(1), 11)));
    assert_eq!(content(fixture, b"docs/file").unwrap(), b"new");
    assert_eq!(kept(fixture), [(b"docs/file".to_vec(), 11, true)]);
    assert_eq!(storage.stat_trash(trash_id(1)).unwrap().owner, Some(7));
    // A download that runs meanwhile is complete.
    assert_eq!(read(&*reading).unwrap(), b"the old one");
    assert_eq!(reading.etag_now().unwrap(), reading.entry().etag.unwrap());
    // Through a link, the file at its end is replaced and kept, by its own path.
    store(2, b"link", b"newer", 1_000);
    assert_eq!(storage.stat_trash(trash_id(2)).unwrap().entry.path, path(b"docs/file"));
    // Too large, and nothing at all.
    let large = store(3, b"docs/file", b"newest", 4);
    assert!(large.replaced && large.kept.is_none());
    assert_eq!(store(4, b"docs/file", b"last", 0).kept, None);
    assert_eq!(store(5, b"docs/other", b"", 1_000).kept, None);
    // A failure keeps nothing.
    let attributes = Attributes { keep: Some(keep(6)), ..Attributes::default() };
    let stale = Expected::State(vec![ETag([9; 16])]);
    let refused = storage.store(upload_id(6), b"x", &path(b"docs/file"), &stale, &attributes);
    assert_eq!(code(refused), Some(ErrorCode::PreconditionFailed));
    assert_eq!(kept(fixture).len(), 2);
    storage.restore(trash_id(1), &path(b"back")).unwrap();
    assert_eq!(content(fixture, b"back").unwrap(), b"the old one");
    storage.purge(trash_id(2), &mut || Visit::Continue).unwrap();
    assert!(kept(fixture).is_empty());
    assert_eq!(content(fixture, b"docs/file").unwrap(), b"last");
}

pub(super) fn a_replacement_keeps_what_it_replaces(fixture: &dyn Fixture) {
    for (name, content) in [(b"a".as_slice(), b"1".as_slice()), (b"b", b"22"), (b"target", b"333")] {
        fixture.file(name, content);
    }
    fixture.link(b"link", b"target");
    let storage = fixture.storage();
    let replace = |number, new: &Replacement<'_>, to: &[u8]| {
        fixture.tick();
        storage.replace(new, &path(to), &keep(number)).unwrap()
    };
    let moved = replace(1, &Replacement::Entry(&path(b"a"), None), b"b");
    assert_eq!((moved.entry.clone(), moved.kept.map(|kept| kept.bytes)), (stat(fixture, b"b").unwrap(), Some(2)));
    assert_eq!(code(stat(fixture, b"a")), Some(ErrorCode::NotFound));
    // The item takes its place again, and what stood there is kept in turn.
    let restored = replace(2, &Replacement::Trashed(trash_id(1)), b"b");
    assert_eq!((restored.entry.size, restored.kept.map(|kept| kept.bytes)), (2, Some(1)));
    assert_eq!((content(fixture, b"b").unwrap(), kept(fixture).len()), (b"22".to_vec(), 1));
    // A link is replaced itself, and not the file that it leads to.
    storage.stage(upload_id(7)).unwrap().write_at(b"copy", 0).unwrap();
    let attributes = Attributes::default();
    replace(3, &Replacement::Upload(upload_id(7), &attributes), b"link");
    assert_eq!(
        (content(fixture, b"link").unwrap(), content(fixture, b"target").unwrap()),
        (b"copy".to_vec(), b"333".to_vec())
    );
    assert!(storage.stat_trash(trash_id(3)).unwrap().entry.link.is_some());
    fixture.link(b"again link", b"target");
    let linked = replace(4, &Replacement::LinkCopy(&path(b"again link"), false), b"b");
    assert_eq!(linked.entry.link, Some(Link::Inside(b"target".to_vec())));
    assert_eq!(content(fixture, b"b").unwrap(), b"333");
    // Where nothing stands, nothing is kept.
    assert_eq!(replace(5, &Replacement::LinkCopy(&path(b"again link"), false), b"new").kept, None);
    assert_eq!(replace(6, &Replacement::Trashed(trash_id(4)), b"again").kept, None);
    assert_eq!(content(fixture, b"again").unwrap(), b"22");
    assert!(storage.list_staged().unwrap().is_empty());
}

pub(super) fn a_replacement_that_fails_changes_nothing(fixture: &dyn Fixture) {
    fixture.file(b"file", b"1");
    fixture.file(b"other", b"2");
    fixture.folder(b"folder");
    fixture.folder(b"empty");
    let storage = fixture.storage();
    let check = |new: &Replacement<'_>, to: &[u8], refusal: ErrorCode| {
        assert_eq!(code(storage.replace(new, &path(to), &keep(1))), Some(refusal), "{new:?}");
    };
    let file = path(b"file");
    check(&Replacement::Entry(&file, None), b"folder", ErrorCode::IsFolder);
    check(&Replacement::Entry(&file, None), b"file", ErrorCode::AlreadyExists);
    check(&Replacement::Entry(&file, Some(ETag([9; 16]))), b"other", ErrorCode::Changed);
    check(&Replacement::Entry(&path(b"folder"), None), b"other", ErrorCode::NotFolder);
    check(&Replacement::Entry(&path(b"folder"), None), b"empty", ErrorCode::NotFolder);
    check(&Replacement::Entry(&path(b"none"), None), b"other", ErrorCode::NotFound);
    check(&Replacement::Trashed(trash_id(9)), b"other", ErrorCode::Gone);
    check(&Replacement::LinkCopy(&file, false), b"other", ErrorCode::NotFound);
    check(&Replacement::Upload(upload_id(9), &Attributes::default()), b"other", ErrorCode::NotFound);
    assert!(kept(fixture).is_empty());
    assert_eq!(
        (content(fixture, b"file").unwrap(), content(fixture, b"other").unwrap()),
        (b"1".to_vec(), b"2".to_vec())
    );
}
