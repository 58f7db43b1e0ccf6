//! Uploads the files that were found: one sender works on one file at a time. Runs on a thread that may block, so that
//! reading needs no other thread. The server compares a BLAKE3 digest before the file gets its name.

use std::fs::File;
use std::sync::Arc;

use shared::limits::UPLOAD_SYNC_BYTES;
use shared::{Conflict, Entry, ErrorCode, JobId};

use super::error::SendError;
use super::existing::find_equal;
use super::find::FileTask;
use super::local_file::{self, FileState, Tail};
use super::resume_file::ResumeFile;
use super::upload::{Upload, missing_entry, report_similar, shown};
use crate::client::{self, Commit, PutRange, Stage};
use crate::commands::failure::{Failure, is_away};
use crate::commands::job::new_key;
use crate::commands::report::FileOutcome;
use crate::commands::retry::Backoff;
use crate::commands::workers::Queue;

/// How often a file may change during its upload before that is a failure.
const CHANGES_MAX: u32 = 5;
/// Smaller files are not resumed: sending them again costs less than the records for resuming, in bytes.
const RESUMABLE_BYTES_MIN: u64 = UPLOAD_SYNC_BYTES;

/// One worker of an upload.
pub(super) struct FileSender {
    upload: Arc<Upload>,
}

/// The upload of one file, over all its attempts.
struct FileUpload<'a> {
    task: &'a FileTask,
    resume_file: ResumeFile,
    /// The key of the upload in progress, and the state of the file that it is of.
    in_progress: Option<(JobId, FileState)>,
    /// Whether to resume an upload of an earlier command.
    resume: bool,
    /// Set by the first attempt that sends.
    outcome: Option<FileOutcome>,
    backoff: Backoff,
    changes: u32,
}

/// How an attempt begins.
enum Begin {
    /// Send the file as the upload with this key.
    Send(JobId),
    /// The server has the file, from this command or from before.
    Exists(Entry, FileOutcome),
}

impl FileSender {
    pub(super) fn new(upload: Arc<Upload>) -> Self {
        Self { upload }
    }

    /// Works on tasks until there are no more.
    ///
    /// # Errors
    /// A failure that ends the upload. Others are reported.
    pub(super) async fn run(self, queue: Queue<FileTask>) -> Result<(), Failure> {
        let stop = self.upload.report.stop();
        while let Some(task) = queue.next(stop).await {
            self.file(&task).await?;
        }
        Ok(())
    }

