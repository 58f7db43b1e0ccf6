//! What a change is as a job: its key, its outcomes, its end before its last item.

use std::sync::Arc;
use std::time::Duration;

use backend::storage::memory::MemoryStorage;
use shared::{Change, Conflict, ErrorCode, JobState};

use super::{change, change_as, exists, key, pair, pairs};
use crate::test_server::{TestServer, path, writer};
use crate::uploads::error_code;

#[tokio::test]
async fn a_key_belongs_to_one_change() {
    let server = TestServer::start().await;
    let items = pairs(&[("hello.txt", "hi.txt")]);
    let first = change(&server.client, 1, Change::Move { items: items.clone(), conflict: Conflict::Fail }).await;
    let again = change(&server.client, 1, Change::Move { items, conflict: Conflict::Fail }).await;
    assert_eq!(again.outcomes, first.outcomes);
    let other = change_as(&server.client, &writer(), 1, Change::Purge { ids: None }).await;
    assert_eq!(error_code(other), ErrorCode::KeyReused);
    server.stop().await;
}

#[tokio::test]
async fn outcomes_of_many_items_arrive_completely() {
    let server = TestServer::start().await;
    // The request fits one frame; the answer, with an entry for each, does not.
    let paths = (0..1_000).map(|number| path(&format!("folder-of-some-length/{number}"))).collect();
    let job = change(&server.client, 1, Change::MakeFolder { paths, existing_ok: false }).await;
    assert_eq!(job.outcomes.len(), 1_000);
    let asked = server.client.job(&writer(), key(1), 0, Duration::ZERO).await.unwrap();
    assert_eq!(asked, job);
    server.stop().await;
}

#[tokio::test]
async fn a_cancelled_job_leaves_the_other_items_untouched() {
    let storage = MemoryStorage::new();
    for number in 0..3_000 {
        storage.add_file(format!("tree/{number}"), "x").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let items = (0..1_000).map(|number| pair("tree", &format!("copy{number}"))).collect();
    let job = Change::Copy { items, conflict: Conflict::Fail };
    let begun = server.client.change(&writer(), key(1), job, Duration::ZERO).await.unwrap();
    assert_eq!(begun.state, JobState::Running);
    let mut job = server.client.cancel_job(&writer(), key(1)).await.unwrap();
    while job.state == JobState::Running {
        job = server.client.job(&writer(), key(1), job.version, Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(job.state, JobState::Canceled);
    assert!(job.outcomes.len() < 1_000);
    assert!(!exists(&server.client, "copy999").await);
    server.stop().await;
}
