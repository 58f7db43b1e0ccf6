//! GET: the bytes of chosen files.

use std::fs::File;
use std::sync::Arc;

use shared::limits::PIECE_BYTES;
use shared::wire::{FrameKind, Get, GetItem, ItemEnd, Meta, Prefix};
use shared::{Entry, ErrorCode, Rights, Span, VPath};

use super::send::{read_exactly, send_part};
use crate::server::authority::{authorise, seen_by};
use crate::server::blocking::blocking;
use crate::server::clock;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::storage::{OpenFile, Storage, StorageError, has_grown_from, is_kept, may_grow, prefix_of};

/// A part of a file up to this length is read in the step that opens the file, and sent in one write with the frames
/// around it.
const SMALL_BYTES: u64 = 64 << 10;

/// Answers, for each item, META, DATA…, ITEM_END.
pub(in crate::server) async fn get<W: Sink>(
    storage: &Arc<dyn Storage>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Get,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let storage = &seen_by(&request.caller.scope, Rights::READ, storage);
    let peer = &Peer { takes_fds: peer.takes_fds && request.pass_fd == Some(true), ..peer.clone() };
    let mut items = request.items.into_iter().peekable();
    let mut last = None;
    while let Some(item) = items.next() {
        let more = items.peek().is_some_and(|next| next.path == item.path);
        let sent = match authorise(&request.caller, Rights::READ, &item.path) {
            Ok(path) => send_item(storage, peer, response, item, Wanted { path, last: last.take(), more }).await,
            Err(code) => Err(RequestError::from(code)),
        };
        let error = match sent {
            Ok(opened) => {
                last = opened.filter(|_| more);
                None
            }
            Err(RequestError::Failed(failure)) if !ends_request(failure.code) => Some(failure),
            Err(error) => return Err(error),
        };
        response.send(FrameKind::ItemEnd, &ItemEnd { error }).await?;
    }
    Ok(())
}

/// Whether a failure ends the whole request: the client's own decision does, the failure of an item does not.
fn ends_request(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Canceled | ErrorCode::DeadlineExceeded)
}

/// An open file.
struct Opened {
    file: Arc<dyn OpenFile>,
    /// How it begins, if it may be growing and this has been asked for.
    prefix: Option<Prefix>,
}

impl Opened {
    fn new(file: Box<dyn OpenFile>) -> Self {
        Self { file: Arc::from(file), prefix: None }
    }

    /// Notes how the file begins if it may be growing, before its content is read. Blocks.
    fn watch_growth(mut self) -> Result<Self, StorageError> {
        let entry = self.file.entry();
        if self.prefix.is_none() && may_grow(entry, clock::now()) {
            self.prefix = Some(prefix_of(&*self.file, entry.size)?);
        }
        Ok(self)
    }

    /// Fails with [`ErrorCode::Changed`] unless the file is as it was opened, or has only grown since. Blocks.
    fn check(&self) -> Result<(), StorageError> {
        if is_kept(&*self.file, self.prefix.as_ref())? {
            Ok(())
        } else {
            Err(StorageError::new(ErrorCode::Changed, "the file changed while it was read"))
        }
    }

    /// The length of the file in the state that the item asks for; `None` if it is in another state. Of a file that has
    /// grown, it is the length that the client knows. Blocks if the item names a prefix.
    fn wanted_length(&self, item: &GetItem) -> Result<Option<u64>, StorageError> {
        let entry = self.file.entry();
        match (item.if_etag, &item.if_prefix) {
            (None, None) => Ok(Some(entry.size)),
            (Some(_), _) if item.if_etag == entry.etag => Ok(Some(entry.size)),
            (_, Some(prefix)) => Ok(has_grown_from(&*self.file, prefix)?.then_some(prefix.length.min(entry.size))),
            (Some(_), None) => Ok(None),
        }
    }
}

/// Where an item is, and what is known of its file.
struct Wanted {
    path: VPath,
    /// The file of the item before, if it has the path of this one: all parts of one answer are of one state.
    last: Option<Opened>,
    /// The next item has this path, too.
    more: bool,
}

/// The wanted part of a file.
enum Part {
    /// A short one, with its bytes.
    Small(Opened, Span, Vec<u8>),
    /// A long one.
    Large(Opened, Span),
    /// The range lies outside the file.
    Outside(Entry),
}

