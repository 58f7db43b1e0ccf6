//! Grants on folders: each path is authorised where it is used, a folder on the way to a grant shows nothing else, a
//! drop box tells nothing, and links lead to where the rights are.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, ClientError, Commit, PutRange, Stage, Upload};
use backend::storage::memory::MemoryStorage;
use bytes::Bytes;
use futures_util::FutureExt;
use shared::change::RestoreItem;
use shared::wire::Store;
use shared::{
    Algorithm, Change, Conflict, ErrorCode, EventKind, Grant, JobId, Kind, Order, Outcome, Rights, Scope, Timestamp,
    VPath,
};

use super::changes::{pair, path_items, trash_ids};
use super::raw_connection::within;
use super::reading::read_as;
use super::test_server::{TestServer, path, writer};
use super::uploads::error_code;

const VIEW: Rights = Rights::READ_ONLY;
const EDIT: Rights = Rights::READ_ONLY.union(Rights::CREATE).union(Rights::REPLACE).union(Rights::DELETE);

fn caller(grants: &[(&str, Rights)]) -> Caller {
    let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
    Caller { scope: Scope { base: VPath::root(), grants }, principal: Some("ada".into()), ..Caller::default() }
}

async fn server() -> TestServer {
    let storage = MemoryStorage::new();
    for name in ["home/ada/notes", "home/ada/deep/er", "home/eve/diary", "team/plan", "team/in/taken", "top"] {
        storage.add_file(name, name).unwrap();
    }
    storage.add_folder("home/bob").unwrap();
    TestServer::with_storage(Arc::new(storage)).await.in_process()
}

async fn names(client: &Client, caller: &Caller, text: &str) -> Result<Vec<String>, ClientError> {
    let page = client.list(caller, &path(text), Order::default(), None, 100).await?;
    Ok(page.entries.iter().map(|entry| entry.path.display_name().into_owned()).collect())
}

async fn walked(client: &Client, caller: &Caller, text: &str) -> Vec<String> {
    let mut pages = client.walk(caller, vec![path(text)], None).await.unwrap();
    let mut found = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        found.extend(page.entries.iter().map(|entry| entry.path.encoded()));
    }
    found
}

fn stage(caller: &Caller, target: &str, bytes: &[u8]) -> Stage {
    let length = Some(bytes.len() as u64);
    Stage { caller: caller.clone(), target: Some(path(target)), length, resumable: true, ..Stage::default() }
}

async fn store(client: &Client, stage: Stage, bytes: &[u8]) -> Result<Upload, ClientError> {
    client.store(&Store { stage: Stage { resumable: false, ..stage }, checksum: None }, bytes).await
}

async fn send(client: &Client, caller: &Caller, upload: &Upload, bytes: &[u8]) -> Result<Upload, ClientError> {
    let mut writer = client.put(caller, upload.id, PutRange::default()).await?;
    writer.send(Bytes::copy_from_slice(bytes)).await?;
    writer.finish().await
}

async fn change(
    client: &Client,
    caller: &Caller,
    key: u8,
    change: Change,
) -> Result<Vec<Option<ErrorCode>>, ClientError> {
    let job = client.change(caller, JobId([key; 16]), change, Duration::from_secs(30)).await?;
    let code = |outcome: &Outcome| match outcome {
        Outcome::Failed { code, .. } => Some(*code),
        _ => None,
    };
    Ok(job.outcomes.iter().map(code).collect())
}

