//! PUT: bytes come in, are written and hashed a batch at a time on two blocking threads, while the next ones are on their
//! way. Every so many bytes they are synced, beside the writing; only what is synced and written down is told. Of an
//! upload that is not written down nothing is told before it is a file: its bytes are only sent on their way to the disk,
//! so that the sync at the end finds little to do.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use shared::limits::UPLOAD_SYNC_BYTES;
use shared::wire::{Failure, FrameKind, Put, PutEnd};
use shared::{Checksum, ErrorCode};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::decide::{Room, room};
use super::registry::{Hold, Uploads, taken_over, uploader};
use crate::server::blocking::{attempt, blocking};
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Control, Inbound, Stop};
use crate::server::digests::hasher::{Sum, Sums};
use crate::server::operations::send::Sink;
use crate::server::state::Server;
use crate::storage::{Staged, StorageError};

/// What is written in one step, in pieces of full length, where so much is there.
const STEP_PIECES: usize = 4;
/// What is hashed by the thread that writes it, in bytes: less is done sooner than handed over.
const HASHED_ALONG_BYTES: usize = 64 << 10;

/// Where the bytes of a PUT come in.
pub(in crate::server) struct Intake<'a> {
    receiver: Receiver<Inbound>,
    control: &'a Control,
}

/// What came since the last time.
#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    end: Option<PutEnd>,
    /// The connection is over.
    lost: bool,
    /// Somebody newer wants the upload.
    taken_over: bool,
}

/// How the bytes of a PUT came to an end.
enum Over {
    /// The client said so.
    Ended(PutEnd),
    /// The connection broke.
    Lost,
    /// The server does not want the rest.
    Stopped(Stop),
}

/// UPLOAD; then, after DATA… PUT_END, UPLOAD and END.
pub(in crate::server) async fn put<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    mut intake: Intake<'_>,
    request: Put,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let owner = uploader(&request.caller, peer)?;
    let hold = server.uploads.hold(answer, request.upload, owner).await?;
    let (uploads, held) = (Arc::clone(&server.uploads), Arc::clone(&hold));
    let mut writer = answer.during(attempt(move || Writer::open(uploads, held, &request))).await?;
    let share = server.transfer_budget.share();
    let ready = hold.live().describe();
    answer.send(FrameKind::Upload, &ready).await?;
    intake.control.open_intake();
    let over = match answer.flush().await {
        Ok(()) => loop {
            let bytes_max = STEP_PIECES * share.piece_bytes();
            let batch = match intake.next(answer, &hold, bytes_max).await {
                Ok(batch) => batch,
                Err(stop) => break Over::Stopped(stop),
            };
            if let Err(stop) = writer.take(answer, batch.pieces).await {
                break Over::Stopped(stop);
            }
            match batch.end {
                Some(end) => break Over::Ended(end),
                None if batch.lost => break Over::Lost,
                None if batch.taken_over => break Over::Stopped(taken_over()),
                None => {}
            }
        },
        Err(stop) => Over::Stopped(stop),
    };
    answer.attend(writer.settle(over)).await?;
    let upload = hold.live().describe();
    answer.send(FrameKind::Upload, &upload).await
}

impl<'a> Intake<'a> {
    /// Bytes from there, once `control` has opened.
    pub(in crate::server) fn new(receiver: Receiver<Inbound>, control: &'a Control) -> Self {
        Self { receiver, control }
    }

