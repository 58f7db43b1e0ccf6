//! Uploads, from the first byte to the file, and creating folders and links.

use backend::storage::{Attributes, Expected, Published, Staged};
use shared::{ETag, ErrorCode, Kind, Link, Timestamp};

use super::{Fixture, code, content, last_segment, list, open, path, read, stage, staged_bytes, stat, upload};

pub(super) fn an_upload_is_invisible_until_it_is_published(fixture: &dyn Fixture) {
    fixture.file(b"file", b"old");
    let staged = stage(fixture, 1);
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

    let names: Vec<_> = list(fixture, b"").unwrap().into_keys().collect();
    assert_eq!(names, [b"file".to_vec()]);
    assert_eq!(fixture.storage().list_staged().unwrap(), [super::upload_id(1)]);
}

pub(super) fn an_upload_can_be_reopened_until_it_is_deleted(fixture: &dyn Fixture) {
    let storage = fixture.storage();
    assert!(storage.list_staged().unwrap().is_empty());
    assert_eq!(code(storage.staged(super::upload_id(1), None)), Some(ErrorCode::NotFound));
    storage.unstage(super::upload_id(1)).unwrap();
    let staged = stage(fixture, 1);
    staged.write_at(b"content", 0).unwrap();
    staged.sync().unwrap();
    drop(staged);
    assert_eq!(code(storage.stage(super::upload_id(1))), Some(ErrorCode::AlreadyExists));
    assert_eq!(staged_bytes(&*storage.staged(super::upload_id(1), None).unwrap()), b"content");
    storage.unstage(super::upload_id(1)).unwrap();
    storage.unstage(super::upload_id(1)).unwrap();
    assert!(storage.list_staged().unwrap().is_empty());
    assert_eq!(code(storage.staged(super::upload_id(1), None)), Some(ErrorCode::NotFound));
    let published = storage.publish(super::upload_id(1), &path(b"x"), &Expected::Anything, &Attributes::default());
    assert_eq!(code(published), Some(ErrorCode::NotFound));
}

pub(super) fn a_small_file_is_stored_in_one_call(fixture: &dyn Fixture) {
    fixture.folder(b"docs");
    let store = |id: u8, name: &[u8], bytes: &[u8], expected: &Expected| {
        fixture.storage().store(super::upload_id(id), bytes, &path(name), expected, &Attributes::default())
    };
    let stored = store(1, b"docs/file", b"content", &Expected::Nothing).unwrap();
    assert!(!stored.replaced);
    assert_eq!(stored.entry, stat(fixture, b"docs/file").unwrap());
    assert_eq!(content(fixture, b"docs/file").unwrap(), b"content");
    let etag = stored.entry.etag.unwrap();
    let replaced = store(2, b"docs/file", b"", &Expected::State(vec![etag])).unwrap();
    assert!(replaced.replaced && replaced.entry.etag != Some(etag));
    assert_eq!(content(fixture, b"docs/file").unwrap(), b"");
    for (name, expected, refusal) in [
        (b"docs/file".as_slice(), Expected::Nothing, ErrorCode::AlreadyExists),
        (b"docs/file", Expected::State(vec![etag]), ErrorCode::PreconditionFailed),
        (b"docs", Expected::Anything, ErrorCode::IsFolder),
        (b"missing/file", Expected::Anything, ErrorCode::ParentMissing),
        (b"docs/file/below", Expected::Anything, ErrorCode::NotFolder),
    ] {
        assert_eq!(code(store(3, name, b"other", &expected)), Some(refusal), "{name:?}");
    }
    assert_eq!(content(fixture, b"docs/file").unwrap(), b"");
    assert!(fixture.storage().list_staged().unwrap().is_empty());
}

