//! Uploads, from the first byte to the file, and folders and links that are made.

use backend::storage::{Attributes, Expected, Published, Staged};
use shared::{ETag, ErrorCode, Kind, Link, Timestamp};

use super::{World, code, content, last_segment, list, open, path, read, stage, staged_bytes, stat, upload};

pub(super) fn an_upload_is_seen_by_nobody(world: &dyn World) {
    world.file(b"file", b"old");
    let staged = stage(world, 1);
    staged.write_at(b"world", 6).unwrap();
    assert_eq!(staged.length().unwrap(), 11);
    assert_eq!(staged_bytes(&*staged), b"\0\0\0\0\0\0world");
    staged.write_at(b"hello ", 0).unwrap();
    staged.write_at(b"", 3).unwrap();
    staged.sync().unwrap();
    assert_eq!(staged_bytes(&*staged), b"hello world");
    let mut buffer = [0; 4];
    assert_eq!(staged.read_at(&mut buffer, 9).unwrap(), 2);
    assert_eq!(staged.read_at(&mut buffer, 11).unwrap(), 0);
    assert_eq!(staged.read_at(&mut buffer, u64::MAX).unwrap(), 0);
    staged.truncate(5).unwrap();
    staged.sync().unwrap();
    assert_eq!(staged_bytes(&*staged), b"hello");

    let names: Vec<_> = list(world, b"").unwrap().into_keys().collect();
    assert_eq!(names, [b"file".to_vec()]);
    assert_eq!(world.storage().list_staged().unwrap(), [super::upload_id(1)]);
}

pub(super) fn an_upload_is_found_again_until_it_is_given_up(world: &dyn World) {
    let storage = world.storage();
    assert!(storage.list_staged().unwrap().is_empty());
    assert_eq!(code(storage.staged(super::upload_id(1))), Some(ErrorCode::NotFound));
    storage.unstage(super::upload_id(1)).unwrap();
    let staged = stage(world, 1);
    staged.write_at(b"content", 0).unwrap();
    staged.sync().unwrap();
    drop(staged);
    assert_eq!(code(storage.stage(super::upload_id(1))), Some(ErrorCode::AlreadyExists));
    assert_eq!(staged_bytes(&*storage.staged(super::upload_id(1)).unwrap()), b"content");
    storage.unstage(super::upload_id(1)).unwrap();
    storage.unstage(super::upload_id(1)).unwrap();
    assert!(storage.list_staged().unwrap().is_empty());
    assert_eq!(code(storage.staged(super::upload_id(1))), Some(ErrorCode::NotFound));
    let published = storage.publish(super::upload_id(1), &path(b"x"), &Expected::Anything, &Attributes::default());
    assert_eq!(code(published), Some(ErrorCode::NotFound));
}

pub(super) fn a_small_file_is_stored_in_one_go(world: &dyn World) {
    world.folder(b"docs");
    let store = |id: u8, name: &[u8], bytes: &[u8], expected: &Expected| {
        world.storage().store(super::upload_id(id), bytes, &path(name), expected, &Attributes::default())
    };
    let stored = store(1, b"docs/file", b"content", &Expected::Nothing).unwrap();
    assert!(!stored.replaced);
    assert_eq!(stored.entry, stat(world, b"docs/file").unwrap());
    assert_eq!(content(world, b"docs/file").unwrap(), b"content");
    let etag = stored.entry.etag.unwrap();
    let replaced = store(2, b"docs/file", b"", &Expected::State(vec![etag])).unwrap();
    assert!(replaced.replaced && replaced.entry.etag != Some(etag));
    assert_eq!(content(world, b"docs/file").unwrap(), b"");
    for (name, expected, refusal) in [
        (b"docs/file".as_slice(), Expected::Nothing, ErrorCode::AlreadyExists),
        (b"docs/file", Expected::State(vec![etag]), ErrorCode::PreconditionFailed),
        (b"docs", Expected::Anything, ErrorCode::IsFolder),
        (b"missing/file", Expected::Anything, ErrorCode::ParentMissing),
        (b"docs/file/below", Expected::Anything, ErrorCode::NotFolder),
    ] {
        assert_eq!(code(store(3, name, b"other", &expected)), Some(refusal), "{name:?}");
    }
    assert_eq!(content(world, b"docs/file").unwrap(), b"");
    assert!(world.storage().list_staged().unwrap().is_empty());
}

