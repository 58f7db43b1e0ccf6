//! Finds what is to be uploaded: walks each SRC here, has the folders made there, and hands the files out one by one. It
//! runs on a thread that may block. Memory: the names in the folders between a SRC and where the walk is.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX};
use shared::{Change, Outcome, VPath};
use tokio::sync::mpsc;

use super::Upload;
use super::local::name_bytes;
use super::plan::Place;
use crate::commands::exit::{Exit, Failure};
use crate::commands::job;
use crate::commands::print;

/// How much of one request the folders may fill, in bytes; the rest is for who asks.
const FOLDERS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// What a path takes in a request besides its bytes, at most.
const PATH_OVERHEAD_BYTES: usize = 8;

/// A file to upload, and where to.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) local: PathBuf,
    pub(super) remote: VPath,
}

pub(super) struct Finder {
    upload: Arc<Upload>,
    work: mpsc::Sender<Wanted>,
    /// Folders to be made.
    folders: Vec<VPath>,
    folders_bytes: usize,
}

/// What is left to look at in a folder, and where that goes.
struct Level {
    entries: std::vec::IntoIter<DirEntry>,
    remote: VPath,
}

impl Finder {
    pub(super) fn new(upload: Arc<Upload>, work: mpsc::Sender<Wanted>) -> Self {
        Self { upload, work, folders: Vec::new(), folders_bytes: 0 }
    }

    /// Finds everything.
    ///
    /// # Errors
    /// What makes it pointless to go on.
    pub(super) async fn run(mut self, places: Vec<Place>) -> Result<(), Failure> {
        for place in places {
            if place.is_folder {
                self.walk(&place).await?;
            } else {
                self.file(place.local, place.remote).await;
            }
        }
        self.make_folders().await?;
        self.upload.report.found_all();
        Ok(())
    }

    async fn walk(&mut self, place: &Place) -> Result<(), Failure> {
        let mut levels: Vec<Level> = self.enter(&place.local, place.remote.clone()).await?.into_iter().collect();
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

    /// What is in a folder, in the order of its names; none where it cannot be read.
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
        // Nobody takes work any more where it makes no sense to go on.
        let _ = self.work.send(Wanted { local, remote }).await;
    }

    /// Folders that hold files come with those, too; this makes the others, and finds out about files in their place.
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

/// A path of this machine as every other: what a terminal cannot show comes percent-encoded.
pub(super) fn shown(local: &Path) -> String {
    print::name(local.as_os_str().as_encoded_bytes())
}