pub(super) fn a_published_upload_is_a_file(fixture: &dyn Fixture) {
    fixture.folder(b"docs");
    let before = stat(fixture, b"docs").unwrap();
    fixture.tick();
    let modified = Timestamp::from_parts(1_234_567_890, 123_456_700);
    let attributes = Attributes { modified: Some(modified), executable: Some(true), ..Attributes::default() };
    stage(fixture, 1).write_at(b"content", 0).unwrap();
    let published =
        fixture.storage().publish(super::upload_id(1), &path(b"docs/file"), &Expected::Nothing, &attributes).unwrap();
    assert!(!published.replaced);
    let entry = published.entry;
    assert_eq!((entry.kind, entry.size, entry.modified, entry.link.clone()), (Kind::File, 7, modified, None));
    assert_eq!(entry.executable, fixture.keeps_modes());
    // The validator in the result is the one that the file keeps.
    assert_eq!(stat(fixture, b"docs/file").unwrap(), entry);
    assert_eq!(content(fixture, b"docs/file").unwrap(), b"content");
    assert_ne!(stat(fixture, b"docs").unwrap().etag, before.etag);
    assert!(fixture.storage().list_staged().unwrap().is_empty());

    let plain = upload(fixture, 2, b"docs/plain", b"", &Expected::Nothing).unwrap();
    assert!(!plain.entry.executable && plain.entry.size == 0);
    assert!(plain.entry.modified > modified);
}

pub(super) fn publishing_respects_the_expected_state(fixture: &dyn Fixture) {
    fixture.file(b"file", b"old");
    let etag = stat(fixture, b"file").unwrap().etag.unwrap();
    let stale = ETag([7; 16]);
    let check = |name: &[u8], expected: Expected, refusal: ErrorCode| {
        let got = upload(fixture, 1, name, b"new", &expected);
        assert_eq!(got.unwrap_err(), refusal, "{expected:?} at {}", String::from_utf8_lossy(name));
        // The upload still exists, and nothing has changed.
        fixture.storage().unstage(super::upload_id(1)).unwrap();
        assert_eq!(content(fixture, b"file").unwrap(), b"old");
    };
    check(b"file", Expected::Nothing, ErrorCode::AlreadyExists);
    check(b"file", Expected::State(vec![stale]), ErrorCode::PreconditionFailed);
    check(b"new", Expected::State(vec![stale]), ErrorCode::PreconditionFailed);
    check(b"new", Expected::State(Vec::new()), ErrorCode::PreconditionFailed);
    check(b"none/new", Expected::Nothing, ErrorCode::ParentMissing);
    check(b"none/deeper/new", Expected::Anything, ErrorCode::ParentMissing);
    check(b"file/new", Expected::Anything, ErrorCode::NotFolder);
    check(b"", Expected::Anything, ErrorCode::IsFolder);
    assert_eq!(code(stat(fixture, b"new")), Some(ErrorCode::NotFound));

    fixture.tick();
    let published = upload(fixture, 1, b"file", b"newer", &Expected::State(vec![stale, etag])).unwrap();
    assert!(published.replaced);
    assert_ne!(published.entry.etag, Some(etag));
    assert_eq!(content(fixture, b"file").unwrap(), b"newer");
    assert!(upload(fixture, 2, b"file", b"any", &Expected::State(Vec::new())).unwrap().replaced);
    assert!(upload(fixture, 3, b"file", b"thing", &Expected::Anything).unwrap().replaced);
    assert!(!upload(fixture, 4, b"other", b"thing", &Expected::Anything).unwrap().replaced);
}

pub(super) fn folders_and_special_files_are_never_replaced(fixture: &dyn Fixture) {
    fixture.folder(b"empty");
    fixture.link(b"to folder", b"empty");
    let check = |name: &[u8], refusal: ErrorCode| {
        for expected in [Expected::Anything, Expected::State(Vec::new())] {
            assert_eq!(upload(fixture, 1, name, b"new", &expected).unwrap_err(), refusal);
            fixture.storage().unstage(super::upload_id(1)).unwrap();
        }
        let got = upload(fixture, 1, name, b"new", &Expected::Nothing);
        assert_eq!(got.unwrap_err(), ErrorCode::AlreadyExists);
        fixture.storage().unstage(super::upload_id(1)).unwrap();
    };
    check(b"empty", ErrorCode::IsFolder);
    check(b"to folder", ErrorCode::IsFolder);
    if fixture.special(b"special") {
        fixture.link(b"to special", b"special");
        check(b"special", ErrorCode::NotRegular);
        check(b"to special", ErrorCode::NotRegular);
    }
    assert_eq!(stat(fixture, b"empty").unwrap().kind, Kind::Folder);
}

