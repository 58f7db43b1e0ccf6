//! The answer to a WALK.

use shared::wire::{FrameKind, Page};

use super::cancel::cancel;
use super::connection::Reply;
use super::error::ClientError;
use super::lease::Lease;

/// All entries below chosen paths, page by page. Dropping it cancels the request.
pub struct WalkPages {
    /// `None` after the end of the answer and after a failure.
    lease: Option<Lease>,
    first: Option<Reply>,
}

impl WalkPages {
    pub(super) fn new(lease: Lease, first: Reply) -> Result<Self, ClientError> {
        match first {
            Reply::End(Some(failure)) => Err(lease.end(Some(failure))),
            first => Ok(Self { lease: Some(lease), first: Some(first) }),
        }
    }

    /// The next page; `None` after the last.
    pub async fn next_page(&mut self) -> Result<Option<Page>, ClientError> {
        let Some(lease) = &mut self.lease else { return Ok(None) };
        let reply = match self.first.take() {
            Some(reply) => Ok(reply),
            None => lease.reply().await,
        };
        match reply {
            Ok(Reply::Frame(frame)) => {
                let page = lease.message(&frame, FrameKind::Page);
                if page.is_err() {
                    self.lease = None;
                }
                page.map(Some)
            }
            Ok(Reply::End(error)) => match (self.lease.take(), error) {
                (Some(lease), Some(failure)) => Err(lease.end(Some(failure))),
                (Some(lease), None) => {
                    lease.finish();
                    Ok(None)
                }
                (None, _) => Ok(None),
            },
            Err(error) => {
                self.lease = None;
                Err(error)
            }
        }
    }
}

impl Drop for WalkPages {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            cancel(lease);
        }
    }
}
