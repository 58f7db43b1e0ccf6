//! A process that is killed inside a batch: all of the batch is there afterwards, or nothing.

use std::process::Command;

use backend::accounts::store::{Batch, sql};

use super::super::databases::{Place, on_both_databases};
use super::{committed, group, groups, rows};

/// The database and the place in the batch, for the process that is killed.
const VICTIM: &str = "PASSERELLE_TEST_VICTIM";

on_both_databases!(killed_inside_a_batch_leaves_nothing_of_it);

/// A batch of several tables.
fn batch() -> Batch {
    group(1, "one")
        .append(super::person(5, "eve"))
        .one(sql::ADD_MEMBER, vec![[1; 16].into(), [5; 16].into()])
        .one(sql::NOTE_CHANGE, vec![1.into(), "group".into(), [1; 16].into()])
}

async fn killed_inside_a_batch_leaves_nothing_of_it(place: Place) {
    let store = place.open().await;
    let before = rows(&*store, sql::LAST_CHANGE).await;
    for index in 0..=batch().len() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "accounts::store::killed::victim", "--nocapture", "--test-threads", "1"])
            .env(VICTIM, format!("{index} {}", place.name()))
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && report.contains("reached"), "{index}: {report}");
        assert!(groups(&*store).await.is_empty(), "{index}");
        assert!(rows(&*store, sql::PEOPLE).await.is_empty() && rows(&*store, sql::MEMBERS).await.is_empty());
        assert_eq!(rows(&*store, sql::LAST_CHANGE).await, before);
    }
    // The killed process holds no lock, and the whole batch is written.
    committed(&*store, batch()).await;
    let there = (rows(&*store, sql::PEOPLE).await.len(), rows(&*store, sql::MEMBERS).await.len());
    assert_eq!((groups(&*store).await.len(), there), (1, (1, 1)));
}

/// Does nothing, but in the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Ok(wanted) = std::env::var(VICTIM) else { return };
    let (index, name) = wanted.split_once(' ').unwrap();
    let store = Place::named(name).open().await;
    let interrupted = batch().interrupted(index.parse().unwrap(), || {
        println!("reached");
        std::process::abort();
    });
    let _ = store.write(interrupted).await;
}
