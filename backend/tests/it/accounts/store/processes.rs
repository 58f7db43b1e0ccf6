//! Several processes with one database, and a database that does not answer.

use std::time::Duration;

use backend::accounts::store::{Applied, Store, StoreError};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::super::databases::{Place, on_both_databases};
use super::{committed, group, groups};

/// Longer than any test takes on a busy machine.
const TEST_TIME: Duration = Duration::from_secs(60);

on_both_databases!(
    changes_of_another_process_are_noticed,
    a_cut_connection_is_made_anew,
    a_database_without_connections_is_noticed_and_comes_back,
);

async fn changes_of_another_process_are_noticed(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    let mut changes = here.changes();
    for id in 1..4 {
        let change = committed(&*there, group(id, &format!("g{id}"))).await;
        let seen = timeout(TEST_TIME, changes.wait_for(|latest| latest.change >= change)).await.unwrap();
        assert!(seen.unwrap().is_connected);
        assert_eq!(groups(&*here).await.len(), usize::from(id));
    }
}

async fn a_cut_connection_is_made_anew(place: Place) {
    let store = place.open().await;
    for id in 1..4 {
        committed_in_the_end(&*store, id).await;
        assert_eq!(groups(&*store).await.len(), usize::from(id));
        place.cut_connections();
    }
}

async fn a_database_without_connections_is_noticed_and_comes_back(place: Place) {
    let store = place.open().await;
    committed(&*store, group(1, "g1")).await;
    if !place.permit_connections(false) {
        return;
    }
    place.cut_connections();
    let mut changes = store.changes();
    wait(&mut changes, false).await;
    assert_eq!(store.write(group(2, "g2")).await, Err(StoreError::Unavailable));
    place.permit_connections(true);
    wait(&mut changes, true).await;
    committed_in_the_end(&*store, 2).await;
    assert_eq!(groups(&*store).await, ["g1", "g2"]);
}

async fn wait(changes: &mut watch::Receiver<backend::accounts::store::Latest>, is_connected: bool) {
    timeout(TEST_TIME, changes.wait_for(|latest| latest.is_connected == is_connected)).await.unwrap().unwrap();
}

/// A batch may meet a connection that has just ended; nothing of it is written then.
async fn committed_in_the_end(store: &dyn Store, id: u8) {
    let writing = async {
        loop {
            match store.write(group(id, &format!("g{id}"))).await {
                Ok(Applied::Committed { .. }) => return,
                Ok(Applied::Refused(refusal)) => panic!("{refusal:?}"),
                Err(error) => assert_eq!(error, StoreError::Unavailable),
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TEST_TIME, writing).await.unwrap();
}
