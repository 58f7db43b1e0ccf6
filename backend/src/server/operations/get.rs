//! STAT and GET: one entry, and the bytes of chosen files. What is in memory is answered on the spot; for everything else
//! a blocking thread is asked, which costs several times what the answer does.

use std::fs::File;
use std::sync::Arc;

use shared::limits::PIECE_BYTES;
use shared::wire::{Failure, FrameKind, Get, GetItem, ItemEnd, Meta, Stat};
use shared::{Entry, ErrorCode, Rights, Span, VPath};

use super::send::{Sink, read_exactly, send_part};
use crate::server::authority::authorise;
use crate::server::blocking::blocking;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::state::Server;
use crate::storage::{OpenFile, Storage, StorageError};

/// A part of a file up to so many bytes is read in the same step as the file is opened, and sent in one piece with the
/// frames around it.
const SMALL_BYTES: u64 = 64 << 10;

/// META, END.
pub(in crate::server) async fn stat<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Stat,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let wanted = if request.for_reading == Some(true) { Rights::READ } else { Rights::LIST };
    let path = authorise(&request.caller, peer, wanted, &request.path)?;
    let mut entry = match server.storage.try_stat(&path) {
        Some(entry) => entry,
        None => {
            let storage = Arc::clone(&server.storage);
            answer.during(blocking(move || storage.stat(&path))).await?
        }
    };
    entry.path = request.path;
    answer.send(FrameKind::Meta, &Meta { entry, offset: 0, length: 0 }).await
}

/// For each item META, DATA…, ITEM_END; then END.
pub(in crate::server) async fn get<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Get,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let peer = Peer { takes_fds: peer.takes_fds && request.pass_fd == Some(true), ..peer };
    for item in request.items {
        let path = authorise(&request.caller, peer, Rights::READ, &item.path);
        let sent = match path {
            Ok(path) => send_item(server, peer, answer, item, path).await,
            Err(code) => Err(Stop::from(code)),
        };
        let error = match sent {
            Ok(()) => None,
            Err(Stop::Failed(failure)) if ends_request(failure.code) => return Err(failure.into()),
            Err(Stop::Failed(failure)) => Some(failure),
            Err(broken @ Stop::Broken(_)) => return Err(broken),
        };
        answer.send(FrameKind::ItemEnd, &ItemEnd { error }).await?;
    }
    Ok(())
}

/// The client's own wish ends the request, not one item.
fn ends_request(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Canceled | ErrorCode::DeadlineExceeded)
}

/// What is to be sent of a file.
enum Opened {
    /// These few bytes.
    Small(Entry, Span, Vec<u8>),
    /// That part of it.
    Large(Arc<dyn OpenFile>, Span),
    /// Nothing: the wanted range lies outside.
    Outside(Entry),
}

async fn send_item<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    item: GetItem,
    path: VPath,
) -> Result<(), Stop> {
    let opened = match try_open(&*server.storage, &path, &item) {
        Some(opened) => opened,
        None => {
            let (storage, wanted) = (Arc::clone(&server.storage), item.clone());
            answer.during(blocking(move || open(&*storage, &path, &wanted))).await?
        }
    };
    let (file, span) = match opened {
        Opened::Small(entry, span, bytes) => {
            let entry = Entry { path: item.path, ..entry };
            answer.send(FrameKind::Meta, &Meta { entry, offset: span.offset, length: span.length }).await?;
            for part in bytes.chunks(peer.data_bytes_max) {
                answer.send_body(FrameKind::Data, part).await?;
            }
            return Ok(());
        }
        Opened::Outside(entry) => {
            let entry = Entry { path: item.path, ..entry };
            answer.send(FrameKind::Meta, &Meta { entry, offset: 0, length: 0 }).await?;
            return Err(ErrorCode::RangeNotSatisfiable.into());
        }
        Opened::Large(file, span) => (file, span),
    };
    let entry = Entry { path: item.path, ..file.entry().clone() };
    let etag = entry.etag;
    answer.send(FrameKind::Meta, &Meta { entry, offset: span.offset, length: span.length }).await?;
    match peer.takes_fds.then(|| passable_file(&*file)).flatten() {
        Some(lent) => answer.pass_fd(lent).await?,
        None => send_parts(peer, answer, &file, span).await?,
    }
    // After the last byte: who has all of them must have those of one state of the file.
    let file = Arc::clone(&file);
    let same = Some(answer.during(blocking(move || file.etag_now())).await?) == etag;
    if same { Ok(()) } else { Err(changed()) }
}

async fn send_parts<W: Sink>(
    peer: Peer,
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    span: Span,
) -> Result<(), Stop> {
    let mut offset = span.offset;
    while offset < span.end() {
        let left = span.end() - offset;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(peer.data_bytes_max);
        send_part(answer, file, offset, length).await?;
        answer.flush().await?;
        offset += length as u64;
    }
    Ok(())
}

/// The system's file, if there is one: a second handle to what is open for reading. Where there is none to be had, the
/// bytes are sent.
fn passable_file(file: &dyn OpenFile) -> Option<File> {
    file.as_file()?.try_clone().ok()
}

/// Blocks.
fn open(storage: &dyn Storage, path: &VPath, item: &GetItem) -> Result<Opened, StorageError> {
    choose(storage.open(path)?, item, |file, bytes, offset| read_exactly(file, bytes, offset))
}

/// Does not block. None where it would have to, and for every failure: then [`open`] knows, or finds a file that changed
/// in its new state.
fn try_open(storage: &dyn Storage, path: &VPath, item: &GetItem) -> Option<Opened> {
    let read = |file: &dyn OpenFile, bytes: &mut [u8], offset| match file.try_read_at(bytes, offset) {
        Some(read) if read == bytes.len() => Ok(()),
        _ => Err(StorageError::new(ErrorCode::Io, "the bytes are not all in memory")),
    };
    choose(storage.try_open(path)?, item, read).ok()
}

/// What an item comes to, with its bytes where they are few.
fn choose(
    file: Box<dyn OpenFile>,
    item: &GetItem,
    read: impl FnOnce(&dyn OpenFile, &mut [u8], u64) -> Result<(), StorageError>,
) -> Result<Opened, StorageError> {
    let entry = file.entry();
    if item.if_etag.is_some() && item.if_etag != entry.etag {
        return Err(StorageError::new(ErrorCode::Changed, "the file is not the one that was asked for"));
    }
    let span = match item.range.map_or(Some(Span::whole(entry.size)), |range| range.clip(entry.size)) {
        None => return Ok(Opened::Outside(entry.clone())),
        Some(span) if span.length > SMALL_BYTES => return Ok(Opened::Large(Arc::from(file), span)),
        Some(span) => span,
    };
    // At most SMALL_BYTES, which fits in memory on any machine.
    let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(PIECE_BYTES)];
    read(&*file, &mut bytes, span.offset)?;
    if Some(file.etag_now()?) != entry.etag {
        return Err(StorageError::new(ErrorCode::Changed, "the file changed while it was read"));
    }
    Ok(Opened::Small(entry.clone(), span, bytes))
}

fn changed() -> Stop {
    Failure::new(ErrorCode::Changed, "the file changed while it was sent").into()
}
