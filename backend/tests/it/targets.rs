//! Targets that cannot be: below a root that is no folder, below a link that leads nowhere, and the reserved name. Every
//! request refuses one target for one reason.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, Commit, Stage};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::wire::Store;
use shared::{Change, Conflict, ErrorCode, JobId, Outcome, Rights, Scope, TrashId};

use crate::test_server::{TestServer, path, writer};
use crate::uploads::{commit, error_code, store_request};

/// A caller with all rights below `folder`.
fn below(folder: &str) -> Caller {
    Caller { scope: Scope::below(path(folder), Rights::ALL), ..Caller::default() }
}

fn stage(caller: &Caller, target: &str) -> Stage {
    Stage { caller: caller.clone(), target: Some(path(target)), length: Some(0), resumable: true, ..Stage::default() }
}

/// The code with which a change of one item fails, as a whole or in its outcome.
async fn change(client: &Client, caller: &Caller, number: u8, change: Change) -> Option<ErrorCode> {
    match client.change(caller, JobId([number; 16]), change, Duration::from_secs(30)).await {
        Err(error) => Some(error.code),
        Ok(job) => match &job.outcomes[..] {
            [Outcome::Failed { code, .. }] => Some(*code),
            _ => None,
        },
    }
}

/// The codes with which STAGE, STORE, COMMIT with a target of its own, a new folder, a copy, a move and a restore refuse
/// `target`.
async fn refusals(client: &Client, target: &str, trashed: TrashId, number: u8) -> Vec<Option<ErrorCode>> {
    let caller = &writer();
    let part = client.stage(&Stage { target: None, ..stage(caller, "part") }).await.unwrap();
    let to_target = Commit { target: Some(path(target)), ..commit(part.id) };
    let pairs = || vec![PathPair { from: path("source"), to: path(target), if_etag: None }];
    let restored = vec![RestoreItem { id: trashed, to: Some(path(target)) }];
    let changes = [
        Change::MakeFolder { paths: vec![path(target)], existing_ok: false },
        Change::Copy { items: pairs(), conflict: Conflict::Fail },
        Change::Move { items: pairs(), conflict: Conflict::Fail },
        Change::Restore { items: restored, conflict: Conflict::Fail },
    ];
    let mut codes = vec![
        client.stage(&stage(caller, target)).await.err().map(|error| error.code),
        client.store(&store_request(target, b""), b"").await.err().map(|error| error.code),
        client.commit(&to_target).await.err().map(|error| error.code),
    ];
    for (index, wanted) in (0..).zip(changes) {
        codes.push(change(client, caller, number + index, wanted).await);
    }
    codes
}

/// The codes with which STAGE, STORE and COMMIT refuse to replace `target`, first by `conflict`, then by `if_match`.
async fn replacements(client: &Client, target: &str) -> Vec<Option<ErrorCode>> {
    let part = client.stage(&Stage { target: None, ..stage(&writer(), "part") }).await.unwrap();
    let mut codes = Vec::new();
    for (conflict, if_match) in [(Conflict::Replace, None), (Conflict::Fail, Some(Vec::new()))] {
        let staging = Stage { conflict, if_match: if_match.clone(), ..stage(&writer(), target) };
        let storing = Store { stage: Stage { resumable: false, ..staging.clone() }, checksum: None };
        let committing = Commit { target: Some(path(target)), conflict: Some(conflict), if_match, ..commit(part.id) };
        codes.push(client.stage(&staging).await.err().map(|error| error.code));
        codes.push(client.store(&storing, b"").await.err().map(|error| error.code));
        codes.push(client.commit(&committing).await.err().map(|error| error.code));
    }
    codes
}

