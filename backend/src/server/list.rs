//! LIST: one page of a sorted folder, as PAGE frames that each fit the limit of a message.

use std::sync::Arc;

use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::order::Position;
use shared::path::encode_segment;
use shared::wire::{FrameKind, List, Page};
use shared::{Entry, ErrorCode, Link, Order, Rights, Timestamp, VPath};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Stop};
use super::blocking::blocking;
use super::handshake::Peer;
use super::session::authorise;
use super::snapshots::Snapshot;
use super::{Server, Sink};
use crate::storage::{Storage, StorageError, Visit};

/// PAGE…, END.
pub(super) async fn list<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: List,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let folder = authorise(&request.caller, peer, Rights::LIST, &request.path)?;
    let cursor = request.cursor.as_deref().map(Cursor::parse).transpose()?;
    let limit = request.limit as usize;
    let found = cursor.as_ref().and_then(|cursor| server.snapshots.find(cursor.snapshot, &folder, request.order));
    let (snapshot, start) = match (found, cursor) {
        (Some(snapshot), Some(cursor)) => (snapshot, cursor.index),
        (_, cursor) => {
            let snapshot = read_folder(server, answer, folder, request.order).await?;
            let start = cursor.map_or(0, |cursor| {
                let before = |entry: &Entry| Position::of(entry).compare(&cursor.last, request.order).is_le();
                snapshot.entries.partition_point(before)
            });
            let more = snapshot.entries.len() - start > limit;
            (if more { server.snapshots.keep(snapshot) } else { Arc::new(snapshot) }, start)
        }
    };
    let end = snapshot.entries.len().min(start.saturating_add(limit));
    let entries = snapshot.entries.get(start..end).ok_or(ErrorCode::BadCursor)?;
    let next_cursor = match entries.last() {
        Some(last) if end < snapshot.entries.len() => Some(Cursor::after(&snapshot, end, last).to_string()),
        _ => None,
    };
    let mut first = Page { total: Some(snapshot.entries.len() as u64), etag: Some(snapshot.etag), ..Page::default() };
    let mut rest = entries;
    loop {
        let (now, later) = rest.split_at(fitting(rest));
        let mut page = std::mem::take(&mut first);
        page.entries = now.iter().map(|entry| relative(entry.clone(), &snapshot.folder, &request.path)).collect();
        rest = later;
        if rest.is_empty() {
            page.next_cursor = next_cursor;
            return answer.send(FrameKind::Page, &page).await;
        }
        answer.send(FrameKind::Page, &page).await?;
    }
}

async fn read_folder<W: Sink>(
    server: &Server,
    answer: &mut Answer<'_, W>,
    folder: VPath,
    order: Order,
) -> Result<Snapshot, Stop> {
    let storage = Arc::clone(&server.storage);
    let cancelled = answer.cancelled().clone();
    let work = blocking(move || {
        let entries = read_entries(&*storage, &folder, &cancelled)?;
        Ok(Snapshot::new(folder, order, entries))
    });
    answer.during(work).await
}

/// All entries of a folder, unless nobody wants them any more.
pub(super) fn read_entries(
    storage: &dyn Storage,
    folder: &VPath,
    cancelled: &CancellationToken,
) -> Result<Vec<Entry>, StorageError> {
    let mut entries = Vec::new();
    storage.list(folder, &mut |entry| {
        entries.push(entry);
        // Looked at now and then: it is an atomic load, but there may be a million entries.
        if entries.len() % 1024 == 0 && cancelled.is_cancelled() { Visit::Stop } else { Visit::Continue }
    })?;
    if cancelled.is_cancelled() {
        return Err(StorageError::new(ErrorCode::Canceled, "the client cancelled the request"));
    }
    Ok(entries)
}

/// How many of the entries go into one PAGE; at least one, for one always fits.
pub(super) fn fitting(entries: &[Entry]) -> usize {
    // What the numbers and the map around them take at most, and what the rest of a PAGE does: a cursor is the longest.
    const ENTRY_BYTES: usize = 96;
    const PAGE_BYTES: usize = FRAME_CONTROL_BYTES_MAX - (16 << 10);
    let mut bytes = 0;
    let fits = entries.iter().position(|entry| {
        let target = if let Some(Link::Inside(target)) = &entry.link { target.len() } else { 0 };
        bytes += ENTRY_BYTES + entry.path.as_bytes().len() + target;
        bytes > PAGE_BYTES
    });
    fits.unwrap_or(entries.len()).max(1).min(entries.len())
}

/// The entry as the caller names it: `asked` is the caller's name for the storage's `folder`.
pub(super) fn relative(mut entry: Entry, folder: &VPath, asked: &VPath) -> Entry {
    if folder != asked {
        let inner = folder.strip_prefix_of(&entry.path).unwrap_or_default();
        // Shorter than the path in the storage, which was not too long.
        entry.path = asked.join_path(&inner).unwrap_or_default();
    }
    entry
}

/// Where a listing goes on: in that snapshot at that index or, where it is gone, after that entry. Its text is
/// `1.<snapshot>.<index>.<d|f>.<size>.<nanoseconds>.<name>`, and nobody's business but this module's.
#[derive(PartialEq, Debug)]
struct Cursor {
    snapshot: u64,
    index: usize,
    last: Position,
}

impl Cursor {
    fn after(snapshot: &Snapshot, index: usize, last: &Entry) -> Self {
        Self { snapshot: snapshot.id, index, last: Position::of(last) }
    }

    fn parse(text: &str) -> Result<Self, ErrorCode> {
        Self::read(text).ok_or(ErrorCode::BadCursor)
    }

    fn read(text: &str) -> Option<Self> {
        let mut fields = text.splitn(7, '.');
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
        let size = fields.next()?.parse().ok()?;
        let modified = Timestamp(fields.next()?.parse().ok()?);
        let name = VPath::parse(fields.next()?).ok().filter(|path| path.segments().count() == 1)?;
        Some(Self { snapshot, index, last: Position::new(folder, size, modified, name.name()) })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { snapshot, index, last } = self;
        let folder = if last.folder() { 'd' } else { 'f' };
        let (size, modified, name) = (last.size(), last.modified().0, encode_segment(last.name()));
        write!(formatter, "1.{snapshot:x}.{index}.{folder}.{size}.{modified}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "1", "2.0.0.f.0.0.a", "1.0.0.x.0.0.a", "1.0.-1.f.0.0.a", "1.0.0.f.0.0.", "1.0.0.f.0.0.a/b"] {
            assert_eq!(Cursor::parse(text), Err(ErrorCode::BadCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(snapshot: u64, index: usize, folder: bool, size: u64, modified: i64, name in "[^/\0]{1,20}") {
            prop_assume!(name != "." && name != "..");
            let last = Position::new(folder, size, Timestamp(modified), name.as_bytes());
            let cursor = Cursor { snapshot, index, last };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        }
    }
}
