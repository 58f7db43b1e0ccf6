//! Reading files through a client, and waiting for a condition.

use backend::client::{Client, ClientError, GetItem, Item, Transfer};
use backend::storage::memory::MemoryStorage;
use shared::Entry;
use tokio::task::yield_now;

use crate::raw_connection::within;
use crate::test_server::{path, reader};

pub(super) fn item(text: &str) -> GetItem {
    GetItem { path: path(text), range: None, if_etag: None }
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

/// The rest of an item.
pub(super) async fn read_item(transfer: &mut Transfer) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(piece) = transfer.piece().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// All of one file.
pub(super) async fn read_file(client: &Client, text: &str) -> Result<Vec<u8>, ClientError> {
    let mut transfer = client.get(&reader(), vec![item(text)]).await?;
    match transfer.next_item().await?.expect("one item") {
        Item::Sending(_) => read_item(&mut transfer).await,
        Item::Refused(failure) | Item::Unsatisfiable(_, failure) => Err(failure.into()),
    }
}

pub(super) async fn stat(client: &Client, text: &str) -> Result<Entry, ClientError> {
    client.stat(&reader(), &path(text)).await
}

pub(super) fn storage_with_sevens(name: &str, length: usize) -> MemoryStorage {
    let storage = MemoryStorage::new();
    storage.add_file(name, vec![7; length]).unwrap();
    storage
}