async fn check_refusals(storage: Arc<dyn Storage>) {
    let server = TestServer::with_storage(storage).await;
    let items = vec![PathItem { path: path("trashed"), if_etag: None }];
    let job = server.client.change(&writer(), JobId([1; 16]), Change::Trash { items }, Duration::from_secs(30)).await;
    let trashed = match &job.unwrap().outcomes[..] {
        [Outcome::Done { trash: Some(id), .. }] => *id,
        other => panic!("{other:?}"),
    };
    let expected = [
        ("outside/x", ErrorCode::LinkEscapes),
        ("outside/x/y", ErrorCode::LinkEscapes),
        ("broken/x", ErrorCode::LinkBroken),
        ("broken/x/y", ErrorCode::LinkBroken),
        ("file/x", ErrorCode::NotFolder),
        (".passerelle", ErrorCode::NameReserved),
        (".passerelle/x", ErrorCode::NameReserved),
        ("folder/.Passerelle/x/y", ErrorCode::NameReserved),
    ];
    for (number, (target, code)) in (2..).step_by(4).zip(expected) {
        let found = refusals(&server.client, target, trashed, number).await;
        assert_eq!(found, [Some(code); 7], "{target}");
    }
    for (target, code) in [("outside", ErrorCode::LinkEscapes), ("broken", ErrorCode::LinkBroken)] {
        assert_eq!(replacements(&server.client, target).await, [Some(code); 6], "{target}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_target_is_refused_for_one_reason() {
    let storage = MemoryStorage::new();
    storage.add_file("source", "s").unwrap().add_file("trashed", "t").unwrap();
    storage.add_file("file", "f").unwrap().add_folder("folder").unwrap();
    storage.add_link("outside", "../..").unwrap().add_link("broken", "nothing").unwrap();
    check_refusals(Arc::new(storage)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn one_target_on_a_disk_is_refused_for_one_reason() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["source", "trashed", "file"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("../..", folder.path().join("outside")).unwrap();
    std::os::unix::fs::symlink("nothing", folder.path().join("broken")).unwrap();
    check_refusals(backend::storage::local::LocalStorage::open(folder.path(), None).unwrap().into()).await;
}

/// A client that makes parents makes none above its own paths: a root that was removed, or whose disk is missing, does
/// not come back as an empty folder.
#[tokio::test]
async fn a_missing_root_is_not_made() {
    let storage = Arc::new(MemoryStorage::new());
    storage.add_file("home/ada/file", "f").unwrap();
    let server = TestServer::with_storage(storage.clone()).await;
    let client = &server.client;
    let ada = below("home/ada");
    let items = vec![PathItem { path: path("file"), if_etag: None }];
    let job = client.change(&ada, JobId([1; 16]), Change::Trash { items }, Duration::from_secs(30)).await.unwrap();
    let [Outcome::Done { trash: Some(trashed), .. }] = job.outcomes[..] else { panic!("{:?}", job.outcomes) };
    let upload = client.stage(&Stage { make_parents: true, ..stage(&ada, "new/x") }).await.unwrap().id;
    storage.remove("home/ada/new").unwrap();
    storage.remove("home/ada").unwrap();

    let making = Stage { make_parents: true, ..stage(&ada, "x") };
    assert_eq!(error_code(client.stage(&making).await), ErrorCode::NotFound);
    let storing = Store { stage: Stage { resumable: false, ..making }, checksum: None };
    assert_eq!(error_code(client.store(&storing, b"").await), ErrorCode::NotFound);
    let committing = Commit { caller: ada.clone(), ..commit(upload) };
    assert_eq!(error_code(client.commit(&committing).await), ErrorCode::NotFound);
    let restored = |to: Option<&str>| vec![RestoreItem { id: trashed, to: to.map(path) }];
    let changes = [
        Change::MakeFolder { paths: vec![path("q")], existing_ok: false },
        Change::MakeFolder { paths: vec![path("q/r")], existing_ok: true },
        Change::MakeFolder { paths: vec![path("")], existing_ok: false },
        Change::MakeFolder { paths: vec![path("")], existing_ok: true },
        Change::Restore { items: restored(None), conflict: Conflict::Fail },
        Change::Restore { items: restored(Some("a/b")), conflict: Conflict::KeepBoth },
    ];
    for (number, wanted) in (2..).zip(changes) {
        assert_eq!(change(client, &ada, number, wanted).await, Some(ErrorCode::NotFound), "{number}");
    }
    assert!(client.jobs(&ada).await.unwrap().len() <= 1);
    assert_eq!(error_code(client.stat(&writer(), &path("home/ada")).await), ErrorCode::NotFound);
    storage.add_folder("home/ada").unwrap();
    assert!(client.commit(&committing).await.unwrap().entry.is_some());
    server.stop().await;
}

#[tokio::test]
async fn a_root_that_is_no_folder_takes_no_changes() {
    let storage = MemoryStorage::new();
    storage.add_file("file", "f").unwrap();
    storage.add_link("outside", "../..").unwrap().add_link("broken", "nothing").unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let expected =
        [("file", ErrorCode::NotFolder), ("outside", ErrorCode::LinkEscapes), ("broken", ErrorCode::LinkBroken)];
    for (number, (folder, code)) in (2..).zip(expected) {
        let caller = below(folder);
        for make_parents in [false, true] {
            let staging = Stage { make_parents, ..stage(&caller, "x") };
            assert_eq!(error_code(server.client.stage(&staging).await), code, "{folder}");
        }
        let making = Change::MakeFolder { paths: vec![path("x")], existing_ok: true };
        assert_eq!(change(&server.client, &caller, number, making).await, Some(code), "{folder}");
        assert_eq!(error_code(server.client.stat(&caller, &path("x")).await), code, "{folder}");
    }
    server.stop().await;
}