    /// All the bytes of a STORE, which are to be so many.
    pub(super) async fn whole<W: Sink>(mut self, answer: &mut Answer<'_, W>, length: u64) -> Result<Bytes, Stop> {
        let (mut first, mut more, mut left) = (Bytes::new(), BytesMut::new(), length);
        loop {
            let inbound = answer.during(async { Ok::<_, Stop>(self.receiver.recv().await) }).await?;
            let piece = match inbound {
                Some(Inbound::Bytes(piece)) => piece,
                Some(Inbound::End(PutEnd { broken: true })) => {
                    return Err(Failure::new(ErrorCode::Canceled, "the client's own source broke").into());
                }
                Some(Inbound::End(_)) if left > 0 => return Err(too_few()),
                Some(Inbound::End(_)) => return Ok(if more.is_empty() { first } else { more.freeze() }),
                None => return Err(disconnected()),
            };
            left = left.checked_sub(piece.len() as u64).ok_or_else(too_many)?;
            // Nearly always all of it comes in one piece, which is not copied.
            if first.is_empty() {
                first = piece;
                continue;
            }
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
    }

    /// Waits for bytes, and takes what else is there already, up to about `bytes_max`.
    async fn next<W: Sink>(
        &mut self,
        answer: &mut Answer<'_, W>,
        hold: &Hold,
        bytes_max: usize,
    ) -> Result<Batch, Stop> {
        let first = answer.during(async {
            tokio::select! {
                biased;
                () = hold.wanted.cancelled() => Ok::<_, Stop>(None),
                inbound = self.receiver.recv() => Ok(Some(inbound)),
            }
        });
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut next = match first.await? {
            Some(inbound) => Some(inbound),
            None => {
                // What is here already is kept for who comes next.
                batch.taken_over = true;
                self.receiver.try_recv().ok().map(Some)
            }
        };
        while let Some(inbound) = next {
            match inbound {
                Some(Inbound::Bytes(piece)) => {
                    bytes += piece.len();
                    batch.pieces.push(piece);
                }
                Some(Inbound::End(end)) => batch.end = Some(end),
                None => batch.lost = true,
            }
            let enough = batch.end.is_some() || batch.lost || bytes >= bytes_max;
            next = if enough { None } else { self.receiver.try_recv().ok().map(Some) };
        }
        Ok(batch)
    }
}

/// Puts bytes where they belong.
struct Writer {
    /// None while it is at work on another thread, or was lost there.
    work: Option<Work>,
    /// None while it is at work on another thread, or was lost there, or is of other bytes than were written.
    hashing: Option<Hashing>,
    sync: Option<Sync>,
    /// Where the last sync that began ends.
    synced: u64,
}

/// A sync on its way.
struct Sync {
    task: JoinHandle<Result<(), StorageError>>,
}

/// What goes to the thread that writes, and comes back.
struct Work {
    uploads: Arc<Uploads>,
    hold: Arc<Hold>,
    staged: Arc<dyn Staged>,
    room: Room,
    /// How many bytes the client said that it sends.
    announced: Option<u64>,
    /// Where the next byte goes.
    at: u64,
    /// Whether there is a checksum to hold against the bytes: then they are kept whole or not at all.
    checked: bool,
}

/// What the bytes come to, which another thread finds out.
struct Hashing {
    sums: Option<Sums>,
    check: Option<(Sum, Checksum)>,
}

impl Writer {
    /// Readies an upload for bytes.
    fn open(uploads: Arc<Uploads>, hold: Arc<Hold>, request: &Put) -> Result<Self, Stop> {
        let record = hold.record();
        if record.answer.is_some() {
            return Err(Failure::new(ErrorCode::Gone, "the upload is a file already").into());
        }
        let room = room(&record, request)?;
        let staged: Arc<dyn Staged> = Arc::from(uploads.open(&record)?);
        if let (Some(end), Some(space)) = (room.end, uploads.storage.space(&shared::VPath::root())?)
            && end - room.start > space
        {
            return Err(Failure::new(ErrorCode::NoSpace, "there is not as much room as the bytes need").into());
        }
        let sums = {
            let mut live = hold.live();
            live.record.length = room.length;
            live.sums.take().filter(|sums| sums.bytes() == room.start)
        };
        let check = request.checksum.clone().map(|checksum| (Sum::new(checksum.algorithm), checksum));
        let (announced, checked) = (request.length, check.is_some());
        let work = Work { uploads, hold, staged, room, announced, at: room.start, checked };
        let hashing = Some(Hashing { sums, check });
        Ok(Self { synced: room.start, work: Some(work), hashing, sync: None })
    }