#[tokio::test]
async fn a_folder_on_the_way_shows_what_leads_to_a_grant() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("home/ada", EDIT), ("home/bob", Rights::CREATE), ("team/plan", VIEW)]);
    assert_eq!(names(client, &ada, "").await.unwrap(), ["home", "team"]);
    assert_eq!(names(client, &ada, "home").await.unwrap(), ["ada", "bob"]);
    assert_eq!(names(client, &ada, "team").await.unwrap(), ["plan"]);
    assert_eq!(names(client, &ada, "home/ada").await.unwrap(), ["deep", "notes"]);
    assert_eq!(error_code(names(client, &ada, "home/eve").await), ErrorCode::NotFound);
    let home = client.stat(&ada, &path("home")).await.unwrap();
    assert_eq!((home.kind, home.size, home.modified, home.etag), (Kind::Folder, 0, Timestamp(0), None));
    assert!(client.stat(&ada, &path("home/ada")).await.unwrap().etag.is_some());
    for hidden in ["top", "home/eve", "home/eve/diary", "team/in", "missing"] {
        assert_eq!(error_code(client.stat(&ada, &path(hidden)).await), ErrorCode::NotFound, "{hidden}");
        assert_eq!(error_code(read_as(client, &ada, hidden).await), ErrorCode::NotFound, "{hidden}");
    }
    assert_eq!(error_code(read_as(client, &ada, "home").await), ErrorCode::Forbidden);
    assert_eq!(
        walked(client, &ada, "").await,
        [
            "",
            "home",
            "home/ada",
            "home/ada/deep",
            "home/ada/deep/er",
            "home/ada/notes",
            "home/bob",
            "team",
            "team/plan"
        ]
    );
    assert_eq!(read_as(client, &ada, "team/plan").await.unwrap(), b"team/plan");
    server.stop().await;
}

#[tokio::test]
async fn watch_of_a_folder_on_the_way_says_nothing() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("home/ada", EDIT)]);
    let mut silent = client.watch(&ada, &path("home"), None).await.unwrap();
    assert_eq!(within(silent.next()).await.unwrap().kind, EventKind::Ready);
    let mut telling = client.watch(&writer(), &path("home"), None).await.unwrap();
    assert_eq!(within(telling.next()).await.unwrap().kind, EventKind::Ready);
    store(client, stage(&writer(), "home/new", b"1"), b"1").await.unwrap();
    assert!(matches!(within(telling.next()).await.unwrap().kind, EventKind::Present { .. }));
    assert!(silent.next().now_or_never().is_none());
    assert_eq!(error_code(client.watch(&ada, &path("home/eve"), None).await.map(drop)), ErrorCode::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn a_drop_box_takes_files_and_tells_nothing() {
    let server = server().await;
    let client = &server.client;
    let guest = caller(&[("team/in", Rights::CREATE)]);
    for there in ["team/in", "team/in/taken", "team/in/missing"] {
        let at = &path(there);
        let refused = [
            error_code(client.stat(&guest, at).await),
            error_code(client.stat_for_reading(&guest, at).await),
            error_code(names(client, &guest, there).await),
            error_code(read_as(client, &guest, there).await),
            error_code(client.digest(&guest, at, vec![Algorithm::Blake3], true).await),
            error_code(client.walk(&guest, vec![at.clone()], None).await.map(drop)),
            error_code(client.watch(&guest, at, None).await.map(drop)),
            error_code(client.stage(&Stage { if_match: Some(Vec::new()), ..stage(&guest, there, b"1") }).await),
        ];
        assert_eq!(refused, [ErrorCode::NotFound; 8], "{there}");
    }
    for (number, conflict) in Conflict::ALL.into_iter().enumerate() {
        let sent = Stage { conflict, ..stage(&guest, "team/in/taken", b"1") };
        let stored = store(client, sent.clone(), b"1").await.unwrap();
        let upload = client.stage(&Stage { finish: Some(number % 2 == 0), ..sent }).await.unwrap();
        let put = send(client, &guest, &upload, b"1").await.unwrap();
        let request = Commit {
            caller: guest.clone(),
            upload: upload.id,
            target: None,
            conflict: Some(conflict),
            if_match: None,
            blake3: None,
        };
        let committed = client.commit(&request).await.unwrap();
        let status = client.upload_status(&guest, upload.id).await.unwrap();
        for answer in [&stored, &committed, &status] {
            let entry = answer.entry.as_ref().unwrap();
            assert_eq!((entry.path.encoded().as_str(), entry.etag), ("team/in/taken", None), "{conflict:?}");
            assert_eq!((answer.replaced, answer.skipped, answer.trash, &answer.similar), (false, false, None, &None));
        }
        assert!(put.entry.is_none_or(|entry| entry.etag.is_none()));
    }
    // A folder of its own, which exists or not.
    for _ in 0..2 {
        store(client, stage(&guest, "team/in/ada/x", b"1"), b"1").await.unwrap();
    }
    let kept = names(client, &writer(), "team/in").await.unwrap();
    assert_eq!(kept.len(), 10, "{kept:?}");
    assert_eq!(read_as(client, &writer(), "team/in/taken").await.unwrap(), b"team/in/taken");
    assert_eq!(names(client, &writer(), "team/in/ada").await.unwrap(), ["x", "x (2)"]);
    let made = Change::MakeFolder { paths: vec![path("team/in/made")], existing_ok: true };
    assert_eq!(error_code(change(client, &guest, 1, made).await), ErrorCode::Forbidden);
    server.stop().await;
}

/// A change into a drop box is refused also for who may change things elsewhere.
#[tokio::test]
async fn no_change_puts_anything_into_a_drop_box() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("home/ada", EDIT), ("team/in", Rights::CREATE)]);
    let into = |to: &str| vec![pair("home/ada/notes", to)];
    for (key, target) in [(1, "team/in/taken"), (3, "team/in/free")] {
        let moved = Change::Move { items: into(target), conflict: Conflict::KeepBoth };
        assert_eq!(change(client, &ada, key, moved).await.unwrap(), [Some(ErrorCode::NotFound)]);
        let copied = Change::Copy { items: into(target), conflict: Conflict::KeepBoth };
        assert_eq!(change(client, &ada, key + 1, copied).await.unwrap(), [Some(ErrorCode::NotFound)]);
    }
    server.stop().await;
}

