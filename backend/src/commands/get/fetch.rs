//! Downloads the files that were found: one fetcher works on one task at a time, over one connection. Runs on a thread
//! that may block, so that writes to the disk need no other thread.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use shared::{ByteRange, Entry, ErrorCode};
use tokio::time::sleep;

use super::decide::{Decision, decide};
use super::download::{Download, check_fatal};
use super::find::{FileTask, Task};
use super::folders::existing;
use super::part_file::PartFile;
use crate::client::{ClientError, GetItem, Item, Meta, Transfer};
use crate::commands::failure::{Exit, Failure, is_away};
use crate::commands::report::FileOutcome;
use crate::commands::retry::Backoff;
use crate::commands::workers::Queue;

/// How often a file may change during its download before that is a failure.
const CHANGES_MAX: u32 = 5;

/// One worker of a download.
pub(super) struct Fetcher {
    download: Arc<Download>,
}

/// Why a file was not downloaded.
#[derive(Debug)]
enum FetchError {
    /// The server's answer, or the connection.
    Server(ClientError),
    /// This machine's disk.
    Disk(io::Error),
    /// The transfer was stopped.
    Stopped,
}

impl From<ClientError> for FetchError {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl Fetcher {
    pub(super) fn new(download: Arc<Download>) -> Self {
        Self { download }
    }

    /// Works on tasks until there are no more.
    ///
    /// # Errors
    /// A failure that ends the download. Others are reported.
    pub(super) async fn run(self, queue: Queue<Task>) -> Result<(), Failure> {
        let stop = self.download.report.stop();
        while let Some(task) = queue.next(stop).await {
            match task {
                Task::Batch(files) => self.batch(files).await?,
                Task::Large(file) => self.large(file).await?,
            }
        }
        Ok(())
    }

    /// Downloads small files, in as many requests as it takes.
    async fn batch(&self, files: Vec<FileTask>) -> Result<(), Failure> {
        let mut left = VecDeque::with_capacity(files.len());
        for file in files {
            if self.is_wanted(&file)? {
                left.push_back(file);
            }
        }
        let mut backoff = Backoff::new(self.download.retries);
        while !left.is_empty() {
            let before = left.len();
            let error = match self.request_batch(&mut left).await? {
                Ok(()) => continue,
                Err(error) => error,
            };
            if left.len() < before {
                backoff.progress();
            }
            match error {
                FetchError::Server(error) if is_away(error.code) => {
                    self.download.report.wait_to_resume(&mut backoff, error).await?
                }
                FetchError::Server(error) => return Err(error.into()),
                FetchError::Disk(_) | FetchError::Stopped => return Ok(()),
            }
        }
        Ok(())
    }

    /// Requests all files that are left, and removes those from `left` that succeed or fail for good.
    ///
    /// # Errors
    /// The outer error ends the download. The inner one is that of the request.
    async fn request_batch(&self, left: &mut VecDeque<FileTask>) -> Result<Result<(), FetchError>, Failure> {
        let session = &self.download.session;
        let item = |file: &FileTask| {
            let path = file.entry.path.clone();
            GetItem { path, range: None, if_etag: None, if_prefix: None }
        };
        let items = left.iter().map(item);
        let mut transfer = match self.until_stopped(session.client.get(&session.caller, items.collect())).await {
            Ok(transfer) => transfer,
            Err(error) => return Ok(Err(error)),
        };
        for _ in 0..left.len() {
            let item = match self.until_stopped(transfer.next_item()).await {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(Err(missing_items().into())),
                Err(error) => return Ok(Err(error)),
            };
            let Some(file) = left.front() else { break };
            let received = match item {
                Item::Sending(meta) => self.small(&mut transfer, file, meta).await,
                Item::Refused(failure) | Item::Unsatisfiable(_, failure) => {
                    Err(FetchError::Server(ClientError::from(failure)))
                }
            };
            match received {
                Err(error @ FetchError::Stopped) => return Ok(Err(error)),
                Err(FetchError::Server(error)) if is_away(error.code) => return Ok(Err(error.into())),
                received => {
                    if let Some(mut file) = left.pop_front()
                        && self.report_or_retry(&file, received, FileOutcome::Transferred)?
                    {
                        file.changes += 1;
                        left.push_back(file);
                    }
                }
            }
        }
        // Reads the end of the answer, so that the connection can be reused.
        Ok(transfer.next_item().await.map(drop).map_err(FetchError::from))
    }

