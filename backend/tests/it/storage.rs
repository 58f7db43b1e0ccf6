//! The conformance suite of storages, written once and run on every backend. A backend is done when it passes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use backend::storage::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::storage::memory::{MEMORY_ROOT, MemoryStorage};
use backend::storage::{OpenFile, Storage, StorageError, Visit};
use shared::{Entry, ErrorCode, Kind, Link, Timestamp, VPath};

/// One backend with a tree in it that a check builds. Paths are raw bytes below the root.
trait World {
    fn storage(&self) -> &dyn Storage;

    /// The root's own absolute path. Beside the root lie a file `secret` and, with a `secret` in it, a folder whose name
    /// is the root's with a `2` after it.
    fn root(&self) -> Vec<u8>;

    fn file(&self, path: &[u8], content: &[u8]);
    fn folder(&self, path: &[u8]);
    fn link(&self, path: &[u8], target: &[u8]);
    /// Something that is neither file nor folder. False if the backend has no such thing.
    fn special(&self, path: &[u8]) -> bool;
    /// Changes a file in place.
    fn write(&self, path: &[u8], content: &[u8]);
    fn truncate(&self, path: &[u8], length: usize);
    /// Puts a new file in the place of an old one.
    fn replace(&self, path: &[u8], content: &[u8]);
    fn remove(&self, path: &[u8]);
    fn set_modified(&self, path: &[u8], modified: Timestamp);
    fn set_executable(&self, path: &[u8]);
    /// Makes an entry one that the server may not read. False if whoever runs this test may read everything.
    fn deny(&self, path: &[u8]) -> bool;
    /// Whether the system under the backend has such names.
    fn takes(&self, name: &[u8]) -> bool;
    /// Lets so much time pass that a change has another time.
    fn tick(&self) {}
}