pub(super) fn a_published_upload_is_a_file(world: &dyn World) {
    world.folder(b"docs");
    let before = stat(world, b"docs").unwrap();
    world.tick();
    let modified = Timestamp::from_parts(1_234_567_890, 123_456_700);
    let attributes = Attributes { modified: Some(modified), executable: Some(true), ..Attributes::default() };
    stage(world, 1).write_at(b"content", 0).unwrap();
    let published =
        world.storage().publish(super::upload_id(1), &path(b"docs/file"), &Expected::Nothing, &attributes).unwrap();
    assert!(!published.replaced);
    let entry = published.entry;
    assert_eq!((entry.kind, entry.size, entry.modified, entry.link.clone()), (Kind::File, 7, modified, None));
    assert_eq!(entry.executable, world.keeps_modes());
    // The validator that is answered is the one that the file goes on to have.
    assert_eq!(stat(world, b"docs/file").unwrap(), entry);
    assert_eq!(content(world, b"docs/file").unwrap(), b"content");
    assert_ne!(stat(world, b"docs").unwrap().etag, before.etag);
    assert!(world.storage().list_staged().unwrap().is_empty());

    let plain = upload(world, 2, b"docs/plain", b"", &Expected::Nothing).unwrap();
    assert!(!plain.entry.executable && plain.entry.size == 0);
    assert!(plain.entry.modified > modified);
}

pub(super) fn what_stands_there_decides(world: &dyn World) {
    world.file(b"file", b"old");
    let etag = stat(world, b"file").unwrap().etag.unwrap();
    let stale = ETag([7; 16]);
    let check = |name: &[u8], expected: Expected, refusal: ErrorCode| {
        let got = upload(world, 1, name, b"new", &expected);
        assert_eq!(got.unwrap_err(), refusal, "{expected:?} at {}", String::from_utf8_lossy(name));
        // The upload still has its room, and nothing moved.
        world.storage().unstage(super::upload_id(1)).unwrap();
        assert_eq!(content(world, b"file").unwrap(), b"old");
    };
    check(b"file", Expected::Nothing, ErrorCode::AlreadyExists);
    check(b"file", Expected::State(vec![stale]), ErrorCode::PreconditionFailed);
    check(b"new", Expected::State(vec![stale]), ErrorCode::PreconditionFailed);
    check(b"new", Expected::State(Vec::new()), ErrorCode::PreconditionFailed);
    check(b"none/new", Expected::Nothing, ErrorCode::ParentMissing);
    check(b"none/deeper/new", Expected::Anything, ErrorCode::ParentMissing);
    check(b"file/new", Expected::Anything, ErrorCode::NotFolder);
    check(b"", Expected::Anything, ErrorCode::IsFolder);
    assert_eq!(code(stat(world, b"new")), Some(ErrorCode::NotFound));

    world.tick();
    let published = upload(world, 1, b"file", b"newer", &Expected::State(vec![stale, etag])).unwrap();
    assert!(published.replaced);
    assert_ne!(published.entry.etag, Some(etag));
    assert_eq!(content(world, b"file").unwrap(), b"newer");
    assert!(upload(world, 2, b"file", b"any", &Expected::State(Vec::new())).unwrap().replaced);
    assert!(upload(world, 3, b"file", b"thing", &Expected::Anything).unwrap().replaced);
    assert!(!upload(world, 4, b"other", b"thing", &Expected::Anything).unwrap().replaced);
}

pub(super) fn folders_and_special_files_never_give_way(world: &dyn World) {
    world.folder(b"empty");
    world.link(b"to folder", b"empty");
    let check = |name: &[u8], refusal: ErrorCode| {
        for expected in [Expected::Anything, Expected::State(Vec::new())] {
            assert_eq!(upload(world, 1, name, b"new", &expected).unwrap_err(), refusal);
            world.storage().unstage(super::upload_id(1)).unwrap();
        }
        let got = upload(world, 1, name, b"new", &Expected::Nothing);
        assert_eq!(got.unwrap_err(), ErrorCode::AlreadyExists);
        world.storage().unstage(super::upload_id(1)).unwrap();
    };
    check(b"empty", ErrorCode::IsFolder);
    check(b"to folder", ErrorCode::IsFolder);
    if world.special(b"special") {
        world.link(b"to special", b"special");
        check(b"special", ErrorCode::NotRegular);
        check(b"to special", ErrorCode::NotRegular);
    }
    assert_eq!(stat(world, b"empty").unwrap().kind, Kind::Folder);
}