    async fn file(&self, task: &FileTask) -> Result<(), Failure> {
        let Upload { resume_files, report, retries, resume, .. } = &*self.upload;
        let mut file_upload = FileUpload {
            task,
            resume_file: resume_files.file(&task.local, &task.remote),
            in_progress: None,
            resume: *resume,
            outcome: None,
            backoff: Backoff::new(*retries),
            changes: 0,
        };
        while !report.stop().is_cancelled() {
            match self.attempt(&mut file_upload).await {
                Ok((entry, outcome)) => {
                    report.finished(shown(&task.local), &entry.path, entry.size, outcome);
                    return Ok(());
                }
                Err(SendError::Stopped) => return Ok(()),
                Err(SendError::Server(error)) if is_away(error.code) => {
                    report.wait_to_resume(&mut file_upload.backoff, error).await?;
                }
                Err(SendError::Changed) if file_upload.changes < CHANGES_MAX => {
                    file_upload.changes += 1;
                    file_upload.resume = false;
                    file_upload.in_progress = None;
                }
                Err(SendError::OutOfStep(_)) if file_upload.changes < CHANGES_MAX => file_upload.changes += 1,
                Err(error) => {
                    report.failed(&error.failure(task));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// One attempt. When it fails, the upload on the server is kept for the next one if that can use it, else aborted.
    async fn attempt(&self, file_upload: &mut FileUpload<'_>) -> Result<(Entry, FileOutcome), SendError> {
        let (mut file, state) = local_file::open(&file_upload.task.local)?;
        let key = match self.begin(file_upload, &mut file, &state).await? {
            Begin::Send(key) => key,
            Begin::Exists(entry, outcome) => return Ok((entry, outcome)),
        };
        let upload = match self.upload.session.client.stage(&self.stage(file_upload.task, &state, key)).await {
            // The upload has expired, or the key is of another one.
            Err(error) if matches!(error.code, ErrorCode::Gone | ErrorCode::KeyReused) => {
                file_upload.resume_file.remove();
                return Err(SendError::Changed);
            }
            upload => upload?,
        };
        match self.deliver(file_upload, file, &state, &upload).await.map_err(SendError::after_stage) {
            Err(error) => {
                if !self.can_resume(&error, &state) {
                    // If this request is lost, the upload expires on the server.
                    let _ = self.upload.session.client.abort(&self.upload.session.caller, upload.id).await;
                    file_upload.resume_file.remove();
                }
                Err(error)
            }
            Ok(entry) => {
                file_upload.resume_file.remove();
                Ok((entry, file_upload.outcome.unwrap_or(FileOutcome::Transferred)))
            }
        }
    }

    /// Chooses the key of the upload, unless the server has the file.
    async fn begin(
        &self,
        file_upload: &mut FileUpload<'_>,
        file: &mut File,
        state: &FileState,
    ) -> Result<Begin, SendError> {
        let known = match file_upload.in_progress {
            Some((key, in_progress)) if in_progress == *state => Some(key),
            Some(_) => return Err(SendError::Changed),
            None => None,
        };
        // An upload in progress that is not recorded may have been committed before a restart of the server.
        if (known.is_none() || !self.is_resumable(state))
            && let Some(entry) = find_equal(&self.upload, file_upload.task, file, state).await?
        {
            let outcome = known.and(file_upload.outcome).unwrap_or(FileOutcome::Skipped);
            return Ok(Begin::Exists(entry, outcome));
        }
        if let Some(key) = known {
            return Ok(Begin::Send(key));
        }
        let resumed = if file_upload.resume { file_upload.resume_file.read(state) } else { None };
        let key = resumed.map_or_else(new_key, Ok).map_err(SendError::Refused)?;
        if self.is_resumable(state) {
            file_upload.resume_file.write(key, state);
        }
        file_upload.in_progress = Some((key, *state));
        Ok(Begin::Send(key))
    }

    /// Whether the next attempt can use the upload on the server.
    fn can_resume(&self, error: &SendError, state: &FileState) -> bool {
        match error {
            SendError::Stopped => self.is_resumable(state),
            SendError::Server(error) => is_away(error.code),
            SendError::OutOfStep(_) => true,
            _ => false,
        }
    }

    fn stage(&self, task: &FileTask, state: &FileState, key: JobId) -> Stage {
        Stage {
            caller: self.upload.session.caller.clone(),
            target: Some(task.remote.clone()),
            length: Some(state.size),
            conflict: self.upload.conflict,
            modified: Some(state.modified),
            executable: state.executable,
            resumable: self.is_resumable(state),
            make_parents: true,
            key: Some(key),
            ..Stage::default()
        }
    }

    /// Whether the server records the upload. A small file is sent again after a restart, unless the server has it; but
    /// with `keep-both` that would make a second file.
    fn is_resumable(&self, state: &FileState) -> bool {
        state.size >= RESUMABLE_BYTES_MIN || self.upload.conflict == Conflict::KeepBoth
    }

    /// Sends the bytes that the server lacks, and commits the upload.
    async fn deliver(
        &self,
        file_upload: &mut FileUpload<'_>,
        mut file: File,
        state: &FileState,
        upload: &client::Upload,
    ) -> Result<Entry, SendError> {
        if let Some(entry) = &upload.entry {
            // An earlier COMMIT succeeded, but its answer was lost.
            return Ok(entry.clone());
        }
        if upload.offset > state.size {
            return Err(SendError::Changed);
        }
        let tail = Tail::of(&mut file, state)?;
        let mut hasher = blake3::Hasher::new();
        local_file::hash_start(&mut file, &mut hasher, upload.offset)?;
        if file_upload.outcome.is_none() {
            file_upload.outcome = Some(if upload.offset > 0 { FileOutcome::Resumed } else { FileOutcome::Transferred });
            self.upload.report.skipped(upload.offset);
        }
        if upload.offset < state.size {
            let sent =
                PutRange { offset: upload.offset, length: Some(state.size - upload.offset), ..PutRange::default() };
            let now = self.send(upload, sent, &mut file, &mut hasher).await?;
            if now.offset > upload.offset {
                file_upload.backoff.progress();
            }
        }
        let kept =
            FileState::of(&file.metadata()?) == *state || tail.map_or(Ok(false), |tail| tail.has_grown(&mut file))?;
        if !kept {
            return Err(SendError::Changed);
        }
        self.commit(upload, &hasher).await
    }

    /// Sends the bytes from `sent.offset` on. Returns the new state of the upload.
    async fn send(
        &self,
        upload: &client::Upload,
        sent: PutRange,
        file: &mut File,
        hasher: &mut blake3::Hasher,
    ) -> Result<client::Upload, SendError> {
        let Upload { session, report, .. } = &*self.upload;
        let mut left = sent.length.unwrap_or_default();
        let mut sending = session.client.put(&session.caller, upload.id, sent).await?;
        while left > 0 {
            let piece = local_file::read_piece(file, left)?;
            if piece.is_empty() {
                // The file is shorter than it was: the upload is useless.
                let _ = sending.break_off().await;
                return Err(SendError::Changed);
            }
            let count = piece.len() as u64;
            hasher.update(&piece);
            sending.send(piece).await?;
            left -= count;
            report.transferred(count);
            if report.stop().is_cancelled() {
                // Ends the request, so that the server syncs the bytes before this process ends.
                sending.break_off().await?;
                return Err(SendError::Stopped);
            }
        }
        Ok(sending.finish().await?)
    }

    /// Makes the upload a file.
    async fn commit(&self, upload: &client::Upload, hasher: &blake3::Hasher) -> Result<Entry, SendError> {
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
            // The bytes on the server are of another content with this size and time.
            Err(error) if error.code == ErrorCode::ChecksumMismatch => Err(SendError::Changed),
            Err(error) => Err(error.into()),
            Ok(done) => {
                report_similar(&self.upload.report, &done);
                done.entry.ok_or_else(|| missing_entry().into())
            }
        }
    }
}
