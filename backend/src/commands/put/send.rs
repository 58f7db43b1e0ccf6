//! Uploads what was found: one worker takes one file at a time. It runs on a thread that may block, so that reading needs
//! no other. What the server has is proved by BLAKE3 before a file appears under its name.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use shared::limits::{PIECE_BYTES, UPLOAD_SYNC_BYTES};
use shared::{Algorithm, Conflict, Entry, ErrorCode, JobId, Kind};

use super::Upload;
use super::find::{Wanted, shown};
use super::local::{self, State};
use super::note::Note;
use crate::client::{self, ClientError, Commit, Sent, Stage};
use crate::commands::exit::{Exit, Failure, is_away};
use crate::commands::job::new_key;
use crate::commands::queue::Queue;
use crate::commands::report::Came;
use crate::commands::retry::Backoff;

/// How often a file may change while it is uploaded before that is a failure.
const CHANGES_MAX: u32 = 5;
/// From this size on it is worth a note here and a record there to go on where an upload stopped, in bytes.
const RESUMABLE_BYTES_MIN: u64 = UPLOAD_SYNC_BYTES;

pub(super) struct Worker {
    upload: Arc<Upload>,
}

/// One file's way to the server, over as many tries as it takes.
struct Journey<'a> {
    wanted: &'a Wanted,
    note: Note,
    /// Of the upload that is under way, with the state of the file that it is of.
    begun: Option<(JobId, State)>,
    /// Whether the upload may go on where one of an earlier command stopped.
    resume: bool,
    /// How the file will have come, once the first try has found out.
    came: Option<Came>,
    backoff: Backoff,
    changes: u32,
}

