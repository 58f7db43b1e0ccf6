//! A job is seen and cancelled where its change may be requested: a caller of the same principal with other grants learns
//! nothing of it.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client};
use backend::storage::memory::MemoryStorage;
use shared::change::RestoreItem;
use shared::{Change, Conflict, ErrorCode, Grant, Job, JobId, JobState, Rights, Scope, VPath};

use super::changes::{pair, path_items, trash_ids};
use super::test_server::{TestServer, path, writer};
use super::uploads::error_code;

const EDIT: Rights = Rights::READ_ONLY.union(Rights::CREATE).union(Rights::REPLACE).union(Rights::DELETE);
const LONG: Duration = Duration::from_secs(30);

fn caller(grants: &[(&str, Rights)]) -> Caller {
    let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
    Caller { scope: Scope { base: VPath::root(), grants }, principal: Some("ada".into()), ..Caller::default() }
}

async fn server() -> TestServer {
    let storage = MemoryStorage::new();
    for name in ["a/one", "b/one", "b/two", "b/three", "b/four"] {
        storage.add_file(name, name).unwrap();
    }
    for number in 0..3_000 {
        storage.add_file(format!("b/tree/{number}"), "x").unwrap();
    }
    TestServer::with_storage(Arc::new(storage)).await
}

async fn begin(client: &Client, by: &Caller, key: u8, change: &Change) -> Job {
    client.change(by, JobId([key; 16]), change.clone(), LONG).await.unwrap()
}

/// Asserts that `by` sees and repeats a job.
async fn assert_seen(client: &Client, by: &Caller, job: &Job, change: &Change) {
    assert_eq!(client.job(by, job.id, 0, LONG).await.unwrap(), *job, "{change:?}");
    assert_eq!(client.change(by, job.id, change.clone(), LONG).await.unwrap(), *job, "{change:?}");
    assert!(client.jobs(by).await.unwrap().iter().any(|listed| listed.id == job.id), "{change:?}");
}

async fn assert_hidden(client: &Client, by: &Caller, job: &Job, change: &Change) {
    let codes = [
        error_code(client.job(by, job.id, 0, LONG).await),
        error_code(client.cancel_job(by, job.id).await),
        error_code(client.change(by, job.id, change.clone(), LONG).await),
    ];
    assert_eq!(codes, [ErrorCode::NotFound; 3], "{change:?} {:?}", by.scope);
    assert!(client.jobs(by).await.unwrap().iter().all(|listed| listed.id != job.id), "{change:?}");
}

#[tokio::test]
async fn a_job_is_seen_where_its_change_may_be_requested() {
    let server = server().await;
    let client = &server.client;
    let (ada, elsewhere, both) = (caller(&[("b", EDIT)]), caller(&[("a", EDIT)]), caller(&[("a", EDIT), ("b", EDIT)]));
    let trashed = begin(client, &ada, 9, &Change::Trash { items: path_items(&["b/three", "b/four"]) }).await;
    let ids = trash_ids(&trashed);
    let restored = |id, to: Option<&str>| Change::Restore {
        items: vec![RestoreItem { id, to: to.map(path) }],
        conflict: Conflict::Fail,
    };
    let changes = [
        Change::MakeFolder { paths: vec![path("b/made")], existing_ok: false },
        Change::Copy { items: vec![pair("b/one", "b/copy")], conflict: Conflict::Fail },
        Change::Move { items: vec![pair("b/copy", "b/moved")], conflict: Conflict::Fail },
        Change::Trash { items: path_items(&["b/moved"]) },
        Change::Delete { items: path_items(&["b/two"]) },
        restored(ids[0], None),
        restored(ids[1], Some("b/back")),
        Change::Purge { ids: None },
    ];
    for (number, change) in (1..).zip(&changes) {
        let job = begin(client, &ada, number, change).await;
        assert_seen(client, &ada, &job, change).await;
        assert_seen(client, &both, &job, change).await;
        assert_hidden(client, &elsewhere, &job, change).await;
        // Some rights there are not enough.
        assert_hidden(client, &caller(&[("a", EDIT), ("b", Rights::READ)]), &job, change).await;
        let whole = Caller { principal: Some("ada".into()), ..writer() };
        assert_seen(client, &whole, &job, change).await;
    }
    let other = Change::Delete { items: path_items(&["a/one"]) };
    assert_eq!(error_code(client.change(&elsewhere, JobId([1; 16]), other, LONG).await), ErrorCode::KeyReused);
    server.stop().await;
}

/// Each path counts: the source and the target, of every item.
#[tokio::test]
async fn one_path_without_the_rights_hides_a_job() {
    let server = server().await;
    let client = &server.client;
    let both = caller(&[("a", EDIT), ("b", EDIT)]);
    let items = vec![pair("a/one", "a/two"), pair("b/one", "a/three")];
    let change = Change::Copy { items, conflict: Conflict::KeepBoth };
    let job = begin(client, &both, 1, &change).await;
    for hidden in [&[("a", EDIT)][..], &[("b", EDIT)], &[("a", EDIT), ("b", Rights::LIST)]] {
        assert_hidden(client, &caller(hidden), &job, &change).await;
    }
    assert_seen(client, &caller(&[("a", EDIT), ("b", Rights::READ_ONLY)]), &job, &change).await;
    // A name beside the target, which may not be listed.
    let beside = caller(&[("a/one", Rights::READ_ONLY), ("a/two", EDIT)]);
    let change = Change::Copy { items: vec![pair("a/one", "a/two")], conflict: Conflict::KeepBoth };
    let job = begin(client, &both, 2, &change).await;
    let shown = client.job(&beside, job.id, 0, LONG).await.unwrap();
    assert!(!format!("{:?}", shown.outcomes).contains("entry: Some"), "{:?}", shown.outcomes);
    server.stop().await;
}

/// A caller sees the outcomes of items that it had no rights for.
#[tokio::test]
async fn what_was_refused_hides_no_job() {
    let server = server().await;
    let client = &server.client;
    let ada = caller(&[("b", EDIT)]);
    let change = Change::Trash { items: path_items(&["a/one", "b/one"]) };
    let job = begin(client, &ada, 1, &change).await;
    assert_seen(client, &ada, &job, &change).await;
    assert_seen(client, &caller(&[("b", EDIT), ("c", EDIT)]), &job, &change).await;
    assert_hidden(client, &caller(&[("a", EDIT)]), &job, &change).await;
    server.stop().await;
}

#[tokio::test]
async fn a_running_job_is_hidden_and_not_cancelled() {
    let server = server().await;
    let client = &server.client;
    let (ada, elsewhere) = (caller(&[("b", EDIT)]), caller(&[("a", EDIT)]));
    let items = (0..1_000).map(|number| pair("b/tree", &format!("b/copy{number}"))).collect();
    let change = Change::Copy { items, conflict: Conflict::Fail };
    let job = client.change(&ada, JobId([1; 16]), change.clone(), Duration::ZERO).await.unwrap();
    assert_eq!(job.state, JobState::Running);
    assert_hidden(client, &elsewhere, &job, &change).await;
    assert_eq!(client.job(&ada, job.id, 0, Duration::ZERO).await.unwrap().state, JobState::Running);
    client.cancel_job(&ada, job.id).await.unwrap();
    server.stop().await;
}