/// Each check on each backend, as a test of its own.
macro_rules! conformance {
    ($($check:ident,)*) => {
        mod memory {
            $(#[test] fn $check() { super::$check(&super::MemoryWorld::new()) })*
        }
        mod faulty_without_faults {
            $(#[test] fn $check() { super::$check(&super::FaultyWorld::new()) })*
        }
        #[cfg(unix)]
        mod local_kernel {
            use backend::storage::local::Containment;
            $(#[test] fn $check() { super::$check(&super::local::LocalWorld::new(Containment::Kernel)) })*
        }
        #[cfg(unix)]
        mod local_walk {
            use backend::storage::local::Containment;
            $(#[test] fn $check() { super::$check(&super::local::LocalWorld::new(Containment::Walk)) })*
        }
        #[cfg(unix)]
        mod local_portable {
            use backend::storage::local::Containment;
            $(#[test] fn $check() { super::$check(&super::local::LocalWorld::new(Containment::Portable)) })*
        }
    };
}

conformance! {
    stat_says_what_is_there,
    a_path_that_leads_nowhere_says_why,
    a_listing_is_complete_and_agrees_with_stat,
    a_listing_stops_when_told,
    names_are_bytes,
    folders_may_be_deep,
    reading_starts_and_ends_anywhere,
    only_files_open,
    an_etag_changes_with_the_file,
    a_replaced_file_goes_on_to_be_read,
    an_open_file_tells_that_it_changed,
    links_inside_are_followed,
    absolute_links_inside_are_followed,
    links_that_lead_out_are_refused,
    a_prefix_is_one_of_segments,
    links_to_nothing_and_circles_are_broken,
    forty_links_are_followed_and_no_more,
    the_state_folder_does_not_exist,
    special_files_are_never_opened,
    what_may_not_be_read_says_so,
}

fn stat_says_what_is_there(world: &dyn World) {
    world.file(b"docs/hello.txt", b"hello");
    world.file(b"docs/run.sh", b"#!");
    world.set_executable(b"docs/run.sh");
    world.set_modified(b"docs/hello.txt", Timestamp::from_parts(1_234_567_890, 123_456_700));
    let file = stat(world, b"docs/hello.txt").unwrap();
    assert_eq!(file.path, path(b"docs/hello.txt"));
    assert_eq!((file.kind, file.size, file.link.clone(), file.executable), (Kind::File, 5, None, false));
    assert_eq!(file.modified, Timestamp::from_parts(1_234_567_890, 123_456_700));
    assert!(file.etag.is_some());
    assert_eq!(stat(world, b"docs/hello.txt").unwrap(), file);
    assert!(stat(world, b"docs/run.sh").unwrap().executable);

    let folder = stat(world, b"docs").unwrap();
    assert_eq!((folder.kind, folder.size, folder.link, folder.executable), (Kind::Folder, 0, None, false));
    assert!(folder.etag.is_some());
    let root = stat(world, b"").unwrap();
    assert!(root.kind == Kind::Folder && root.path.is_root());
}

fn a_path_that_leads_nowhere_says_why(world: &dyn World) {
    world.file(b"docs/hello.txt", b"hello");
    check_error(world, b"nothing", ErrorCode::NotFound);
    check_error(world, b"nothing/below", ErrorCode::NotFound);
    check_error(world, b"docs/nothing", ErrorCode::NotFound);
    check_error(world, b"docs/hello.txt/below", ErrorCode::NotFolder);
    check_error(world, b"docs/hello.txt/far/below", ErrorCode::NotFolder);
    assert_eq!(list(world, b"docs/hello.txt").unwrap_err(), ErrorCode::NotFolder);
    assert_eq!(list(world, b"nothing").unwrap_err(), ErrorCode::NotFound);
}

fn a_listing_is_complete_and_agrees_with_stat(world: &dyn World) {
    world.folder(b"empty");
    assert!(list(world, b"empty").unwrap().is_empty());
    let names: Vec<_> = (0..1_000).map(|number| format!("file {number}.txt")).collect();
    for name in &names {
        world.file(format!("many/{name}").as_bytes(), name.as_bytes());
    }
    world.folder(b"many/folder");
    world.link(b"many/link", b"file 1.txt");
    world.link(b"many/folder link", b"folder");
    world.link(b"many/out", b"/etc");
    world.link(b"many/broken", b"nothing");
    let listed = list(world, b"many").unwrap();
    assert_eq!(listed.len(), 1_005);
    for name in &names {
        assert!(listed.contains_key(name.as_bytes()), "{name}");
    }
    for (name, entry) in listed {
        assert_eq!(world.storage().stat(&path(b"many").join(&name).unwrap()).unwrap(), entry);
    }
}

fn a_listing_stops_when_told(world: &dyn World) {
    (0..10).for_each(|number| world.file(format!("{number}").as_bytes(), b""));
    let mut count = 0;
    let mut visit = |_| {
        count += 1;
        if count == 3 { Visit::Stop } else { Visit::Continue }
    };
    world.storage().list(&VPath::root(), &mut visit).unwrap();
    assert_eq!(count, 3);
}

fn names_are_bytes(world: &dyn World) {
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
    let names: Vec<_> = names.into_iter().filter(|name| world.takes(name)).collect();
    for name in &names {
        world.file(&[b"odd/".as_slice(), name].concat(), name);
        world.file(&[name, b"/inner".as_slice()].concat(), name);
    }
    let listed = list(world, b"odd").unwrap();
    assert_eq!(listed.len(), names.len());
    for name in names {
        assert_eq!(listed[name].size, name.len() as u64);
        assert_eq!(content(world, &[b"odd/".as_slice(), name].concat()).unwrap(), name);
        assert_eq!(content(world, &[name, b"/inner"].concat()).unwrap(), name);
    }
}

fn folders_may_be_deep(world: &dyn World) {
    let deep = vec!["d"; shared::limits::PATH_SEGMENTS_MAX].join("/");
    world.file(deep.as_bytes(), b"content");
    world.link(b"link", deep.as_bytes());
    assert_eq!(content(world, deep.as_bytes()).unwrap(), b"content");
    assert_eq!(content(world, b"link").unwrap(), b"content");
    assert_eq!(list(world, deep.strip_suffix("/d").unwrap().as_bytes()).unwrap().len(), 1);
}

fn reading_starts_and_ends_anywhere(world: &dyn World) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
    world.file(b"file", &bytes);
    world.file(b"empty", b"");
    let file = open(world, b"file").unwrap();
    assert_eq!(file.entry(), &stat(world, b"file").unwrap());
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

    let empty = open(world, b"empty").unwrap();
    assert_eq!(empty.entry().size, 0);
    assert_eq!(empty.read_at(&mut [0; 4], 0).unwrap(), 0);
}

fn only_files_open(world: &dyn World) {
    world.folder(b"folder");
    world.link(b"link", b"folder");
    for folder in [b"".as_slice(), b"folder", b"link"] {
        assert_eq!(code(open(world, folder)), Some(ErrorCode::IsFolder));
    }
}

fn an_etag_changes_with_the_file(world: &dyn World) {
    world.file(b"file", b"one");
    world.file(b"other", b"one");
    world.folder(b"folder");
    let mut seen = vec![stat(world, b"file").unwrap().etag.unwrap()];
    assert_eq!(stat(world, b"file").unwrap().etag.unwrap(), seen[0]);
    assert_eq!(list(world, b"").unwrap()[b"file".as_slice()].etag.unwrap(), seen[0]);
    assert_eq!(open(world, b"file").unwrap().etag_now().unwrap(), seen[0]);
    assert_ne!(stat(world, b"other").unwrap().etag.unwrap(), seen[0]);
    let mut check = |change: &dyn Fn()| {
        world.tick();
        change();
        let etag = stat(world, b"file").unwrap().etag.unwrap();
        assert!(!seen.contains(&etag));
        seen.push(etag);
    };
    check(&|| world.write(b"file", b"two"));
    check(&|| world.write(b"file", b"three"));
    check(&|| world.truncate(b"file", 2));
    check(&|| world.set_modified(b"file", Timestamp::from_parts(1_000, 0)));
    // The same time again, after a change: what a program does that wants to go unnoticed.
    check(&|| {
        world.write(b"file", b"xx");
        world.set_modified(b"file", Timestamp::from_parts(1_000, 0));
    });
    check(&|| world.replace(b"file", b"xx"));

    let folder = stat(world, b"folder").unwrap().etag;
    world.tick();
    world.file(b"folder/new", b"");
    assert_ne!(stat(world, b"folder").unwrap().etag, folder);
}

fn a_replaced_file_goes_on_to_be_read(world: &dyn World) {
    world.file(b"file", b"old bytes");
    let file = open(world, b"file").unwrap();
    world.tick();
    world.replace(b"file", b"new bytes");
    assert_eq!(read(&*file).unwrap(), b"old bytes");
    assert_eq!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(content(world, b"file").unwrap(), b"new bytes");
    let file = open(world, b"file").unwrap();
    world.remove(b"file");
    assert_eq!(read(&*file).unwrap(), b"new bytes");
    assert_eq!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    check_error(world, b"file", ErrorCode::NotFound);
}

fn an_open_file_tells_that_it_changed(world: &dyn World) {
    world.file(b"file", b"0123456789");
    let file = open(world, b"file").unwrap();
    world.tick();
    world.truncate(b"file", 4);
    assert_eq!(file.read_at(&mut [0; 8], 2).unwrap(), 2);
    assert_ne!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(file.entry().size, 10);

    let file = open(world, b"file").unwrap();
    world.tick();
    world.write(b"file", b"abcd");
    world.remove(b"file");
    assert_ne!(file.etag_now().unwrap(), file.entry().etag.unwrap());
}

fn links_inside_are_followed(world: &dyn World) {
    world.file(b"a/b/file", b"content");
    world.link(b"to file", b"a/b/file");
    world.link(b"to folder", b"a/b");
    world.link(b"a/up", b"../a/./b//file");
    world.link(b"a/b/self", b".");
    world.link(b"a/to root", b"..");
    world.link(b"chain", b"to folder/self/../up");
    let check = |name: &[u8], target: &[u8]| {
        let entry = stat(world, name).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::File, 7), "{name:?}");
        assert_eq!(entry.link, Some(Link::Inside(target.to_vec())));
        assert_eq!(entry.path, path(name));
        let end = stat(world, b"a/b/file").unwrap();
        assert_eq!((entry.etag, entry.modified), (end.etag, end.modified));
        assert_eq!(open(world, name).unwrap().entry(), &entry);
        assert_eq!(content(world, name).unwrap(), b"content");
    };
    check(b"to file", b"a/b/file");
    check(b"a/up", b"../a/./b//file");
    check(b"chain", b"to folder/self/../up");

    let folder = stat(world, b"to folder").unwrap();
    assert_eq!((folder.kind, folder.link), (Kind::Folder, Some(Link::Inside(b"a/b".to_vec()))));
    assert_eq!(list(world, b"to folder").unwrap().len(), 2);
    for through in [b"to folder/file".as_slice(), b"a/to root/a/b/self/file", b"to folder/self/self/file"] {
        assert_eq!(content(world, through).unwrap(), b"content");
        let entry = stat(world, through).unwrap();
        assert_eq!((entry.path, entry.link), (path(through), None));
    }
    // Paths of a listing are those of the request.
    let listed = list(world, b"a/to root/to folder").unwrap();
    assert_eq!(listed[b"file".as_slice()].path, path(b"a/to root/to folder/file"));
    check_error(world, b"to folder/nothing", ErrorCode::NotFound);
    check_error(world, b"to file/below", ErrorCode::NotFolder);
    // `..` goes up from where the link is, not from where the request came by.
    world.file(b"a/beside", b"beside");
    world.link(b"a/b/up", b"../beside");
    assert_eq!(content(world, b"to folder/up").unwrap(), b"beside");
}

fn absolute_links_inside_are_followed(world: &dyn World) {
    world.file(b"a/b/file", b"content");
    let absolute = |inner: &[u8]| [world.root().as_slice(), b"/", inner].concat();
    world.link(b"a/absolute", &absolute(b"a/b/file"));
    world.link(b"a/folder", &absolute(b"a/b"));
    world.link(b"a/b/root", &world.root());
    let entry = stat(world, b"a/absolute").unwrap();
    assert_eq!((entry.size, entry.link), (7, Some(Link::Inside(b"b/file".to_vec()))));
    assert_eq!(content(world, b"a/absolute").unwrap(), b"content");
    assert_eq!(content(world, b"a/folder/file").unwrap(), b"content");
    assert_eq!(content(world, b"a/b/root/a/folder/root/a/absolute").unwrap(), b"content");
    assert_eq!(stat(world, b"a/b/root").unwrap().link, Some(Link::Inside(b"../..".to_vec())));
    // The target is told as seen from where the link really is.
    assert_eq!(list(world, b"a/folder").unwrap()[b"root".as_slice()].link, Some(Link::Inside(b"../..".to_vec())));
}

fn links_that_lead_out_are_refused(world: &dyn World) {
    world.file(b"a/file", b"content");
    world.link(b"a/to inside", b"file");
    let up_and_in = [b"../../".as_slice(), last_segment(&world.root()), b"/a/file"].concat();
    let targets: [&[u8]; 12] = [
        b"/etc/passwd",
        b"/etc",
        b"/",
        b"/nothing/at/all",
        b"../../etc/passwd",
        b"../..",
        b"../../secret",
        b"../a/../../secret",
        b"./.././../a/file",
        &up_and_in,
        &[world.root().as_slice(), b"/../secret"].concat(),
        &[world.root().as_slice(), b"/a/../../secret"].concat(),
    ];
    for (index, target) in targets.into_iter().enumerate() {
        let name = format!("a/out {index}");
        let name = name.as_bytes();
        world.link(name, target);
        check_link(world, name, &Link::Escapes);
        let second = format!("over {index}");
        world.link(second.as_bytes(), name);
        check_link(world, second.as_bytes(), &Link::Escapes);
        check_error(world, &[name, b"/secret"].concat(), ErrorCode::LinkEscapes);
        check_error(world, &[name, b"/a/file"].concat(), ErrorCode::LinkEscapes);
    }
}

fn a_prefix_is_one_of_segments(world: &dyn World) {
    let beside = [world.root().as_slice(), b"2"].concat();
    let relative = [b"../".as_slice(), last_segment(&beside), b"/secret"].concat();
    world.link(b"absolute", &[beside.as_slice(), b"/secret"].concat());
    world.link(b"folder", &beside);
    world.link(b"relative", &relative);
    for name in [b"absolute".as_slice(), b"folder", b"relative"] {
        check_link(world, name, &Link::Escapes);
    }
    check_error(world, b"folder/secret", ErrorCode::LinkEscapes);
}

fn links_to_nothing_and_circles_are_broken(world: &dyn World) {
    world.file(b"file", b"content");
    world.folder(b"folder");
    let absolute = [world.root().as_slice(), b"/nothing"].concat();
    let links: [(&[u8], &[u8]); 11] = [
        (b"dangling", b"nothing"),
        (b"deep", b"nothing/below"),
        (b"absolute", &absolute),
        (b"self", b"self"),
        (b"ping", b"pong"),
        (b"pong", b"ping"),
        (b"growing", b"growing/x"),
        (b"below file", b"file/x"),
        (b"file as folder", b"file/"),
        (b"above file", b"file/../file"),
        (b"folder/to dangling", b"../dangling"),
    ];
    links.iter().for_each(|(name, target)| world.link(name, target));
    for (name, _) in links {
        check_link(world, name, &Link::Broken);
        check_error(world, &[name, b"/below"].concat(), ErrorCode::LinkEscapes);
    }
}

fn forty_links_are_followed_and_no_more(world: &dyn World) {
    world.file(b"link 0", b"content");
    for number in 1..=41 {
        world.link(format!("link {number}").as_bytes(), format!("link {}", number - 1).as_bytes());
    }
    assert_eq!(content(world, b"link 40").unwrap(), b"content");
    check_link(world, b"link 41", &Link::Broken);
}

fn the_state_folder_does_not_exist(world: &dyn World) {
    world.file(b"a/file", b"content");
    for folder in [b".passerelle".as_slice(), b"a/.passerelle", b"a/.Passerelle"] {
        world.file(&[folder, b"/secret"].concat(), b"secret");
        check_error(world, folder, ErrorCode::NotFound);
        check_error(world, &[folder, b"/secret"].concat(), ErrorCode::NotFound);
        check_error(world, &[folder, b"/nothing"].concat(), ErrorCode::NotFound);
        assert_eq!(list(world, folder).unwrap_err(), ErrorCode::NotFound);
    }
    world.file(b"b/.passerelle", b"even a file");
    check_error(world, b"b/.passerelle", ErrorCode::NotFound);
    assert!(list(world, b"b").unwrap().is_empty());
    let names: Vec<_> = list(world, b"").unwrap().into_keys().collect();
    assert_eq!(names, [b"a".to_vec(), b"b".to_vec()]);

    let absolute = [world.root().as_slice(), b"/.passerelle/secret"].concat();
    let targets: [&[u8]; 5] =
        [b".passerelle", b".passerelle/secret", b"a/../.passerelle/secret", b".passerelle/../a/file", &absolute];
    for (index, target) in targets.into_iter().enumerate() {
        let name = format!("link {index}");
        world.link(name.as_bytes(), target);
        check_link(world, name.as_bytes(), &Link::Broken);
        check_error(world, format!("{name}/secret").as_bytes(), ErrorCode::LinkEscapes);
    }
    world.link(b"to a", b"a");
    check_error(world, b"to a/.passerelle/secret", ErrorCode::NotFound);
    assert_eq!(list(world, b"to a").unwrap().len(), 1);
}

fn special_files_are_never_opened(world: &dyn World) {
    if !world.special(b"folder/special") {
        return;
    }
    world.link(b"link", b"folder/special");
    for name in [b"folder/special".as_slice(), b"link"] {
        let entry = stat(world, name).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::Other, 0));
        assert_eq!(code(open(world, name)), Some(ErrorCode::NotRegular));
        check_error(world, &[name, b"/below"].concat(), ErrorCode::NotFolder);
    }
    assert_eq!(list(world, b"folder").unwrap()[b"special".as_slice()].kind, Kind::Other);
    assert_eq!(stat(world, b"link").unwrap().link, Some(Link::Inside(b"folder/special".to_vec())));
}