pub(super) fn a_replaced_file_passes_on_its_attributes(fixture: &dyn Fixture) {
    fixture.file(b"script", b"old");
    fixture.set_executable(b"script");
    let reader = open(fixture, b"script").unwrap();
    fixture.tick();
    let published = upload(fixture, 1, b"script", b"new", &Expected::Anything).unwrap();
    assert_eq!(published.entry.executable, fixture.keeps_modes());
    // Readers of the old file continue to read it.
    assert_eq!(read(&*reader).unwrap(), b"old");
    assert_eq!(reader.etag_now().unwrap(), reader.entry().etag.unwrap());
    let attributes = Attributes { executable: Some(false), ..Attributes::default() };
    stage(fixture, 2).write_at(b"newer", 0).unwrap();
    let published =
        fixture.storage().publish(super::upload_id(2), &path(b"script"), &Expected::Anything, &attributes).unwrap();
    assert!(!published.entry.executable);
}

pub(super) fn an_upload_follows_a_link_that_stays_inside(fixture: &dyn Fixture) {
    fixture.file(b"real/file", b"old");
    fixture.folder(b"links");
    fixture.link(b"links/file", b"../real/file");
    fixture.link(b"folder", b"real");
    let Published { entry, replaced, .. } =
        upload(fixture, 1, b"links/file", b"new content", &Expected::Anything).unwrap();
    assert!(replaced);
    assert_eq!((entry.size, entry.link.clone()), (11, Some(Link::Inside(b"../real/file".to_vec()))));
    assert_eq!(stat(fixture, b"links/file").unwrap(), entry);
    assert_eq!(content(fixture, b"real/file").unwrap(), b"new content");
    assert_eq!(stat(fixture, b"real/file").unwrap().link, None);
    // The expected state is that of the target of the link.
    let etag = stat(fixture, b"real/file").unwrap().etag.unwrap();
    assert!(upload(fixture, 2, b"links/file", b"newer", &Expected::State(vec![etag])).unwrap().replaced);
    assert!(!upload(fixture, 3, b"folder/beside", b"x", &Expected::Nothing).unwrap().replaced);
    assert_eq!(content(fixture, b"real/beside").unwrap(), b"x");
    assert_eq!(upload(fixture, 4, b"links/file", b"x", &Expected::Nothing).unwrap_err(), ErrorCode::AlreadyExists);
}

pub(super) fn an_upload_does_not_follow_an_escaping_or_broken_link(fixture: &dyn Fixture) {
    fixture.file(b"a/file", b"content");
    let out = [b"../../".as_slice(), last_segment(&fixture.root()), b"2/secret"].concat();
    let beside = [b"../../".as_slice(), last_segment(&fixture.root()), b"2"].concat();
    fixture.link(b"a/out", &out);
    fixture.link(b"a/new outside", b"../../planted");
    fixture.link(b"a/dangling", b"nothing");
    fixture.link(b"a/circle", b"circle");
    fixture.link(b"a/beside", &beside);
    fixture.link(b"a/state", b"../.passerelle/x");
    let escaping = [b"a/out".as_slice(), b"a/new outside", b"a/beside/secret", b"a/beside/planted"];
    let broken = [b"a/dangling".as_slice(), b"a/circle", b"a/state"];
    let refusals = escaping.map(|name| (name, ErrorCode::LinkEscapes)).into_iter();
    for (name, refusal) in refusals.chain(broken.map(|name| (name, ErrorCode::LinkBroken))) {
        let got = upload(fixture, 1, name, b"evil", &Expected::Anything);
        assert_eq!(got.unwrap_err(), refusal, "{}", String::from_utf8_lossy(name));
        fixture.storage().unstage(super::upload_id(1)).unwrap();
    }
    let shown = list(fixture, b"a").unwrap();
    assert_eq!(shown[b"out".as_slice()].link, Some(Link::Escapes));
    assert_eq!(shown[b"dangling".as_slice()].link, Some(Link::Broken));
    for name in [b"a/out".as_slice(), b"a/new outside"].into_iter().chain(broken) {
        let got = upload(fixture, 1, name, b"evil", &Expected::Nothing);
        assert_eq!(got.unwrap_err(), ErrorCode::AlreadyExists);
        fixture.storage().unstage(super::upload_id(1)).unwrap();
    }
    fixture.check_outside();
}

