//! Finds the files to download: walks each SRC on the server, makes the folders here, and queues the files as tasks
//! while the walk goes on. Memory: the queue, and links up to the limits of [`Links`]. Runs on a thread that may block.

use std::sync::Arc;

use shared::limits::GET_ITEMS_MAX;
use shared::{Entry, ErrorCode, Kind, Link, VPath};
use tokio::sync::mpsc;

use super::download::{Download, check_fatal};
use super::leftovers::Leftovers;
use super::links::Links;
use super::names::{NameError, local_name};
use super::plan::Mapping;
use crate::client::ClientError;
use crate::commands::failure::{Exit, Failure, is_away};
use crate::commands::retry::Backoff;

/// A file larger than this is a task of its own.
const SMALL_BYTES_MAX: u64 = 1 << 20;
/// A batch of this size is queued, in bytes of content: larger ones would share the work less evenly among workers.
const BATCH_BYTES: u64 = 8 << 20;
/// As [`BATCH_BYTES`], in files.
const BATCH_FILES: usize = 256;
/// Maximum size of one request, well below that of a control frame.
const REQUEST_BYTES_MAX: usize = 56 << 10;
/// Upper bound for the encoding of a file in a request besides its path, in bytes.
const ITEM_OVERHEAD_BYTES: usize = 48;

const _: () = assert!(BATCH_FILES <= GET_ITEMS_MAX);

/// A file to download.
#[derive(Clone, Debug)]
pub(super) struct FileTask {
    pub(super) entry: Entry,
    /// The path below the base.
    pub(super) local: VPath,
    /// How often the file changed on the server during its download.
    pub(super) changes: u32,
}

/// The work of one worker at a time.
#[derive(Debug)]
pub(super) enum Task {
    /// Small files, in one request.
    Batch(Vec<FileTask>),
    /// A large file.
    Large(FileTask),
}

/// What a walk leaves to do after the last file.
pub(super) struct Found {
    pub(super) links: Links,
    pub(super) leftovers: Leftovers,
}

/// Walks the sources.
pub(super) struct Finder {
    download: Arc<Download>,
    tasks: mpsc::Sender<Task>,
    batch: Vec<FileTask>,
    batch_bytes: u64,
    request_bytes: usize,
    links: Links,
    leftovers: Leftovers,
    /// The last folder that could not be made. Everything below it fails.
    blocked: Option<VPath>,
}

impl Finder {
    pub(super) fn new(download: Arc<Download>, tasks: mpsc::Sender<Task>) -> Self {
        let links = Links::new(Arc::clone(&download));
        Self {
            download,
            tasks,
            batch: Vec::new(),
            batch_bytes: 0,
            request_bytes: 0,
            links,
            leftovers: Leftovers::default(),
            blocked: None,
        }
    }

    /// Queues all files, and returns what is done after them.
    ///
    /// # Errors
    /// A failure that ends the download. Others are reported.
    pub(super) async fn run(mut self, files: Vec<Entry>) -> Result<Found, Failure> {
        for entry in files {
            if let Some(mapping) = self.download.mapping(&entry.path) {
                let local = mapping.local.clone();
                self.leftovers.note_file(&self.download.folders, &local);
                self.file(entry, local).await;
            }
        }
        let download = Arc::clone(&self.download);
        for mapping in download.mappings.iter().filter(|mapping| mapping.is_folder) {
            self.folder(mapping)?;
            self.walk(mapping).await?;
        }
        self.queue_batch().await;
        download.report.found_all();
        Ok(Found { links: self.links, leftovers: self.leftovers })
    }