    /// Receives one file of a batch.
    async fn small(&self, transfer: &mut Transfer, file: &FileTask, meta: Meta) -> Result<u64, FetchError> {
        check_part(&meta, 0)?;
        let mut part = self.open(file, false)?;
        let received = self.until_stopped(self.receive(transfer, &mut part, &meta.entry)).await;
        self.close(part, received, &meta.entry)
    }

    /// Downloads a large file, which resumes after a lost connection.
    async fn large(&self, mut file: FileTask) -> Result<(), Failure> {
        if !self.is_wanted(&file)? {
            return Ok(());
        }
        let mut backoff = Backoff::new(self.download.retries);
        let mut outcome = None;
        loop {
            let received = self.attempt(&file, &mut outcome, &mut backoff).await;
            let outcome = outcome.unwrap_or(FileOutcome::Transferred);
            match received {
                Err(FetchError::Stopped) => return Ok(()),
                Err(FetchError::Server(error)) if is_away(error.code) => {
                    self.download.report.wait_to_resume(&mut backoff, error).await?
                }
                received => {
                    if !self.report_or_retry(&file, received, outcome)? {
                        return Ok(());
                    }
                    file.changes += 1;
                    self.stat_again(&mut file).await;
                }
            }
        }
    }

    /// Requests the missing bytes of a file. The first attempt sets `outcome`: bytes that later ones find are of this
    /// download.
    async fn attempt(
        &self,
        file: &FileTask,
        outcome: &mut Option<FileOutcome>,
        backoff: &mut Backoff,
    ) -> Result<u64, FetchError> {
        let mut part = self.open(file, self.download.resume || outcome.is_some())?;
        let offset = part.written();
        if outcome.is_none() {
            *outcome = Some(if offset > 0 { FileOutcome::Resumed } else { FileOutcome::Transferred });
            self.download.report.skipped(offset);
        }
        if offset == file.entry.size {
            return self.close(part, Ok(()), &file.entry);
        }
        let received = self.until_stopped(self.request_rest(file, &mut part)).await;
        if part.written() > offset {
            backoff.progress();
        }
        match received {
            Ok(source) => self.close(part, Ok(()), &source),
            Err(error) => self.close(part, Err(error), &file.entry),
        }
    }

    /// Requests and receives the bytes that `part` lacks. Returns the entry that they are from.
    async fn request_rest(&self, file: &FileTask, part: &mut PartFile) -> Result<Entry, FetchError> {
        let session = &self.download.session;
        let range = (part.written() > 0).then(|| ByteRange::From(part.written()));
        let item = GetItem { path: file.entry.path.clone(), range, if_etag: part.etag(), if_prefix: None };
        let mut transfer = session.client.get(&session.caller, vec![item]).await?;
        let meta = match transfer.next_item().await? {
            Some(Item::Sending(meta)) => meta,
            Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => {
                return Err(ClientError::from(failure).into());
            }
            None => return Err(missing_items().into()),
        };
        check_part(&meta, part.written())?;
        self.receive(&mut transfer, part, &meta.entry).await?;
        transfer.next_item().await?;
        Ok(meta.entry)
    }

    /// Receives the bytes of an item to its end.
    async fn receive(&self, transfer: &mut Transfer, part: &mut PartFile, source: &Entry) -> Result<(), FetchError> {
        part.begin(source)?;
        while let Some(piece) = next_piece(transfer, part).await? {
            part.write(&piece)?;
            self.download.report.transferred(piece.len() as u64);
        }
        Ok(())
    }

    /// Waits for the server only as long as the download goes on: at Ctrl-C it may be silent.
    async fn until_stopped<T, E: Into<FetchError>>(
        &self,
        waiting: impl Future<Output = Result<T, E>>,
    ) -> Result<T, FetchError> {
        tokio::select! {
            biased;
            () = self.download.report.stop().cancelled() => Err(FetchError::Stopped),
            received = waiting => received.map_err(Into::into),
        }
    }

