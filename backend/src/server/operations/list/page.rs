//! LIST: one page of a sorted folder, in blocks of columns. The names come from a snapshot; what is said of them is
//! looked at as the page is sent, so that it is never older than the request.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use shared::columns::{self, Builder, Head, Row};
use shared::limits::{LIST_LIMIT_DEFAULT, LIST_PAGE_MAX};
use shared::order::{Place, name_key};
use shared::path::encode_segment;
use shared::wire::{FrameKind, List};
use shared::{ETag, ErrorCode, Rights, VPath};
use tokio_util::sync::CancellationToken;

use super::read_names::read_names;
use super::snapshots::{Key, Snapshot};
use crate::server::authority::authorise;
use crate::server::blocking::blocking;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::operations::send::Sink;
use crate::server::state::Server;
use crate::storage::{Storage, StorageError, Visit};

/// Rows of a long page that are looked at while those before them are sent.
const BATCH_ROWS: usize = 4096;

/// COLUMNS…, END.
pub(in crate::server) async fn list<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: List,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let folder = authorise(&request.caller, peer, Rights::LIST, &request.path)?;
    let key = Key { folder, order: request.order };
    let cursor = request.cursor.as_deref().map(Cursor::parse).transpose()?;
    let limit = request.limit as usize;
    let cancelled = answer.cancelled().clone();
    let found = cursor.as_ref().and_then(|cursor| Some((server.snapshots.find(cursor.snapshot, &key)?, cursor.index)));
    let (snapshot, mut batch) = match found {
        Some((snapshot, index)) => {
            let page = Page { from: From::Index(index), limit };
            let batch = answer.during(look(server, cancelled.clone(), &snapshot, page)).await?;
            (snapshot, batch)
        }
        None => {
            first_look(server, answer, key, Page { from: cursor.map_or(From::Index(0), From::After), limit }).await?
        }
    };
    loop {
        let blocks = std::mem::take(&mut batch.blocks);
        if batch.rest.is_empty() {
            return send(answer, blocks).await;
        }
        let page = Page { from: From::Index(batch.rest.start), limit: batch.rest.len() };
        let next = look(server, cancelled.clone(), &snapshot, page);
        let (sent, next) = tokio::join!(send(answer, blocks), next);
        sent?;
        batch = next?;
    }
}

async fn send<W: Sink>(answer: &mut Answer<'_, W>, blocks: Vec<Vec<u8>>) -> Result<(), Stop> {
    for block in blocks {
        answer.send_body(FrameKind::Columns, &block).await?;
    }
    Ok(())
}

/// A page, or its beginning, from the names that the folder has now: those of a snapshot if it still has them, else read
/// by one request for all who wait.
async fn first_look<W: Sink>(
    server: &Server,
    answer: &mut Answer<'_, W>,
    key: Key,
    page: Page,
) -> Result<(Arc<Snapshot>, Batch), Stop> {
    let snapshots = &server.snapshots;
    let asked = snapshots.now();
    let mut candidate = snapshots.trusted(&key);
    loop {
        if let Some(snapshot) = candidate.take() {
            let looked = look(server, answer.cancelled().clone(), &snapshot, page.clone());
            let batch = answer.during(looked).await?;
            // Read after this request came, or not changed since.
            if snapshot.id > asked || (snapshot.agrees_with(batch.state) && !batch.misplaced) {
                return Ok((snapshot, batch));
            }
            snapshot.distrust();
        }
        let mut turn = answer.during(async { Ok::<_, Stop>(snapshots.turn(key.clone()).await) }).await?;
        candidate = turn.latest().filter(|latest| latest.id > asked || latest.is_trusted());
        candidate = candidate.or_else(|| snapshots.trusted(&key));
        if candidate.is_some() {
            continue;
        }
        let (storage, cancelled) = (Arc::clone(&server.storage), answer.cancelled().clone());
        let (id, entries_max) = (snapshots.now(), server.config.folder_entries_max);
        // What has more than a page is kept for the next one, and what is long for the next who asks.
        let (read, wanted) = (key.clone(), page.clone());
        let kept_above = page.limit.min(LIST_LIMIT_DEFAULT as usize);
        let work = blocking(move || {
            let (sorted, trust) = read_names(&storage, &read, kept_above, entries_max, &cancelled)?;
            let snapshot = Snapshot::new(id, read, sorted, trust);
            let batch = wanted.look(&*storage, &snapshot, &cancelled)?;
            if !snapshot.agrees_with(batch.state) {
                snapshot.distrust();
            }
            Ok((Arc::new(snapshot), batch))
        });
        let (snapshot, batch) = answer.during(work).await?;
        if snapshot.sorted.len() > kept_above {
            snapshots.keep(&snapshot);
        }
        turn.hand_on(&snapshot);
        return Ok((snapshot, batch));
    }
}

async fn look(
    server: &Server,
    cancelled: CancellationToken,
    snapshot: &Arc<Snapshot>,
    page: Page,
) -> Result<Batch, StorageError> {
    let (storage, snapshot) = (Arc::clone(&server.storage), Arc::clone(snapshot));
    blocking(move || page.look(&*storage, &snapshot, &cancelled)).await
}

/// Which rows of a listing are wanted.
#[derive(Clone)]
struct Page {
    from: From,
    /// How many at most.
    limit: usize,
}

#[derive(Clone)]
enum From {
    Index(usize),
    After(Cursor),
}

/// Some of a page.
struct Batch {
    blocks: Vec<Vec<u8>>,
    /// Where in the snapshot the rest of the page is; empty if there is none.
    rest: std::ops::Range<usize>,
    /// The folder's state before the first look.
    state: Option<ETag>,
    /// True if a row does not stand where it should, because what a link leads to is a folder by now, or none any more.
    misplaced: bool,
}

