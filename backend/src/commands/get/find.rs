//! Finds what is to be downloaded: walks each SRC on the server, makes the folders here, and hands the files out in
//! pieces of work while it goes on. Memory: the work that waits, and links, up to a bound. It runs on a thread that may
//! block.

use std::io;
use std::sync::Arc;

use shared::limits::GET_ITEMS_MAX;
use shared::{Entry, ErrorCode, Kind, Link, VPath};
use tokio::sync::mpsc;

use super::Download;
use super::decide::{Existing, link_stays_inside};
use super::folders::existing;
use super::names::{Unfit, local_name};
use super::plan::Place;
use crate::client::ClientError;
use crate::commands::exit::{Exit, Failure, is_away};
use crate::commands::report::Came;
use crate::commands::retry::Backoff;

/// A larger file is work of its own.
const FEW_BYTES_MAX: u64 = 1 << 20;
/// What is worth handing out at once, so that the others get their share.
const FEW_BYTES: u64 = 8 << 20;
/// As [`FEW_BYTES`], in files.
const FEW_FILES: usize = 256;
/// Most bytes of one request, well below what a frame of messages may have.
const REQUEST_BYTES_MAX: usize = 56 << 10;
/// What a file takes in a request beside its path, at most.
const ITEM_BYTES: usize = 48;
/// So many links wait for the end.
const LINKS_MAX: usize = 1 << 16;

const _: () = assert!(FEW_FILES <= GET_ITEMS_MAX);

/// A file to download, and to where.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) entry: Entry,
    /// Below the base.
    pub(super) local: VPath,
    /// How often it turned out to have changed while it came.
    pub(super) changes: u32,
}

/// What one worker takes at a time.
#[derive(Debug)]
pub(super) enum Work {
    /// In one request.
    Few(Vec<Wanted>),
    /// On its own.
    Large(Wanted),
}

pub(super) struct Finder {
    download: Arc<Download>,
    work: mpsc::Sender<Work>,
    few: Vec<Wanted>,
    few_bytes: u64,
    request_bytes: usize,
    /// Link and target.
    links: Vec<(VPath, VPath, Vec<u8>)>,
    /// A folder that could not be made: what is below it is passed over.
    blocked: Option<VPath>,
}

impl Finder {
    pub(super) fn new(download: Arc<Download>, work: mpsc::Sender<Work>) -> Self {
        let (few, links) = (Vec::new(), Vec::new());
        Self { download, work, few, few_bytes: 0, request_bytes: 0, links, blocked: None }
    }

    /// Finds everything, and hands back the links, which are made when all else is there.
    ///
    /// # Errors
    /// What makes it pointless to go on.
    pub(super) async fn run(mut self, files: Vec<Entry>) -> Result<Links, Failure> {
        for entry in files {
            if let Some(place) = self.download.place(&entry.path) {
                let local = place.local.clone();
                self.file(entry, local).await;
            }
        }
        let download = Arc::clone(&self.download);
        for place in download.places.iter().filter(|place| place.is_folder) {
            self.folder(place)?;
            self.walk(place).await?;
        }
        self.hand_out().await;
        download.report.found_all();
        Ok(Links { download, links: self.links })
    }