    fn open(&self, file: &FileTask, resume: bool) -> io::Result<PartFile> {
        let (folder, name) = self.download.folders.parent(&file.local)?;
        PartFile::open(folder, name, &file.entry, resume)
    }

    /// Completes the file, or keeps the part for a later download.
    fn close(&self, part: PartFile, received: Result<(), FetchError>, source: &Entry) -> Result<u64, FetchError> {
        match received {
            Ok(()) => {
                part.finish(source, self.download.force)?;
                Ok(source.size)
            }
            Err(error) => {
                // The first error is the one to report.
                let _ = part.leave();
                Err(error)
            }
        }
    }

    /// True if a file is to be downloaded. Reports it otherwise.
    fn is_wanted(&self, file: &FileTask) -> Result<bool, Failure> {
        let report = &self.download.report;
        let parent = self.download.folders.parent(&file.local);
        let existing = parent.and_then(|(folder, name)| existing(&folder, &name));
        match existing.map(|existing| decide(existing, &file.entry, self.download.force)) {
            Ok(Decision::Fetch) => return Ok(true),
            Ok(Decision::Skip) => report.finished(&file.entry.path, &file.local, file.entry.size, FileOutcome::Skipped),
            Ok(Decision::Refuse(sentence)) => {
                report.failed(&Failure::new(Exit::Failed, "exists", sentence).about(&file.entry.path));
            }
            Err(error) => self.disk_failed(file, &error)?,
        }
        Ok(false)
    }

    /// Reports how a file ended. True if it must be tried again instead, because it changed during its download.
    fn report_or_retry(
        &self,
        file: &FileTask,
        received: Result<u64, FetchError>,
        outcome: FileOutcome,
    ) -> Result<bool, Failure> {
        let report = &self.download.report;
        match received {
            Ok(size) => report.finished(&file.entry.path, &file.local, size, outcome),
            Err(FetchError::Server(error)) if error.code == ErrorCode::Changed && file.changes < CHANGES_MAX => {
                return Ok(true);
            }
            Err(FetchError::Server(error)) if error.code == ErrorCode::Protocol => {
                return Err(Failure::from(error).about(&file.entry.path));
            }
            Err(FetchError::Server(error)) => report.failed(&Failure::from(error).about(&file.entry.path)),
            Err(FetchError::Disk(error)) => self.disk_failed(file, &error)?,
            Err(FetchError::Stopped) => {}
        }
        Ok(false)
    }

    fn disk_failed(&self, file: &FileTask, error: &io::Error) -> Result<(), Failure> {
        let failure = Failure::local("cannot be written locally", error).about(&file.entry.path);
        check_fatal(error, &failure)?;
        self.download.report.failed(&failure);
        Ok(())
    }

    /// Reads the source's entry again, whose new entity tag makes the part obsolete. An error is ignored: the next
    /// attempt meets and reports it.
    async fn stat_again(&self, file: &mut FileTask) {
        let session = &self.download.session;
        if let Ok(entry) = session.client.stat(&session.caller, &file.entry.path).await {
            file.entry = Entry { path: file.entry.path.clone(), ..entry };
        }
    }
}

/// The next bytes. While it waits, it syncs and records the earlier ones when that is due.
async fn next_piece(transfer: &mut Transfer, part: &mut PartFile) -> Result<Option<bytes::Bytes>, FetchError> {
    let mut piece = pin!(transfer.piece());
    loop {
        let due = part.record_due();
        tokio::select! {
            biased;
            piece = &mut piece => return Ok(piece?),
            () = sleep(due.unwrap_or(Duration::MAX)), if due.is_some() => part.record()?,
        }
    }
}

/// Checks that the answer is the requested range: everything from `offset` on.
fn check_part(meta: &Meta, offset: u64) -> Result<(), ClientError> {
    if meta.offset == offset && meta.offset.checked_add(meta.length) == Some(meta.entry.size) {
        Ok(())
    } else {
        Err(ClientError::new(ErrorCode::Protocol, "the answer has another range than requested"))
    }
}

fn missing_items() -> ClientError {
    ClientError::new(ErrorCode::Protocol, "the answer has fewer files than requested")
}