fn what_may_not_be_read_says_so(world: &dyn World) {
    world.file(b"folder/file", b"content");
    world.file(b"file", b"content");
    world.link(b"link", b"folder/file");
    if !world.deny(b"file") || !world.deny(b"folder") {
        eprintln!("skipped: whoever runs this may read everything");
        return;
    }
    assert_eq!(stat(world, b"file").unwrap().size, 7);
    assert_eq!(code(open(world, b"file")), Some(ErrorCode::AccessDenied));
    assert_eq!(stat(world, b"folder").unwrap().kind, Kind::Folder);
    assert_eq!(list(world, b"folder").unwrap_err(), ErrorCode::AccessDenied);
    check_error(world, b"folder/file", ErrorCode::AccessDenied);
    assert_eq!(code(open(world, b"link")), Some(ErrorCode::AccessDenied));
    assert_eq!(list(world, b"").unwrap()[b"link".as_slice()].kind, Kind::Other);
}

/// A link that is shown, and refused by everything else.
#[track_caller]
fn check_link(world: &dyn World, name: &[u8], link: &Link) {
    let entry = stat(world, name).unwrap();
    let shown = String::from_utf8_lossy(name).into_owned();
    assert_eq!((entry.kind, entry.size, entry.etag), (Kind::Other, 0, None), "{shown}");
    assert_eq!(entry.link.as_ref(), Some(link), "{shown}");
    let parent = path(name).parent().unwrap();
    assert_eq!(list(world, parent.as_bytes()).unwrap()[path(name).name()], entry, "{shown}");
    assert_eq!(code(open(world, name)), Some(ErrorCode::LinkEscapes), "{shown}");
    assert_eq!(list(world, name).unwrap_err(), ErrorCode::LinkEscapes, "{shown}");
}

