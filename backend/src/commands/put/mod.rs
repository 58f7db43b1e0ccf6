//! `passerelle put`: files and folders of this machine, to a folder of the server.
//!
//! - `plan` says where what goes: pure;
//! - `local` is this machine's files, `note` what is remembered of uploads that are under way;
//! - `find` walks what was named while `send` uploads what was found, both on threads that may block;
//! - `input` is standard input as one file.

mod find;
mod input;
mod local;
mod note;
mod plan;
mod send;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::{Conflict, ErrorCode, VPath};

use self::find::{Finder, shown};
use self::local::name_bytes;
use self::note::Notes;
use self::plan::{Found, Place, Source, plan};
use self::send::Worker;
use super::connect::{self, Session};
use super::exit::{Exit, Failure};
use super::interrupt;
use super::queue::Queue;
use super::report::{Report, Way};
use super::thread::{joined, on_a_thread};
use crate::cli::PutArgs;

/// Connections beside those of the workers: for the folders, and for a request that was given up and is not over.
const MORE_CONNECTIONS: usize = 2;

/// What all who work on one upload share.
struct Upload {
    session: Session,
    report: Report,
    notes: Notes,
    conflict: Conflict,
    resume: bool,
    retries: u32,
}

pub(super) async fn run(args: PutArgs) -> Result<Exit, Failure> {
    let Some((typed, sources)) = args.paths.split_last() else {
        return Err(Failure::usage("SRC and DEST are needed"));
    };
    let destination = connect::path(typed)?;
    let workers = usize::from(args.parallel);
    let session = connect::session_to_change(&args.connect, workers + MORE_CONNECTIONS).await?;
    let upload = Upload {
        report: Report::new(Way::Up, args.connect.json, args.quiet, false),
        notes: Notes::open(&session.address),
        session,
        conflict: args.conflict.chosen(),
        resume: !args.no_resume,
        retries: args.retries,
    };
    let slash = typed.as_encoded_bytes().ends_with(b"/");
    let found = found(&upload.session, &destination).await?;
    if sources.iter().any(|source| source == "-") {
        if sources.len() > 1 || found == Found::Folder || slash {
            return Err(Failure::usage("standard input becomes one file: DEST must be its name"));
        }
        return upload.input(destination).await;
    }
    let known = upload.look(sources);
    let places = plan(&destination, slash, found, sources.len(), known)?;
    upload.run(places, workers).await
}

impl Upload {
    /// What each SRC is; links are followed, for a person named them. One that cannot be uploaded is told, and the
    /// others are uploaded.
    fn look(&self, sources: &[OsString]) -> Vec<Source> {
        let mut known = Vec::new();
        for source in sources {
            let local = PathBuf::from(source);
            match std::fs::metadata(&local) {
                Ok(metadata) if metadata.is_dir() || metadata.is_file() => {
                    let name = if stands_for_content(source) { None } else { local.file_name().and_then(name_bytes) };
                    known.push(Source { name, is_folder: metadata.is_dir(), local });
                }
                Ok(_) => {
                    let message = format!("{}: is neither a file nor a folder", shown(&local));
                    self.report.failed(&Failure::new(Exit::Failed, ErrorCode::NotRegular.name(), message));
                }
                Err(error) => self.report.failed(&unfound(&local, &error)),
            }
        }
        known
    }

    async fn run(self, places: Vec<Place>, workers: usize) -> Result<Exit, Failure> {
        let upload = Arc::new(self);
        let stop = upload.report.stop();
        let interrupted = interrupt::listen(stop.clone());
        let drawn = Arc::clone(&upload);
        let drawing = tokio::spawn(async move { drawn.report.keep_drawing().await });
        let (sender, queue) = Queue::new(workers);
        let working: Vec<_> = (0..workers)
            .map(|_| on_a_thread(stop.clone(), Worker::new(Arc::clone(&upload)).run(queue.clone())))
            .collect();
        let finding = on_a_thread(stop.clone(), Finder::new(Arc::clone(&upload), sender).run(places));
        // Only the workers take from it: when they are gone, whoever hands out work hears of it.
        drop(queue);
        let mut outcome = Ok(());
        for worker in working {
            outcome = outcome.and(joined(worker).await);
        }
        let outcome = outcome.and(joined(finding).await);
        drawing.abort();
        // A drawing that was under way when it was aborted would come after the summary.
        let _ = drawing.await;
        let exit = upload.report.end();
        outcome?;
        if interrupted.happened() {
            let sentence = "interrupted; what came is kept, and the same command goes on from there";
            return Err(Failure::new(Exit::Interrupted, "interrupted", sentence));
        }
        Ok(exit)
    }

    async fn input(self, target: VPath) -> Result<Exit, Failure> {
        let upload = Arc::new(self);
        let stop = upload.report.stop();
        let _interrupted = interrupt::listen(stop.clone());
        let drawn = Arc::clone(&upload);
        let drawing = tokio::spawn(async move { drawn.report.keep_drawing().await });
        let uploaded = joined(on_a_thread(stop.clone(), input::upload(Arc::clone(&upload), target))).await;
        drawing.abort();
        let _ = drawing.await;
        uploaded.map(|()| upload.report.end())
    }
}

/// `folder/.` is what is in the folder, as for `cp`.
fn stands_for_content(typed: &OsStr) -> bool {
    let bytes = typed.as_encoded_bytes();
    let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    bytes[..end].ends_with(b"/.") || bytes[..end] == *b"."
}

/// What the destination is now. Where nothing is known of it yet, the folders on the way are made later.
async fn found(session: &Session, destination: &VPath) -> Result<Found, Failure> {
    match session.client.stat(&session.caller, destination).await {
        Ok(entry) if entry.is_folder() => Ok(Found::Folder),
        Ok(_) => Ok(Found::File),
        Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::ParentMissing) => Ok(Found::Nothing),
        Err(error) => Err(Failure::from(error).about(destination)),
    }
}

fn unfound(local: &Path, error: &std::io::Error) -> Failure {
    let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
    Failure { exit, ..Failure::local(shown(local), error) }
}
