//! WALK: everything below chosen paths, for archives and recursive downloads. Parents come before their entries,
//! siblings in the order of their names' bytes, so a walk can continue after any path. Links are reported, never
//! followed. What the server may not read is reported as skipped, before anything of it is asked for. Memory: the
//! entries of the folders between the start and the present position, counted for the caller.

use std::sync::Arc;

use shared::wire::{FrameKind, Growing, Page, Prefix, Skipped, Walk};
use shared::{Entry, ErrorCode, Rights, Scope, VPath, View};
use tokio_util::sync::CancellationToken;

use crate::server::admissions::Admissions;
use crate::server::authority::{look, seen_by, share_of};
use crate::server::blocking::blocking_in_turn;
use crate::server::clock;
use crate::server::counted_memory::CountedMemory;
use crate::server::entries::{entry_bytes, fitting, on_the_way_to_a_grant, read_entries, relative};
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::storage::{Storage, StorageError, may_grow, prefix_of};

/// Entries that are read at a time. Between two batches neither a thread nor a place is occupied, however slow the client is.
const BATCH_ENTRIES: usize = 512;

/// One result of a walk.
enum WalkItem {
    /// With its beginning if it is a file that may be growing.
    Entry(Entry, Option<Prefix>),
    Skipped(Skipped),
}

/// One of the chosen paths.
struct Start {
    /// The caller's path.
    asked: VPath,
    /// The path in the storage.
    path: VPath,
    /// With links that lead to what the caller may list, or also read if that is granted at the path.
    storage: Arc<dyn Storage>,
}

/// Answers PAGE….
pub(in crate::server) async fn walk<W: Sink>(
    storage: &Arc<dyn Storage>,
    admissions: &Admissions,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Walk,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let scope = &request.caller.scope;
    // All starts share them: each view has a copy of the grants.
    let [listed, read] = [Rights::LIST, Rights::READ_ONLY].map(|wanted| seen_by(scope, wanted, storage));
    let authorised = |asked: VPath| {
        let (path, _) = look(&request.caller, &asked)?;
        let view = if scope.rights_at(&path).contains(Rights::READ) { &read } else { &listed };
        Ok(Start { asked, path, storage: Arc::clone(view) })
    };
    let starts = request.paths.into_iter().map(authorised).collect::<Result<Vec<_>, ErrorCode>>()?;
    let (index, after) = match &request.cursor {
        Some(text) => parse_cursor(text, &starts)?,
        None => (0, None),
    };
    let who = share_of(&request.caller, peer)?;
    let memory = CountedMemory::new(&admissions.listed_bytes, who);
    let (scope, cancelled) = (request.caller.scope, response.cancelled().clone());
    let _watched = response.hold_memory();
    let mut walker = Walker { scope, cancelled, starts, index, after, stack: None, batch: Vec::new(), memory };
    loop {
        let work = blocking_in_turn(&admissions.folders_read, who, move || {
            let batch = walker.next_batch()?;
            Ok((walker, batch))
        });
        let (back, batch) = response.until_cancelled(work).await?;
        let Some((index, batch)) = batch else { return Ok(()) };
        send_batch(response, index, batch).await?;
        walker = back;
    }
}

/// The state of a walk.
struct Walker {
    scope: Scope,
    cancelled: CancellationToken,
    starts: Vec<Start>,
    /// The number of the present start.
    index: usize,
    /// The last path, relative to the present start, that an earlier request was answered with.
    after: Option<VPath>,
    /// The folders on the way, the outermost first. `None` before the start itself.
    stack: Option<Vec<Level>>,
    batch: Vec<WalkItem>,
    /// That of the folders on the way.
    memory: CountedMemory,
}

/// A folder on the way.
struct Level {
    /// The entries to come, the last one first.
    entries: Vec<Entry>,
    /// The memory of all its entries, in bytes.
    bytes: usize,
}

