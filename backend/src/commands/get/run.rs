//! The steps of `passerelle get`: reads the arguments, looks at sources and destination, plans, downloads.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use shared::{Entry, ErrorCode, Kind, Link, VPath};

use super::download::Download;
use super::fetch::Fetcher;
use super::find::{Finder, Found};
use super::folders::Folders;
use super::plan::{Destination, plan};
use super::stream::stream;
use crate::cli::GetArgs;
use crate::commands::connect::{self, Session};
use crate::commands::destination_notes::{DestinationNote, absolute};
use crate::commands::failure::{Exit, Failure, is_away};
use crate::commands::report::{Drawing, Report, TransferKind};
use crate::commands::{interrupt, workers};

/// Connections besides those of the workers: one for the walk, and one for a request that was cancelled and has not
/// ended yet.
const EXTRA_CONNECTIONS: usize = 2;

/// Runs the verb.
pub(in crate::commands) async fn run(args: GetArgs) -> Result<Exit, Failure> {
    let Some((destination, sources)) = args.paths.split_last() else {
        return Err(Failure::usage("SRC and DEST are needed"));
    };
    let sources = sources.iter().map(|source| connect::path(source)).collect::<Result<Vec<_>, _>>()?;
    let workers = usize::from(args.parallel);
    let session = connect::session(&args.connect, workers + EXTRA_CONNECTIONS).await?;
    let streaming = destination == OsStr::new("-");
    let report = Report::new(TransferKind::Download, args.connect.json, args.quiet, streaming);
    if streaming {
        return to_output(&session, &report, &sources, args.retries).await;
    }
    let entries = stat_sources(&session, &report, &sources).await?;
    if entries.is_empty() {
        return Ok(report.end());
    }
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.is_folder())).collect();
    let destination = Path::new(destination);
    let note = DestinationNote::of(&note_parts(&session, &sources, destination));
    let found = stat_destination(destination, &note)?;
    let plan = plan(destination, found, sources.len(), &kinds)?;
    let failed = |error: io::Error| Failure::local(plan.base.display(), &error);
    let folders = Folders::make_base(&plan.base).map_err(failed)?;
    if matches!(&*plan.mappings, [mapping] if mapping.is_folder && mapping.local.is_root()) {
        note.write(&identity(&plan.base).map_err(failed)?);
    }
    let download = Download {
        session,
        report: Arc::new(report),
        folders,
        mappings: plan.mappings,
        force: args.force,
        resume: !args.no_resume,
        retries: args.retries,
    };
    transfer(download, entries, workers).await
}

async fn transfer(download: Download, mut entries: Vec<Entry>, workers: usize) -> Result<Exit, Failure> {
    entries.retain(Entry::is_file);
    let download = Arc::new(download);
    let report = &download.report;
    let interrupted = interrupt::listen(report.stop().clone());
    let drawing = Drawing::start(report);
    let find = |sender| Finder::new(Arc::clone(&download), sender).run(entries);
    let fetch = |queue| Fetcher::new(Arc::clone(&download)).run(queue);
    let outcome = workers::run(report.stop(), workers, find, fetch).await.and_then(|found| finish(&download, found));
    drawing.stop().await;
    let exit = report.end();
    outcome?;
    interrupted.check(exit)
}

/// What is done after the last file: links, which may lead to any of them, and leftovers, which are removed once nothing
/// is left to resume.
fn finish(download: &Download, found: Found) -> Result<(), Failure> {
    if download.report.stop().is_cancelled() {
        return Ok(());
    }
    found.links.make()?;
    if !download.report.has_failed() {
        found.leftovers.remove(&download.folders);
    }
    Ok(())
}

/// The entries of the sources. One that cannot be downloaded is reported, and the others are downloaded; if it is the
/// only one, or the server cannot be reached, that is the failure.
async fn stat_sources(session: &Session, report: &Report, sources: &[VPath]) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for source in sources {
        match session.client.stat(&session.caller, source).await {
            Ok(entry) => match refusal(&entry) {
                None => entries.push(Entry { path: source.clone(), ..entry }),
                Some(code) => report.failed(&Failure::of(code).about(source)),
            },
            Err(error) if is_away(error.code) || sources.len() == 1 => return Err(Failure::from(error).about(source)),
            Err(error) => report.failed(&Failure::from(error).about(source)),
        }
    }
    Ok(entries)
}

/// Why a source cannot be downloaded. `None` if it can.
fn refusal(entry: &Entry) -> Option<ErrorCode> {
    match (entry.kind, &entry.link) {
        (Kind::File | Kind::Folder, _) => None,
        (Kind::Other, Some(Link::Broken)) => Some(ErrorCode::LinkBroken),
        (Kind::Other, Some(_)) => Some(ErrorCode::LinkEscapes),
        (Kind::Other, None) => Some(ErrorCode::NotRegular),
    }
}

/// What DEST is now. Links are followed, because the user named it.
fn stat_destination(destination: &Path, note: &DestinationNote) -> Result<Destination, Failure> {
    let failed = |error: io::Error| Failure::local(destination.display(), &error);
    match std::fs::metadata(destination) {
        Ok(metadata) if metadata.is_dir() && note.is_of(&identity(destination).map_err(failed)?) => {
            Ok(Destination::Made)
        }
        Ok(metadata) if metadata.is_dir() => Ok(Destination::Folder),
        Ok(_) => Ok(Destination::File),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Destination::Missing),
        Err(error) => Err(failed(error)),
    }
}

/// What names this command in its note: all that decides where the files go.
fn note_parts(session: &Session, sources: &[VPath], destination: &Path) -> Vec<Vec<u8>> {
    let destination = absolute(destination).into_os_string().into_encoded_bytes();
    let mut parts = vec![b"get".to_vec(), session.address.clone().into_bytes(), destination];
    parts.extend(sources.iter().map(|source| source.as_bytes().to_vec()));
    parts
}

/// Tells a folder from another one that has its path later. File systems give the inode number of a deleted folder to a
/// new one, so the time of creation counts as well, where there is one.
fn identity(folder: &Path) -> io::Result<String> {
    let metadata = std::fs::metadata(folder)?;
    let created = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let created = created.map_or(0, |time| time.as_nanos());
    Ok(format!("{} {created}", inode(&metadata)))
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

async fn to_output(session: &Session, report: &Report, sources: &[VPath], retries: u32) -> Result<Exit, Failure> {
    let [source] = sources else {
        return Err(Failure::usage("only one file can be written to standard output"));
    };
    stream(session, report, source, retries).await?;
    Ok(report.end())
}