#[tokio::test]
async fn each_item_of_a_change_is_authorised() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("home/ada", EDIT), ("team", VIEW)]);
    let items = vec![
        pair("home/ada/notes", "home/ada/moved"),
        pair("home/eve/diary", "home/ada/diary"),
        pair("team/plan", "home/ada/plan"),
        pair("home/ada/deep", "team/deep"),
        pair("home/ada/deep", "home/eve/deep"),
    ];
    let moved = Change::Move { items: items.clone(), conflict: Conflict::Fail };
    let (hidden, forbidden) = (Some(ErrorCode::NotFound), Some(ErrorCode::Forbidden));
    assert_eq!(change(client, &ada, 1, moved).await.unwrap(), [None, hidden, forbidden, forbidden, hidden]);
    let copied = Change::Copy { items: items[1..].to_vec(), conflict: Conflict::Fail };
    assert_eq!(change(client, &ada, 2, copied).await.unwrap(), [hidden, None, forbidden, hidden]);
    let trashed = Change::Trash { items: path_items(&["team/plan", "home/eve/diary", "home/ada/plan", "top"]) };
    assert_eq!(change(client, &ada, 3, trashed).await.unwrap(), [forbidden, hidden, None, hidden]);
    let paths = ["home/ada/new/er", "home/new", "team/new", "new"].map(path).to_vec();
    let made = Change::MakeFolder { paths, existing_ok: false };
    assert_eq!(change(client, &ada, 4, made).await.unwrap(), [None, hidden, forbidden, hidden]);
    server.stop().await;
}

/// What is moved does not become readable by that.
#[tokio::test]
async fn a_move_gains_no_right_to_read() {
    let server = server().await;
    let client = &server.client;
    let eve = caller(&[("home/ada", Rights::TRASH), ("home/eve", EDIT)]);
    let moved = Change::Move { items: vec![pair("home/ada/notes", "home/eve/notes")], conflict: Conflict::Fail };
    assert_eq!(change(client, &eve, 1, moved).await.unwrap(), [Some(ErrorCode::Forbidden)]);
    let trashed = Change::Trash { items: path_items(&["home/ada/notes"]) };
    let job = client.change(&eve, JobId([2; 16]), trashed, Duration::from_secs(30)).await.unwrap();
    let items = vec![RestoreItem { id: trash_ids(&job)[0], to: Some(path("home/eve/notes")) }];
    let restored = Change::Restore { items, conflict: Conflict::Fail };
    assert_eq!(change(client, &eve, 3, restored).await.unwrap(), [Some(ErrorCode::Forbidden)]);
    server.stop().await;
}