async fn send_item<W: Sink>(
    storage: &Arc<dyn Storage>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    item: GetItem,
    wanted: Wanted,
) -> Result<Option<Opened>, RequestError> {
    let cached = if wanted.more || wanted.last.is_some() { None } else { try_open(&**storage, &wanted.path, &item) };
    let part = match cached {
        Some(part) => part,
        None => {
            let (storage, item) = (Arc::clone(storage), item.clone());
            response.until_cancelled(blocking(move || Ok(open(&*storage, wanted, &item)?))).await?
        }
    };
    match part {
        Part::Small(opened, span, bytes) => {
            send_meta(response, Entry { path: item.path, ..opened.file.entry().clone() }, span).await?;
            for part in bytes.chunks(peer.data_bytes_max) {
                response.send_body(FrameKind::Data, part).await?;
            }
            Ok(Some(opened))
        }
        Part::Outside(entry) => {
            send_meta(response, Entry { path: item.path, ..entry }, Span { offset: 0, length: 0 }).await?;
            Err(ErrorCode::RangeNotSatisfiable.into())
        }
        Part::Large(opened, span) => {
            send_meta(response, Entry { path: item.path, ..opened.file.entry().clone() }, span).await?;
            send_large(peer, response, opened, span).await.map(Some)
        }
    }
}

async fn send_meta<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    entry: Entry,
    span: Span,
) -> Result<(), RequestError> {
    response.send(FrameKind::Meta, &Meta { entry, offset: span.offset, length: span.length }).await
}

/// Sends or passes a long part, then fails with [`ErrorCode::Changed`] if the file changed meanwhile other than by
/// growing: a client that has all bytes must have those of one state of the file.
async fn send_large<W: Sink>(
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    mut opened: Opened,
    span: Span,
) -> Result<Opened, RequestError> {
    if opened.prefix.is_none() && may_grow(opened.file.entry(), clock::now()) {
        opened = response.until_cancelled(blocking(move || Ok(opened.watch_growth()?))).await?;
    }
    match peer.takes_fds.then(|| second_handle(&*opened.file)).flatten() {
        Some(handle) => response.pass_fd(handle).await?,
        None => send_parts(peer, response, &opened.file, span).await?,
    }
    let check = blocking(move || {
        opened.check()?;
        Ok(opened)
    });
    response.until_cancelled(check).await
}

async fn send_parts<W: Sink>(
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    file: &Arc<dyn OpenFile>,
    span: Span,
) -> Result<(), RequestError> {
    let mut offset = span.offset;
    while offset < span.end() {
        let left = span.end() - offset;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(peer.data_bytes_max);
        send_part(response, file, offset, length).await?;
        response.flush().await?;
        offset += length as u64;
    }
    Ok(())
}

/// A second handle to the system's file. `None` if there is none to be had: the bytes are then sent.
fn second_handle(file: &dyn OpenFile) -> Option<File> {
    file.as_file()?.try_clone().ok()
}

/// Opens the file and reads a short part. A file that changes meanwhile is opened once more: if it only grows, the
/// second attempt notices. Blocks.
fn open(storage: &dyn Storage, wanted: Wanted, item: &GetItem) -> Result<Part, StorageError> {
    let path = &wanted.path;
    let read = |file: &dyn OpenFile, bytes: &mut [u8], offset| read_exactly(file, bytes, offset);
    if let Some(last) =
        wanted.last.filter(|last| last.file.entry().path == *path && item.if_etag == last.file.entry().etag)
    {
        return choose(last, item, read);
    }
    let opened = Opened::new(storage.open(path)?);
    let opened = if wanted.more { opened.watch_growth()? } else { opened };
    match choose(opened, item, read) {
        Err(error) if error.code == ErrorCode::Changed => {
            choose(Opened::new(storage.open(path)?).watch_growth()?, item, read)
        }
        part => part,
    }
}

/// As [`open`], without blocking. `None` means that it would block or fails: call [`open`], which reports the failure,
/// or finds a file that changed in its new state.
fn try_open(storage: &dyn Storage, path: &VPath, item: &GetItem) -> Option<Part> {
    let read = |file: &dyn OpenFile, bytes: &mut [u8], offset| match file.try_read_at(bytes, offset) {
        Some(read) if read == bytes.len() => Ok(()),
        _ => Err(StorageError::new(ErrorCode::Io, "the bytes are not all in memory")),
    };
    // A prefix is compared by reading the file, which may block.
    let opened = Opened::new(storage.try_open(path).filter(|_| item.if_prefix.is_none())?);
    choose(opened, item, read).ok()
}

fn choose(
    opened: Opened,
    item: &GetItem,
    read: impl FnOnce(&dyn OpenFile, &mut [u8], u64) -> Result<(), StorageError>,
) -> Result<Part, StorageError> {
    let Some(length) = opened.wanted_length(item)? else {
        return Err(StorageError::new(ErrorCode::Changed, "the file has another validator than the request"));
    };
    let entry = opened.file.entry();
    let span = match item.range.map_or(Some(Span::whole(length)), |range| range.clip(length)) {
        None => return Ok(Part::Outside(entry.clone())),
        Some(span) if span.length > SMALL_BYTES => return Ok(Part::Large(opened, span)),
        Some(span) => span,
    };
    // At most SMALL_BYTES, so the conversion succeeds.
    let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(PIECE_BYTES)];
    read(&*opened.file, &mut bytes, span.offset)?;
    opened.check()?;
    Ok(Part::Small(opened, span, bytes))
}
