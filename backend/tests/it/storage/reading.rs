//! Reading entries, listings and files.

use backend::storage::{Visit, has_grown_from, is_kept, prefix_of};
use shared::{ErrorCode, Kind, Link, Timestamp, VPath};

use super::{Fixture, check_error, code, content, list, open, path, read, stat};

pub(super) fn stat_describes_files_folders_and_the_root(fixture: &dyn Fixture) {
    fixture.file(b"docs/hello.txt", b"hello");
    fixture.file(b"docs/run.sh", b"#!");
    fixture.set_executable(b"docs/run.sh");
    fixture.set_modified(b"docs/hello.txt", Timestamp::from_parts(1_234_567_890, 123_456_700));
    let file = stat(fixture, b"docs/hello.txt").unwrap();
    assert_eq!(file.path, path(b"docs/hello.txt"));
    assert_eq!((file.kind, file.size, file.link.clone(), file.executable), (Kind::File, 5, None, false));
    assert_eq!(file.modified, Timestamp::from_parts(1_234_567_890, 123_456_700));
    assert!(file.etag.is_some());
    assert_eq!(stat(fixture, b"docs/hello.txt").unwrap(), file);
    assert!(stat(fixture, b"docs/run.sh").unwrap().executable);

    let folder = stat(fixture, b"docs").unwrap();
    assert_eq!((folder.kind, folder.size, folder.link, folder.executable), (Kind::Folder, 0, None, false));
    assert!(folder.etag.is_some());
    let root = stat(fixture, b"").unwrap();
    assert!(root.kind == Kind::Folder && root.path.is_root());
}

pub(super) fn a_path_that_leads_nowhere_is_refused_with_its_reason(fixture: &dyn Fixture) {
    fixture.file(b"docs/hello.txt", b"hello");
    check_error(fixture, b"nothing", ErrorCode::NotFound);
    check_error(fixture, b"nothing/below", ErrorCode::NotFound);
    check_error(fixture, b"docs/nothing", ErrorCode::NotFound);
    check_error(fixture, b"docs/hello.txt/below", ErrorCode::NotFolder);
    check_error(fixture, b"docs/hello.txt/far/below", ErrorCode::NotFolder);
    assert_eq!(list(fixture, b"docs/hello.txt").unwrap_err(), ErrorCode::NotFolder);
    assert_eq!(list(fixture, b"nothing").unwrap_err(), ErrorCode::NotFound);
}

pub(super) fn a_listing_is_complete_and_agrees_with_stat(fixture: &dyn Fixture) {
    fixture.folder(b"empty");
    assert!(list(fixture, b"empty").unwrap().is_empty());
    let names: Vec<_> = (0..1_000).map(|number| format!("file {number}.txt")).collect();
    for name in &names {
        fixture.file(format!("many/{name}").as_bytes(), name.as_bytes());
    }
    fixture.folder(b"many/folder");
    fixture.link(b"many/link", b"file 1.txt");
    fixture.link(b"many/folder link", b"folder");
    fixture.link(b"many/out", b"/etc");
    fixture.link(b"many/broken", b"nothing");
    let listed = list(fixture, b"many").unwrap();
    assert_eq!(listed.len(), 1_005);
    for name in &names {
        assert!(listed.contains_key(name.as_bytes()), "{name}");
    }
    for (name, entry) in listed {
        assert_eq!(fixture.storage().stat(&path(b"many").join(&name).unwrap()).unwrap(), entry);
    }
}