/// Why something did not arrive.
#[derive(Debug)]
enum Trouble {
    Peer(ClientError),
    /// This machine's disk.
    Disk(io::Error),
    /// The file is no longer what it was when its upload began, or what is on the server is not of this file.
    Changed,
    /// The upload does not stand where it was thought to: the server began anew, or kept less than was sent.
    Elsewhere(ClientError),
    /// Decided against.
    Refused(Failure),
    /// Somebody met what makes it pointless to go on, or said to stop.
    Stopped,
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Peer(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl Worker {
    pub(super) fn new(upload: Arc<Upload>) -> Self {
        Self { upload }
    }

    /// Takes work until there is no more.
    ///
    /// # Errors
    /// What makes it pointless to go on.
    pub(super) async fn run(self, queue: Queue<Wanted>) -> Result<(), Failure> {
        let stop = self.upload.report.stop();
        while let Some(wanted) = queue.next(stop).await {
            self.file(&wanted).await?;
        }
        Ok(())
    }

    async fn file(&self, wanted: &Wanted) -> Result<(), Failure> {
        let Upload { notes, report, retries, resume, .. } = &*self.upload;
        let mut journey = Journey {
            wanted,
            note: notes.on(&wanted.local, &wanted.remote),
            begun: None,
            resume: *resume,
            came: None,
            backoff: Backoff::new(*retries),
            changes: 0,
        };
        while !report.stop().is_cancelled() {
            match self.attempt(&mut journey).await {
                Ok((entry, came)) => {
                    report.came(shown(&wanted.local), &entry.path, entry.size, came);
                    return Ok(());
                }
                Err(Trouble::Stopped) => return Ok(()),
                Err(Trouble::Peer(error)) if is_away(error.code) => {
                    report.wait_amid(&mut journey.backoff, error).await?;
                }
                Err(Trouble::Changed) if journey.changes < CHANGES_MAX => {
                    journey.changes += 1;
                    journey.resume = false;
                    journey.begun = None;
                }
                Err(Trouble::Elsewhere(_)) if journey.changes < CHANGES_MAX => journey.changes += 1,
                Err(trouble) => {
                    report.failed(&failure(trouble, wanted));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// One try. What is left on the server when it fails is of use to the next one, or given up.
    async fn attempt(&self, journey: &mut Journey<'_>) -> Result<(Entry, Came), Trouble> {
        let (mut file, state) = local::open(&journey.wanted.local)?;
        let key = match journey.begun {
            Some((key, begun)) if begun == state => {
                // One that is not written down may have become a file before the server began anew, which forgot it.
                if !self.is_resumable(&state)
                    && let Some(entry) = self.kept(journey.wanted, &mut file, &state).await?
                {
                    return Ok((entry, journey.came.unwrap_or(Came::Kept)));
                }
                key
            }
            Some(_) => return Err(Trouble::Changed),
            None => {
                if let Some(entry) = self.kept(journey.wanted, &mut file, &state).await? {
                    return Ok((entry, Came::Kept));
                }
                let noted = if journey.resume { journey.note.read(&state) } else { None };
                let key = noted.map_or_else(new_key, Ok).map_err(Trouble::Refused)?;
                if self.is_resumable(&state) {
                    journey.note.write(key, &state);
                }
                journey.begun = Some((key, state));
                key
            }
        };
        let upload = match self.upload.session.client.stage(&self.stage(journey.wanted, &state, key)).await {
            // The server has forgotten it, or the key is of something else.
            Err(error) if matches!(error.code, ErrorCode::Gone | ErrorCode::KeyReused) => {
                journey.note.remove();
                return Err(Trouble::Changed);
            }
            upload => upload?,
        };
        match self.deliver(journey, file, &state, &upload).await.map_err(looked_away) {
            Err(trouble) => {
                let goes_on = match &trouble {
                    Trouble::Stopped => self.is_resumable(&state),
                    Trouble::Peer(error) => is_away(error.code),
                    Trouble::Elsewhere(_) => true,
                    _ => false,
                };
                if !goes_on {
                    // What remains expires by itself if this does not arrive.
                    let _ = self.upload.session.client.abort(&self.upload.session.caller, upload.id).await;
                    journey.note.remove();
                }
                Err(trouble)
            }
            Ok(entry) => {
                journey.note.remove();
                Ok((entry, journey.came.unwrap_or(Came::Whole)))
            }
        }
    }

    fn stage(&self, wanted: &Wanted, state: &State, key: JobId) -> Stage {
        Stage {
            caller: self.upload.session.caller.clone(),
            target: Some(wanted.remote.clone()),
            length: Some(state.size),
            conflict: self.upload.conflict,
            if_match: None,
            modified: Some(state.modified),
            blake3: None,
            executable: state.executable,
            metadata: String::new(),
            parts: Vec::new(),
            resumable: self.is_resumable(state),
            make_parents: true,
            key: Some(key),
        }
    }

    /// Whether the server is to write the upload down. A small one is quickly sent again, and looked for first; but what
    /// takes a free name would be there twice.
    fn is_resumable(&self, state: &State) -> bool {
        state.size >= RESUMABLE_BYTES_MIN || self.upload.conflict == Conflict::KeepBoth
    }

    /// What stands there already, where that makes an upload needless; none where the file is to be sent.
    async fn kept(&self, wanted: &Wanted, file: &mut File, state: &State) -> Result<Option<Entry>, Trouble> {
        let Upload { session, conflict, .. } = &*self.upload;
        let there = match session.client.stat(&session.caller, &wanted.remote).await {
            Ok(there) => there,
            Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::ParentMissing) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if there.kind == Kind::File && there.size == state.size && self.is_same(wanted, file).await? {
            return Ok(Some(there));
        }
        match (conflict, there.kind) {
            (Conflict::Skip, _) => Ok(Some(there)),
            (Conflict::KeepBoth, _) | (Conflict::Replace, Kind::File) => Ok(None),
            (_, Kind::Folder) => Err(refused("a folder is in the way")),
            (_, Kind::Other) => Err(refused("something that is no file is in the way")),
            (Conflict::Fail, Kind::File) => Err(refused("exists and differs; --conflict says what to do")),
        }
    }

    /// Whether the file there has the content that the one here has.
    async fn is_same(&self, wanted: &Wanted, file: &mut File) -> Result<bool, Trouble> {
        let Upload { session, report, .. } = &*self.upload;
        let there = session.client.digest(&session.caller, &wanted.remote, vec![Algorithm::Blake3], false);
        let there = there.await?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            if report.stop().is_cancelled() {
                return Err(Trouble::Stopped);
            }
        }
        file.seek(SeekFrom::Start(0))?;
        Ok(there.digests.get(Algorithm::Blake3) == Some(hasher.finalize().as_bytes().as_slice()))
    }

    /// Sends what the server does not have, and makes it a file.
    async fn deliver(
        &self,
        journey: &mut Journey<'_>,
        mut file: File,
        state: &State,
        upload: &client::Upload,
    ) -> Result<Entry, Trouble> {
        if let Some(entry) = &upload.entry {
            // The answer to an earlier COMMIT was lost.
            return Ok(entry.clone());
        }
        if upload.offset > state.size {
            return Err(Trouble::Changed);
        }
        let mut hasher = blake3::Hasher::new();
        hash_to(&mut file, &mut hasher, upload.offset)?;
        if journey.came.is_none() {
            journey.came = Some(if upload.offset > 0 { Came::Resumed } else { Came::Whole });
            self.upload.report.spared(upload.offset);
        }
        if upload.offset < state.size {
            let sent = Sent { offset: upload.offset, length: Some(state.size - upload.offset), ..Sent::default() };
            let now = self.send(upload, sent, &mut file, &mut hasher).await?;
            if now.offset > upload.offset {
                journey.backoff.progress();
            }
        }
        if State::of(&file.metadata()?) != *state {
            return Err(Trouble::Changed);
        }
        self.commit(upload, &hasher).await
    }

    async fn send(
        &self,
        upload: &client::Upload,
        sent: Sent,
        file: &mut File,
        hasher: &mut blake3::Hasher,
    ) -> Result<client::Upload, Trouble> {
        let Upload { session, report, .. } = &*self.upload;
        let mut left = sent.length.unwrap_or_default();
        let mut sending = session.client.put(&session.caller, upload.id, sent).await?;
        while left > 0 {
            let piece = read_piece(file, left)?;
            if piece.is_empty() {
                // It is shorter than it was; what came of it is of no use.
                let _ = sending.break_off().await;
                return Err(Trouble::Changed);
            }
            let count = piece.len() as u64;
            hasher.update(&piece);
            sending.send(piece).await?;
            left -= count;
            report.passed(count);
            if report.stop().is_cancelled() {
                // So that what came is durable before this program is gone.
                sending.break_off().await?;
                return Err(Trouble::Stopped);
            }
        }
        Ok(sending.finish().await?)
    }

    async fn commit(&self, upload: &client::Upload, hasher: &blake3::Hasher) -> Result<Entry, Trouble> {
        let Upload { session, .. } = &*self.upload;
        let request = Commit {
            caller: session.caller.clone(),
            upload: upload.id,
            target: None,
            conflict: None,
            if_match: None,
            blake3: Some(hasher.finalize().as_bytes().to_vec()),
        };
        match session.client.commit(&request).await {
            // What is there came of another content of the same size and time.
            Err(error) if error.code == ErrorCode::ChecksumMismatch => Err(Trouble::Changed),
            Err(error) => Err(error.into()),
            Ok(done) => done.entry.ok_or_else(|| no_entry().into()),
        }
    }
}

/// What another look at the upload may put right.
fn looked_away(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Peer(error)
            if matches!(
                error.code,
                ErrorCode::NotFound | ErrorCode::Gone | ErrorCode::OffsetMismatch | ErrorCode::Incomplete
            ) =>
        {
            Trouble::Elsewhere(error)
        }
        trouble => trouble,
    }
}

/// The next piece of a file, of which at most `left` bytes are wanted; empty at its end.
fn read_piece(file: &mut File, left: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX))];
    let count = file.read(&mut piece)?;
    piece.truncate(count);
    Ok(piece.into())
}

/// Reads the first `length` bytes, and stays behind them.
fn hash_to(file: &mut File, hasher: &mut blake3::Hasher, length: u64) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let piece = read_piece(file, left)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= piece.len() as u64;
        hasher.update(&piece);
    }
    Ok(())
}

pub(super) fn no_entry() -> ClientError {
    ClientError::new(ErrorCode::Protocol, "a commit without a file")
}

fn refused(sentence: &str) -> Trouble {
    Trouble::Refused(Failure::new(Exit::Failed, "exists", sentence))
}

fn failure(trouble: Trouble, wanted: &Wanted) -> Failure {
    match trouble {
        Trouble::Peer(error) | Trouble::Elsewhere(error) => Failure::from(error).about(&wanted.remote),
        Trouble::Refused(failure) => failure.about(&wanted.remote),
        Trouble::Disk(error) => Failure::local(shown(&wanted.local), &error),
        Trouble::Changed | Trouble::Stopped => {
            let message = format!("{}: keeps changing while it is uploaded", shown(&wanted.local));
            Failure::new(Exit::Failed, "changed", message)
        }
    }
}
