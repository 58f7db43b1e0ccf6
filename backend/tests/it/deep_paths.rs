//! Copies that would never end, and trees deeper than any path: refused or named, never left out in silence.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use backend::client::Client;
use backend::storage::Storage;
use backend::storage::local::LocalStorage;
use backend::storage::memory::MemoryStorage;
use shared::change::PathPair;
use shared::limits::PATH_SEGMENTS_MAX;
use shared::{Change, Conflict, ErrorCode, JobId, Outcome, VPath};

use super::test_gateway::TestGateway;
use super::test_server::{TestServer, path, writer};

async fn transfer(client: &Client, key: u8, from: &str, to: &str, conflict: Conflict, moves: bool) -> Outcome {
    let items = vec![PathPair { from: path(from), to: path(to), if_etag: None }];
    let change = if moves { Change::Move { items, conflict } } else { Change::Copy { items, conflict } };
    let job = client.change(&writer(), JobId([key; 16]), change, Duration::from_secs(60)).await.unwrap();
    job.outcomes.into_iter().next().unwrap()
}

fn code(outcome: &Outcome) -> Option<ErrorCode> {
    match outcome {
        Outcome::Failed { code, .. } => Some(*code),
        _ => None,
    }
}

/// Two storages with a folder `a`, and links to it and into it.
fn linked() -> (tempfile::TempDir, [Arc<dyn Storage>; 2]) {
    let memory = MemoryStorage::new();
    memory.add_file("a/b/file", "x").unwrap().add_link("same", "a").unwrap().add_link("deeper", "a/b").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    fs::write(folder.path().join("a/b/file"), "x").unwrap();
    symlink("a", folder.path().join("same")).unwrap();
    symlink("a/b", folder.path().join("deeper")).unwrap();
    let local = LocalStorage::open(folder.path(), None).unwrap();
    (folder, [Arc::new(memory), local.into()])
}

#[tokio::test]
async fn a_folder_is_not_copied_into_itself_through_a_link() {
    let (_folder, storages) = linked();
    for storage in storages {
        let server = TestServer::with_storage(storage).await;
        let mut key = 0;
        for (from, to, conflict) in [
            ("a", "same/copy", Conflict::Fail),
            ("a", "deeper/copy", Conflict::KeepBoth),
            ("same/b", "deeper/copy", Conflict::Replace),
            // Its entries would be merged with the folder that contains it.
            ("deeper/c", "same/b", Conflict::Replace),
        ] {
            for moves in [false, true] {
                if from == "deeper/c" && !moves {
                    let made = Change::MakeFolder { paths: vec![path("a/b/c")], existing_ok: true };
                    server.client.change(&writer(), JobId([99; 16]), made, Duration::from_secs(9)).await.unwrap();
                }
                key += 1;
                let outcome = transfer(&server.client, key, from, to, conflict, moves).await;
                assert_eq!(code(&outcome), Some(ErrorCode::IntoItself), "{from} to {to}: {outcome:?}");
            }
        }
        // A copy beside itself is allowed.
        let outcome = transfer(&server.client, 50, "same/b", "same/beside", Conflict::Fail, false).await;
        assert_eq!(code(&outcome), None, "{outcome:?}");
        server.stop().await;
    }
}