pub(super) fn every_name_can_be_written(fixture: &dyn Fixture) {
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
    let names: Vec<_> = names.into_iter().filter(|name| fixture.takes(name)).collect();
    let now = Timestamp::from_parts(1_700_000_000, 0);
    for (number, name) in names.iter().enumerate() {
        let number = number as u8;
        let inner = [b"new/".as_slice(), name].concat();
        let moved = [b"moved/".as_slice(), name].concat();
        if number == 0 {
            fixture.storage().make_folder(&path(b"new")).unwrap();
            fixture.storage().make_folder(&path(b"moved")).unwrap();
        }
        upload(fixture, number, &inner, name, &Expected::Nothing).unwrap();
        fixture.storage().rename(&path(&inner), None, &path(&moved), &Expected::Nothing).unwrap();
        fixture.storage().trash(&path(&moved), None, super::trash_id(number), now).unwrap();
        fixture.storage().restore(super::trash_id(number), &path(&inner)).unwrap();
        assert_eq!(content(fixture, &inner).unwrap(), *name);
        assert_eq!(fixture.storage().make_folder(&path(&moved)).unwrap().path, path(&moved));
        fixture.storage().remove(&path(&moved), None).unwrap();
    }
    assert_eq!(list(fixture, b"new").unwrap().len(), names.len());
    let too_long = [b'x'; 256];
    check_destination(fixture, &too_long, ErrorCode::NameTooLong);
    assert_eq!(code(fixture.storage().stat(&path(&too_long))), Some(ErrorCode::NameTooLong));
    for name in [b".passerelle".as_slice(), b".Passerelle"] {
        check_destination(fixture, name, ErrorCode::NameReserved);
    }
}

pub(super) fn the_private_directory_cannot_be_reached(fixture: &dyn Fixture) {
    fixture.file(b"a/file", b"content");
    fixture.link(b"a/up", b"..");
    let staged = stage(fixture, 1);
    staged.write_at(b"secret", 0).unwrap();
    staged.sync().unwrap();
    fixture.storage().trash(&path(b"a/file"), None, super::trash_id(1), Timestamp(0)).unwrap();
    let hidden: [&[u8]; 6] = [
        b".passerelle",
        b".passerelle/staging",
        b".passerelle/staging/01010101010101010101010101010101",
        b".passerelle/trash/01010101010101010101010101010101/data",
        b".passerelle/vault.lock",
        b"a/up/.passerelle/staging",
    ];
    for name in hidden {
        assert_eq!(code(stat(fixture, name)), Some(ErrorCode::NotFound));
        assert_eq!(code(open(fixture, name)), Some(ErrorCode::NotFound));
        assert_eq!(code(list(fixture, name)), Some(ErrorCode::NotFound));
        let name = path(name);
        let storage = fixture.storage();
        let taken = path(b"taken");
        assert_eq!(code(storage.rename(&name, None, &taken, &Expected::Anything)), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.remove(&name, None)), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.trash(&name, None, super::trash_id(2), Timestamp(0))), Some(ErrorCode::NotFound));
        check_destination(fixture, name.as_bytes(), ErrorCode::NameReserved);
    }
    assert_eq!(list(fixture, b"").unwrap().len(), 1);
    assert_eq!(staged_bytes(&*staged), b"secret");
    fixture.storage().restore(super::trash_id(1), &path(b"a/file")).unwrap();
}

pub(super) fn folders_and_links_are_created(fixture: &dyn Fixture) {
    fixture.file(b"file", b"content");
    let storage = fixture.storage();
    let made = storage.make_folder(&path(b"folder")).unwrap();
    assert_eq!((made.kind, &made), (Kind::Folder, &stat(fixture, b"folder").unwrap()));
    let made = storage.make_link(&path(b"folder/link"), b"../file").unwrap();
    assert_eq!((made.link.clone(), made.size), (Some(Link::Inside(b"../file".to_vec())), 7));
    assert_eq!(stat(fixture, b"folder/link").unwrap(), made);
    // A link whose target does not exist yet, as when a folder is copied.
    let made = storage.make_link(&path(b"folder/early"), b"later/./x").unwrap();
    assert_eq!(made.link, Some(Link::Broken));
    fixture.link(b"dangling", b"nothing");
    for name in [b"folder".as_slice(), b"file", b"folder/link", b"dangling", b""] {
        assert_eq!(code(storage.make_folder(&path(name))), Some(ErrorCode::AlreadyExists));
        assert_eq!(code(storage.make_link(&path(name), b"file")), Some(ErrorCode::AlreadyExists));
    }
    let escaping: [&[u8]; 5] =
        [b"/etc/passwd", b"../../secret", b"none/../../../secret", b"..\x2f../x", &fixture.root()];
    for target in escaping {
        assert_eq!(code(storage.make_link(&path(b"folder/out"), target)), Some(ErrorCode::LinkEscapes), "{target:?}");
    }
    assert_eq!(code(storage.make_link(&path(b"folder/out"), b"")), Some(ErrorCode::NameRefused));
    assert_eq!(code(storage.make_link(&path(b"folder/out"), b"a\0b")), Some(ErrorCode::NameRefused));
    assert_eq!(code(stat(fixture, b"folder/out")), Some(ErrorCode::NotFound));
    // Another link in the path changes how far `..` may go.
    storage.make_folder(&path(b"folder/deep")).unwrap();
    fixture.link(b"down", b"folder/deep");
    assert!(storage.make_link(&path(b"down/up"), b"../../file").is_ok());
    assert_eq!(content(fixture, b"folder/deep/up").unwrap(), b"content");
}

