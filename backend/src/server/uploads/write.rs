//! PUT: bytes come in, are hashed and written a piece at a time on blocking threads, while the next ones are on their
//! way. Every so many bytes they are synced, beside the writing; only what is synced and written down is told.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use shared::limits::{PIECE_BYTES, UPLOAD_SYNC_BYTES};
use shared::wire::{Failure, FrameKind, Put, PutEnd};
use shared::{Checksum, ErrorCode};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::super::answer::{Answer, Control, Inbound, Stop};
use super::super::blocking::{attempt, blocking};
use super::super::handshake::Peer;
use super::super::hash::{Sum, Sums};
use super::super::{Server, Sink, clock};
use super::decide::{Room, room};
use super::{Hold, Uploads, taken_over, uploader};
use crate::storage::{Staged, StorageError};

/// What is written in one step, in bytes, where so much is there.
const STEP_BYTES: usize = 4 * PIECE_BYTES;

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
    let (uploads, share) = (Arc::clone(&server.uploads), Arc::clone(&hold));
    let mut writer = answer.during(attempt(move || Writer::open(uploads, share, &request))).await?;
    let ready = hold.live().describe();
    answer.send(FrameKind::Upload, &ready).await?;
    intake.control.open_intake();
    let over = match answer.flush().await {
        Ok(()) => loop {
            let batch = match intake.next(answer, &hold).await {
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

    /// Waits for bytes, and takes what else is there already.
    async fn next<W: Sink>(&mut self, answer: &mut Answer<'_, W>, hold: &Hold) -> Result<Batch, Stop> {
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
            let enough = batch.end.is_some() || batch.lost || bytes >= STEP_BYTES;
            next = if enough { None } else { self.receiver.try_recv().ok().map(Some) };
        }
        Ok(batch)
    }
}

/// Puts bytes where they belong.
struct Writer {
    /// None while it is at work on another thread, or was lost there.
    work: Option<Work>,
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
        let announced = request.length;
        let work = Work { uploads, hold, staged, room, announced, at: room.start, sums, check };
        Ok(Self { synced: room.start, work: Some(work), sync: None })
    }

    /// Writes what came, and begins a sync where it is time. A writer that fails is to be settled.
    async fn take<W: Sink>(&mut self, answer: &mut Answer<'_, W>, pieces: Vec<Bytes>) -> Result<(), Stop> {
        let Some(mut work) = self.work.take() else { return Err(ErrorCode::Internal.into()) };
        if pieces.is_empty() {
            self.work = Some(work);
            return Ok(());
        }
        let written = answer.attend(blocking(move || {
            let written = pieces.iter().try_for_each(|piece| work.write(piece));
            Ok((work, written))
        }));
        let (work, written) = written.await?;
        let work = self.work.insert(work);
        written?;
        if work.at - self.synced < UPLOAD_SYNC_BYTES {
            return Ok(());
        }
        // One at a time: where the disk is slower than the client, the client waits.
        if let Some(sync) = self.sync.take() {
            answer.attend(sync.done()).await?;
        }
        self.synced = work.at;
        self.sync = Some(work.begin_sync());
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
        attempt(move || work.settle(over, synced)).await
    }
}

impl Sync {
    async fn done(self) -> Result<(), StorageError> {
        self.task.await.unwrap_or_else(|_| Err(StorageError::new(ErrorCode::Internal, "a sync panicked")))
    }
}

impl Work {
    /// Hashes and writes a piece; what would go behind the end is an error, and what is before it is written.
    fn write(&mut self, piece: &[u8]) -> Result<(), Stop> {
        let fits = self.room.end.map_or(piece.len() as u64, |end| (end - self.at).min(piece.len() as u64));
        // No longer than the piece, so it is a length in memory.
        let now = &piece[..usize::try_from(fits).unwrap_or(piece.len())];
        self.staged.write_at(now, self.at)?;
        self.sums.iter_mut().for_each(|sums| sums.update(now));
        self.check.iter_mut().for_each(|(sum, _)| sum.update(now));
        self.at += fits;
        if now.len() < piece.len() {
            return Err(too_many());
        }
        Ok(())
    }

    /// Makes durable what is written so far, beside what is written next.
    fn begin_sync(&self) -> Sync {
        let (uploads, hold, staged, at) =
            (Arc::clone(&self.uploads), Arc::clone(&self.hold), Arc::clone(&self.staged), self.at);
        // What has a checksum is kept whole or not at all.
        let told = self.check.is_none();
        let task = tokio::spawn(blocking(move || {
            staged.sync()?;
            if told { uploads.set_durable(&hold, at) } else { Ok(()) }
        }));
        Sync { task }
    }

    fn settle(mut self, over: Over, synced: Result<(), StorageError>) -> Result<(), Stop> {
        if let Err(error) = synced {
            self.uploads.cut_back(&self.hold)?;
            return Err(error.into());
        }
        if let Some((sum, wanted)) = self.check.take() {
            let ended = matches!(over, Over::Ended(PutEnd { broken: false }));
            if !ended || sum.finish() != wanted {
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
        self.hold.live().sums = self.sums.take();
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
            self.staged.sync()?;
        }
        self.uploads.set_durable(&self.hold, self.at)
    }
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
