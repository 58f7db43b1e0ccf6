//! GET: the bytes of chosen files.

use std::fs::File;
use std::sync::Arc;

use shared::limits::PIECE_BYTES;
use shared::wire::{Failure, FrameKind, Get, GetItem, ItemEnd, Meta};
use shared::{Entry, ErrorCode, Rights, Span, VPath};

use super::send::{read_exactly, send_part};
use crate::server::authority::authorise;
use crate::server::blocking::blocking;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::storage::{OpenFile, Storage, StorageError};

/// A part of a file up to this length is read in the step that opens the file, and sent in one write with the frames
/// around it.
const SMALL_BYTES: u64 = 64 << 10;

/// Answers, for each item, META, DATA…, ITEM_END.
pub(in crate::server) async fn get<W: Sink>(
    storage: &Arc<dyn Storage>,
    peer: Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Get,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let peer = Peer { takes_fds: peer.takes_fds && request.pass_fd == Some(true), ..peer };
    for item in request.items {
        let sent = match authorise(&request.caller, peer, Rights::READ, &item.path) {
            Ok(path) => send_item(storage, peer, response, item, path).await,
            Err(code) => Err(RequestError::from(code)),
        };
        let error = match sent {
            Ok(()) => None,
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

/// The wanted part of a file.
enum Part {
    /// A short one, with its bytes.
    Small(Entry, Span, Vec<u8>),
    /// A long one.
    Large(Arc<dyn OpenFile>, Span),
    /// The range lies outside the file.
    Outside(Entry),
}

async fn send_item<W: Sink>(
    storage: &Arc<dyn Storage>,
    peer: Peer,
    response: &mut ResponseWriter<'_, W>,
    item: GetItem,
    path: VPath,
) -> Result<(), RequestError> {
    let part = match try_open(&**storage, &path, &item) {
        Some(part) => part,
        None => {
            let (storage, wanted) = (Arc::clone(storage), item.clone());
            response.until_cancelled(blocking(move || Ok(open(&*storage, &path, &wanted)?))).await?
        }
    };
    match part {
        Part::Small(entry, span, bytes) => {
            send_meta(response, Entry { path: item.path, ..entry }, span).await?;
            for part in bytes.chunks(peer.data_bytes_max) {
                response.send_body(FrameKind::Data, part).await?;
            }
            Ok(())
        }
        Part::Outside(entry) => {
            send_meta(response, Entry { path: item.path, ..entry }, Span { offset: 0, length: 0 }).await?;
            Err(ErrorCode::RangeNotSatisfiable.into())
        }
        Part::Large(file, span) => {
            send_meta(response, Entry { path: item.path, ..file.entry().clone() }, span).await?;
            send_large(peer, response, file, span).await
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

/// Sends or passes a long part, then fails with [`ErrorCode::Changed`] if the file changed meanwhile: a client that has
/// all bytes must have those of one state of the file.
async fn send_large<W: Sink>(
    peer: Peer,
    response: &mut ResponseWriter<'_, W>,
    file: Arc<dyn OpenFile>,
    span: Span,
) -> Result<(), RequestError> {
    match peer.takes_fds.then(|| second_handle(&*file)).flatten() {
        Some(handle) => response.pass_fd(handle).await?,
        None => send_parts(peer, response, &file, span).await?,
    }
    let etag = file.entry().etag;
    let now = response.until_cancelled(blocking(move || Ok(file.etag_now()?))).await?;
    if Some(now) == etag {
        Ok(())
    } else {
        Err(Failure::new(ErrorCode::Changed, "the file changed while it was sent").into())
    }
}

async fn send_parts<W: Sink>(
    peer: Peer,
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

/// Opens the file and reads a short part. Blocks.
fn open(storage: &dyn Storage, path: &VPath, item: &GetItem) -> Result<Part, StorageError> {
    choose(storage.open(path)?, item, |file, bytes, offset| read_exactly(file, bytes, offset))
}

/// As [`open`], without blocking. `None` means that it would block or fails: call [`open`], which reports the failure,
/// or finds a file that changed in its new state.
fn try_open(storage: &dyn Storage, path: &VPath, item: &GetItem) -> Option<Part> {
    let read = |file: &dyn OpenFile, bytes: &mut [u8], offset| match file.try_read_at(bytes, offset) {
        Some(read) if read == bytes.len() => Ok(()),
        _ => Err(StorageError::new(ErrorCode::Io, "the bytes are not all in memory")),
    };
    choose(storage.try_open(path)?, item, read).ok()
}

fn choose(
    file: Box<dyn OpenFile>,
    item: &GetItem,
    read: impl FnOnce(&dyn OpenFile, &mut [u8], u64) -> Result<(), StorageError>,
) -> Result<Part, StorageError> {
    let entry = file.entry();
    if item.if_etag.is_some() && item.if_etag != entry.etag {
        return Err(StorageError::new(ErrorCode::Changed, "the file has another validator than the request"));
    }
    let span = match item.range.map_or(Some(Span::whole(entry.size)), |range| range.clip(entry.size)) {
        None => return Ok(Part::Outside(entry.clone())),
        Some(span) if span.length > SMALL_BYTES => return Ok(Part::Large(Arc::from(file), span)),
        Some(span) => span,
    };
    // At most SMALL_BYTES, so the conversion succeeds.
    let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(PIECE_BYTES)];
    read(&*file, &mut bytes, span.offset)?;
    if Some(file.etag_now()?) != entry.etag {
        return Err(StorageError::new(ErrorCode::Changed, "the file changed while it was read"));
    }
    Ok(Part::Small(entry.clone(), span, bytes))
}
