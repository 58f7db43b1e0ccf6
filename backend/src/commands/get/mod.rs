//! `passerelle get`: files and folders of the server, to a folder of this machine.
//!
//! - `plan`, `decide` and `names` say where what goes, and what is done about what is there: pure;
//! - `folders` and `part` are this machine's disk: a sandbox, and files that are not complete yet;
//! - `find` walks the server while `fetch` downloads what was found, both on threads that may block;
//! - `stream` is one file to standard output.

mod decide;
mod fetch;
mod find;
mod folders;
mod names;
mod part;
mod plan;
mod stream;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use shared::{Entry, ErrorCode, Kind, VPath};

use self::fetch::Worker;
use self::find::Finder;
use self::folders::Folders;
use self::plan::{Found, Place, plan};
use super::connect::{self, Session};
use super::exit::{Exit, Failure, is_away};
use super::queue::Queue;
use super::report::{Report, Way};
use super::thread::{joined, on_a_thread};
use crate::cli::GetArgs;

/// Connections beside those of the workers: for the walk, and for a request that was given up and is not over.
const MORE_CONNECTIONS: usize = 2;

/// What all who work on one download share.
struct Download {
    session: Session,
    report: Report,
    folders: Folders,
    places: Vec<Place>,
    force: bool,
    resume: bool,
    retries: u32,
}

pub(super) async fn run(args: GetArgs) -> Result<Exit, Failure> {
    let Some((destination, sources)) = args.paths.split_last() else {
        return Err(Failure::usage("SRC and DEST are needed"));
    };
    let sources = sources.iter().map(|source| connect::path(source)).collect::<Result<Vec<_>, _>>()?;
    let workers = usize::from(args.parallel);
    let session = connect::session(&args.connect, workers + MORE_CONNECTIONS).await?;
    let streaming = destination == OsStr::new("-");
    let report = Report::new(Way::Down, args.connect.json, args.quiet, streaming);
    if streaming {
        return to_output(&session, &report, &sources, args.retries).await;
    }
    let entries = look(&session, &report, &sources).await?;
    if entries.is_empty() {
        return Ok(report.end());
    }
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.is_folder())).collect();
    let plan = plan(Path::new(destination), found(destination)?, sources.len(), &kinds)?;
    let failed = |error: io::Error| Failure::local(plan.base.display(), &error);
    let download = Download {
        session,
        report,
        folders: Folders::make_base(&plan.base).map_err(failed)?,
        places: plan.places,
        force: args.force,
        resume: !args.no_resume,
        retries: args.retries,
    };
    download.run(entries, workers).await
}

impl Download {
    /// Everything, and then the links.
    async fn run(self, mut entries: Vec<Entry>, workers: usize) -> Result<Exit, Failure> {
        entries.retain(Entry::is_file);
        let download = Arc::new(self);
        let stop = download.report.stop();
        let drawn = Arc::clone(&download);
        let drawing = tokio::spawn(async move { drawn.report.keep_drawing().await });
        let (sender, queue) = Queue::new(workers);
        let working: Vec<_> = (0..workers)
            .map(|_| on_a_thread(stop.clone(), Worker::new(Arc::clone(&download)).run(queue.clone())))
            .collect();
        let finding = on_a_thread(stop.clone(), Finder::new(Arc::clone(&download), sender).run(entries));
        // Only the workers take from it: when they are gone, whoever hands out work hears of it.
        drop(queue);
        let mut outcome = Ok(());
        for worker in working {
            outcome = outcome.and(joined(worker).await);
        }
        let links = joined(finding).await;
        let outcome = outcome.and(links).and_then(find::Links::make);
        drawing.abort();
        // A drawing that was under way when it was aborted would come after the summary.
        let _ = drawing.await;
        let exit = download.report.end();
        outcome.map(|()| exit)
    }

    /// The SRC that a path is.
    fn place(&self, path: &VPath) -> Option<&Place> {
        self.places.iter().find(|place| &place.source == path)
    }
}

/// What each SRC is. One that cannot be downloaded is told, and the others are downloaded.
async fn look(session: &Session, report: &Report, sources: &[VPath]) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for source in sources {
        match session.client.stat(&session.caller, source).await {
            Ok(entry) => match unfit(&entry) {
                None => entries.push(Entry { path: source.clone(), ..entry }),
                Some(code) => report.failed(&Failure::of(code).about(source)),
            },
            Err(error) if is_away(error.code) || sources.len() == 1 => return Err(Failure::from(error).about(source)),
            Err(error) => report.failed(&Failure::from(error).about(source)),
        }
    }
    Ok(entries)
}

/// Why what was named cannot be downloaded.
fn unfit(entry: &Entry) -> Option<ErrorCode> {
    match (entry.kind, &entry.link) {
        (Kind::File | Kind::Folder, _) => None,
        (Kind::Other, Some(_)) => Some(ErrorCode::LinkEscapes),
        (Kind::Other, None) => Some(ErrorCode::NotRegular),
    }
}

/// What the destination is now; links are followed, for a person named it.
fn found(destination: &OsStr) -> Result<Found, Failure> {
    match std::fs::metadata(destination) {
        Ok(metadata) if metadata.is_dir() => Ok(Found::Folder),
        Ok(_) => Ok(Found::File),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(Failure::local(Path::new(destination).display(), &error)),
    }
}

async fn to_output(session: &Session, report: &Report, sources: &[VPath], retries: u32) -> Result<Exit, Failure> {
    let [source] = sources else {
        return Err(Failure::usage("only one file can be written to standard output"));
    };
    stream::stream(session, report, source, retries).await?;
    Ok(report.end())
}