    /// Writes what came, and begins a sync where it is time. What would go behind the end is an error, and what is before
    /// it is written. A writer that fails is to be settled.
    async fn take<W: Sink>(&mut self, answer: &mut Answer<'_, W>, mut pieces: Vec<Bytes>) -> Result<(), Stop> {
        let Some(mut work) = self.work.take() else { return Err(ErrorCode::Internal.into()) };
        let too_long = work.room.end.is_some_and(|end| cut(&mut pieces, end - work.at));
        if !pieces.is_empty() {
            let Some(mut hashing) = self.hashing.take() else { return Err(ErrorCode::Internal.into()) };
            let along = pieces.iter().map(Bytes::len).sum::<usize>() <= HASHED_ALONG_BYTES;
            let pieces: Arc<[Bytes]> = pieces.into();
            let (written, hashing) = if along {
                let both = blocking(move || {
                    hashing.take(&pieces);
                    Ok((work.write(&pieces), hashing, work))
                });
                let (written, hashing, same) = answer.attend(both).await?;
                work = same;
                (written, hashing)
            } else {
                let same = Arc::clone(&pieces);
                let writing = blocking(move || Ok((work.write(&pieces), work)));
                let hashing = blocking(move || {
                    hashing.take(&same);
                    Ok(hashing)
                });
                let (written, hashing) = answer.attend(async { tokio::join!(writing, hashing) }).await;
                let (written, same) = written?;
                work = same;
                (written, hashing?)
            };
            // Otherwise some of what was hashed was not written.
            self.hashing = Some(hashing).filter(|_| written.is_ok());
            if let Err(error) = written {
                self.work = Some(work);
                return Err(error.into());
            }
        }
        let work = self.work.insert(work);
        if too_long {
            return Err(too_many());
        }
        if work.at - self.synced < UPLOAD_SYNC_BYTES {
            return Ok(());
        }
        // One at a time: where the disk is slower than the client, the client waits.
        if let Some(sync) = self.sync.take() {
            answer.attend(sync.done()).await?;
        }
        self.sync = Some(work.begin_sync(self.synced));
        self.synced = work.at;
        Ok(())
    }

    /// Makes durable what is to be kept, writes down how much that is, and cuts off the rest.
    async fn settle(mut self, over: Over) -> Result<(), Stop> {
        let synced = match self.sync.take() {
            Some(sync) => sync.done().await,
            None => Ok(()),
        };
        // It was lost in a panic: the next one to open the upload cuts it back to what is durable.
        let Some(work) = self.work else { return Err(ErrorCode::Internal.into()) };
        let hashing = self.hashing;
        attempt(move || work.settle(over, synced, hashing)).await
    }
}

impl Sync {
    async fn done(self) -> Result<(), StorageError> {
        self.task.await.unwrap_or_else(|_| Err(StorageError::new(ErrorCode::Internal, "a sync panicked")))
    }
}

impl Work {
    fn write(&mut self, pieces: &[Bytes]) -> Result<(), StorageError> {
        for piece in pieces {
            self.staged.write_at(piece, self.at)?;
            self.at += piece.len() as u64;
        }
        Ok(())
    }

    /// Makes durable what is written so far, beside what is written next; or only sends it on its way.
    fn begin_sync(&self, from: u64) -> Sync {
        let (uploads, hold, staged, at) =
            (Arc::clone(&self.uploads), Arc::clone(&self.hold), Arc::clone(&self.staged), self.at);
        let told = !self.checked;
        let task = tokio::spawn(blocking(move || {
            if hold.live().record.request.resumable {
                uploads.sync(&*staged)?;
            } else {
                staged.write_out(from, at - from);
            }
            if told { uploads.set_durable(&hold, at) } else { Ok(()) }
        }));
        Sync { task }
    }