pub(super) fn a_replaced_file_hands_down_what_it_had(world: &dyn World) {
    world.file(b"script", b"old");
    world.set_executable(b"script");
    let reader = open(world, b"script").unwrap();
    world.tick();
    let published = upload(world, 1, b"script", b"new", &Expected::Anything).unwrap();
    assert_eq!(published.entry.executable, world.keeps_modes());
    // Whoever reads the old file goes on to read it.
    assert_eq!(read(&*reader).unwrap(), b"old");
    assert_eq!(reader.etag_now().unwrap(), reader.entry().etag.unwrap());
    let attributes = Attributes { executable: Some(false), ..Attributes::default() };
    stage(world, 2).write_at(b"newer", 0).unwrap();
    let published =
        world.storage().publish(super::upload_id(2), &path(b"script"), &Expected::Anything, &attributes).unwrap();
    assert!(!published.entry.executable);
}

pub(super) fn an_upload_goes_through_a_link_that_stays_inside(world: &dyn World) {
    world.file(b"real/file", b"old");
    world.folder(b"links");
    world.link(b"links/file", b"../real/file");
    world.link(b"folder", b"real");
    let Published { entry, replaced } = upload(world, 1, b"links/file", b"new content", &Expected::Anything).unwrap();
    assert!(replaced);
    assert_eq!((entry.size, entry.link.clone()), (11, Some(Link::Inside(b"../real/file".to_vec()))));
    assert_eq!(stat(world, b"links/file").unwrap(), entry);
    assert_eq!(content(world, b"real/file").unwrap(), b"new content");
    assert_eq!(stat(world, b"real/file").unwrap().link, None);
    // The condition is about what the link leads to.
    let etag = stat(world, b"real/file").unwrap().etag.unwrap();
    assert!(upload(world, 2, b"links/file", b"newer", &Expected::State(vec![etag])).unwrap().replaced);
    assert!(!upload(world, 3, b"folder/beside", b"x", &Expected::Nothing).unwrap().replaced);
    assert_eq!(content(world, b"real/beside").unwrap(), b"x");
    assert_eq!(upload(world, 4, b"links/file", b"x", &Expected::Nothing).unwrap_err(), ErrorCode::AlreadyExists);
}

pub(super) fn a_link_that_leads_astray_takes_no_upload(world: &dyn World) {
    world.file(b"a/file", b"content");
    let out = [b"../../".as_slice(), last_segment(&world.root()), b"2/secret"].concat();
    let beside = [b"../../".as_slice(), last_segment(&world.root()), b"2"].concat();
    world.link(b"a/out", &out);
    world.link(b"a/new outside", b"../../planted");
    world.link(b"a/dangling", b"nothing");
    world.link(b"a/circle", b"circle");
    world.link(b"a/beside", &beside);
    world.link(b"a/state", b"../.passerelle/x");
    let names = [b"a/out".as_slice(), b"a/new outside", b"a/dangling", b"a/circle", b"a/state"];
    for name in names.into_iter().chain([b"a/beside/secret".as_slice(), b"a/beside/planted"]) {
        let got = upload(world, 1, name, b"evil", &Expected::Anything);
        assert_eq!(got.unwrap_err(), ErrorCode::LinkEscapes, "{}", String::from_utf8_lossy(name));
        world.storage().unstage(super::upload_id(1)).unwrap();
    }
    let shown = list(world, b"a").unwrap();
    assert_eq!(shown[b"out".as_slice()].link, Some(Link::Escapes));
    assert_eq!(shown[b"dangling".as_slice()].link, Some(Link::Broken));
    for name in names {
        let got = upload(world, 1, name, b"evil", &Expected::Nothing);
        assert_eq!(got.unwrap_err(), ErrorCode::AlreadyExists);
        world.storage().unstage(super::upload_id(1)).unwrap();
    }
    world.check_outside();
}

