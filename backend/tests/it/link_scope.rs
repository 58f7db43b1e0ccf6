//! Links of a scope lead no further than its root: every operation, every kind of link, every backend. The tree has the
//! folders `one`, which is the root of the caller, and `two`, which belongs to other callers.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backend::client::{Caller, Client, ClientError, Commit, PutRange, Stage};
use backend::storage::Storage;
use backend::storage::local::{Containment, LocalStorage};
use backend::storage::memory::{MEMORY_ROOT, MemoryStorage};
use bytes::Bytes;
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::wire::Store;
use shared::{
    Algorithm, Change, Conflict, Entry, ErrorCode, EventKind, Grant, Job, JobId, Kind, Link, Order, Outcome, Rights,
    Scope, VPath,
};

use super::reading::read_as;
use super::test_server::{TestServer, path, writer};
use super::uploads::{error_code, stage};

const SECRET: &[u8] = b"not for one";
/// Links of `one` that lead outside, or pass through what is outside.
const OUTWARD: [&str; 6] = ["sibling", "absolute", "chain", "through", "above", "nothing"];
/// Links of `one` to folders inside.
const INWARD: [&str; 4] = ["inside", "around", "absolute_in", "chain_in"];

/// Where links point, by their paths.
fn links(root: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let absolute = |below: &str| [root, b"/", below.as_bytes()].concat();
    vec![
        ("one/inside", b"plain".to_vec()),
        ("one/inside_file", b"plain/file".to_vec()),
        ("one/around", b"../one/plain".to_vec()),
        ("one/absolute_in", absolute("one/plain")),
        ("one/chain_in", b"around".to_vec()),
        ("one/sibling", b"../two".to_vec()),
        ("one/sibling_file", b"../two/secret".to_vec()),
        ("one/absolute", absolute("two")),
        ("one/chain", b"sibling".to_vec()),
        ("one/through", b"../two/back".to_vec()),
        ("one/above", b"..".to_vec()),
        ("one/nothing", b"../two/nothing".to_vec()),
        ("one/dangling", b"missing".to_vec()),
        ("two/back", b"../one/plain".to_vec()),
        ("home", b"one".to_vec()),
        ("outward", b"../outside".to_vec()),
    ]
}

const FILES: [(&str, &[u8]); 3] =
    [("one/plain/file", b"plain"), ("two/secret", SECRET), ("two/folder/inner", b"inner")];

fn memory() -> MemoryStorage {
    let storage = MemoryStorage::new();
    for (name, content) in FILES {
        storage.add_file(name, content).unwrap();
    }
    for (name, target) in links(MEMORY_ROOT) {
        storage.add_link(name, target).unwrap();
    }
    storage
}

fn on_disk(folder: &Path) {
    let root = folder.canonicalize().unwrap();
    for (name, content) in FILES {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), content).unwrap();
    }
    for (name, target) in links(root.as_os_str().as_encoded_bytes()) {
        symlink(String::from_utf8(target).unwrap(), root.join(name)).unwrap();
    }
}