    fn settle(self, over: Over, synced: Result<(), StorageError>, hashing: Option<Hashing>) -> Result<(), Stop> {
        if let Err(error) = synced {
            self.uploads.cut_back(&self.hold)?;
            return Err(error.into());
        }
        let Hashing { sums, check } = hashing.unwrap_or(Hashing { sums: None, check: None });
        if self.checked {
            let ended = matches!(over, Over::Ended(PutEnd { broken: false }));
            if !ended || !check.is_some_and(|(sum, wanted)| sum.finish() == wanted) {
                self.staged.truncate(self.room.start)?;
                return Err(match over {
                    Over::Stopped(stop) => stop,
                    Over::Lost => disconnected(),
                    Over::Ended(_) => ErrorCode::ChecksumMismatch.into(),
                });
            }
        }
        // A write that failed may have left a part.
        if self.staged.length()? > self.at {
            self.staged.truncate(self.at)?;
        }
        if let Err(error) = self.keep() {
            self.uploads.cut_back(&self.hold)?;
            return Err(error.into());
        }
        self.hold.live().sums = sums;
        match over {
            Over::Stopped(stop) => Err(stop),
            Over::Lost => Err(disconnected()),
            Over::Ended(end) => match self.announced {
                Some(announced) if !end.broken && self.at - self.room.start < announced => Err(too_few()),
                _ => Ok(()),
            },
        }
    }

    /// Makes everything that is written durable.
    fn keep(&self) -> Result<(), StorageError> {
        // An upload that ends with the server has no offset to promise; COMMIT syncs it.
        if self.hold.live().record.request.resumable {
            self.uploads.sync(&*self.staged)?;
        }
        self.uploads.set_durable(&self.hold, self.at)
    }
}

impl Hashing {
    fn take(&mut self, pieces: &[Bytes]) {
        for piece in pieces {
            self.sums.iter_mut().for_each(|sums| sums.update(piece));
            self.check.iter_mut().for_each(|(sum, _)| sum.update(piece));
        }
    }
}

/// Cuts what came to so many bytes; true where there was more.
fn cut(pieces: &mut Vec<Bytes>, bytes: u64) -> bool {
    let mut left = bytes;
    for (index, piece) in pieces.iter_mut().enumerate() {
        match left.checked_sub(piece.len() as u64) {
            Some(less) => left = less,
            None => {
                // Less than the piece has, so it is a length in memory.
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                pieces.truncate(index + 1);
                pieces.retain(|piece| !piece.is_empty());
                return true;
            }
        }
    }
    false
}

impl Uploads {
    /// Writes down that so many bytes are durable, which they are; and that somebody still wants the upload.
    fn set_durable(&self, hold: &Hold, durable: u64) -> Result<(), StorageError> {
        let mut record = hold.record();
        if record.request.resumable {
            record.expires = clock::after(clock::now(), self.expiry);
            self.records()?.set_durable(record.id, durable, record.length, record.expires)?;
        } else {
            record.expires = clock::after(clock::now(), shared::limits::UPLOAD_UNRECORDED_TIME);
        }
        let mut live = hold.live();
        (live.record.durable, live.record.expires) = (durable, record.expires);
        Ok(())
    }
}

fn too_many() -> Stop {
    Failure::new(ErrorCode::LengthMismatch, "more bytes came than were announced").into()
}

fn too_few() -> Stop {
    Failure::new(ErrorCode::LengthMismatch, "fewer bytes came than were announced").into()
}

fn disconnected() -> Stop {
    Failure::new(ErrorCode::Disconnected, "the connection broke in the middle of the bytes").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_behind_the_end_is_cut_off() {
        let check = |lengths: &[usize], bytes, kept: &[usize], more| {
            let mut pieces: Vec<_> = lengths.iter().map(|length| Bytes::from(vec![7; *length])).collect();
            assert_eq!(cut(&mut pieces, bytes), more, "{lengths:?} to {bytes}");
            assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), kept, "{lengths:?} to {bytes}");
        };
        check(&[], 0, &[], false);
        check(&[3, 4], 7, &[3, 4], false);
        check(&[3, 4], u64::MAX, &[3, 4], false);
        check(&[3, 4], 6, &[3, 3], true);
        check(&[3, 4], 3, &[3], true);
        check(&[3, 4, 5], 2, &[2], true);
        check(&[3], 0, &[], true);
    }
}