    /// Walks one SRC to its end, reconnecting as often as needed.
    async fn walk(&mut self, mapping: &Mapping) -> Result<(), Failure> {
        let download = Arc::clone(&self.download);
        let mut backoff = Backoff::new(download.retries);
        let mut cursor = None;
        let stop = download.report.stop();
        while !stop.is_cancelled() {
            let walked = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                walked = self.walk_from(mapping, &mut cursor, &mut backoff) => walked,
            };
            match walked {
                Ok(()) => return Ok(()),
                Err(WalkError::Server(error)) if is_away(error.code) => {
                    download.report.wait_to_resume(&mut backoff, error).await?
                }
                Err(WalkError::Server(error)) => {
                    download.report.failed(&Failure::from(error).about(&mapping.source));
                    return Ok(());
                }
                Err(WalkError::Fatal(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn walk_from(
        &mut self,
        mapping: &Mapping,
        cursor: &mut Option<String>,
        backoff: &mut Backoff,
    ) -> Result<(), WalkError> {
        let download = Arc::clone(&self.download);
        let session = &download.session;
        let paths = vec![mapping.source.clone()];
        let mut walking = session.client.walk(&session.caller, paths, cursor.clone()).await?;
        while let Some(page) = walking.next_page().await? {
            backoff.progress();
            for skipped in page.skipped.unwrap_or_default() {
                download.report.failed(&Failure::of(skipped.code).about(&skipped.path));
            }
            for entry in page.entries {
                self.entry(mapping, entry).await?;
            }
            *cursor = page.next_cursor.or(cursor.take());
            // Workers are idle: a small batch now is better than a full one later.
            if self.tasks.capacity() > 0 {
                self.queue_batch().await;
            }
            if download.report.stop().is_cancelled() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn entry(&mut self, mapping: &Mapping, entry: Entry) -> Result<(), WalkError> {
        let outside =
            || ClientError::new(ErrorCode::Protocol, "the server lists an entry outside the requested folder");
        let inner = mapping.source.strip_prefix_of(&entry.path).ok_or_else(outside)?;
        if inner.is_root() {
            return Ok(());
        }
        if self.blocked.as_ref().is_some_and(|blocked| blocked.strip_prefix_of(&entry.path).is_some()) {
            self.download.report.failed_below();
            return Ok(());
        }
        let report = &self.download.report;
        let Ok(local) = mapping.local.join_path(&inner) else {
            report.failed(&Failure::new(Exit::Failed, "name", "the local path would be too long").about(&entry.path));
            return Ok(());
        };
        match local_name(entry.path.name()) {
            Ok(_) => {}
            Err(NameError::Reserved) => {
                report.left_out(&entry.path, "unfinished", NameError::Reserved.sentence());
                return Ok(());
            }
            Err(error) => {
                report.failed(&Failure::new(Exit::Failed, "name", error.sentence()).about(&entry.path));
                self.block(&entry);
                return Ok(());
            }
        }
        match (&entry.link, entry.kind) {
            (Some(Link::Inside(target)), _) => self.link(entry.path.clone(), local, target.clone())?,
            (Some(Link::Escapes), _) => {
                report.left_out(&entry.path, "link", "the link's target is outside the served folder")
            }
            (Some(Link::Broken), _) => report.left_out(&entry.path, "link", "the link's target does not exist"),
            (None, Kind::File) => self.file(entry, local).await,
            (None, Kind::Folder) => match self.download.folders.make(&local) {
                Ok(true) => report.made_folder(),
                Ok(false) => self.leftovers.note_folder(&self.download.folders, &local),
                Err(error) => {
                    let failure = Failure::local("the folder cannot be made", &error).about(&entry.path);
                    check_fatal(&error, &failure)?;
                    report.failed(&failure);
                    self.block(&entry);
                }
            },
            // Without an entity tag, the server could not read the metadata.
            (None, Kind::Other) if entry.etag.is_none() => {
                report.failed(&Failure::of(ErrorCode::AccessDenied).about(&entry.path));
            }
            (None, Kind::Other) => report.left_out(&entry.path, "not_regular", "neither a file nor a folder"),
        }
        Ok(())
    }

    fn block(&mut self, entry: &Entry) {
        if entry.is_folder() {
            self.blocked = Some(entry.path.clone());
        }
    }

    /// Makes the folder for a SRC.
    fn folder(&mut self, mapping: &Mapping) -> Result<(), Failure> {
        match self.download.folders.make(&mapping.local) {
            Ok(true) => {
                self.download.report.made_folder();
                Ok(())
            }
            Ok(false) => {
                self.leftovers.note_folder(&self.download.folders, &mapping.local);
                Ok(())
            }
            Err(error) => Err(Failure::local("the folder cannot be made", &error).about(&mapping.source)),
        }
    }

    async fn file(&mut self, entry: Entry, local: VPath) {
        self.download.report.found(entry.size);
        let task = FileTask { entry, local, changes: 0 };
        if task.entry.size > SMALL_BYTES_MAX {
            // An error means that all workers have ended; theirs is the failure to report.
            let _ = self.tasks.send(Task::Large(task)).await;
            return;
        }
        let request_bytes = task.entry.path.as_bytes().len() + ITEM_OVERHEAD_BYTES;
        if self.request_bytes + request_bytes > REQUEST_BYTES_MAX {
            self.queue_batch().await;
        }
        self.request_bytes += request_bytes;
        self.batch_bytes += task.entry.size;
        self.batch.push(task);
        if self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
            self.queue_batch().await;
        }
    }

    async fn queue_batch(&mut self) {
        (self.batch_bytes, self.request_bytes) = (0, 0);
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            let _ = self.tasks.send(Task::Batch(batch)).await;
        }
    }

    fn link(&mut self, remote: VPath, local: VPath, target: Vec<u8>) -> Result<(), WalkError> {
        self.links.push(remote, local, target);
        if self.links.are_full() {
            std::mem::replace(&mut self.links, Links::new(Arc::clone(&self.download))).make()?;
        }
        Ok(())
    }
}

/// Why a walk ended early.
#[derive(Debug)]
enum WalkError {
    /// The server's answer, or the connection.
    Server(ClientError),
    /// A failure that ends the download.
    Fatal(Failure),
}

impl From<ClientError> for WalkError {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

impl From<Failure> for WalkError {
    fn from(failure: Failure) -> Self {
        Self::Fatal(failure)
    }
}