/// A path that everything refuses for the same reason.
#[track_caller]
fn check_error(world: &dyn World, name: &[u8], expected: ErrorCode) {
    let shown = String::from_utf8_lossy(name).into_owned();
    assert_eq!(stat(world, name).unwrap_err(), expected, "stat of {shown}");
    assert_eq!(code(open(world, name)), Some(expected), "opening {shown}");
    assert_eq!(list(world, name).unwrap_err(), expected, "listing of {shown}");
}

fn path(bytes: &[u8]) -> VPath {
    VPath::from_bytes(bytes).unwrap()
}

fn last_segment(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap()
}

fn stat(world: &dyn World, name: &[u8]) -> Result<Entry, ErrorCode> {
    world.storage().stat(&path(name)).map_err(|error| error.code)
}

fn list(world: &dyn World, name: &[u8]) -> Result<BTreeMap<Vec<u8>, Entry>, ErrorCode> {
    list_in(world.storage(), &path(name))
}

fn list_in(storage: &dyn Storage, path: &VPath) -> Result<BTreeMap<Vec<u8>, Entry>, ErrorCode> {
    let mut entries = BTreeMap::new();
    let mut visit = |entry: Entry| {
        let twice = entries.insert(entry.path.name().to_vec(), entry);
        assert!(twice.is_none(), "{twice:?} was listed twice");
        Visit::Continue
    };
    storage.list(path, &mut visit).map_err(|error| error.code)?;
    Ok(entries)
}