pub(super) fn every_name_can_be_written(world: &dyn World) {
    let longest = [b'x'; 255];
    let names: [&[u8]; 9] = [
        b"with space",
        "été à Nîmes".as_bytes(),
        "e\u{301}te\u{301}".as_bytes(),
        "🦀".as_bytes(),
        b"line\nfeed",
        b"latin\xe9.txt",
        b"back\\slash",
        b"a:b",
        &longest,
    ];
    let names: Vec<_> = names.into_iter().filter(|name| world.takes(name)).collect();
    let now = Timestamp::from_parts(1_700_000_000, 0);
    for (number, name) in names.iter().enumerate() {
        let number = number as u8;
        let inner = [b"new/".as_slice(), name].concat();
        let moved = [b"moved/".as_slice(), name].concat();
        if number == 0 {
            world.storage().make_folder(&path(b"new")).unwrap();
            world.storage().make_folder(&path(b"moved")).unwrap();
        }
        upload(world, number, &inner, name, &Expected::Nothing).unwrap();
        world.storage().rename(&path(&inner), None, &path(&moved), &Expected::Nothing).unwrap();
        world.storage().trash(&path(&moved), None, super::trash_id(number), now).unwrap();
        world.storage().restore(super::trash_id(number), &path(&inner)).unwrap();
        assert_eq!(content(world, &inner).unwrap(), *name);
        assert_eq!(world.storage().make_folder(&path(&moved)).unwrap().path, path(&moved));
        world.storage().remove(&path(&moved), None).unwrap();
    }
    assert_eq!(list(world, b"new").unwrap().len(), names.len());
    let too_long = [b'x'; 256];
    let names: Vec<&[u8]> = [too_long.as_slice(), b".passerelle", b".Passerelle"].into();
    for name in names {
        check_destination(world, name, ErrorCode::NameRefused);
    }
}

pub(super) fn nothing_of_the_server_is_reached(world: &dyn World) {
    world.file(b"a/file", b"content");
    world.link(b"a/up", b"..");
    let staged = stage(world, 1);
    staged.write_at(b"secret", 0).unwrap();
    staged.sync().unwrap();
    world.storage().trash(&path(b"a/file"), None, super::trash_id(1), Timestamp(0)).unwrap();
    let hidden: [&[u8]; 6] = [
        b".passerelle",
        b".passerelle/staging",
        b".passerelle/staging/01010101010101010101010101010101",
        b".passerelle/trash/01010101010101010101010101010101/data",
        b".passerelle/vault.lock",
        b"a/up/.passerelle/staging",
    ];
    for name in hidden {
        assert_eq!(code(stat(world, name)), Some(ErrorCode::NotFound));
        assert_eq!(code(open(world, name)), Some(ErrorCode::NotFound));
        assert_eq!(code(list(world, name)), Some(ErrorCode::NotFound));
        let name = path(name);
        let storage = world.storage();
        let taken = path(b"taken");
        assert_eq!(code(storage.rename(&name, None, &taken, &Expected::Anything)), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.remove(&name, None)), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.trash(&name, None, super::trash_id(2), Timestamp(0))), Some(ErrorCode::NotFound));
        let refusal = if name.name() == b".passerelle" { ErrorCode::NameRefused } else { ErrorCode::ParentMissing };
        check_destination(world, name.as_bytes(), refusal);
    }
    assert_eq!(list(world, b"").unwrap().len(), 1);
    assert_eq!(staged_bytes(&*staged), b"secret");
    world.storage().restore(super::trash_id(1), &path(b"a/file")).unwrap();
}

pub(super) fn folders_and_links_are_made(world: &dyn World) {
    world.file(b"file", b"content");
    let storage = world.storage();
    let made = storage.make_folder(&path(b"folder")).unwrap();
    assert_eq!((made.kind, &made), (Kind::Folder, &stat(world, b"folder").unwrap()));
    let made = storage.make_link(&path(b"folder/link"), b"../file").unwrap();
    assert_eq!((made.link.clone(), made.size), (Some(Link::Inside(b"../file".to_vec())), 7));
    assert_eq!(stat(world, b"folder/link").unwrap(), made);
    // One whose target is still to come, as when a folder is copied.
    let made = storage.make_link(&path(b"folder/early"), b"later/./x").unwrap();
    assert_eq!(made.link, Some(Link::Broken));
    world.link(b"dangling", b"nothing");
    for name in [b"folder".as_slice(), b"file", b"folder/link", b"dangling", b""] {
        assert_eq!(code(storage.make_folder(&path(name))), Some(ErrorCode::AlreadyExists));
        assert_eq!(code(storage.make_link(&path(name), b"file")), Some(ErrorCode::AlreadyExists));
    }
    let escaping: [&[u8]; 5] = [b"/etc/passwd", b"../../secret", b"none/../../../secret", b"..\x2f../x", &world.root()];
    for target in escaping {
        assert_eq!(code(storage.make_link(&path(b"folder/out"), target)), Some(ErrorCode::LinkEscapes), "{target:?}");
    }
    assert_eq!(code(storage.make_link(&path(b"folder/out"), b"")), Some(ErrorCode::NameRefused));
    assert_eq!(code(storage.make_link(&path(b"folder/out"), b"a\0b")), Some(ErrorCode::NameRefused));
    assert_eq!(code(stat(world, b"folder/out")), Some(ErrorCode::NotFound));
    // Through another link there is more or less room above.
    storage.make_folder(&path(b"folder/deep")).unwrap();
    world.link(b"down", b"folder/deep");
    assert!(storage.make_link(&path(b"down/up"), b"../../file").is_ok());
    assert_eq!(content(world, b"folder/deep/up").unwrap(), b"content");
}

