//! One page of a folder, block by block: each is checked when it comes, and can be passed on as it is.

use bytes::Bytes;
use shared::columns::{Columns, Head};
use shared::wire::FrameKind;
use shared::{ETag, Entry, VPath};

use super::ClientError;
use super::connection::Reply;
use super::pool::Lease;
use super::transfer::abandon;

/// One page of a folder, whole.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Listing {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// How many entries the whole folder has.
    pub total: u64,
    /// The validator of this page; none for a long one.
    pub etag: Option<ETag>,
    /// What to ask for to get the next page; none on the last.
    pub next_cursor: Option<String>,
}

/// One page of a folder on its way. Dropped half-way it cancels the request.
pub struct Blocks {
    /// None once the answer has ended or the connection broke.
    lease: Option<Lease>,
    /// The first one, until it is asked for.
    first: Option<Columns<Bytes>>,
    head: Head,
    rows_left: usize,
}

impl Blocks {
    /// Of the answer that begins like that, with at most `limit` rows.
    pub(super) async fn new(lease: Lease, first: Reply, limit: u32) -> Result<Self, ClientError> {
        let rows_left = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut blocks = Self { lease: Some(lease), first: None, head: Head::default(), rows_left };
        let first = blocks.take(first).await?;
        blocks.head = first.head();
        blocks.first = Some(first);
        Ok(blocks)
    }

    /// What the first block says: how many entries the folder has, and the validator.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// True if the whole page is in one block.
    pub fn is_single(&self) -> bool {
        self.lease.is_none() && self.first.is_some()
    }

    /// The next block; none after the one that says that it is the last.
    ///
    /// # Errors
    /// What the server says, and [`shared::ErrorCode::Protocol`] for what is no listing.
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

    /// All of it, as entries of that folder.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    pub async fn whole(mut self, folder: &VPath) -> Result<Listing, ClientError> {
        let mut listing = Listing { total: self.head.total, etag: self.head.etag, ..Listing::default() };
        while let Some(columns) = self.next().await? {
            listing.next_cursor = columns.next_cursor().map(str::to_owned);
            listing.entries.extend(columns.rows().filter_map(|row| row.entry(folder)));
        }
        Ok(listing)
    }

    /// The block in a reply. After the last one the connection serves others.
    async fn take(&mut self, reply: Reply) -> Result<Columns<Bytes>, ClientError> {
        let lease = self.lease.take().ok_or_else(|| ClientError::new(shared::ErrorCode::Protocol, "no listing"))?;
        let frame = match reply {
            Reply::Frame(frame) if frame.kind() == Some(FrameKind::Columns) => frame,
            Reply::Frame(_) => return Err(lease.broken("another frame than a listing's")),
            Reply::End(None) => return Err(lease.broken("a listing ended before its last block")),
            Reply::End(error) => return Err(lease.end(error)),
        };
        let columns = match Columns::parse(frame.body) {
            Ok(columns) => columns,
            Err(error) => return Err(lease.broken(&error.to_string())),
        };
        let Some(rows_left) = self.rows_left.checked_sub(columns.len()) else {
            return Err(lease.broken("more entries than were asked for"));
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

impl Drop for Blocks {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            abandon(lease);
        }
    }
}