fn open(world: &dyn World, name: &[u8]) -> Result<Box<dyn OpenFile>, StorageError> {
    world.storage().open(&path(name))
}

fn code<T>(result: Result<T, StorageError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

fn read(file: &dyn OpenFile) -> Result<Vec<u8>, ErrorCode> {
    let mut bytes = vec![0; 1 << 16];
    let count = file.read_at(&mut bytes, 0).map_err(|error| error.code)?;
    bytes.truncate(count);
    Ok(bytes)
}

fn content(world: &dyn World, name: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    read(&*open(world, name).map_err(|error| error.code)?)
}

struct MemoryWorld {
    storage: MemoryStorage,
}

impl MemoryWorld {
    fn new() -> Self {
        Self { storage: MemoryStorage::new() }
    }
}

impl World for MemoryWorld {
    fn storage(&self) -> &dyn Storage {
        &self.storage
    }

    fn root(&self) -> Vec<u8> {
        MEMORY_ROOT.to_vec()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        self.storage.add_file(path, content).unwrap();
    }

    fn folder(&self, path: &[u8]) {
        self.storage.add_folder(path).unwrap();
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        self.storage.add_link(path, target).unwrap();
    }

    fn special(&self, path: &[u8]) -> bool {
        self.storage.add_other(path).unwrap();
        true
    }

    fn write(&self, path: &[u8], content: &[u8]) {
        self.storage.write(path, content).unwrap();
    }

    fn truncate(&self, path: &[u8], length: usize) {
        self.storage.truncate(path, length).unwrap();
    }

    fn replace(&self, path: &[u8], content: &[u8]) {
        self.storage.add_file(path, content).unwrap();
    }

    fn remove(&self, path: &[u8]) {
        self.storage.remove(path).unwrap();
    }

    fn set_modified(&self, path: &[u8], modified: Timestamp) {
        self.storage.set_modified(path, modified).unwrap();
    }

    fn set_executable(&self, path: &[u8]) {
        self.storage.set_executable(path, true).unwrap();
    }

    fn deny(&self, path: &[u8]) -> bool {
        self.storage.set_denied(path, true).unwrap();
        true
    }

    fn takes(&self, _: &[u8]) -> bool {
        true
    }
}

/// A [`MemoryWorld`] seen through a [`FaultyStorage`] that was given nothing to do.
struct FaultyWorld {
    inner: MemoryWorld,
    storage: FaultyStorage<MemoryStorage>,
}

impl FaultyWorld {
    fn new() -> Self {
        let inner = MemoryWorld::new();
        let storage = FaultyStorage::new(inner.storage.clone(), Faults::seeded(0));
        Self { inner, storage }
    }
}

impl World for FaultyWorld {
    fn storage(&self) -> &dyn Storage {
        &self.storage
    }

    fn root(&self) -> Vec<u8> {
        self.inner.root()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        self.inner.file(path, content);
    }

    fn folder(&self, path: &[u8]) {
        self.inner.folder(path);
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        self.inner.link(path, target);
    }

    fn special(&self, path: &[u8]) -> bool {
        self.inner.special(path)
    }

    fn write(&self, path: &[u8], content: &[u8]) {
        self.inner.write(path, content);
    }

    fn truncate(&self, path: &[u8], length: usize) {
        self.inner.truncate(path, length);
    }

    fn replace(&self, path: &[u8], content: &[u8]) {
        self.inner.replace(path, content);
    }

    fn remove(&self, path: &[u8]) {
        self.inner.remove(path);
    }

    fn set_modified(&self, path: &[u8], modified: Timestamp) {
        self.inner.set_modified(path, modified);
    }

    fn set_executable(&self, path: &[u8]) {
        self.inner.set_executable(path);
    }

    fn deny(&self, path: &[u8]) -> bool {
        self.inner.deny(path)
    }

    fn takes(&self, name: &[u8]) -> bool {
        self.inner.takes(name)
    }
}

#[test]
fn faults_strike_where_the_script_says() {
    let faults = Faults::seeded(0);
    faults.at(Operation::Read, 2, Fault::Fail(ErrorCode::Io)).at(Operation::Read, 3, Fault::ShortRead);
    faults.at(Operation::Read, 4, Fault::Shrink).at(Operation::Entry, 2, Fault::Fail(ErrorCode::AccessDenied));
    let memory = MemoryStorage::new();
    memory.add_file("a", "0123456789").unwrap().add_file("b", "").unwrap().add_file("c", "").unwrap();
    let storage = FaultyStorage::new(memory, faults);
    let file = storage.open(&path(b"a")).unwrap();
    let mut buffer = [0; 4];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 4);
    assert_eq!(code(file.read_at(&mut buffer, 0)), Some(ErrorCode::Io));
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 2);
    assert_eq!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(file.read_at(&mut buffer, 6).unwrap(), 0);
    assert_eq!(file.read_at(&mut buffer, 4).unwrap(), 2);
    assert_ne!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(storage.faults().calls(Operation::Read), 5);

    let mut seen = 0;
    let mut visit = |_| {
        seen += 1;
        Visit::Continue
    };
    assert_eq!(code(storage.list(&VPath::root(), &mut visit)), Some(ErrorCode::AccessDenied));
    assert_eq!(seen, 1);
}

