//! The answer to a LIST: one page of a folder, block by block. Each block is checked when it arrives, and can be
//! forwarded unchanged.

use bytes::Bytes;
use shared::columns::{Columns, Head};
use shared::wire::FrameKind;
use shared::{ETag, Entry, VPath};

use super::cancel::cancel;
use super::connection::Reply;
use super::error::ClientError;
use super::lease::Lease;

/// One page of a folder, complete.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Listing {
    /// In the requested order.
    pub entries: Vec<Entry>,
    /// Number of entries in the whole folder.
    pub total: u64,
    /// The validator of this page; `None` for a long page.
    pub etag: Option<ETag>,
    /// The cursor of the next page; `None` on the last.
    pub next_cursor: Option<String>,
}

/// The blocks of a page. Dropping it before the end cancels the request.
pub struct ListingBlocks {
    /// `None` after the end of the answer and after a failure of the connection.
    lease: Option<Lease>,
    /// The first block, until it is taken.
    first: Option<Columns<Bytes>>,
    head: Head,
    rows_left: usize,
}

impl ListingBlocks {
    /// Receives the first block of an answer with at most `limit` rows.
    pub(super) async fn new(lease: Lease, first: Reply, limit: u32) -> Result<Self, ClientError> {
        let rows_left = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut blocks = Self { lease: Some(lease), first: None, head: Head::default(), rows_left };
        let first = blocks.take(first).await?;
        blocks.head = first.head();
        blocks.first = Some(first);
        Ok(blocks)
    }

    /// The head of the first block: the number of entries in the folder, and the validator.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// True if the whole page is one block.
    pub fn is_single(&self) -> bool {
        self.lease.is_none() && self.first.is_some()
    }

    /// The next block; `None` after the last.
    ///
    /// # Errors
    /// The failure that the server reports, and [`shared::ErrorCode::Protocol`] if the answer is no listing.
    pub async fn next(&mut self) -> Result<Option<Columns<Bytes>>, ClientError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(lease) = &mut self.lease else { return Ok(None) };
        match lease.reply().await {
            Ok(reply) => self.take(reply).await.map(Some),
            Err(error) => {
                self.lease = None;
                Err(error)
            }
        }
    }

    /// Collects all blocks as entries of that folder.
    ///
    /// # Errors
    /// As [`ListingBlocks::next`].
    pub async fn into_listing(mut self, folder: &VPath) -> Result<Listing, ClientError> {
        let mut listing = Listing { total: self.head.total, etag: self.head.etag, ..Listing::default() };
        while let Some(columns) = self.next().await? {
            listing.next_cursor = columns.next_cursor().map(str::to_owned);
            listing.entries.extend(columns.rows().filter_map(|row| row.entry(folder)));
        }
        Ok(listing)
    }

    /// Decodes a block. After the last one the connection is returned to the pool.
    async fn take(&mut self, reply: Reply) -> Result<Columns<Bytes>, ClientError> {
        let lease = self
            .lease
            .take()
            .ok_or_else(|| ClientError::new(shared::ErrorCode::Protocol, "an answer without a listing"))?;
        let frame = match reply {
            Reply::Frame(frame) if frame.kind() == Some(FrameKind::Columns) => frame,
            Reply::Frame(_) => return Err(lease.broken("a frame that does not belong into a listing")),
            Reply::End(None) => return Err(lease.broken("a listing ended before its last block")),
            Reply::End(error) => return Err(lease.end(error)),
        };
        let columns = match Columns::parse(frame.body) {
            Ok(columns) => columns,
            Err(error) => return Err(lease.broken(&error.to_string())),
        };
        let Some(rows_left) = self.rows_left.checked_sub(columns.len()) else {
            return Err(lease.broken("more entries than requested"));
        };
        self.rows_left = rows_left;
        if columns.is_last() {
            lease.expect_end().await?;
        } else {
            self.lease = Some(lease);
        }
        Ok(columns)
    }
}

impl Drop for ListingBlocks {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            cancel(lease);
        }
    }
}