/// `deep/d/d/…` with a file below the deepest folder that a request can name.
fn deep() -> (tempfile::TempDir, [Arc<dyn Storage>; 2]) {
    let half = |name: &str| vec![name; PATH_SEGMENTS_MAX / 2].join("/");
    let memory = MemoryStorage::new();
    memory.add_file(format!("deep/{}/file", half("d")), "top").unwrap();
    memory.add_file(format!("{}/f/f/f/file", half("e")), "lost").unwrap();
    memory.rename("e", format!("deep/{}/e", half("d"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("deep").join(half("d"));
    let bottom = inner.join(half("e")).join("f/f/f");
    fs::create_dir_all(&bottom).unwrap();
    fs::write(inner.join("file"), "top").unwrap();
    fs::write(bottom.join("file"), "lost").unwrap();
    let local = LocalStorage::open(folder.path(), None).unwrap();
    (folder, [Arc::new(memory), local.into()])
}

/// The deepest folder that a request can name.
fn deepest() -> VPath {
    let half = PATH_SEGMENTS_MAX / 2;
    let names = std::iter::once("deep").chain(vec!["d"; half]).chain(vec!["e"; half]).chain(["f"; 3]);
    names.take(PATH_SEGMENTS_MAX).fold(VPath::root(), |path, name| path.join(name.as_bytes()).unwrap())
}

#[tokio::test]
async fn a_copy_names_what_lies_deeper_than_a_path() {
    let (_folder, storages) = deep();
    for storage in storages {
        let server = TestServer::with_storage(storage).await;
        let outcome = transfer(&server.client, 1, "deep", "copy", Conflict::Fail, false).await;
        let Outcome::Done { left_out, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(left_out.total, 1);
        assert_eq!((&left_out.listed[0].path, left_out.listed[0].code), (&deepest(), ErrorCode::TooLarge));
        server.stop().await;
    }
}

#[tokio::test]
async fn a_walk_and_an_archive_name_what_lies_deeper_than_a_path() {
    let (_folder, storages) = deep();
    for storage in storages {
        let gateway = TestGateway::with_storage(storage).await;
        let mut pages = gateway.server.client.walk(&writer(), vec![path("deep")], None).await.unwrap();
        let mut skipped = Vec::new();
        while let Some(page) = pages.next_page().await.unwrap() {
            skipped.extend(page.skipped.unwrap_or_default());
        }
        assert_eq!(skipped.len(), 1);
        assert_eq!((&skipped[0].path, skipped[0].code), (&deepest(), ErrorCode::TooLarge));
        let archive = gateway.get("/api/v1/archive?path=deep").await;
        assert_eq!(archive.status, 200, "{}", archive.text());
        let named = b"some of its entries lie too deep";
        assert!(archive.body.windows(named.len()).any(|window| window == named));
        gateway.assert_healthy_and_stop().await;
    }
}

/// A position keeps the innermost folders of its path open alone, and opens outer ones again for `..`.
#[tokio::test]
async fn a_link_leads_up_from_a_deep_folder() {
    let levels = |count: usize| (0..count).map(|level| format!("f{level}/")).collect::<String>();
    let memory = MemoryStorage::new();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(levels(100))).unwrap();
    for up in [1, 31, 32, 33, 67, 68, 69, 99, 100] {
        let (above, at) = (levels(100 - up), format!("{}link{up}", levels(100)));
        let target = format!("{}file", "../".repeat(up));
        memory.add_file(format!("{above}file"), format!("{up}")).unwrap().add_link(&at, &target).unwrap();
        fs::write(folder.path().join(format!("{above}file")), format!("{up}")).unwrap();
        symlink(&target, folder.path().join(&at)).unwrap();
    }
    let outside = format!("{}outside", levels(100));
    symlink("../".repeat(101) + "file", folder.path().join(&outside)).unwrap();
    memory.add_link(&outside, "../".repeat(101) + "file").unwrap();
    let storages: [Arc<dyn Storage>; 2] = [Arc::new(memory), LocalStorage::open(folder.path(), None).unwrap().into()];
    for storage in storages {
        let gateway = TestGateway::with_storage(storage).await;
        for up in [1, 31, 32, 33, 67, 68, 69, 99, 100] {
            let found = gateway.get(&format!("/files/{}link{up}", levels(100))).await;
            assert_eq!(found.text(), format!("{up}"), "{up}");
            let list = gateway.get(&format!("/api/v1/stat?path={}link{up}", levels(100).replace('/', "%2F"))).await;
            assert_eq!(list.status, 200, "{up}: {}", list.text());
        }
        gateway.get(&format!("/files/{outside}")).await.assert_problem(403, "link_escapes");
        gateway.assert_healthy_and_stop().await;
    }
}