/// What is moved or restored does not become readable by where it ends either: below the target, at the end of a link, or
/// under a numbered name.
#[tokio::test]
async fn a_move_gains_no_right_to_read_where_it_ends() {
    let storage = MemoryStorage::new();
    for name in ["home/ada/deep/er", "home/ada/notes", "team/deep/taken", "team/plan", "read/mine"] {
        storage.add_file(name, name).unwrap();
    }
    storage.add_link("team/link", "../read").unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await.in_process();
    let client = &server.client;
    let mut key = 0;
    for (readable, from, to, conflict) in [
        ("team/new/er", "home/ada/deep", "team/new", Conflict::Fail),
        ("team/deep/er", "home/ada/deep", "team/deep", Conflict::Replace),
        ("team/deep (2)/er", "home/ada/deep", "team/deep", Conflict::Replace),
        ("team/plan (2)", "home/ada/notes", "team/plan", Conflict::KeepBoth),
        ("read", "home/ada/notes", "team/link/notes", Conflict::Fail),
    ] {
        let eve =
            caller(&[("home/ada", Rights::TRASH), ("team", Rights::ADD.union(Rights::REPLACE)), (readable, EDIT)]);
        key += 3;
        let moved = Change::Move { items: vec![pair(from, to)], conflict };
        assert_eq!(change(client, &eve, key, moved).await.unwrap(), [Some(ErrorCode::Forbidden)], "{readable}");
        let trashed = Change::Trash { items: path_items(&[from]) };
        let job = client.change(&eve, JobId([key + 1; 16]), trashed, Duration::from_secs(30)).await.unwrap();
        let item = |to| vec![RestoreItem { id: trash_ids(&job)[0], to }];
        let restored = Change::Restore { items: item(Some(path(to))), conflict };
        assert_eq!(change(client, &eve, key + 2, restored).await.unwrap(), [Some(ErrorCode::Forbidden)], "{readable}");
        let back = Change::Restore { items: item(None), conflict: Conflict::Fail };
        assert_eq!(change(client, &writer(), key, back).await.unwrap(), [None], "{readable}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_upload_is_authorised_at_each_step() {
    let server = server().await;
    let client = &server.client;
    let (ada, viewer, elsewhere) =
        (caller(&[("home/ada", EDIT)]), caller(&[("home/ada", VIEW), ("team", EDIT)]), caller(&[("team", EDIT)]));
    let upload = client.stage(&stage(&ada, "home/ada/new", b"12")).await.unwrap();
    for (lost, code) in [(&viewer, ErrorCode::Forbidden), (&elsewhere, ErrorCode::NotFound)] {
        assert_eq!(error_code(send(client, lost, &upload, b"12").await), code);
        assert_eq!(error_code(client.upload_status(lost, upload.id).await), code);
        assert_eq!(error_code(client.abort(lost, upload.id).await), code);
        assert!(client.uploads(lost).await.unwrap().is_empty());
    }
    send(client, &ada, &upload, b"12").await.unwrap();
    let commit = |caller: &Caller, target: Option<&str>| Commit {
        caller: caller.clone(),
        upload: upload.id,
        target: target.map(path),
        conflict: None,
        if_match: None,
        blake3: None,
    };
    assert_eq!(error_code(client.commit(&commit(&viewer, None)).await), ErrorCode::Forbidden);
    assert_eq!(error_code(client.commit(&commit(&ada, Some("home/eve/new"))).await), ErrorCode::NotFound);
    assert!(client.commit(&commit(&ada, None)).await.unwrap().entry.is_some());
    // The answer is no secret of the upload: who may write there gets it.
    assert_eq!(error_code(client.commit(&commit(&elsewhere, None)).await), ErrorCode::NotFound);
    for refused in ["home/eve/x", "top", "home/x"] {
        assert_eq!(error_code(store(client, stage(&ada, refused, b"1"), b"1").await), ErrorCode::NotFound);
        assert_eq!(error_code(client.stage(&stage(&ada, refused, b"1")).await), ErrorCode::NotFound);
    }
    server.stop().await;
}

/// No request makes the folder that is granted, nor those above it.
#[tokio::test]
async fn parents_are_made_where_that_is_granted() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("away/ada", EDIT), ("home/ada", EDIT)]);
    let sent = |target: &str| Stage { make_parents: true, ..stage(&ada, target, b"1") };
    assert_eq!(error_code(store(client, sent("away/ada/x"), b"1").await), ErrorCode::ParentMissing);
    assert_eq!(error_code(client.stage(&sent("away/ada/x")).await), ErrorCode::ParentMissing);
    store(client, sent("home/ada/one/two/x"), b"1").await.unwrap();
    server.stop().await;
}