    /// One SRC, to its end, however often the server goes away meanwhile.
    async fn walk(&mut self, place: &Place) -> Result<(), Failure> {
        let download = Arc::clone(&self.download);
        let mut backoff = Backoff::new(download.retries);
        let mut cursor = None;
        while !download.report.stop().is_cancelled() {
            let walked = self.walk_on(place, &mut cursor, &mut backoff).await;
            match walked {
                Ok(()) => return Ok(()),
                Err(Trouble::Peer(error)) if is_away(error.code) => {
                    download.report.wait_amid(&mut backoff, error).await?
                }
                Err(Trouble::Peer(error)) => {
                    download.report.failed(&Failure::from(error).about(&place.source));
                    return Ok(());
                }
                Err(Trouble::Fatal(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn walk_on(
        &mut self,
        place: &Place,
        cursor: &mut Option<String>,
        backoff: &mut Backoff,
    ) -> Result<(), Trouble> {
        let download = Arc::clone(&self.download);
        let session = &download.session;
        let paths = vec![place.source.clone()];
        let mut walking = session.client.walk(&session.caller, paths, cursor.clone()).await?;
        while let Some(page) = walking.next_page().await? {
            backoff.progress();
            for skipped in page.skipped.unwrap_or_default() {
                download.report.failed(&Failure::of(skipped.code).about(&skipped.path));
            }
            for entry in page.entries {
                self.entry(place, entry).await?;
            }
            *cursor = page.next_cursor.or(cursor.take());
            // Nobody waits for work while some is at hand.
            if self.work.capacity() > 0 {
                self.hand_out().await;
            }
            if download.report.stop().is_cancelled() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn entry(&mut self, place: &Place, entry: Entry) -> Result<(), Trouble> {
        let outside = || ClientError::new(ErrorCode::Protocol, "the server names something that was not asked for");
        let inner = place.source.strip_prefix_of(&entry.path).ok_or_else(outside)?;
        if inner.is_root() {
            return Ok(());
        }
        if self.blocked.as_ref().is_some_and(|blocked| blocked.strip_prefix_of(&entry.path).is_some()) {
            self.download.report.failed_too();
            return Ok(());
        }
        let report = &self.download.report;
        let Ok(local) = place.local.join_path(&inner) else {
            report.failed(&Failure::new(Exit::Failed, "name", "the path here would be too long").about(&entry.path));
            return Ok(());
        };
        match local_name(entry.path.name()) {
            Ok(_) => {}
            Err(Unfit::Ours) => {
                report.left_out(&entry.path, "unfinished", Unfit::Ours.sentence());
                return Ok(());
            }
            Err(unfit) => {
                report.failed(&Failure::new(Exit::Failed, "name", unfit.sentence()).about(&entry.path));
                self.block(&entry);
                return Ok(());
            }
        }
        match (&entry.link, entry.kind) {
            (Some(Link::Inside(target)), _) => self.link(entry.path.clone(), local, target.clone())?,
            (Some(Link::Escapes), _) => report.left_out(&entry.path, "link", "the link leads out of the served folder"),
            (Some(Link::Broken), _) => report.left_out(&entry.path, "link", "the link leads to nothing"),
            (None, Kind::File) => self.file(entry, local).await,
            (None, Kind::Folder) => match self.download.folders.make(&local) {
                Ok(true) => report.made_folder(),
                Ok(false) => {}
                Err(error) => {
                    let failure = Failure::local("the folder cannot be made", &error).about(&entry.path);
                    fatal(&error, &failure)?;
                    report.failed(&failure);
                    self.block(&entry);
                }
            },
            // What has no validator could not even be looked at.
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

    /// The folder that a SRC arrives as.
    fn folder(&self, place: &Place) -> Result<(), Failure> {
        match self.download.folders.make(&place.local) {
            Ok(made) => {
                if made {
                    self.download.report.made_folder();
                }
                Ok(())
            }
            Err(error) => Err(Failure::local("the folder cannot be made", &error).about(&place.source)),
        }
    }

    async fn file(&mut self, entry: Entry, local: VPath) {
        self.download.report.found(entry.size);
        let wanted = Wanted { entry, local, changes: 0 };
        if wanted.entry.size > FEW_BYTES_MAX {
            // An error means that the workers are gone, which says why.
            let _ = self.work.send(Work::Large(wanted)).await;
            return;
        }
        let request_bytes = wanted.entry.path.as_bytes().len() + ITEM_BYTES;
        if self.request_bytes + request_bytes > REQUEST_BYTES_MAX {
            self.hand_out().await;
        }
        self.request_bytes += request_bytes;
        self.few_bytes += wanted.entry.size;
        self.few.push(wanted);
        if self.few.len() >= FEW_FILES || self.few_bytes >= FEW_BYTES {
            self.hand_out().await;
        }
    }

    async fn hand_out(&mut self) {
        (self.few_bytes, self.request_bytes) = (0, 0);
        let few = std::mem::take(&mut self.few);
        if !few.is_empty() {
            let _ = self.work.send(Work::Few(few)).await;
        }
    }

    /// Links wait for the end: what is made earlier could stand in the way of what comes later.
    fn link(&mut self, path: VPath, local: VPath, target: Vec<u8>) -> Result<(), Trouble> {
        self.links.push((path, local, target));
        if self.links.len() >= LINKS_MAX {
            let links = std::mem::take(&mut self.links);
            Links { download: Arc::clone(&self.download), links }.make()?;
        }
        Ok(())
    }
}

/// The links that are to be made.
pub(super) struct Links {
    download: Arc<Download>,
    links: Vec<(VPath, VPath, Vec<u8>)>,
}

impl Links {
    pub(super) fn make(self) -> Result<(), Failure> {
        let report = &self.download.report;
        for (path, local, target) in &self.links {
            if !link_stays_inside(local, target, self.download.places.iter().map(|place| &place.local)) {
                report.left_out(path, "link", "the link leads out of what is downloaded");
                continue;
            }
            match self.make_one(local, target) {
                Ok(came) => report.came(path, local, 0, came),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    report.left_out(path, "link", "links are not made on this system");
                }
                Err(error) => {
                    let failure = Failure::local("the link cannot be made", &error).about(path);
                    fatal(&error, &failure)?;
                    report.failed(&failure);
                }
            }
        }
        Ok(())
    }

    fn make_one(&self, local: &VPath, target: &[u8]) -> io::Result<Came> {
        let (folder, name) = self.download.folders.parent(local)?;
        let target = link_target(target)?;
        match existing(&folder, &name)? {
            Existing::Nothing => {}
            Existing::Link if folder.read_link_contents(&name)?.as_os_str() == target => return Ok(Came::Kept),
            Existing::Folder => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a folder is in the way")),
            _ if self.download.force => folder.remove_file(&name)?,
            _ => {
                let sentence = "something else is there; --force replaces it";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, sentence));
            }
        }
        make_link(&folder, &target, &name)?;
        Ok(Came::Link)
    }
}

#[cfg(unix)]
fn link_target(target: &[u8]) -> io::Result<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(target.to_vec()))
}

#[cfg(unix)]
fn make_link(folder: &cap_std::fs::Dir, target: &std::ffi::OsStr, name: &std::ffi::OsStr) -> io::Result<()> {
    folder.symlink(target, name)
}

/// Windows asks for a privilege that most users do not have.
#[cfg(not(unix))]
fn link_target(_: &[u8]) -> io::Result<std::ffi::OsString> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn make_link(_: &cap_std::fs::Dir, _: &std::ffi::OsStr, _: &std::ffi::OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Why a walk stopped.
#[derive(Debug)]
enum Trouble {
    Peer(ClientError),
    Fatal(Failure),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Peer(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Fatal(failure)
    }
}

/// A full disk fails every file: the first one ends it.
pub(super) fn fatal(error: &io::Error, failure: &Failure) -> Result<(), Failure> {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let hopeless = matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem);
    if hopeless { Err(failure.clone()) } else { Ok(()) }
}