pub(super) fn of_two_who_want_a_name_one_gets_it(world: &dyn World) {
    for round in 0..20_u8 {
        let name = [b"name ".as_slice(), round.to_string().as_bytes()].concat();
        let ids = [2 * round + 1, 2 * round + 2];
        for id in ids {
            stage(world, id).write_at(&[id; 100], 0).unwrap();
        }
        let storage = world.storage();
        let publish =
            |id: u8| storage.publish(super::upload_id(id), &path(&name), &Expected::Nothing, &Attributes::default());
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| publish(ids[1]));
            (publish(ids[0]), other.join().unwrap())
        });
        let (winner, loser) = if first.is_ok() { (ids[0], second) } else { (ids[1], first) };
        assert_eq!(code(loser), Some(ErrorCode::AlreadyExists));
        assert_eq!(content(world, &name).unwrap(), [winner; 100]);
    }
}

pub(super) fn bytes_are_copied_from_files_and_uploads(world: &dyn World) {
    let bytes: Vec<u8> = (0..600_000_u32).map(|number| (number % 251) as u8).collect();
    world.file(b"source", &bytes);
    let copy_all = |target: &dyn Staged, step: &dyn Fn(u64, u64) -> u64, length: u64| {
        let mut copied = 0;
        while copied < length {
            let count = step(copied, length - copied);
            assert!(count > 0 && count <= length - copied);
            copied += count;
        }
        assert_eq!(target.length().unwrap(), length);
    };
    let source = open(world, b"source").unwrap();
    let first = stage(world, 1);
    copy_all(&*first, &|at, left| first.copy_from(&*source, at, left, at).unwrap(), 600_000);
    assert_eq!(staged_bytes(&*first), bytes);
    // Past its end there is nothing.
    assert_eq!(first.copy_from(&*source, 600_000, 10, 600_000).unwrap(), 0);
    assert_eq!(first.copy_from(&*source, 599_990, 100, 600_000).unwrap(), 10);

    let second = stage(world, 2);
    second.write_at(b"head", 0).unwrap();
    assert_eq!(second.copy_from_staged(&*first, 3, 5, 4).unwrap(), 5);
    second.sync().unwrap();
    assert_eq!(staged_bytes(&*second), [b"head".as_slice(), &bytes[3..8]].concat());
}

/// A destination that every way of writing refuses for the same reason.
#[track_caller]
fn check_destination(world: &dyn World, name: &[u8], refusal: ErrorCode) {
    let shown = String::from_utf8_lossy(name).into_owned();
    let storage = world.storage();
    let target = path(name);
    let now = Timestamp::from_parts(1_700_000_000, 0);
    assert_eq!(code(upload(world, 200, name, b"evil", &Expected::Anything)), Some(refusal), "{shown}");
    storage.unstage(super::upload_id(200)).unwrap();
    assert_eq!(code(storage.make_folder(&target)), Some(refusal), "{shown}");
    assert_eq!(code(storage.make_link(&target, b"file")), Some(refusal), "{shown}");
    world.file(b"a source", b"content");
    let source = path(b"a source");
    assert_eq!(code(storage.rename(&source, None, &target, &Expected::Anything)), Some(refusal), "{shown}");
    storage.trash(&source, None, super::trash_id(200), now).unwrap();
    assert_eq!(code(storage.restore(super::trash_id(200), &target)), Some(refusal), "{shown}");
    storage.purge(super::trash_id(200), &mut || backend::storage::Visit::Continue).unwrap();
}