impl Page {
    /// Looks at the rows of the page, or at the first of them where it is long. Blocks.
    fn look(
        &self,
        storage: &dyn Storage,
        snapshot: &Snapshot,
        cancelled: &CancellationToken,
    ) -> Result<Batch, StorageError> {
        let sorted = &snapshot.sorted;
        let total = sorted.len();
        let start = match &self.from {
            From::Index(index) => *index,
            From::After(cursor) => sorted.count_up_to(&cursor.place(&name_key(cursor.name.name()))),
        };
        if start > total {
            return Err(StorageError::new(ErrorCode::BadCursor, "the cursor leads past the end"));
        }
        let end = total.min(start.saturating_add(self.limit));
        let whole = end - start <= LIST_PAGE_MAX as usize;
        let now = if whole { end } else { start + BATCH_ROWS };
        let items = sorted.range(start..now);
        let head = Head { total: total as u64, ..Head::default() };
        let (mut builder, mut blocks) = (Builder::new(), Vec::new());
        let mut hash = Sha256::new_with_prefix(b"listing-2");
        let mut misplaced = false;
        let mut names = items.iter().map(|item| sorted.name(item));
        let state = storage.stat_names(&snapshot.key.folder, &mut names, &mut |index, row| {
            misplaced |= items.get(index).is_some_and(|item| item.folder != row.is_folder());
            if whole {
                take_in(&mut hash, &row);
            }
            if !builder.push(&row) {
                blocks.push(builder.finish(&head));
                // An empty one has room for every row.
                let _ = builder.push(&row);
            }
            if index % 1024 == 1023 && cancelled.is_cancelled() { Visit::Stop } else { Visit::Continue }
        })?;
        if cancelled.is_cancelled() {
            return Err(StorageError::new(ErrorCode::Canceled, "the client cancelled the request"));
        }
        let last = now == end;
        let next = items.last().filter(|_| last && end < total);
        let next_cursor = next.map(|item| {
            let (snapshot, folder, rank) = (snapshot.id, item.folder, sorted.rank(item));
            let name = VPath::root().join(sorted.name(item)).unwrap_or_default();
            Cursor { snapshot, index: end, folder, rank, name }.to_string()
        });
        hash.update((total as u64).to_le_bytes());
        hash.update([u8::from(next_cursor.is_some())]);
        // Of a folder that came in several pages, the first one's validator tells a name that changed in any of them.
        hash.update(state.as_ref().map_or([0; 16], |state| state.etag.0));
        blocks.push(builder.finish(&Head { last, next_cursor, ..head }));
        if let Some(first) = blocks.first_mut().filter(|_| whole) {
            let digest: [u8; 32] = hash.finalize().into();
            let mut etag = [0; 16];
            etag.copy_from_slice(&digest[..16]);
            columns::set_etag(first, ETag(etag));
        }
        Ok(Batch { blocks, rest: now..end, state: state.map(|state| state.etag), misplaced })
    }
}

/// Everything that a row says: by its validator, what that stands for.
fn take_in(hash: &mut Sha256, row: &Row<'_>) {
    hash.update((row.name.len() as u64).to_le_bytes());
    hash.update(row.name);
    hash.update(row.etag.map_or([0; 16], |etag| etag.0));
    hash.update([row.kind as u8, row.link.as_ref().map_or(0, |link| 1 + link.word().len() as u8)]);
}

/// Where a listing goes on: in that snapshot at that index or, where it is gone, after that entry. Its text is
/// `1.<snapshot>.<index>.<d|f>.<rank>.<name>`, and nobody's business but this module's.
#[derive(Clone, PartialEq, Debug)]
struct Cursor {
    snapshot: u64,
    index: usize,
    folder: bool,
    rank: u64,
    /// The name alone.
    name: VPath,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self, ErrorCode> {
        Self::read(text).ok_or(ErrorCode::BadCursor)
    }

    fn read(text: &str) -> Option<Self> {
        let mut fields = text.splitn(6, '.');
        if fields.next()? != "1" {
            return None;
        }
        let snapshot = u64::from_str_radix(fields.next()?, 16).ok()?;
        let index = fields.next()?.parse().ok()?;
        let folder = match fields.next()? {
            "d" => true,
            "f" => false,
            _ => return None,
        };
        let rank = fields.next()?.parse().ok()?;
        let name = VPath::parse(fields.next()?).ok().filter(|path| path.segments().count() == 1)?;
        Some(Self { snapshot, index, folder, rank, name })
    }

    fn place<'a>(&'a self, key: &'a [u8]) -> Place<'a> {
        Place { folder: self.folder, rank: self.rank, key, name: self.name.name() }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { snapshot, index, folder, rank, name } = self;
        let (folder, name) = (if *folder { 'd' } else { 'f' }, encode_segment(name.name()));
        write!(formatter, "1.{snapshot:x}.{index}.{folder}.{rank}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in
            ["", "1", "2.0.0.f.0.a", "1.0.0.x.0.a", "1.0.-1.f.0.a", "1.0.0.f.-1.a", "1.0.0.f.0.", "1.0.0.f.0.a/b"]
        {
            assert_eq!(Cursor::parse(text), Err(ErrorCode::BadCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(snapshot: u64, index: usize, folder: bool, rank: u64, name in "[^/\0]{1,20}") {
            prop_assume!(name != "." && name != "..");
            let name = VPath::from_bytes(name.as_bytes()).unwrap();
            let cursor = Cursor { snapshot, index, folder, rank, name };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        }
    }
}
