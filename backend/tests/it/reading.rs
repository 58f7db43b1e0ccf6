//! Reads files through the typed client.

use backend::client::{Caller, Client, ClientError, GetItem, Item, Transfer};

use super::test_server::{path, reader};

/// The bytes of the item that `transfer` is at, up to its end.
pub(crate) async fn read_item(transfer: &mut Transfer) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(piece) = transfer.piece().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The content of a file, for a reader of everything.
pub(crate) async fn read_file(client: &Client, text: &str) -> Result<Vec<u8>, ClientError> {
    read_as(client, &reader(), text).await
}

/// The content of a file, for a caller.
pub(crate) async fn read_as(client: &Client, caller: &Caller, text: &str) -> Result<Vec<u8>, ClientError> {
    let item = GetItem { path: path(text), range: None, if_etag: None, if_prefix: None };
    let mut transfer = client.get(caller, vec![item]).await?;
    match transfer.next_item().await?.expect("no item") {
        Item::Sending(_) => read_item(&mut transfer).await,
        Item::Refused(failure) | Item::Unsatisfiable(_, failure) => Err(failure.into()),
    }
}
