//! Downloads what was found: one worker takes one piece of work at a time, over one connection. It runs on a thread that
//! may block, so that what goes to the disk need not change threads.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use shared::{ByteRange, Entry, ErrorCode};
use tokio::time::sleep;

use super::Download;
use super::decide::{Decision, decide};
use super::find::{Wanted, Work, fatal};
use super::folders::existing;
use super::part::Part;
use crate::client::{ClientError, GetItem, Item, Meta, Transfer};
use crate::commands::exit::{Exit, Failure, is_away};
use crate::commands::queue::Queue;
use crate::commands::report::Came;
use crate::commands::retry::Backoff;

/// How often a file may change while it comes before that is a failure.
const CHANGES_MAX: u32 = 5;

pub(super) struct Worker {
    download: Arc<Download>,
}

/// Why something did not come.
#[derive(Debug)]
enum Trouble {
    /// The item's own failure, or that of the connection.
    Peer(ClientError),
    /// This machine's disk.
    Disk(io::Error),
    /// Somebody else met what makes it pointless to go on.
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
    pub(super) fn new(download: Arc<Download>) -> Self {
        Self { download }
    }

    /// Takes work until there is no more.
    ///
    /// # Errors
    /// What makes it pointless to go on.
    pub(super) async fn run(self, queue: Queue<Work>) -> Result<(), Failure> {
        let stop = self.download.report.stop();
        while let Some(work) = queue.next(stop).await {
            match work {
                Work::Few(files) => self.few(files).await?,
                Work::Large(file) => self.large(file).await?,
            }
        }
        Ok(())
    }

    async fn few(&self, files: Vec<Wanted>) -> Result<(), Failure> {
        let mut left = VecDeque::with_capacity(files.len());
        for file in files {
            if self.is_wanted(&file)? {
                left.push_back(file);
            }
        }
        let mut backoff = Backoff::new(self.download.retries);
        while !left.is_empty() {
            let before = left.len();
            let trouble = match self.few_once(&mut left).await? {
                Ok(()) => continue,
                Err(trouble) => trouble,
            };
            if left.len() < before {
                backoff.progress();
            }
            match trouble {
                Trouble::Peer(error) if is_away(error.code) => {
                    self.download.report.wait_amid(&mut backoff, error).await?
                }
                Trouble::Peer(error) => return Err(error.into()),
                Trouble::Disk(_) | Trouble::Stopped => return Ok(()),
            }
        }
        Ok(())
    }

    /// One request for all that is left; what is done with, one way or the other, is left no more. The outer error is
    /// one that ends it all, the inner one that of the request.
    async fn few_once(&self, left: &mut VecDeque<Wanted>) -> Result<Result<(), Trouble>, Failure> {
        let session = &self.download.session;
        let items = left.iter().map(|file| GetItem { path: file.entry.path.clone(), range: None, if_etag: None });
        let mut transfer = match session.client.get(&session.caller, items.collect()).await {
            Ok(transfer) => transfer,
            Err(error) => return Ok(Err(error.into())),
        };
        for _ in 0..left.len() {
            let item = match transfer.next_item().await {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(Err(fewer().into())),
                Err(error) => return Ok(Err(error.into())),
            };
            let Some(file) = left.front() else { break };
            let came = match item {
                Item::Sending(meta) => self.small(&mut transfer, file, meta).await,
                Item::Refused(failure) | Item::Unsatisfiable(_, failure) => {
                    Err(Trouble::Peer(ClientError::from(failure)))
                }
            };
            match came {
                Err(trouble @ Trouble::Stopped) => return Ok(Err(trouble)),
                Err(Trouble::Peer(error)) if is_away(error.code) => return Ok(Err(error.into())),
                came => {
                    if let Some(mut file) = left.pop_front()
                        && self.settle(&file, came, Came::Whole)?
                    {
                        file.changes += 1;
                        left.push_back(file);
                    }
                }
            }
        }
        // The end of the answer, so that the connection can be used again.
        Ok(transfer.next_item().await.map(drop).map_err(Trouble::from))
    }

    async fn small(&self, transfer: &mut Transfer, file: &Wanted, meta: Meta) -> Result<u64, Trouble> {
        check_part(&meta, 0)?;
        let mut part = self.open(file, false)?;
        let received = self.receive(transfer, &mut part, &meta.entry).await;
        self.close(part, received, &meta.entry)
    }

    async fn large(&self, mut file: Wanted) -> Result<(), Failure> {
        if !self.is_wanted(&file)? {
            return Ok(());
        }
        let mut backoff = Backoff::new(self.download.retries);
        let mut came = None;
        loop {
            let received = self.large_once(&file, &mut came, &mut backoff).await;
            let came = came.unwrap_or(Came::Whole);
            match received {
                Err(Trouble::Stopped) => return Ok(()),
                Err(Trouble::Peer(error)) if is_away(error.code) => {
                    self.download.report.wait_amid(&mut backoff, error).await?
                }
                received => {
                    if !self.settle(&file, received, came)? {
                        return Ok(());
                    }
                    file.changes += 1;
                    self.look_again(&mut file).await;
                }
            }
        }
    }