pub(super) fn names_and_rows_agree_with_the_listing(fixture: &dyn Fixture) {
    fixture.folder(b"some/folder");
    fixture.file(b"some/file", b"content");
    fixture.file(b"some/.passerelle/state", b"hidden");
    fixture.link(b"some/link", b"file");
    fixture.link(b"some/folder link", b"folder");
    fixture.link(b"some/out", b"/etc");
    fixture.link(b"some/broken", b"nothing");
    let (storage, folder) = (fixture.storage(), path(b"some"));
    let read = || {
        let mut names = Vec::new();
        let state = storage.list_names(&folder, &mut |name, folder| {
            names.push((name.to_vec(), folder));
            Visit::Continue
        });
        names.sort();
        (names, state.unwrap())
    };
    let (names, state) = read();
    let listed = list(fixture, b"some").unwrap();
    assert_eq!(names, listed.iter().map(|(name, entry)| (name.clone(), entry.is_folder())).collect::<Vec<_>>());

    let asked: Vec<&[u8]> =
        [&b"gone"[..], b".passerelle"].into_iter().chain(names.iter().map(|(name, _)| &**name)).collect();
    let mut rows = Vec::new();
    let again = storage.stat_names(&folder, &mut asked.iter().copied(), &mut |index, row| {
        assert_eq!(row.name, asked[index]);
        rows.push(row.entry(&folder).unwrap());
        Visit::Continue
    });
    assert_eq!(again.unwrap(), state);
    assert_eq!(rows, listed.into_values().collect::<Vec<_>>());

    // The state of a folder, where there is one, changes with its names.
    let wait = state.map_or(Timestamp(0), |state| state.modified);
    let mut number = 0;
    loop {
        fixture.file(format!("some/new {number}").as_bytes(), b"");
        let (_, now) = read();
        // The clock of the file system may be coarse.
        if state.is_none() || now.unwrap().modified > wait {
            assert!(state.is_none() || now != state);
            break;
        }
        number += 1;
    }

    let mut count = 0;
    storage
        .list_names(&folder, &mut |_, _| {
            count += 1;
            Visit::Stop
        })
        .unwrap();
    storage
        .stat_names(&folder, &mut asked.iter().copied(), &mut |_, _| {
            count += 1;
            Visit::Stop
        })
        .unwrap();
    assert_eq!(count, 2);
    let refused = |name: &[u8]| storage.list_names(&path(name), &mut |_, _| Visit::Continue).unwrap_err().code;
    assert_eq!((refused(b"none"), refused(b"some/file")), (ErrorCode::NotFound, ErrorCode::NotFolder));
}

pub(super) fn a_listing_stops_on_request(fixture: &dyn Fixture) {
    (0..10).for_each(|number| fixture.file(format!("{number}").as_bytes(), b""));
    let mut count = 0;
    let mut visit = |_| {
        count += 1;
        if count == 3 { Visit::Stop } else { Visit::Continue }
    };
    fixture.storage().list(&VPath::root(), &mut visit).unwrap();
    assert_eq!(count, 3);
}

pub(super) fn names_are_bytes(fixture: &dyn Fixture) {
    let longest = [b'x'; 255];
    let names: [&[u8]; 14] = [
        b"with space",
        b" leading and trailing ",
        "été à Nîmes".as_bytes(),
        "e\u{301}te\u{301}".as_bytes(),
        "🦀".as_bytes(),
        b"line\nfeed",
        b"latin\xe9.txt",
        b"back\\slash\\..\\x",
        b"-rf",
        b"...",
        b"%2e%2e",
        b"CON",
        b"a:b",
        &longest,
    ];
    let names: Vec<_> = names.into_iter().filter(|name| fixture.takes(name)).collect();
    for name in &names {
        fixture.file(&[b"odd/".as_slice(), name].concat(), name);
        fixture.file(&[name, b"/inner".as_slice()].concat(), name);
    }
    let listed = list(fixture, b"odd").unwrap();
    assert_eq!(listed.len(), names.len());
    for name in names {
        assert_eq!(listed[name].size, name.len() as u64);
        assert_eq!(content(fixture, &[b"odd/".as_slice(), name].concat()).unwrap(), name);
        assert_eq!(content(fixture, &[name, b"/inner"].concat()).unwrap(), name);
    }
}

pub(super) fn folders_may_be_deep(fixture: &dyn Fixture) {
    let deep = vec!["d"; shared::limits::PATH_SEGMENTS_MAX].join("/");
    fixture.file(deep.as_bytes(), b"content");
    fixture.link(b"link", deep.as_bytes());
    assert_eq!(content(fixture, deep.as_bytes()).unwrap(), b"content");
    assert_eq!(content(fixture, b"link").unwrap(), b"content");
    assert_eq!(list(fixture, deep.strip_suffix("/d").unwrap().as_bytes()).unwrap().len(), 1);
}

