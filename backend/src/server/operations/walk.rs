//! WALK: everything below chosen paths, for archives and recursive downloads. Parents come before what they hold,
//! siblings in the order of their names' bytes, so that a walk can go on after any path. Links are named, never
//! entered. Memory: the entries of the folders between the start and where the walk is.

use std::sync::Arc;

use shared::wire::{FrameKind, Page, Skipped, Walk};
use shared::{Entry, ErrorCode, Rights, VPath};
use tokio_util::sync::CancellationToken;

use super::send::Sink;
use crate::server::authority::authorise;
use crate::server::blocking::blocking;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::entries::{fitting, read_entries, relative};
use crate::server::state::Server;
use crate::storage::{Storage, StorageError};

/// How many entries are found at a time. Between two batches no thread is held, however slowly they are read.
const BATCH_ENTRIES: usize = 512;

/// What a walk comes across.
enum Found {
    Entry(Entry),
    Skipped(Skipped),
}

/// One of the chosen paths.
struct Start {
    /// As the caller named it.
    asked: VPath,
    /// In the storage.
    path: VPath,
}

/// PAGE…, END.
pub(in crate::server) async fn walk<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Walk,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let authorised = |asked: VPath| {
        let path = authorise(&request.caller, peer, Rights::LIST, &asked)?;
        Ok(Start { asked, path })
    };
    let starts = request.paths.into_iter().map(authorised).collect::<Result<Vec<_>, ErrorCode>>()?;
    let (index, after) = match &request.cursor {
        Some(text) => parse_cursor(text, &starts)?,
        None => (0, None),
    };
    let storage = Arc::clone(&server.storage);
    let mut walker =
        Walker { storage, cancelled: answer.cancelled().clone(), starts, index, after, stack: None, batch: Vec::new() };
    loop {
        let work = blocking(move || {
            let batch = walker.next_batch()?;
            Ok((walker, batch))
        });
        let (back, batch) = answer.during(work).await?;
        let Some((index, batch)) = batch else { return Ok(()) };
        send_batch(answer, index, batch).await?;
        walker = back;
    }
}

/// Where a walk is.
struct Walker {
    storage: Arc<dyn Storage>,
    cancelled: CancellationToken,
    starts: Vec<Start>,
    /// The present start.
    index: usize,
    /// What was said of it before, up to this path relative to it.
    after: Option<VPath>,
    /// Each folder's entries that are still to come, last first, outermost folder first; none before the start itself.
    stack: Option<Vec<Vec<Entry>>>,
    batch: Vec<Found>,
}

impl Walker {
    /// What comes next, all of it below one start, with that start's number. None at the end.
    fn next_batch(&mut self) -> Result<Option<(usize, Vec<Found>)>, StorageError> {
        while self.index < self.starts.len() {
            while self.batch.len() < BATCH_ENTRIES && self.step()? {}
            let index = self.index;
            if self.batch.len() < BATCH_ENTRIES {
                self.index += 1;
                (self.after, self.stack) = (None, None);
            }
            if !self.batch.is_empty() {
                return Ok(Some((index, std::mem::take(&mut self.batch))));
            }
        }
        Ok(None)
    }

    /// One entry on; false at the end of the start.
    fn step(&mut self) -> Result<bool, StorageError> {
        let Some(stack) = &mut self.stack else {
            self.stack = Some(self.enter()?);
            return Ok(true);
        };
        let Some(level) = stack.last_mut() else { return Ok(false) };
        match level.pop() {
            Some(entry) => self.visit(entry)?,
            None => drop(stack.pop()),
        }
        Ok(true)
    }

    /// The start itself, and what is in it.
    fn enter(&mut self) -> Result<Vec<Vec<Entry>>, StorageError> {
        let start = &self.starts[self.index];
        let entry = self.storage.stat(&start.path)?;
        // A chosen link is followed: the caller named it.
        let levels = if entry.is_folder() { vec![self.children(&start.path)?] } else { Vec::new() };
        if self.after.is_none() {
            self.batch.push(Found::Entry(relative(entry, &start.path, &start.asked)));
        }
        Ok(levels)
    }

    fn visit(&mut self, entry: Entry) -> Result<(), StorageError> {
        let start = &self.starts[self.index];
        let path = entry.path.clone();
        let inner = start.path.strip_prefix_of(&path).unwrap_or_default();
        let enter = entry.is_folder() && entry.link.is_none();
        // Said already, if the walk goes on below it.
        let said = self.after.as_ref().is_some_and(|after| inner.strip_prefix_of(after).is_some());
        if !said {
            self.batch.push(Found::Entry(relative(entry, &start.path, &start.asked)));
        }
        if !enter {
            return Ok(());
        }
        match self.children(&path) {
            Ok(entries) => self.stack.get_or_insert_default().push(entries),
            Err(error) if error.code == ErrorCode::Canceled => return Err(error),
            // A folder that cannot be read is left out, and that is said.
            Err(error) => {
                let path = start.asked.join_path(&inner).unwrap_or_default();
                self.batch.push(Found::Skipped(Skipped { path, code: error.code }));
            }
        }
        Ok(())
    }

    /// A folder's entries that come after what was said before, or hold it; last first.
    fn children(&self, folder: &VPath) -> Result<Vec<Entry>, StorageError> {
        let mut entries = read_entries(&*self.storage, folder, &self.cancelled)?;
        if let Some(after) = &self.after {
            let start = &self.starts[self.index].path;
            entries.retain(|entry| {
                let inner = start.strip_prefix_of(&entry.path).unwrap_or_default();
                inner.segments().gt(after.segments()) || inner.strip_prefix_of(after).is_some()
            });
        }
        entries.sort_unstable_by(|left, right| right.path.name().cmp(left.path.name()));
        Ok(entries)
    }
}

async fn send_batch<W: Sink>(answer: &mut Answer<'_, W>, index: usize, batch: Vec<Found>) -> Result<(), Stop> {
    let (mut entries, mut skipped) = (Vec::new(), Vec::new());
    for found in batch {
        match found {
            Found::Entry(entry) => entries.push(entry),
            Found::Skipped(left_out) => skipped.push(left_out),
        }
    }
    // Seldom any, and each with a path of bounded length: a few to a PAGE.
    for few in skipped.chunks(8) {
        answer.send(FrameKind::Page, &Page { skipped: Some(few.to_vec()), ..Page::default() }).await?;
    }
    let mut rest = &entries[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at(fitting(rest));
        let next_cursor = now.last().map(|last| format!("{index}.{}", last.path));
        answer.send(FrameKind::Page, &Page { entries: now.to_vec(), next_cursor, ..Page::default() }).await?;
        rest = later;
    }
    answer.flush().await
}

/// Which start, and after which path relative to it. The text is `<index of the start>.<the last path, as the caller
/// names it>`.
fn parse_cursor(text: &str, starts: &[Start]) -> Result<(usize, Option<VPath>), ErrorCode> {
    let read = || {
        let (index, path) = text.split_once('.')?;
        let index: usize = index.parse().ok()?;
        let after = starts.get(index)?.asked.strip_prefix_of(&VPath::parse(path).ok()?)?;
        Some((index, Some(after)))
    };
    read().ok_or(ErrorCode::BadCursor)
}