#[test]
fn chance_comes_from_the_seed() {
    let failures = |seed: u64, probability: f64| -> Vec<usize> {
        let faults = Faults::seeded(seed);
        faults.by_chance(Operation::Stat, probability);
        let storage = FaultyStorage::new(MemoryStorage::new(), faults);
        (0..1_000).filter(|_| storage.stat(&VPath::root()).is_err()).collect()
    };
    assert_eq!(failures(7, 0.1), failures(7, 0.1));
    assert_ne!(failures(7, 0.1), failures(8, 0.1));
    assert!((50..200).contains(&failures(7, 0.1).len()));
    assert_eq!((failures(7, 0.0).len(), failures(7, 1.0).len()), (0, 1_000));
}

#[cfg(unix)]
mod local {
    //! What only a real directory can show: races, sockets, and that it agrees with the one in memory.

    use std::ffi::OsStr;
    use std::fs;
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::time::Duration;

    use backend::storage::local::{Containment, LocalStorage};
    use proptest::prelude::*;
    use rustix::fs::{CWD, Timestamps};

    use super::*;

    const CONTAINMENTS: [Containment; 3] = [Containment::Kernel, Containment::Walk, Containment::Portable];

    pub(super) struct LocalWorld {
        folder: tempfile::TempDir,
        storage: LocalStorage,
    }