pub(super) fn reads_start_and_end_at_any_offset(fixture: &dyn Fixture) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
    fixture.file(b"file", &bytes);
    fixture.file(b"empty", b"");
    let file = open(fixture, b"file").unwrap();
    assert_eq!(file.entry(), &stat(fixture, b"file").unwrap());
    let mut buffer = vec![0; 70_000];
    let mut check = |offset: u64, length: usize, expected: &[u8]| {
        assert_eq!(file.read_at(&mut buffer[..length], offset).unwrap(), expected.len(), "{length} at {offset}");
        assert_eq!(&buffer[..expected.len()], expected, "{length} at {offset}");
    };
    check(0, 70_000, &bytes[..70_000]);
    check(70_000, 70_000, &bytes[70_000..]);
    check(99_999, 1, &bytes[99_999..]);
    check(5, 0, b"");
    check(100_000, 10, b"");
    check(100_001, 10, b"");
    check(u64::MAX, 10, b"");
    check(1, 3, &bytes[1..4]);

    let empty = open(fixture, b"empty").unwrap();
    assert_eq!(empty.entry().size, 0);
    assert_eq!(empty.read_at(&mut [0; 4], 0).unwrap(), 0);
}

pub(super) fn folders_do_not_open_as_files(fixture: &dyn Fixture) {
    fixture.folder(b"folder");
    fixture.link(b"link", b"folder");
    for folder in [b"".as_slice(), b"folder", b"link"] {
        assert_eq!(code(open(fixture, folder)), Some(ErrorCode::IsFolder));
    }
}

pub(super) fn an_etag_changes_with_the_file(fixture: &dyn Fixture) {
    fixture.file(b"file", b"one");
    fixture.file(b"other", b"one");
    fixture.folder(b"folder");
    let mut seen = vec![stat(fixture, b"file").unwrap().etag.unwrap()];
    assert_eq!(stat(fixture, b"file").unwrap().etag.unwrap(), seen[0]);
    assert_eq!(list(fixture, b"").unwrap()[b"file".as_slice()].etag.unwrap(), seen[0]);
    assert_eq!(open(fixture, b"file").unwrap().etag_now().unwrap(), seen[0]);
    assert_ne!(stat(fixture, b"other").unwrap().etag.unwrap(), seen[0]);
    let mut check = |change: &dyn Fn()| {
        fixture.tick();
        change();
        let etag = stat(fixture, b"file").unwrap().etag.unwrap();
        assert!(!seen.contains(&etag));
        seen.push(etag);
    };
    check(&|| fixture.write(b"file", b"two"));
    check(&|| fixture.write(b"file", b"three"));
    check(&|| fixture.truncate(b"file", 2));
    check(&|| fixture.set_modified(b"file", Timestamp::from_parts(1_000, 0)));
    // A program that hides a change sets the modification time back.
    check(&|| {
        fixture.write(b"file", b"xx");
        fixture.set_modified(b"file", Timestamp::from_parts(1_000, 0));
    });
    check(&|| fixture.replace(b"file", b"xx"));

    let folder = stat(fixture, b"folder").unwrap().etag;
    fixture.tick();
    fixture.file(b"folder/new", b"");
    assert_ne!(stat(fixture, b"folder").unwrap().etag, folder);
}

pub(super) fn a_replaced_file_that_is_open_stays_readable(fixture: &dyn Fixture) {
    fixture.file(b"file", b"old bytes");
    let file = open(fixture, b"file").unwrap();
    fixture.tick();
    fixture.replace(b"file", b"new bytes");
    assert_eq!(read(&*file).unwrap(), b"old bytes");
    assert_eq!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(content(fixture, b"file").unwrap(), b"new bytes");
    let file = open(fixture, b"file").unwrap();
    fixture.remove(b"file");
    assert_eq!(read(&*file).unwrap(), b"new bytes");
    assert_eq!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    check_error(fixture, b"file", ErrorCode::NotFound);
}

pub(super) fn the_etag_of_an_open_file_changes_with_it(fixture: &dyn Fixture) {
    fixture.file(b"file", b"0123456789");
    let file = open(fixture, b"file").unwrap();
    fixture.tick();
    fixture.truncate(b"file", 4);
    assert_eq!(file.read_at(&mut [0; 8], 2).unwrap(), 2);
    assert_ne!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(file.entry().size, 10);

    let file = open(fixture, b"file").unwrap();
    fixture.tick();
    fixture.write(b"file", b"abcd");
    fixture.remove(b"file");
    assert_ne!(file.etag_now().unwrap(), file.entry().etag.unwrap());
}