    /// One request for what is not there yet. `came` is said by the first: what later ones find came by this download.
    async fn large_once(&self, file: &Wanted, came: &mut Option<Came>, backoff: &mut Backoff) -> Result<u64, Trouble> {
        let mut part = self.open(file, self.download.resume || came.is_some())?;
        let offset = part.written();
        if came.is_none() {
            *came = Some(if offset > 0 { Came::Resumed } else { Came::Whole });
            self.download.report.spared(offset);
        }
        if offset == file.entry.size {
            return self.close(part, Ok(()), &file.entry);
        }
        let received = self.rest(file, &mut part).await;
        if part.written() > offset {
            backoff.progress();
        }
        match received {
            Ok(source) => self.close(part, Ok(()), &source),
            Err(trouble) => self.close(part, Err(trouble), &file.entry),
        }
    }

    /// What a part lacks; answers with the state of the source that came.
    async fn rest(&self, file: &Wanted, part: &mut Part) -> Result<Entry, Trouble> {
        let session = &self.download.session;
        let range = (part.written() > 0).then(|| ByteRange::From(part.written()));
        let item = GetItem { path: file.entry.path.clone(), range, if_etag: part.etag() };
        let mut transfer = session.client.get(&session.caller, vec![item]).await?;
        let meta = match transfer.next_item().await? {
            Some(Item::Sending(meta)) => meta,
            Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => {
                return Err(ClientError::from(failure).into());
            }
            None => return Err(fewer().into()),
        };
        check_part(&meta, part.written())?;
        self.receive(&mut transfer, part, &meta.entry).await?;
        transfer.next_item().await?;
        Ok(meta.entry)
    }

    /// The bytes of an item, to its end.
    async fn receive(&self, transfer: &mut Transfer, part: &mut Part, source: &Entry) -> Result<(), Trouble> {
        part.begin(source)?;
        while let Some(piece) = next_piece(transfer, part).await? {
            part.write(&piece)?;
            self.download.report.passed(piece.len() as u64);
            if self.download.report.stop().is_cancelled() {
                return Err(Trouble::Stopped);
            }
        }
        Ok(())
    }

    fn open(&self, file: &Wanted, resume: bool) -> io::Result<Part> {
        let (folder, name) = self.download.folders.parent(&file.local)?;
        Part::open(folder, name, &file.entry, resume)
    }

    /// A part is finished, or left for another time.
    fn close(&self, part: Part, received: Result<(), Trouble>, source: &Entry) -> Result<u64, Trouble> {
        match received {
            Ok(()) => {
                part.finish(source, self.download.force)?;
                Ok(source.size)
            }
            Err(trouble) => {
                // The trouble that there is already is the one to tell.
                let _ = part.leave();
                Err(trouble)
            }
        }
    }

    /// Whether a file must come, and is not refused.
    fn is_wanted(&self, file: &Wanted) -> Result<bool, Failure> {
        let report = &self.download.report;
        let parent = self.download.folders.parent(&file.local);
        let existing = parent.and_then(|(folder, name)| existing(&folder, &name));
        match existing.map(|existing| decide(existing, &file.entry, self.download.force)) {
            Ok(Decision::Fetch) => return Ok(true),
            Ok(Decision::Keep) => report.came(&file.entry.path, &file.local, file.entry.size, Came::Kept),
            Ok(Decision::Refuse(sentence)) => {
                report.failed(&Failure::new(Exit::Failed, "exists", sentence).about(&file.entry.path));
            }
            Err(error) => self.disk_failed(file, &error)?,
        }
        Ok(false)
    }

    /// What became of a file; true if it is to be tried again, because it changed while it came.
    fn settle(&self, file: &Wanted, received: Result<u64, Trouble>, came: Came) -> Result<bool, Failure> {
        let report = &self.download.report;
        match received {
            Ok(size) => report.came(&file.entry.path, &file.local, size, came),
            Err(Trouble::Peer(error)) if error.code == ErrorCode::Changed && file.changes < CHANGES_MAX => {
                return Ok(true);
            }
            Err(Trouble::Peer(error)) if error.code == ErrorCode::Protocol => {
                return Err(Failure::from(error).about(&file.entry.path));
            }
            Err(Trouble::Peer(error)) => report.failed(&Failure::from(error).about(&file.entry.path)),
            Err(Trouble::Disk(error)) => self.disk_failed(file, &error)?,
            Err(Trouble::Stopped) => {}
        }
        Ok(false)
    }

    fn disk_failed(&self, file: &Wanted, error: &io::Error) -> Result<(), Failure> {
        let failure = Failure::local("it cannot be written here", error).about(&file.entry.path);
        fatal(error, &failure)?;
        self.download.report.failed(&failure);
        Ok(())
    }

    /// What the source is now, so that what there is of it is known to be out of date. If that fails, so will the
    /// download, and say why.
    async fn look_again(&self, file: &mut Wanted) {
        let session = &self.download.session;
        if let Ok(entry) = session.client.stat(&session.caller, &file.entry.path).await {
            file.entry = Entry { path: file.entry.path.clone(), ..entry };
        }
    }
}

/// The next bytes. While they are awaited, what came before is put on the disk when it is time.
async fn next_piece(transfer: &mut Transfer, part: &mut Part) -> Result<Option<bytes::Bytes>, Trouble> {
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

/// The answer must be what was asked for: everything from there on.
fn check_part(meta: &Meta, offset: u64) -> Result<(), ClientError> {
    if meta.offset == offset && meta.offset.checked_add(meta.length) == Some(meta.entry.size) {
        Ok(())
    } else {
        Err(ClientError::new(ErrorCode::Protocol, "another part of the file than was asked for"))
    }
}

fn fewer() -> ClientError {
    ClientError::new(ErrorCode::Protocol, "fewer files than were asked for")
}