/// A grant on a file is that file alone.
#[tokio::test]
async fn a_grant_on_a_file_does_not_reach_its_siblings() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("home/ada/notes", EDIT)]);
    let replaced = Stage { conflict: Conflict::Replace, ..stage(&ada, "home/ada/notes", b"new") };
    assert!(store(client, replaced, b"new").await.unwrap().replaced);
    let beside = Stage { conflict: Conflict::KeepBoth, ..stage(&ada, "home/ada/notes", b"new") };
    assert_eq!(error_code(store(client, beside, b"new").await), ErrorCode::Forbidden);
    let moved = Change::Move { items: vec![pair("home/ada/notes", "home/ada/notes2")], conflict: Conflict::Fail };
    assert_eq!(change(client, &ada, 1, moved).await.unwrap(), [Some(ErrorCode::NotFound)]);
    for sibling in ["home/ada/deep", "home/ada/notes2", "home/ada/note"] {
        assert_eq!(error_code(client.stat(&ada, &path(sibling)).await), ErrorCode::NotFound);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_trash_is_seen_where_something_was_granted() {
    let server = server().await;
    let client = &server.client;
    let items = path_items(&["home/ada/notes", "home/eve/diary", "team/plan", "top"]);
    let ids = trash_ids(
        &client.change(&writer(), JobId([1; 16]), Change::Trash { items }, Duration::from_secs(30)).await.unwrap(),
    );
    let ada = caller(&[("home/ada", EDIT), ("team", VIEW)]);
    let listed = client.list_trash(&ada, None, 10).await.unwrap();
    assert_eq!((listed.total, listed.items.len()), (Some(1), 1));
    assert_eq!(listed.items[0].entry.path, path("home/ada/notes"));
    let to = |index: usize, to: Option<&str>| RestoreItem { id: ids[index], to: to.map(path) };
    let items =
        vec![to(1, Some("home/ada/diary")), to(2, None), to(0, Some("team/notes")), to(0, Some("home/eve/notes"))];
    let restored = change(client, &ada, 2, Change::Restore { items, conflict: Conflict::Fail }).await.unwrap();
    let gone = Some(ErrorCode::Gone);
    assert_eq!(restored, [gone, gone, Some(ErrorCode::Forbidden), Some(ErrorCode::NotFound)]);
    let purged = change(client, &ada, 3, Change::Purge { ids: Some(vec![ids[1], ids[3]]) }).await.unwrap();
    assert_eq!(purged, [gone, gone]);
    assert_eq!(change(client, &ada, 4, Change::Purge { ids: None }).await.unwrap(), [None]);
    assert_eq!(client.list_trash(&writer(), None, 10).await.unwrap().total, Some(3));
    assert_eq!(error_code(client.list_trash(&caller(&[("team", VIEW)]), None, 10).await), ErrorCode::Forbidden);
    server.stop().await;
}
