//! Cancelling a request whose answer was dropped. What is in transit is received if it is little; otherwise the
//! connection is closed.

use shared::limits::{CANCEL_DRAIN_BYTES_MAX, CANCEL_DRAIN_TIME};
use tokio::time::timeout;

use super::connection::{DataReply, Reply};
use super::error::ClientError;
use super::lease::Lease;
use crate::transfer_budget::PIECE_BYTES_MIN;

/// Cancels the request on a leased connection, in the background.
pub(super) fn cancel(lease: Lease) {
    // Outside a runtime, which means that it is shutting down, the connection is closed.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let _ = timeout(CANCEL_DRAIN_TIME, drain(lease)).await;
        });
    }
}

/// Receives until END and returns the connection, or closes it after [`CANCEL_DRAIN_BYTES_MAX`].
async fn drain(mut lease: Lease) -> Result<(), ClientError> {
    lease.cancel().await?;
    let mut bytes_left = CANCEL_DRAIN_BYTES_MAX;
    loop {
        while lease.data_left() > 0 {
            let piece = lease.piece(PIECE_BYTES_MIN).await?;
            let Some(left) = bytes_left.checked_sub(piece.len()) else { return Ok(()) };
            bytes_left = left;
        }
        if let DataReply::Reply(Reply::End(_)) = lease.data_reply().await? {
            lease.finish();
            return Ok(());
        }
    }
}