    impl LocalWorld {
        pub(super) fn new(containment: Containment) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join("root")).unwrap();
            fs::create_dir_all(folder.path().join("root2")).unwrap();
            fs::write(folder.path().join("secret"), "secret").unwrap();
            fs::write(folder.path().join("root2/secret"), "secret").unwrap();
            let storage = LocalStorage::open_with(&folder.path().join("root"), None, containment).unwrap();
            Self { folder, storage }
        }

        fn at(&self, path: &[u8]) -> PathBuf {
            self.folder.path().join("root").join(OsStr::from_bytes(path))
        }

        fn make_way(&self, path: &[u8]) -> PathBuf {
            let path = self.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        }
    }

    impl World for LocalWorld {
        fn storage(&self) -> &dyn Storage {
            &self.storage
        }

        fn root(&self) -> Vec<u8> {
            self.folder.path().canonicalize().unwrap().join("root").as_os_str().as_bytes().to_vec()
        }

        fn file(&self, path: &[u8], content: &[u8]) {
            fs::write(self.make_way(path), content).unwrap();
        }

        fn folder(&self, path: &[u8]) {
            fs::create_dir_all(self.at(path)).unwrap();
        }

        fn link(&self, path: &[u8], target: &[u8]) {
            symlink(OsStr::from_bytes(target), self.make_way(path)).unwrap();
        }

        fn special(&self, path: &[u8]) -> bool {
            make_fifo(&self.make_way(path));
            true
        }

        fn write(&self, path: &[u8], content: &[u8]) {
            fs::File::create(self.at(path)).unwrap().write_all(content).unwrap();
        }

        fn truncate(&self, path: &[u8], length: usize) {
            fs::File::options().write(true).open(self.at(path)).unwrap().set_len(length as u64).unwrap();
        }

        fn replace(&self, path: &[u8], content: &[u8]) {
            fs::write(self.at(b"replacement"), content).unwrap();
            fs::rename(self.at(b"replacement"), self.at(path)).unwrap();
        }

        fn remove(&self, path: &[u8]) {
            fs::remove_file(self.at(path)).unwrap();
        }

        fn set_modified(&self, path: &[u8], modified: Timestamp) {
            let moment =
                rustix::fs::Timespec { tv_sec: modified.seconds(), tv_nsec: modified.subsecond_nanoseconds().into() };
            let times = Timestamps { last_access: moment, last_modification: moment };
            rustix::fs::utimensat(CWD, self.at(path), &times, rustix::fs::AtFlags::empty()).unwrap();
        }

        fn set_executable(&self, path: &[u8]) {
            fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn deny(&self, path: &[u8]) -> bool {
            fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o000)).unwrap();
            fs::File::open(self.at(path)).is_err()
        }

        fn takes(&self, name: &[u8]) -> bool {
            !cfg!(target_vendor = "apple") || str::from_utf8(name).is_ok()
        }

        fn tick(&self) {
            // Longer than the coarsest clock of a file system on Linux, which ticks at 100 Hz.
            std::thread::sleep(Duration::from_millis(12));
        }
    }

    #[cfg(target_os = "linux")]
    fn make_fifo(path: &std::path::Path) {
        use rustix::fs::{FileType, Mode};
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[cfg(not(target_os = "linux"))]
    fn make_fifo(path: &std::path::Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn sockets_and_devices_are_shown_and_refused() {
        for containment in CONTAINMENTS {
            let world = LocalWorld::new(containment);
            let _listener = std::os::unix::net::UnixListener::bind(world.at(b"socket")).unwrap();
            assert_eq!(stat(&world, b"socket").unwrap().kind, Kind::Other);
            assert_eq!(code(open(&world, b"socket")), Some(ErrorCode::NotRegular));
        }
        // A tree with devices and links that only the kernel can follow, on every Linux.
        if cfg!(target_os = "linux") {
            for containment in CONTAINMENTS {
                let devices = LocalStorage::open_with("/dev".as_ref(), None, containment).unwrap();
                assert_eq!(code(devices.open(&path(b"null"))), Some(ErrorCode::NotRegular));
                let processes = LocalStorage::open_with("/proc/self".as_ref(), None, containment).unwrap();
                assert_eq!(code(processes.open(&path(b"root/etc/passwd"))), Some(ErrorCode::LinkEscapes));
                assert_eq!(code(processes.open(&path(b"cwd/Cargo.toml"))), Some(ErrorCode::LinkEscapes));
                assert_eq!(processes.stat(&path(b"exe")).unwrap().link, Some(Link::Escapes));
            }
        }
    }

    #[test]
    fn a_root_is_a_directory_or_a_link_to_one() {
        let world = LocalWorld::new(Containment::Kernel);
        world.file(b"real/file", b"content");
        world.link(b"real/absolute", &[world.root().as_slice(), b"/alias/file"].concat());
        world.link(b"alias", b"real");
        for containment in CONTAINMENTS {
            let open = |name: &[u8]| LocalStorage::open_with(&world.at(name), None, containment);
            let storage = open(b"alias").unwrap();
            assert_eq!(storage.stat(&path(b"file")).unwrap().size, 7);
            // A link may name the root as it was given or as it is.
            assert_eq!(storage.stat(&path(b"absolute")).unwrap().link, Some(Link::Inside(b"file".to_vec())));
            assert_eq!(code(open(b"nothing")), Some(ErrorCode::NotFound));
            let hiding = |name: &[u8]| LocalStorage::open_with(&world.at(b"real"), Some(&world.at(name)), containment);
            assert_eq!(code(hiding(b"real/nothing")), Some(ErrorCode::NotFound));
            assert!(hiding(b"real/.passerelle").is_ok(), "it may be made later");
            assert_eq!(code(open(b"real/file")), Some(ErrorCode::NotFolder));
        }
    }

    #[test]
    fn a_state_directory_of_another_name_is_hidden_wherever_it_is_moved() {
        for containment in CONTAINMENTS {
            let world = LocalWorld::new(containment);
            world.file(b"a/state/secret", b"secret");
            world.file(b"a/state/deep/secret", b"secret");
            world.link(b"link", b"a/state");
            let hidden = world.at(b"a/state");
            let storage = LocalStorage::open_with(&world.at(b""), Some(&hidden), containment).unwrap();
            let check = |name: &[u8], expected: ErrorCode| {
                assert_eq!(code(storage.stat(&path(name))), Some(expected));
                assert_eq!(code(storage.open(&path(name))), Some(expected));
                assert_eq!(list_in(&storage, &path(name)).unwrap_err(), expected);
            };
            check(b"a/state", ErrorCode::NotFound);
            check(b"a/state/secret", ErrorCode::NotFound);
            check(b"a/state/deep/secret", ErrorCode::NotFound);
            check(b"link/secret", ErrorCode::LinkEscapes);
            assert_eq!(storage.stat(&path(b"link")).unwrap().link, Some(Link::Broken));
            assert!(list_in(&storage, &path(b"a")).unwrap().is_empty());
            fs::rename(world.at(b"a"), world.at(b"b")).unwrap();
            check(b"b/state/deep/secret", ErrorCode::NotFound);
            assert!(list_in(&storage, &path(b"b")).unwrap().is_empty());
        }
    }

    /// Somebody exchanges two names as fast as they can, while another reads through one of them.
    #[cfg(target_os = "linux")]
    fn while_exchanging(world: &LocalWorld, left: &[u8], right: &[u8], rounds: usize, look: impl Fn()) {
        use std::sync::atomic::{AtomicBool, Ordering};
        let done = AtomicBool::new(false);
        let (left, right) = (world.at(left), world.at(right));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    rustix::fs::renameat_with(CWD, &left, CWD, &right, rustix::fs::RenameFlags::EXCHANGE).unwrap();
                }
            });
            let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..rounds).for_each(|_| look())));
            done.store(true, Ordering::Relaxed);
            looked.unwrap();
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_exchanged_for_a_link_never_leads_out() {
        for containment in CONTAINMENTS {
            let world = LocalWorld::new(containment);
            world.file(b"swapped/deep/secret", b"inside");
            fs::create_dir(world.folder.path().join("root2/deep")).unwrap();
            fs::write(world.folder.path().join("root2/deep/secret"), "outside").unwrap();
            world.link(b"link", b"../root2");
            let mut seen = BTreeMap::new();
            let seen = std::cell::RefCell::new(&mut seen);
            while_exchanging(&world, b"swapped", b"link", 5_000, || {
                let got = match content(&world, b"swapped/deep/secret") {
                    Ok(bytes) => String::from_utf8(bytes).unwrap(),
                    Err(code) => code.name().to_owned(),
                };
                assert!(matches!(&*got, "inside" | "link_escapes" | "not_found" | "changed"), "{got}");
                *seen.borrow_mut().entry(got).or_insert(0) += 1;
                if let Ok(listed) = list(&world, b"swapped/deep") {
                    assert!(listed.values().all(|entry| entry.size == 6));
                }
            });
            eprintln!("{containment:?}: {:?}", seen.borrow());
            assert!(seen.borrow().len() > 1, "the exchange was never seen");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_exchanged_for_a_link_or_a_fifo_is_the_file_or_refused() {
        for containment in CONTAINMENTS {
            let world = LocalWorld::new(containment);
            world.file(b"file", b"inside");
            world.link(b"link", b"../secret");
            make_fifo(&world.at(b"fifo"));
            for other in [b"link".as_slice(), b"fifo"] {
                while_exchanging(&world, b"file", other, 5_000, || match content(&world, b"file") {
                    Ok(bytes) => assert_eq!(bytes, b"inside"),
                    Err(ErrorCode::LinkEscapes | ErrorCode::NotRegular | ErrorCode::NotFound | ErrorCode::Changed) => {}
                    Err(code) => panic!("{code}"),
                });
                // Both are in their own place again, whichever way the last exchange went.
                if !fs::symlink_metadata(world.at(b"file")).unwrap().is_file() {
                    let (file, other) = (world.at(b"file"), world.at(other));
                    rustix::fs::renameat_with(CWD, file, CWD, other, rustix::fs::RenameFlags::EXCHANGE).unwrap();
                }
            }
        }
    }

    /// What a random tree is made of.
    #[derive(Clone, Debug)]
    enum Piece {
        File(usize),
        Folder,
        Link(Target),
        Special,
    }

    #[derive(Clone, Debug)]
    struct Target {
        below_root: bool,
        text: String,
    }

    fn name() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            5 => Just("a"),
            5 => Just("b"),
            3 => Just("c"),
            1 => Just("d é"),
            1 => Just(".passerelle"),
        ]
    }

    fn joined_names(depth: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
        prop::collection::vec(name(), depth).prop_map(|names| names.join("/"))
    }

    fn target() -> impl Strategy<Value = Target> {
        let step = prop_oneof![6 => name(), 3 => Just(".."), 1 => Just("."), 1 => Just("")];
        let text = prop::collection::vec(step, 1..5).prop_map(|steps| steps.join("/"));
        (prop::bool::weighted(0.3), text)
            .prop_filter("no system has empty links", |(below_root, text)| *below_root || !text.is_empty())
            .prop_map(|(below_root, text)| Target { below_root, text })
    }

    fn piece() -> impl Strategy<Value = Piece> {
        prop_oneof![
            3 => (0..9_usize).prop_map(Piece::File),
            3 => Just(Piece::Folder),
            5 => target().prop_map(Piece::Link),
            1 => Just(Piece::Special),
        ]
    }

    fn build(world: &dyn World, tree: &BTreeMap<String, Piece>) {
        for (path, piece) in tree {
            let path = path.as_bytes();
            match piece {
                Piece::File(length) => world.file(path, &vec![b'x'; *length]),
                Piece::Folder => world.folder(path),
                Piece::Link(Target { below_root: true, text }) => {
                    world.link(path, &[world.root().as_slice(), b"/", text.as_bytes()].concat());
                }
                Piece::Link(Target { text, .. }) => world.link(path, text.as_bytes()),
                Piece::Special => assert!(world.special(path)),
            }
        }
    }

    /// Pieces that can stand together: under each there is a folder or nothing.
    fn planted(pieces: Vec<(String, Piece)>) -> BTreeMap<String, Piece> {
        let mut tree = BTreeMap::new();
        for (path, piece) in pieces {
            let parents = path.match_indices('/').map(|(index, _)| &path[..index]);
            let rooted = parents.clone().all(|parent| matches!(tree.get(parent), None | Some(Piece::Folder)));
            if rooted && !tree.contains_key(&path) {
                for parent in parents.map(str::to_owned).collect::<Vec<_>>() {
                    tree.insert(parent, Piece::Folder);
                }
                tree.insert(path, piece);
            }
        }
        tree
    }

    /// All that two backends must agree on.
    type Seen = Result<(Kind, u64, Option<Link>, bool), ErrorCode>;

    fn seen(entry: Entry) -> (Kind, u64, Option<Link>, bool) {
        (entry.kind, entry.size, entry.link, entry.etag.is_some())
    }

    #[derive(PartialEq, Debug)]
    struct SeenAt {
        stat: Seen,
        list: Result<Vec<(Vec<u8>, Seen)>, ErrorCode>,
        content: Result<Vec<u8>, ErrorCode>,
    }

    fn seen_at(world: &dyn World, path: &str) -> SeenAt {
        let path = path.as_bytes();
        let listed = list(world, path);
        SeenAt {
            stat: stat(world, path).map(seen),
            list: listed.map(|entries| entries.into_iter().map(|(name, entry)| (name, Ok(seen(entry)))).collect()),
            content: content(world, path),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_directory_agrees_with_the_one_in_memory(
            pieces in prop::collection::vec((joined_names(1..=4), piece()), 1..14),
            paths in prop::collection::vec(joined_names(0..=5), 20),
        ) {
            let tree = planted(pieces);
            let memory = MemoryWorld::new();
            build(&memory, &tree);
            for containment in CONTAINMENTS {
                let local = LocalWorld::new(containment);
                build(&local, &tree);
                for path in paths.iter().chain(tree.keys()) {
                    let (expected, got) = (seen_at(&memory, path), seen_at(&local, path));
                    prop_assert_eq!(expected, got, "{:?} at {} in {:?}", containment, path, &tree);
                }
            }
        }
    }
}
