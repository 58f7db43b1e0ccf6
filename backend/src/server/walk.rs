//! WALK: everything below chosen paths, for archives and recursive downloads. Parents come before what they hold,
//! siblings in the order of their names' bytes, so that a walk can go on after any path. Links are named, never
//! entered. Memory: the entries of the folders between the start and where the walk is.

use std::sync::Arc;

use shared::wire::{FrameKind, Page, Skipped, Walk};
use shared::{Entry, ErrorCode, Rights, VPath};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Stop};
use super::blocking::blocking;
use super::handshake::Peer;
use super::list::{fitting, read_entries, relative};
use super::session::authorise;
use super::{Server, Sink};
use crate::storage::{Storage, StorageError};

/// How many found entries may wait for the network.
const WAITING_BATCHES: usize = 4;
/// How many entries are handed over at a time.
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
pub(super) async fn walk<W: Sink>(
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
    let (first, after) = match &request.cursor {
        Some(text) => parse_cursor(text, &starts)?,
        None => (0, None),
    };
    let storage = Arc::clone(&server.storage);
    let cancelled = answer.cancelled().clone();
    let (sender, mut receiver) = mpsc::channel(WAITING_BATCHES);
    let work = blocking(move || {
        let mut walker = Walker { storage: &*storage, sender, cancelled, batch: Vec::new() };
        for (index, start) in starts.iter().enumerate().skip(first) {
            walker.run(index, start, if index == first { after.as_ref() } else { None })?;
            walker.hand_over(index)?;
        }
        Ok(())
    });
    tokio::pin!(work);
    let mut done = None;
    loop {
        let batch = answer.during(async {
            loop {
                tokio::select! {
                    biased;
                    batch = receiver.recv() => return Ok(batch),
                    result = &mut work, if done.is_none() => done = Some(result),
                }
            }
        });
        match batch.await? {
            Some((index, batch)) => send_batch(answer, index, batch).await?,
            None => break,
        }
    }
    match done {
        Some(result) => Ok(result?),
        None => Ok(answer.during(work).await?),
    }
}

struct Walker<'a> {
    storage: &'a dyn Storage,
    sender: mpsc::Sender<(usize, Vec<Found>)>,
    cancelled: CancellationToken,
    batch: Vec<Found>,
}

impl Walker<'_> {
    /// One start with everything below it; with `after`, what comes after that path (relative to the start).
    fn run(&mut self, index: usize, start: &Start, after: Option<&VPath>) -> Result<(), StorageError> {
        let entry = self.storage.stat(&start.path)?;
        // A chosen link is followed: the caller named it.
        let enter = entry.is_folder();
        if after.is_none() {
            self.found(index, Found::Entry(relative(entry, &start.path, &start.asked)))?;
        }
        if !enter {
            return Ok(());
        }
        // Each folder's entries that are still to come, last first.
        let mut stack = vec![self.children(index, start, &start.path, after)?];
        while let Some(level) = stack.last_mut() {
            let Some(entry) = level.pop() else {
                stack.pop();
                continue;
            };
            let path = entry.path.clone();
            let inner = start.path.strip_prefix_of(&path).unwrap_or_default();
            // Said already, if the walk goes on below it.
            let said = after.is_some_and(|after| inner.strip_prefix_of(after).is_some());
            let enter = entry.is_folder() && entry.link.is_none();
            if !said {
                self.found(index, Found::Entry(relative(entry, &start.path, &start.asked)))?;
            }
            if enter {
                stack.push(self.children(index, start, &path, after)?);
            }
        }
        Ok(())
    }

    /// A folder's entries that come after `after`, or hold it; last first. A folder that cannot be read is left out,
    /// and that is said.
    fn children(
        &mut self,
        index: usize,
        start: &Start,
        folder: &VPath,
        after: Option<&VPath>,
    ) -> Result<Vec<Entry>, StorageError> {
        let mut entries = match read_entries(self.storage, folder, &self.cancelled) {
            Ok(entries) => entries,
            Err(error) if error.code == ErrorCode::Canceled => return Err(error),
            Err(error) if folder == &start.path => return Err(error),
            Err(error) => {
                let inner = start.path.strip_prefix_of(folder).unwrap_or_default();
                let path = start.asked.join_path(&inner).unwrap_or_default();
                self.found(index, Found::Skipped(Skipped { path, code: error.code }))?;
                return Ok(Vec::new());
            }
        };
        if let Some(after) = after {
            entries.retain(|entry| {
                let inner = start.path.strip_prefix_of(&entry.path).unwrap_or_default();
                inner.segments().gt(after.segments()) || inner.strip_prefix_of(after).is_some()
            });
        }
        entries.sort_unstable_by(|left, right| right.path.name().cmp(left.path.name()));
        Ok(entries)
    }

    fn found(&mut self, index: usize, found: Found) -> Result<(), StorageError> {
        self.batch.push(found);
        if self.batch.len() >= BATCH_ENTRIES { self.hand_over(index) } else { Ok(()) }
    }

    /// Waits while the network is behind; ends when nobody listens any more.
    fn hand_over(&mut self, index: usize) -> Result<(), StorageError> {
        let batch = std::mem::take(&mut self.batch);
        self.sender
            .blocking_send((index, batch))
            .map_err(|_| StorageError::new(ErrorCode::Canceled, "the client cancelled the request"))
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
