//! Finds the files to upload: walks each local SRC, makes the folders on the server, and queues the files one by one.
//! Runs on a thread that may block. Memory: the names in each folder on the path to the current one.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX};
use shared::{Change, Outcome, VPath};
use tokio::sync::mpsc;

use super::local_file::name_bytes;
use super::plan::Mapping;
use super::upload::{Upload, shown};
use crate::commands::failure::{Exit, Failure};
use crate::commands::job;

/// Bytes of one request that folders may fill; the rest is for the caller's scope and the frame.
const FOLDERS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// Upper bound for the encoding of a path in a request besides its bytes, in bytes.
const PATH_OVERHEAD_BYTES: usize = 8;

/// A file to upload.
#[derive(Clone, Debug)]
pub(super) struct FileTask {
    pub(super) local: PathBuf,
    pub(super) remote: VPath,
}

/// Walks the sources.
pub(super) struct Finder {
    upload: Arc<Upload>,
    tasks: mpsc::Sender<FileTask>,
    /// Folders to make with the next request.
    folders: Vec<VPath>,
    folders_bytes: usize,
}

/// The rest of a local folder, and its path on the server.
struct Level {
    entries: std::vec::IntoIter<DirEntry>,
    remote: VPath,
}

impl Finder {
    pub(super) fn new(upload: Arc<Upload>, tasks: mpsc::Sender<FileTask>) -> Self {
        Self { upload, tasks, folders: Vec::new(), folders_bytes: 0 }
    }

    /// Queues all files, and makes all folders.
    ///
    /// # Errors
    /// A failure that ends the upload. Others are reported.
    pub(super) async fn run(mut self, mappings: Vec<Mapping>) -> Result<(), Failure> {
        for mapping in mappings {
            if mapping.is_folder {
                self.walk(&mapping).await?;
            } else {
                self.file(mapping.local, mapping.remote).await;
            }
        }
        self.make_folders().await?;
        self.upload.report.found_all();
        Ok(())
    }

    async fn walk(&mut self, mapping: &Mapping) -> Result<(), Failure> {
        let mut levels: Vec<Level> = self.enter(&mapping.local, mapping.remote.clone()).await?.into_iter().collect();
        while let Some(level) = levels.last_mut() {
            if self.upload.report.stop().is_cancelled() {
                return Ok(());
            }
            let Some(entry) = level.entries.next() else {
                levels.pop();
                continue;
            };
            let remote = match name_bytes(&entry.file_name()).map(|name| level.remote.join(&name)) {
                Some(Ok(remote)) => remote,
                Some(Err(error)) => {
                    self.failed(&entry.path(), &error.to_string());
                    continue;
                }
                None => {
                    self.failed(&entry.path(), "the name is not Unicode");
                    continue;
                }
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => levels.extend(self.enter(&entry.path(), remote).await?),
                Ok(kind) if kind.is_file() => self.file(entry.path(), remote).await,
                Ok(kind) if kind.is_symlink() => self.left_out(&entry.path(), "link", "links are not uploaded"),
                Ok(_) => self.left_out(&entry.path(), "not_regular", "is neither a file nor a folder"),
                Err(error) => self.unread(&entry.path(), &error),
            }
        }
        Ok(())
    }

    /// Opens a local folder, sorted by name. `None` if it cannot be read, which is reported.
    async fn enter(&mut self, local: &Path, remote: VPath) -> Result<Option<Level>, Failure> {
        let read = fs::read_dir(local).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut entries = match read {
            Ok(entries) => entries,
            Err(error) => {
                self.unread(local, &error);
                return Ok(None);
            }
        };
        entries.sort_by_key(DirEntry::file_name);
        if !remote.is_root() {
            let bytes = remote.as_bytes().len() + PATH_OVERHEAD_BYTES;
            if self.folders.len() == CHANGE_ITEMS_MAX || self.folders_bytes + bytes > FOLDERS_BYTES_MAX {
                self.make_folders().await?;
            }
            self.folders_bytes += bytes;
            self.folders.push(remote.clone());
        }
        Ok(Some(Level { entries: entries.into_iter(), remote }))
    }

    async fn file(&mut self, local: PathBuf, remote: VPath) {
        let size = match fs::metadata(&local) {
            Ok(metadata) => metadata.len(),
            Err(error) => return self.unread(&local, &error),
        };
        self.upload.report.found(size);
        // An error means that all workers have ended; theirs is the failure to report.
        let _ = self.tasks.send(FileTask { local, remote }).await;
    }

    /// Makes the collected folders. An upload would make those that have files, but not the others, and would report a
    /// file in place of a folder for each file below it.
    async fn make_folders(&mut self) -> Result<(), Failure> {
        self.folders_bytes = 0;
        let paths = std::mem::take(&mut self.folders);
        if paths.is_empty() {
            return Ok(());
        }
        let Upload { session, report, retries, .. } = &*self.upload;
        let change = Change::MakeFolder { paths: paths.clone(), existing_ok: true };
        let made = job::carry_out(session, change, *retries, report.stop(), |_| {}).await?;
        for (path, outcome) in paths.iter().zip(made.outcomes) {
            match outcome {
                Outcome::Done { .. } | Outcome::Skipped => report.made_folder(),
                Outcome::Failed { code, .. } => report.failed(&Failure::of(code).about(path)),
            }
        }
        Ok(())
    }

    fn failed(&self, local: &Path, sentence: &str) {
        let message = format!("{}: {sentence}", shown(local));
        self.upload.report.failed(&Failure::new(Exit::Failed, "name", message));
    }

    fn unread(&self, local: &Path, error: &io::Error) {
        self.upload.report.failed(&Failure::local(shown(local), error));
    }

    fn left_out(&self, local: &Path, code: &'static str, sentence: &str) {
        let message = format!("{}: {sentence}", shown(local));
        self.upload.report.warn(&Failure::new(Exit::Done, code, message));
    }
}