/// Runs `check` on a server over each backend.
async fn on_every_backend(check: impl AsyncFn(Arc<TestServer>, &'static str)) {
    let server = TestServer::with_storage(Arc::new(memory())).await;
    check(Arc::new(server), "memory").await;
    for (containment, name) in
        [(Containment::Kernel, "kernel"), (Containment::Walk, "walk"), (Containment::Portable, "portable")]
    {
        let folder = tempfile::tempdir().unwrap();
        on_disk(folder.path());
        let storage = LocalStorage::open_with(folder.path(), None, containment).unwrap();
        check(Arc::new(TestServer::with_storage(storage.into()).await), name).await;
    }
}

/// A caller whose root is this folder.
fn caller_of(folder: &str) -> Caller {
    Caller { scope: Scope::below(path(folder), Rights::ALL), ..Caller::default() }
}

fn one() -> Caller {
    caller_of("one")
}

async fn names(client: &Client, caller: &Caller, text: &str) -> Result<Vec<String>, ClientError> {
    let page = client.list(caller, &path(text), Order::default(), None, 100).await?;
    Ok(page.entries.iter().map(|entry| entry.path.display_name().into_owned()).collect())
}

async fn run(client: &Client, caller: &Caller, key: u8, change: Change) -> Job {
    client.change(caller, JobId([key; 16]), change, Duration::from_secs(30)).await.unwrap()
}

fn item_code(job: &Job) -> Option<ErrorCode> {
    match &job.outcomes[0] {
        Outcome::Failed { code, .. } => Some(*code),
        _ => None,
    }
}

/// What `two` has, as its owner sees it.
async fn assert_two_is_untouched(client: &Client, backend: &str) {
    let two = caller_of("two");
    assert_eq!(names(client, &two, "").await.unwrap(), ["folder", "back", "secret"], "{backend}");
    assert_eq!(read_as(client, &two, "secret").await.unwrap(), SECRET, "{backend}");
    assert_eq!(names(client, &two, "folder").await.unwrap(), ["inner"], "{backend}");
    assert_eq!(client.list_trash(&writer(), None, 10).await.unwrap().total, Some(0), "{backend}");
}

/// The entry of `caller`'s root in a WALK.
async fn walked(client: &Client, caller: &Caller) -> Result<Entry, ClientError> {
    let mut pages = client.walk(caller, vec![VPath::root()], None).await?;
    let mut entries = Vec::new();
    while let Some(page) = pages.next_page().await? {
        entries.extend(page.entries);
    }
    Ok(entries.swap_remove(0))
}

#[tokio::test]
async fn the_link_of_a_root_is_followed_by_every_request() {
    on_every_backend(async |server, backend| {
        let client = &server.client;
        let linked = caller_of("one/inside_file");
        assert_eq!(read_as(client, &linked, "").await.unwrap(), b"plain", "{backend}");
        let stat = client.stat(&linked, &VPath::root()).await.unwrap();
        assert_eq!((stat.link.clone(), stat.size), (None, 5), "{backend}");
        assert_eq!(client.stat_for_reading(&linked, &VPath::root()).await.unwrap(), stat, "{backend}");
        // The file is new, so that WALK opens it.
        assert_eq!(walked(client, &linked).await.unwrap(), stat, "{backend}");
        let lost = [("one/dangling", ErrorCode::LinkBroken), ("outward", ErrorCode::LinkEscapes)];
        for (root, code) in lost {
            let caller = caller_of(root);
            let found = [
                client.stat(&caller, &VPath::root()).await.err(),
                client.stat_for_reading(&caller, &VPath::root()).await.err(),
                walked(client, &caller).await.err(),
                read_as(client, &caller, "").await.err(),
                client.digest(&caller, &VPath::root(), vec![Algorithm::Blake3], false).await.err(),
                names(client, &caller, "").await.err(),
            ];
            assert_eq!(found.map(|error| error.map(|error| error.code)), [Some(code); 6], "{backend}: {root}");
        }
    })
    .await;
}

#[tokio::test]
async fn reading_stays_below_the_root() {
    on_every_backend(async |server, backend| {
        let (client, one) = (&server.client, one());
        for link in OUTWARD {
            let at = |rest: &str| path(&format!("{link}/{rest}"));
            let escapes = |code, what: &str| assert_eq!(code, ErrorCode::LinkEscapes, "{backend}: {what} {link}");
            escapes(error_code(names(client, &one, link).await), "LIST");
            escapes(error_code(client.stat(&one, &at("secret")).await), "STAT");
            escapes(error_code(client.stat_for_reading(&one, &at("secret")).await), "STAT for reading");
            escapes(error_code(read_as(client, &one, &format!("{link}/secret")).await), "GET");
            escapes(error_code(client.digest(&one, &at("secret"), vec![Algorithm::Blake3], false).await), "DIGEST");
            escapes(error_code(client.walk(&one, vec![at("folder")], None).await.map(drop)), "WALK");
            escapes(error_code(client.watch(&one, &path(link), None).await.map(drop)), "WATCH");
            // A file that does not exist outside is not distinguishable from one that does.
            escapes(error_code(client.stat(&one, &at("missing")).await), "STAT of nothing");
        }
        escapes_file(client, &one, backend).await;
        for link in INWARD {
            assert_eq!(read_as(client, &one, &format!("{link}/file")).await.unwrap(), b"plain", "{backend}: {link}");
            assert_eq!(names(client, &one, link).await.unwrap(), ["file"], "{backend}: {link}");
        }
        assert_eq!(read_as(client, &one, "inside_file").await.unwrap(), b"plain", "{backend}");
        // Of the whole storage, all of it is inside.
        assert_eq!(read_as(client, &writer(), "one/sibling/secret").await.unwrap(), SECRET, "{backend}");
        assert_eq!(read_as(client, &writer(), "one/through/file").await.unwrap(), b"plain", "{backend}");
    })
    .await;
}

async fn escapes_file(client: &Client, one: &Caller, backend: &str) {
    let file = path("sibling_file");
    assert_eq!(error_code(read_as(client, one, "sibling_file").await), ErrorCode::LinkEscapes, "{backend}");
    let digest = client.digest(one, &file, vec![Algorithm::Blake3], false).await;
    assert_eq!(error_code(digest), ErrorCode::LinkEscapes, "{backend}");
    assert_eq!(error_code(client.stat_for_reading(one, &file).await), ErrorCode::LinkEscapes, "{backend}");
}

#[tokio::test]
async fn what_lies_outside_is_not_shown() {
    on_every_backend(async |server, backend| {
        let (client, one) = (&server.client, one());
        // A listing of the whole storage first: what it keeps is not for the caller of a part.
        client.list(&writer(), &path("one"), Order::default(), None, 3).await.unwrap();
        let page = client.list(&one, &path(""), Order::default(), None, 100).await.unwrap();
        let mut walked = Vec::new();
        let mut pages = client.walk(&one, vec![path("")], None).await.unwrap();
        while let Some(page) = pages.next_page().await.unwrap() {
            walked.extend(page.entries);
        }
        for link in OUTWARD.into_iter().chain(["sibling_file"]) {
            let stat = client.stat(&one, &path(link)).await.unwrap();
            let listed = page.entries.iter().find(|entry| entry.path == path(link)).unwrap();
            let walked = walked.iter().find(|entry| entry.path == path(link));
            for entry in [&stat, listed].into_iter().chain(walked) {
                assert_eq!((entry.kind, entry.link.as_ref()), (Kind::Other, Some(&Link::Escapes)), "{backend}: {link}");
            }
        }
        assert!(!walked.iter().any(|entry| entry.path.encoded().contains("secret")), "{backend}");
        let dangling = client.stat(&one, &path("dangling")).await.unwrap();
        assert_eq!(dangling.link, Some(Link::Broken), "{backend}");
        // The names of folders above the root are not shown either.
        for link in INWARD {
            let entry = client.stat(&one, &path(link)).await.unwrap();
            let Some(Link::Inside(target)) = entry.link else { panic!("{backend}: {link}: {entry:?}") };
            assert!(!target.starts_with(b".."), "{backend}: {link}: {}", String::from_utf8_lossy(&target));
        }
    })
    .await;
}

#[tokio::test]
async fn writing_stays_below_the_root() {
    on_every_backend(async |server, backend| {
        let (client, one) = (&server.client, one());
        for (number, link) in OUTWARD.into_iter().enumerate() {
            let new = format!("{link}/new");
            let escapes = |code, what: &str| assert_eq!(code, ErrorCode::LinkEscapes, "{backend}: {what} {link}");
            let staged = Stage { caller: one.clone(), make_parents: true, ..stage(&new, Some(1)) };
            escapes(error_code(client.stage(&staged).await), "STAGE");
            let stored = Stage { resumable: false, ..staged.clone() };
            escapes(error_code(client.store(&Store { stage: stored, checksum: None }, b"x").await), "STORE");
            let elsewhere = client.stage(&Stage { caller: one.clone(), ..stage("good", Some(0)) }).await.unwrap();
            let commit = Commit {
                caller: one.clone(),
                upload: elsewhere.id,
                target: Some(path(&new)),
                conflict: None,
                if_match: None,
                blake3: None,
            };
            escapes(error_code(client.commit(&commit).await), "COMMIT");
            client.abort(&one, elsewhere.id).await.unwrap();

            let secret = path(&format!("{link}/secret"));
            let item = PathItem { path: secret.clone(), if_etag: None };
            let pair = |from: &str, to: &str| vec![PathPair { from: path(from), to: path(to), if_etag: None }];
            let out = pair(&format!("{link}/secret"), "taken");
            let into = pair("plain/file", &new);
            let changes = [
                Change::MakeFolder { paths: vec![path(&new)], existing_ok: true },
                Change::Move { items: out.clone(), conflict: Conflict::Fail },
                Change::Copy { items: out, conflict: Conflict::Fail },
                Change::Move { items: into.clone(), conflict: Conflict::Replace },
                Change::Copy { items: into, conflict: Conflict::KeepBoth },
                Change::Trash { items: vec![item.clone()] },
                Change::Delete { items: vec![item] },
            ];
            for (kind, change) in changes.into_iter().enumerate() {
                let key = u8::try_from(number * 10 + kind).unwrap();
                let job = run(client, &one, key, change).await;
                assert_eq!(item_code(&job), Some(ErrorCode::LinkEscapes), "{backend}: {link}: {job:?}");
            }
        }
        // A link to a file outside: its target is not replaced.
        let onto = Stage {
            caller: one.clone(),
            conflict: Conflict::Replace,
            resumable: false,
            ..stage("sibling_file", Some(1))
        };
        assert!(client.store(&Store { stage: onto, checksum: None }, b"x").await.is_err(), "{backend}");
        assert_two_is_untouched(client, backend).await;
    })
    .await;
}

/// A move alters where a relative link leads.
#[tokio::test]
async fn a_link_that_was_moved_or_copied_leads_no_further() {
    on_every_backend(async |server, backend| {
        let (client, whole) = (&server.client, writer());
        // `deep/up` leads to `one/two`, which does not exist; at the top of `one` it leads to `two`.
        let deep = Change::MakeFolder { paths: vec![path("one/deep")], existing_ok: false };
        run(client, &whole, 1, deep).await;
        let pair = |from: &str, to: &str| vec![PathPair { from: path(from), to: path(to), if_etag: None }];
        let job =
            run(client, &one(), 2, Change::Move { items: pair("sibling", "deep/up"), conflict: Conflict::Fail }).await;
        assert_eq!(item_code(&job), None, "{backend}: a link is moved itself");
        let copied = Change::Copy { items: pair("deep/up", "again"), conflict: Conflict::Fail };
        assert_eq!(item_code(&run(client, &one(), 3, copied).await), None, "{backend}: a link is copied itself");
        assert_eq!(error_code(names(client, &one(), "again").await), ErrorCode::LinkEscapes, "{backend}");
        // The trash takes the link itself.
        let item = PathItem { path: path("again"), if_etag: None };
        let job = run(client, &one(), 4, Change::Trash { items: vec![item] }).await;
        assert_eq!(item_code(&job), None, "{backend}");
        let trash = client.list_trash(&one(), None, 10).await.unwrap();
        assert_eq!(trash.items[0].entry.link, Some(Link::Escapes), "{backend}");
        let purge = Change::Purge { ids: None };
        run(client, &one(), 5, purge).await;
        assert_two_is_untouched(client, backend).await;
    })
    .await;
}

/// A caller of the whole storage throws something away by the path of a link: it was where the link leads.
#[tokio::test]
async fn the_trash_has_what_was_below_the_root_without_links() {
    on_every_backend(async |server, backend| {
        let client = &server.client;
        let items = ["one/sibling/secret", "one/chain"].map(|text| PathItem { path: path(text), if_etag: None });
        for (key, item) in items.into_iter().enumerate() {
            let job = run(client, &writer(), u8::try_from(key).unwrap(), Change::Trash { items: vec![item] }).await;
            assert_eq!(item_code(&job), None, "{backend}");
        }
        let of_one = client.list_trash(&one(), None, 10).await.unwrap();
        let shown: Vec<_> =
            of_one.items.iter().map(|item| (item.entry.path.encoded(), item.entry.link.clone())).collect();
        // It led to `sibling`, a link of `one`, and from there outside; its own target does not say so.
        assert_eq!(shown, [("chain".to_owned(), Some(Link::Inside(b"sibling".to_vec())))], "{backend}");
        let of_two = client.list_trash(&caller_of("two"), None, 10).await.unwrap();
        let id = of_two.items[0].id;
        assert_eq!(of_two.items[0].entry.path, path("secret"), "{backend}");
        let restore = |id| Change::Restore { items: vec![RestoreItem { id, to: None }], conflict: Conflict::Fail };
        assert!(item_code(&run(client, &one(), 7, restore(id)).await).is_some(), "{backend}");
        let job = run(client, &caller_of("two"), 8, restore(id)).await;
        assert_eq!(item_code(&job), None, "{backend}");
        assert_eq!(read_as(client, &caller_of("two"), "secret").await.unwrap(), SECRET, "{backend}");
    })
    .await;
}

/// The folder of a root is the administrator's choice, also where it is a link.
#[tokio::test]
async fn the_root_itself_may_be_a_link() {
    on_every_backend(async |server, backend| {
        let (client, home) = (&server.client, caller_of("home"));
        let root = client.stat(&home, &path("")).await.unwrap();
        assert_eq!((root.kind, root.link), (Kind::Folder, None), "{backend}");
        for text in ["plain/file", "inside/file", "around/file", "absolute_in/file", "inside_file"] {
            assert_eq!(read_as(client, &home, text).await.unwrap(), b"plain", "{backend}: {text}");
        }
        for link in OUTWARD {
            assert_eq!(error_code(names(client, &home, link).await), ErrorCode::LinkEscapes, "{backend}: {link}");
        }
        let item = PathItem { path: path("plain"), if_etag: None };
        let job = run(client, &home, 1, Change::Trash { items: vec![item] }).await;
        assert_eq!(item_code(&job), None, "{backend}");
        let trash = client.list_trash(&home, None, 10).await.unwrap();
        assert_eq!(trash.items[0].entry.path, path("plain"), "{backend}");
        let restore = RestoreItem { id: trash.items[0].id, to: None };
        let job = run(client, &home, 2, Change::Restore { items: vec![restore], conflict: Conflict::Fail }).await;
        assert_eq!(item_code(&job), None, "{backend}");
        assert_eq!(read_as(client, &one(), "plain/file").await.unwrap(), b"plain", "{backend}");
    })
    .await;
}

/// What is trashed or replaced by way of a root that is a link is seen by that way, and by those who reach the folder
/// itself.
#[tokio::test]
async fn the_trash_of_a_root_that_is_a_link_is_that_of_its_folder() {
    on_every_backend(async |server, backend| {
        let (client, home) = (&server.client, caller_of("home"));
        let paths = async |caller: &Caller| {
            let items = client.list_trash(caller, None, 10).await.unwrap().items;
            items.into_iter().map(|item| item.entry.path).collect::<Vec<_>>()
        };
        for (number, thrower) in [(0, &home), (1, &one())] {
            let item = PathItem { path: path("plain/file"), if_etag: None };
            let trashed = run(client, thrower, 10 + number, Change::Trash { items: vec![item] }).await;
            for caller in [&home, &one()] {
                assert_eq!(paths(caller).await, [path("plain/file")], "{backend}");
            }
            assert_eq!(paths(&writer()).await, [path("one/plain/file")], "{backend}");
            assert_eq!(paths(&caller_of("two")).await, [], "{backend}");
            let Outcome::Done { trash: Some(id), .. } = trashed.outcomes[0] else { panic!("{trashed:?}") };
            let items = vec![RestoreItem { id, to: None }];
            let restore = Change::Restore { items, conflict: Conflict::Fail };
            let other = if number == 0 { one() } else { home.clone() };
            assert_eq!(item_code(&run(client, &other, 20 + number, restore).await), None, "{backend}");
            assert_eq!(read_as(client, &home, "plain/file").await.unwrap(), b"plain", "{backend}");
        }
        let item = PathItem { path: path("plain/file"), if_etag: None };
        run(client, &one(), 30, Change::Trash { items: vec![item] }).await;
        run(client, &home, 31, Change::Purge { ids: None }).await;
        assert_eq!(paths(&writer()).await, [], "{backend}");
    })
    .await;
}

/// Events of a folder tell its entries, and two scopes share no watch.
#[tokio::test]
async fn events_do_not_tell_what_lies_outside() {
    on_every_backend(async |server, backend| {
        let client = &server.client;
        let mut whole = client.watch(&writer(), &path("one"), None).await.unwrap();
        let mut events = client.watch(&one(), &path(""), None).await.unwrap();
        for watch in [&mut whole, &mut events] {
            assert!(matches!(watch.next().await.unwrap().kind, EventKind::Ready), "{backend}");
        }
        let items = vec![PathPair { from: path("sibling"), to: path("renamed"), if_etag: None }];
        run(client, &one(), 1, Change::Move { items, conflict: Conflict::Fail }).await;
        let shown = loop {
            if let EventKind::Present { entry } = events.next().await.unwrap().kind {
                break entry;
            }
        };
        assert_eq!((shown.path.encoded().as_str(), shown.link), ("renamed", Some(Link::Escapes)), "{backend}");
        let shown = loop {
            if let EventKind::Present { entry } = whole.next().await.unwrap().kind {
                break entry;
            }
        };
        assert_eq!(shown.link, Some(Link::Inside(b"../two".to_vec())), "{backend}");
    })
    .await;
}

/// Another program exchanges a link between inside and outside as fast as it can.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_changes_during_requests_never_leads_outside() {
    let folder = tempfile::tempdir().unwrap();
    on_disk(folder.path());
    let root = folder.path().join("one");
    let stop = Arc::new(AtomicBool::new(false));
    let (stopping, swapped) = (Arc::clone(&stop), root.clone());
    let swapping = std::thread::spawn(move || {
        while !stopping.load(Ordering::Relaxed) {
            for target in ["plain", "../two"] {
                let _ = fs::remove_file(swapped.join("new"));
                symlink(target, swapped.join("new")).unwrap();
                fs::rename(swapped.join("new"), swapped.join("inside")).unwrap();
            }
        }
    });
    fs::write(root.join("plain/secret"), b"inside").unwrap();
    for containment in [Containment::Kernel, Containment::Walk, Containment::Portable] {
        let storage: Arc<dyn Storage> = LocalStorage::open_with(folder.path(), None, containment).unwrap().into();
        let server = TestServer::with_storage(storage).await;
        for number in 0..300_u32 {
            match read_as(&server.client, &one(), "inside/secret").await {
                Ok(content) => assert_eq!(content, b"inside"),
                Err(error) => assert!(matches!(error.code, ErrorCode::LinkEscapes | ErrorCode::NotFound), "{error:?}"),
            }
            let stored = Stage {
                caller: one(),
                conflict: Conflict::Replace,
                resumable: false,
                ..stage(&format!("inside/new{number}"), Some(1))
            };
            let _ = server.client.store(&Store { stage: stored, checksum: None }, b"x").await;
        }
        server.stop().await;
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    let mut outside: Vec<_> =
        fs::read_dir(folder.path().join("two")).unwrap().map(|e| e.unwrap().file_name()).collect();
    outside.sort();
    assert_eq!(outside, ["back", "folder", "secret"]);
}

/// One tree for all: the caller has rights on `one`, and less on a folder of `two`.
fn granted() -> Caller {
    let grant = |at, rights| Grant { at: path(at), rights };
    let grants = vec![grant("one", Rights::ALL), grant("two/folder", Rights::READ_ONLY)];
    Caller { scope: Scope { base: VPath::root(), grants }, ..Caller::default() }
}

#[tokio::test]
async fn links_lead_to_where_the_rights_are() {
    on_every_backend(async |server, backend| {
        let (client, caller) = (&server.client, &granted());
        for name in OUTWARD {
            let at = format!("one/{name}");
            let entry = client.stat(caller, &path(&at)).await.unwrap();
            assert_eq!((entry.kind, entry.link, entry.size), (Kind::Other, Some(Link::Escapes), 0), "{backend} {at}");
            let listed = names(client, caller, &at).await;
            assert_eq!(error_code(listed), ErrorCode::LinkEscapes, "{backend} {at}");
            let inner = format!("{at}/secret");
            assert_eq!(error_code(read_as(client, caller, &inner).await), ErrorCode::LinkEscapes, "{backend} {at}");
        }
        assert_eq!(error_code(read_as(client, caller, "one/sibling_file").await), ErrorCode::LinkEscapes, "{backend}");
        for name in INWARD {
            let inner = format!("one/{name}/file");
            assert_eq!(read_as(client, caller, &inner).await.unwrap(), b"plain", "{backend} {inner}");
        }
        // Also where a link leads to less: it may be read there, and not changed.
        assert_eq!(names(client, caller, "two").await.unwrap(), ["folder"], "{backend}");
        assert_eq!(names(client, caller, "one/sibling/folder").await.unwrap(), ["inner"], "{backend}");
        assert_eq!(read_as(client, caller, "one/sibling/folder/inner").await.unwrap(), b"inner", "{backend}");
        let into = Stage { caller: caller.clone(), resumable: false, ..stage("one/sibling/folder/new", Some(1)) };
        let stored = client.store(&Store { stage: into.clone(), checksum: None }, b"1").await;
        assert_eq!(error_code(stored), ErrorCode::LinkEscapes, "{backend}");
        assert_eq!(error_code(client.stage(&into).await), ErrorCode::LinkEscapes, "{backend}");
        let inner = || vec![PathItem { path: path("one/sibling/folder/inner"), if_etag: None }];
        let pair = |from: &str, to: &str| vec![PathPair { from: path(from), to: path(to), if_etag: None }];
        let changes = [
            Change::Trash { items: inner() },
            Change::Delete { items: inner() },
            Change::Move { items: pair("one/sibling/folder/inner", "one/moved"), conflict: Conflict::Fail },
            Change::Move { items: pair("one/plain/file", "one/sibling/folder/file"), conflict: Conflict::Fail },
            Change::Copy { items: pair("one/plain/file", "one/sibling/folder/file"), conflict: Conflict::Fail },
            Change::MakeFolder { paths: vec![path("one/sibling/folder/made")], existing_ok: false },
        ];
        for (number, change) in (1..).zip(changes) {
            let job = run(client, caller, number, change.clone()).await;
            assert_eq!(item_code(&job), Some(ErrorCode::LinkEscapes), "{backend} {change:?}");
        }
        let copied = Change::Copy { items: pair("two/folder/inner", "one/inner"), conflict: Conflict::Fail };
        assert_eq!(item_code(&run(client, caller, 99, copied).await), None, "{backend}");
        assert_two_is_untouched(client, backend).await;
    })
    .await;
}

/// More rights where the link stands take nothing away where it leads.
#[tokio::test]
async fn an_upload_through_a_link_needs_what_it_uses() {
    on_every_backend(async |server, backend| {
        let client = &server.client;
        let grant = |at, rights| Grant { at: path(at), rights };
        let grants = vec![grant("one", Rights::ALL), grant("two", Rights::ADD)];
        let caller = Caller { scope: Scope { base: VPath::root(), grants }, ..Caller::default() };
        let sent = |name: &str, conflict| {
            let target = format!("one/sibling/{name}");
            Stage { caller: caller.clone(), resumable: false, conflict, ..stage(&target, Some(1)) }
        };
        for conflict in [Conflict::Fail, Conflict::KeepBoth, Conflict::Skip] {
            let name = format!("stored-{}", conflict.name());
            let store = Store { stage: sent(&name, conflict), checksum: None };
            let stored = client.store(&store, b"1").await;
            assert!(stored.is_ok(), "{backend} {conflict:?} {stored:?}");
            let staged = client.stage(&sent(&format!("staged-{}", conflict.name()), conflict)).await;
            let upload = staged.unwrap_or_else(|error| panic!("{backend} {conflict:?} {error}"));
            let mut writer = client.put(&caller, upload.id, PutRange::default()).await.unwrap();
            writer.send(Bytes::from_static(b"1")).await.unwrap();
            writer.finish().await.unwrap();
            let commit = |conflict| Commit {
                caller: caller.clone(),
                upload: upload.id,
                target: None,
                conflict,
                if_match: None,
                blake3: None,
            };
            let replaced = client.commit(&commit(Some(Conflict::Replace))).await;
            assert_eq!(error_code(replaced), ErrorCode::LinkEscapes, "{backend} {conflict:?}");
            assert!(client.commit(&commit(None)).await.is_ok(), "{backend} {conflict:?}");
        }
        let replacing = sent("secret", Conflict::Replace);
        let conditional = Stage { if_match: Some(Vec::new()), ..sent("secret", Conflict::Fail) };
        for stage in [replacing, conditional] {
            let stored = client.store(&Store { stage: stage.clone(), checksum: None }, b"1").await;
            assert_eq!(error_code(stored), ErrorCode::LinkEscapes, "{backend} {stage:?}");
            assert_eq!(error_code(client.stage(&stage).await), ErrorCode::LinkEscapes, "{backend} {stage:?}");
        }
        // A drop box tells nothing also at the end of a link from a folder whose names are shown.
        let grants = vec![grant("one", Rights::ADD), grant("two", Rights::CREATE)];
        let lister = Caller { scope: Scope { base: VPath::root(), grants }, ..Caller::default() };
        let store = Store { stage: Stage { caller: lister, ..sent("secret", Conflict::Fail) }, checksum: None };
        assert_eq!(error_code(client.store(&store, b"1").await), ErrorCode::LinkEscapes, "{backend}");
    })
    .await;
}

/// Who may change what is above a link could put another one in its place.
#[tokio::test]
async fn a_grant_on_a_link_is_none_on_what_it_leads_to() {
    on_every_backend(async |server, backend| {
        let grants = vec![Grant { at: path("home"), rights: Rights::ALL }];
        let caller = Caller { scope: Scope { base: VPath::root(), grants }, ..Caller::default() };
        let entry = server.client.stat(&caller, &path("home")).await.unwrap();
        assert_eq!(entry.link, Some(Link::Escapes), "{backend}");
        assert_eq!(error_code(names(&server.client, &caller, "home").await), ErrorCode::LinkEscapes, "{backend}");
        let read = read_as(&server.client, &caller, "home/plain/file").await;
        assert_eq!(error_code(read), ErrorCode::LinkEscapes, "{backend}");
        // As the base it is what it leads to.
        assert_eq!(super::reading::read_file(&server.client, "home/plain/file").await.unwrap(), b"plain", "{backend}");
        assert_eq!(names(&server.client, &caller_of("home"), "plain").await.unwrap(), ["file"], "{backend}");
    })
    .await;
}
