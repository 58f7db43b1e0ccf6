//! Storage with simple files, requests, and waiting for a condition.

use backend::client::{Client, ClientError, GetItem};
use backend::storage::memory::MemoryStorage;
use shared::Entry;
use tokio::task::yield_now;

use crate::raw_connection::within;
use crate::test_server::{path, reader};

pub(super) fn item(text: &str) -> GetItem {
    GetItem { path: path(text), range: None, if_etag: None, if_prefix: None }
}

/// Yields until the condition holds.
pub(super) async fn wait_until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            yield_now().await;
        }
    })
    .await;
}

pub(super) async fn stat(client: &Client, text: &str) -> Result<Entry, ClientError> {
    client.stat(&reader(), &path(text)).await
}

pub(super) fn storage_with_sevens(name: &str, length: usize) -> MemoryStorage {
    let storage = MemoryStorage::new();
    storage.add_file(name, vec![7; length]).unwrap();
    storage
}
