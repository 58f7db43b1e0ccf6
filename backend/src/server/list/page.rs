//! Some rows of a snapshot as blocks of columns. Blocks.

use std::ops::Range;

use sha2::{Digest, Sha256};
use shared::columns::{self, Builder, Head, Row};
use shared::limits::LIST_PAGE_MAX;
use shared::name_key::name_key;
use shared::{ETag, ErrorCode, VPath};
use tokio_util::sync::CancellationToken;

use super::cursor::Cursor;
use super::shown::Shown;
use super::snapshots::Snapshot;
use crate::server::entries::{check_cancelled, is_cancelled_at};
use crate::storage::{Storage, StorageError, Visit};

/// Rows of a long page that are looked up while those before them are sent.
const BATCH_ROWS: usize = 4096;

/// The rows that a request wants.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) from: Start,
    /// Most rows.
    pub(super) limit: usize,
    /// The page is the rest of an answer whose first rows were sent without a validator.
    pub(super) continued: bool,
}

/// Where a page starts.
#[derive(Clone)]
pub(super) enum Start {
    /// At an index of the snapshot.
    Index(usize),
    /// After the entry of a cursor whose snapshot is gone.
    After(Cursor),
}

/// The first rows of a page, or all of them.
pub(super) struct Batch {
    pub(super) blocks: Vec<Vec<u8>>,
    /// The rest of the page in the snapshot; empty if there is none.
    pub(super) rest: Range<usize>,
    /// The folder's state before the first row was looked up.
    pub(super) state: Option<ETag>,
    /// True if a row is out of order: the target of a link became a folder, or stopped being one.
    pub(super) misplaced: bool,
}

impl Page {
    /// Looks up the rows of the page, or the first [`BATCH_ROWS`] of a page that is longer than [`LIST_PAGE_MAX`].
    ///
    /// # Errors
    /// [`ErrorCode::BadCursor`], [`ErrorCode::Canceled`], and as [`Storage::stat_names`].
    pub(super) fn batch(
        &self,
        storage: &dyn Storage,
        snapshot: &Snapshot,
        cancelled: &CancellationToken,
    ) -> Result<Batch, StorageError> {
        let sorted = &snapshot.names;
        let total = sorted.len();
        let start = match &self.from {
            Start::Index(index) => *index,
            Start::After(cursor) => sorted.count_up_to(&cursor.order_key(&name_key(cursor.name.name()))),
        };
        if start > total {
            return Err(StorageError::new(ErrorCode::BadCursor, "the cursor points past the end"));
        }
        let end = total.min(start.saturating_add(self.limit));
        let whole = end - start <= LIST_PAGE_MAX as usize;
        let batch_end = if whole { end } else { start + BATCH_ROWS };
        let items = sorted.range(start..batch_end);
        let head = Head { total: total as u64, ..Head::default() };
        let (mut builder, mut blocks) = (Builder::new(), Vec::new());
        let mut validator = Validator::default();
        let mut misplaced = false;
        let mut names = items.iter().map(|item| sorted.name(item));
        let shown = &snapshot.key.shown;
        let state = storage.stat_names(&snapshot.key.folder, &mut names, &mut |index, row| {
            let Some(row) = shown.row(row) else { return Visit::Continue };
            misplaced |= items.get(index).is_some_and(|item| item.folder != row.is_folder());
            if whole && !self.continued {
                validator.add(&row);
            }
            if !builder.push(&row) {
                blocks.push(builder.finish(&head));
                // An empty block has room for any row.
                let _ = builder.push(&row);
            }
            if is_cancelled_at(index, cancelled) { Visit::Stop } else { Visit::Continue }
        })?;
        check_cancelled(cancelled)?;
        let last = batch_end == end;
        let next_cursor = items.last().filter(|_| last && end < total).map(|item| {
            let (snapshot, folder, rank) = (snapshot.id, item.folder, sorted.rank(item));
            let name = VPath::root().join(sorted.name(item)).unwrap_or_default();
            Cursor { snapshot, index: end, folder, rank, name }.to_string()
        });
        // On the way to a grant it would tell of changes of other entries.
        let state = state.filter(|_| *shown == Shown::All).map(|state| state.etag);
        let etag = validator.finish(total, next_cursor.is_some(), state);
        blocks.push(builder.finish(&Head { last, next_cursor, ..head }));
        if let Some(first) = blocks.first_mut().filter(|_| whole && !self.continued) {
            columns::set_etag(first, etag);
        }
        Ok(Batch { blocks, rest: batch_end..end, state, misplaced })
    }
}

/// Computes the validator of a page.
struct Validator(Sha256);

impl Default for Validator {
    fn default() -> Self {
        Self(Sha256::new_with_prefix(b"listing-2"))
    }
}

impl Validator {
    /// Adds a row: its name, kind and link, and its validator for the rest.
    fn add(&mut self, row: &Row<'_>) {
        self.0.update((row.name.len() as u64).to_le_bytes());
        self.0.update(row.name);
        self.0.update(row.etag.map_or([0; 16], |etag| etag.0));
        self.0.update([row.kind as u8, row.link.as_ref().map_or(0, |link| 1 + link.word().len() as u8)]);
    }

    /// The folder's state makes the validator of a first page change with a name on any later page.
    fn finish(mut self, total: usize, continues: bool, state: Option<ETag>) -> ETag {
        self.0.update((total as u64).to_le_bytes());
        self.0.update([u8::from(continues)]);
        self.0.update(state.map_or([0; 16], |state| state.0));
        let digest: [u8; 32] = self.0.finalize().into();
        let mut etag = [0; 16];
        etag.copy_from_slice(&digest[..16]);
        ETag(etag)
    }
}