impl Walker {
    /// The next items, all below one start, with the number of that start. `None` at the end.
    fn next_batch(&mut self) -> Result<Option<(usize, Vec<WalkItem>)>, StorageError> {
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

    /// Advances by one entry; false at the end of the start.
    fn step(&mut self) -> Result<bool, StorageError> {
        let Some(stack) = &mut self.stack else {
            self.stack = Some(self.enter()?);
            return Ok(true);
        };
        let Some(level) = stack.last_mut() else { return Ok(false) };
        match level.entries.pop() {
            Some(entry) => self.visit(entry)?,
            None => {
                drop(stack.pop());
                let bytes = self.bytes();
                self.memory.set(bytes)?;
            }
        }
        Ok(true)
    }

    /// Visits the start itself, and gives its entries.
    fn enter(&mut self) -> Result<Vec<Level>, StorageError> {
        let start = &self.starts[self.index];
        let mut entry = start.storage.stat(&start.path)?;
        if self.scope.view(&start.path) != View::All {
            entry = on_the_way_to_a_grant(entry)?;
        }
        let (path, is_folder) = (start.path.clone(), entry.is_folder());
        if self.after.is_none() {
            if entry.is_file() && self.is_unreadable(&path)? {
                let path = start.asked.clone();
                self.batch.push(WalkItem::Skipped(Skipped { path, code: ErrorCode::AccessDenied }));
            } else {
                self.report(entry);
            }
        }
        // A link that the caller names itself is followed.
        Ok(if is_folder { vec![self.children(&path)?] } else { Vec::new() })
    }

    /// Whether the server may not read the file at a path in the storage.
    fn is_unreadable(&self, path: &VPath) -> Result<bool, StorageError> {
        let Some(folder) = path.parent() else { return Ok(false) };
        Ok(!self.storage().unreadable_names(&folder, &mut std::iter::once(path.name()))?.is_empty())
    }

    /// Adds an entry to the batch. A file that may be growing is opened: its beginning and the reported size are of one
    /// moment. One that cannot be opened is reported as it was listed, since the request for its content will fail.
    fn report(&mut self, mut entry: Entry) {
        let start = &self.starts[self.index];
        let mut prefix = None;
        if entry.is_file()
            && may_grow(&entry, clock::now())
            && self.scope.rights_at(&entry.path).contains(Rights::READ)
            && let Ok(file) = start.storage.open(&entry.path)
            && let Ok(taken) = prefix_of(&*file, file.entry().size)
        {
            prefix = Some(taken);
            entry = file.entry().clone();
        }
        self.batch.push(WalkItem::Entry(relative(entry, &start.path, &start.asked), prefix));
    }

    fn visit(&mut self, entry: Entry) -> Result<(), StorageError> {
        let start = &self.starts[self.index];
        let path = entry.path.clone();
        let inner = start.path.strip_prefix_of(&path).unwrap_or_default();
        let enter = entry.is_folder() && entry.link.is_none();
        // A folder that the walk continues in was reported before.
        let reported = self.after.as_ref().is_some_and(|after| inner.strip_prefix_of(after).is_some());
        if !reported {
            self.report(entry);
        }
        if !enter {
            return Ok(());
        }
        match self.children(&path) {
            Ok(level) => self.stack.get_or_insert_default().push(level),
            // These end the walk: they are about the request.
            Err(error) if matches!(error.code, ErrorCode::Canceled | ErrorCode::TooManyRequests) => return Err(error),
            // A folder that cannot be read is reported as skipped.
            Err(error) => self.skip(&path, error.code),
        }
        Ok(())
    }

    /// The entries of a folder that come after `after` or contain it; the last first. Files that the server may not read
    /// are reported as skipped instead.
    fn children(&mut self, folder: &VPath) -> Result<Level, StorageError> {
        let above = self.bytes();
        let (storage, view) = (Arc::clone(self.storage()), self.scope.view(folder));
        let count = |bytes| self.memory.set(above + bytes);
        let (mut entries, bytes) = match &view {
            View::All => read_entries(&*storage, folder, &self.cancelled, count)?,
            View::Only(names) => self.entries_on_the_way(folder, names)?,
            View::Nothing => (Vec::new(), 0),
        };
        if let Some(after) = &self.after {
            let start = &self.starts[self.index].path;
            entries.retain(|entry| {
                let inner = start.strip_prefix_of(&entry.path).unwrap_or_default();
                inner.segments().gt(after.segments()) || inner.strip_prefix_of(after).is_some()
            });
        }
        self.skip_unreadable(folder, &mut entries)?;
        if view == View::All && self.storage().count_unnamed(folder)? > 0 {
            self.skip(folder, ErrorCode::TooLarge);
        }
        entries.sort_unstable_by(|left, right| right.path.name().cmp(left.path.name()));
        Ok(Level { entries, bytes })
    }

    /// The entries of a folder on the way to a grant, and their memory in bytes.
    fn entries_on_the_way(&self, folder: &VPath, names: &[Box<[u8]>]) -> Result<(Vec<Entry>, usize), StorageError> {
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let Ok(path) = folder.join(name) else { continue };
            match self.storage().stat(&path) {
                Ok(entry) if self.scope.view(&path) == View::All => entries.push(entry),
                Ok(entry) => entries.extend(on_the_way_to_a_grant(entry)),
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let bytes = entries.iter().map(entry_bytes).sum();
        Ok((entries, bytes))
    }

    /// The storage as the present start is seen.
    fn storage(&self) -> &Arc<dyn Storage> {
        &self.starts[self.index].storage
    }

    /// The memory of the folders on the way, in bytes.
    fn bytes(&self) -> usize {
        self.stack.iter().flatten().map(|level| level.bytes).sum()
    }

    fn skip_unreadable(&mut self, folder: &VPath, entries: &mut Vec<Entry>) -> Result<(), StorageError> {
        let files: Vec<usize> = (0..entries.len()).filter(|&index| entries[index].is_file()).collect();
        let mut names = files.iter().map(|&index| entries[index].path.name());
        let unreadable = self.storage().unreadable_names(folder, &mut names)?;
        // From the end on, so that the indices before stay right.
        for nth in unreadable.into_iter().rev() {
            let path = entries.swap_remove(files[nth]).path;
            self.skip(&path, ErrorCode::AccessDenied);
        }
        Ok(())
    }

    /// Reports what is left out at a path in the storage: the entry, or the entries of a folder that lie too deep.
    fn skip(&mut self, path: &VPath, code: ErrorCode) {
        let start = &self.starts[self.index];
        let inner = start.path.strip_prefix_of(path).unwrap_or_default();
        let path = start.asked.join_path(&inner).unwrap_or_default();
        self.batch.push(WalkItem::Skipped(Skipped { path, code }));
    }
}

async fn send_batch<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    index: usize,
    batch: Vec<WalkItem>,
) -> Result<(), RequestError> {
    let (mut entries, mut growing, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for found in batch {
        match found {
            WalkItem::Entry(entry, prefix) => {
                growing.extend(prefix.map(|prefix| Growing { path: entry.path.clone(), prefix }));
                entries.push(entry);
            }
            WalkItem::Skipped(left_out) => skipped.push(left_out),
        }
    }
    // Few, and each with a path of limited length, so a small number fits into any PAGE.
    for some in skipped.chunks(8) {
        response.send(FrameKind::Page, &Page { skipped: Some(some.to_vec()), ..Page::default() }).await?;
    }
    // Before their entries, so that a client that has an entry has its beginning as well.
    for some in growing.chunks(8) {
        response.send(FrameKind::Page, &Page { growing: Some(some.to_vec()), ..Page::default() }).await?;
    }
    let mut rest = &entries[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at(fitting(rest));
        let next_cursor = now.last().map(|last| format!("{index}.{}", last.path));
        response.send(FrameKind::Page, &Page { entries: now.to_vec(), next_cursor, ..Page::default() }).await?;
        rest = later;
    }
    response.flush().await
}

/// The number of a start and the last path below it. The text is `<number of the start>.<last path, as the caller's>`.
///
/// # Errors
/// [`ErrorCode::BadCursor`].
fn parse_cursor(text: &str, starts: &[Start]) -> Result<(usize, Option<VPath>), ErrorCode> {
    let read = || {
        let (index, path) = text.split_once('.')?;
        let index: usize = index.parse().ok()?;
        let after = starts.get(index)?.asked.strip_prefix_of(&VPath::parse(path).ok()?)?;
        Some((index, Some(after)))
    };
    read().ok_or(ErrorCode::BadCursor)
}