pub(super) fn a_link_is_copied_with_its_text(fixture: &dyn Fixture) {
    fixture.file(b"folder/file", b"content");
    let absolute = [&fixture.root(), b"/folder/file".as_slice()].concat();
    let links: [(&[u8], &[u8]); 4] =
        [(b"inside", b"file"), (b"absolute", &absolute), (b"out", b"../../secret"), (b"dangling", b"nothing/at/all")];
    let storage = fixture.storage();
    for (name, target) in links {
        let from = [b"folder/", name].concat();
        fixture.link(&from, target);
        let to = [b"folder/copy of ", name].concat();
        storage.copy_link(&path(&from), &path(&to), true).unwrap();
        let (source, copy) = (stat(fixture, &from).unwrap(), stat(fixture, &to).unwrap());
        assert_eq!((source.link, source.kind, source.size), (copy.link, copy.kind, copy.size), "{from:?}");
        assert_eq!(storage.is_same_link(&path(&from), &path(&to)).ok(), Some(true), "{from:?}");
        assert_eq!(code(storage.is_same_link(&path(&from), &path(b"folder"))), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.copy_link(&path(&from), &path(&to), true)), Some(ErrorCode::AlreadyExists));
    }
    fixture.check_outside();
    for name in [b"folder/file".as_slice(), b"folder", b"folder/none"] {
        assert_eq!(code(storage.copy_link(&path(name), &path(b"new"), false)), Some(ErrorCode::NotFound), "{name:?}");
    }
    assert_eq!(
        code(storage.copy_link(&path(b"folder/out"), &path(b"none/new"), false)),
        Some(ErrorCode::ParentMissing)
    );
}

pub(super) fn a_copied_folder_gets_its_time(fixture: &dyn Fixture) {
    fixture.folder(b"from");
    let modified = Timestamp::from_parts(1_500_000_000, 7_000_000);
    let storage = fixture.storage();
    let (from, to) = (path(b"from"), path(b"to"));
    storage.make_private_folder(&to).unwrap();
    assert_eq!(code(storage.make_private_folder(&to)), Some(ErrorCode::AlreadyExists));
    fixture.file(b"to/file", b"content");
    storage.copy_folder_attributes(&from, &to, modified, false).unwrap();
    assert_eq!(stat(fixture, b"to").unwrap().modified, modified);
    assert_eq!(code(storage.copy_folder_attributes(&from, &path(b"none"), modified, false)), Some(ErrorCode::NotFound));
    assert_eq!(
        code(storage.copy_folder_attributes(&from, &path(b"to/file"), modified, false)),
        Some(ErrorCode::NotFolder)
    );
}

pub(super) fn zeros_behind_the_end_are_part_of_an_upload(fixture: &dyn Fixture) {
    const PIECE: usize = 100_000;
    let staged = stage(fixture, 1);
    let mut expected = Vec::new();
    for (index, byte) in [0, 7, 0, 0, 8, 0].into_iter().enumerate() {
        staged.write_at(&[byte; PIECE], (index * PIECE) as u64).unwrap();
        expected.extend([byte; PIECE]);
        assert_eq!(staged.length().unwrap(), expected.len() as u64);
    }
    assert!(super::staged_bytes(&*staged) == expected);
    // Zeros over other bytes are written.
    staged.write_at(&[0; PIECE], PIECE as u64).unwrap();
    expected[PIECE..2 * PIECE].fill(0);
    staged.truncate((6 * PIECE - 10) as u64).unwrap();
    expected.truncate(6 * PIECE - 10);
    staged.write_at(&[0; PIECE], expected.len() as u64).unwrap();
    expected.extend([0; PIECE]);
    drop(staged);
    let staged = fixture.storage().staged(super::upload_id(1), None).unwrap();
    assert!(super::staged_bytes(&*staged) == expected);
    drop(staged);
    let attributes = Attributes::default();
    fixture.storage().publish(super::upload_id(1), &path(b"file"), &Expected::Nothing, &attributes).unwrap();
    let file = super::open(fixture, b"file").unwrap();
    let mut bytes = vec![0; expected.len() + 1];
    let read = file.read_at(&mut bytes, 0).unwrap();
    assert!(bytes[..read] == expected);
}

