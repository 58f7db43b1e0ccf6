//! One client against the others: what it may take of the file server, and that the others go on.

mod connections;
mod digests;
mod endless_file;
mod folders;
mod gated_folders;
mod keys;
mod listings;
mod threads;

use backend::client::Caller;
use shared::wire::PRINCIPAL_UNKNOWN;

use crate::raw_connection::within;
use crate::test_server::reader;

/// A caller without an account, for which a gateway asks.
fn visitor(address: &str) -> Caller {
    Caller { principal: Some(PRINCIPAL_UNKNOWN.into()), client: Some(address.into()), ..reader() }
}

/// Fails if the condition is not met in the time of a test.
async fn wait_until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