pub(super) fn special_files_are_never_opened(fixture: &dyn Fixture) {
    if !fixture.special(b"folder/special") {
        return;
    }
    fixture.link(b"link", b"folder/special");
    for name in [b"folder/special".as_slice(), b"link"] {
        let entry = stat(fixture, name).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::Other, 0));
        assert_eq!(code(open(fixture, name)), Some(ErrorCode::NotRegular));
        check_error(fixture, &[name, b"/below"].concat(), ErrorCode::NotFolder);
    }
    assert_eq!(list(fixture, b"folder").unwrap()[b"special".as_slice()].kind, Kind::Other);
    assert_eq!(stat(fixture, b"link").unwrap().link, Some(Link::Inside(b"folder/special".to_vec())));
}

pub(super) fn denied_entries_are_refused_with_access_denied(fixture: &dyn Fixture) {
    fixture.file(b"folder/file", b"content");
    fixture.file(b"file", b"content");
    fixture.link(b"link", b"folder/file");
    if !fixture.deny(b"file") || !fixture.deny(b"folder") {
        eprintln!("skipped: this user may read everything");
        return;
    }
    assert_eq!(stat(fixture, b"file").unwrap().size, 7);
    assert_eq!(code(open(fixture, b"file")), Some(ErrorCode::AccessDenied));
    assert_eq!(stat(fixture, b"folder").unwrap().kind, Kind::Folder);
    assert_eq!(list(fixture, b"folder").unwrap_err(), ErrorCode::AccessDenied);
    check_error(fixture, b"folder/file", ErrorCode::AccessDenied);
    assert_eq!(code(open(fixture, b"link")), Some(ErrorCode::AccessDenied));
    assert_eq!(list(fixture, b"").unwrap()[b"link".as_slice()].kind, Kind::Other);
}

pub(super) fn files_that_may_not_be_read_are_named(fixture: &dyn Fixture) {
    for name in [b"folder/a".as_slice(), b"folder/b", b"folder/c"] {
        fixture.file(name, b"content");
    }
    fixture.link(b"folder/link", b"b");
    let unreadable = || {
        let names: [&[u8]; 4] = [b"a", b"b", b"c", b"link"];
        let found = fixture.storage().unreadable_names(&path(b"folder"), &mut names.into_iter()).unwrap();
        found.into_iter().map(|index| names[index]).collect::<Vec<_>>()
    };
    assert!(unreadable().is_empty());
    if fixture.deny(b"folder/b") {
        assert_eq!(unreadable(), [b"b".as_slice(), b"link"]);
    }
}

pub(super) fn a_grown_file_differs_from_a_changed_one(fixture: &dyn Fixture) {
    // The tail is shorter than the file, so that bytes before it do not count.
    let old: Vec<u8> = (0..100_000_u32).map(|index| (index / 7) as u8).collect();
    for length in [0, 5, old.len()] {
        let old = &old[..length];
        fixture.file(b"log", old);
        let file = open(fixture, b"log").unwrap();
        let prefix = prefix_of(&*file, length as u64).unwrap();
        assert!(is_kept(&*file, Some(&prefix)).unwrap());
        assert!(!has_grown_from(&*file, &prefix).unwrap(), "as long as before");
        fixture.tick();
        fixture.write(b"log", &[old, b"more"].concat());
        assert!(has_grown_from(&*file, &prefix).unwrap());
        assert!(is_kept(&*file, Some(&prefix)).unwrap() && !is_kept(&*file, None).unwrap());
        assert_eq!(prefix_of(&*open(fixture, b"log").unwrap(), length as u64).unwrap(), prefix);
        if let Some(last) = length.checked_sub(1) {
            let mut other = [old, b"more"].concat();
            other[last] ^= 1;
            fixture.write(b"log", &other);
            assert!(!has_grown_from(&*file, &prefix).unwrap(), "another end");
            fixture.write(b"log", &old[..last]);
            assert!(!has_grown_from(&*file, &prefix).unwrap(), "shorter");
        }
        fixture.replace(b"log", &[old, b"more"].concat());
        assert!(!has_grown_from(&*open(fixture, b"log").unwrap(), &prefix).unwrap(), "another file");
        fixture.remove(b"log");
    }
}