pub(super) fn one_of_two_concurrent_publishes_gets_the_name(fixture: &dyn Fixture) {
    for round in 0..20_u8 {
        let name = [b"name ".as_slice(), round.to_string().as_bytes()].concat();
        let ids = [2 * round + 1, 2 * round + 2];
        for id in ids {
            stage(fixture, id).write_at(&[id; 100], 0).unwrap();
        }
        let storage = fixture.storage();
        let publish =
            |id: u8| storage.publish(super::upload_id(id), &path(&name), &Expected::Nothing, &Attributes::default());
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| publish(ids[1]));
            (publish(ids[0]), other.join().unwrap())
        });
        let (winner, loser) = if first.is_ok() { (ids[0], second) } else { (ids[1], first) };
        assert_eq!(code(loser), Some(ErrorCode::AlreadyExists));
        assert_eq!(content(fixture, &name).unwrap(), [winner; 100]);
    }
}

pub(super) fn bytes_are_copied_from_files_and_uploads(fixture: &dyn Fixture) {
    let bytes: Vec<u8> = (0..600_000_u32).map(|number| (number % 251) as u8).collect();
    fixture.file(b"source", &bytes);
    let copy_all = |target: &dyn Staged, step: &dyn Fn(u64, u64) -> u64, length: u64| {
        let mut copied = 0;
        while copied < length {
            let count = step(copied, length - copied);
            assert!(count > 0 && count <= length - copied);
            copied += count;
        }
        assert_eq!(target.length().unwrap(), length);
    };
    let source = open(fixture, b"source").unwrap();
    let first = stage(fixture, 1);
    copy_all(&*first, &|at, left| first.copy_from(&*source, at, left, at).unwrap(), 600_000);
    assert_eq!(staged_bytes(&*first), bytes);
    // Past its end no bytes are copied.
    assert_eq!(first.copy_from(&*source, 600_000, 10, 600_000).unwrap(), 0);
    assert_eq!(first.copy_from(&*source, 599_990, 100, 600_000).unwrap(), 10);

    let second = stage(fixture, 2);
    second.write_at(b"head", 0).unwrap();
    assert_eq!(second.copy_from_staged(&*first, 3, 5, 4).unwrap(), 5);
    second.sync().unwrap();
    assert_eq!(staged_bytes(&*second), [b"head".as_slice(), &bytes[3..8]].concat());
}

/// Checks that every change refuses a destination with one code.
#[track_caller]
fn check_destination(fixture: &dyn Fixture, name: &[u8], refusal: ErrorCode) {
    let shown = String::from_utf8_lossy(name).into_owned();
    let storage = fixture.storage();
    let target = path(name);
    let now = Timestamp::from_parts(1_700_000_000, 0);
    assert_eq!(code(upload(fixture, 200, name, b"evil", &Expected::Anything)), Some(refusal), "{shown}");
    storage.unstage(super::upload_id(200)).unwrap();
    assert_eq!(code(storage.make_folder(&target)), Some(refusal), "{shown}");
    assert_eq!(code(storage.make_link(&target, b"file")), Some(refusal), "{shown}");
    fixture.file(b"a source", b"content");
    let source = path(b"a source");
    assert_eq!(code(storage.rename(&source, None, &target, &Expected::Anything)), Some(refusal), "{shown}");
    storage.trash(&source, None, super::trash_id(200), now).unwrap();
    assert_eq!(code(storage.restore(super::trash_id(200), &target)), Some(refusal), "{shown}");
    storage.purge(super::trash_id(200), &mut || backend::storage::Visit::Continue).unwrap();
}
