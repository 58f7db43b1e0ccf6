//! The steps of `passerelle put`: reads the arguments, looks at sources and destination, plans, uploads.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::{ErrorCode, VPath};

use super::find::Finder;
use super::input;
use super::local_file::name_bytes;
use super::plan::{Destination, Mapping, Source, plan};
use super::resume_file::ResumeFiles;
use super::send::FileSender;
use super::upload::{Upload, shown};
use crate::cli::PutArgs;
use crate::commands::connect::{self, Session};
use crate::commands::destination_notes::{DestinationNote, absolute};
use crate::commands::failure::{Exit, Failure};
use crate::commands::report::{Drawing, Report, TransferKind};
use crate::commands::{interrupt, workers};

/// Connections besides those of the workers: one for the folders, and one for a request that was cancelled and has not
/// ended yet.
const EXTRA_CONNECTIONS: usize = 2;

/// Runs the verb.
pub(in crate::commands) async fn run(args: PutArgs) -> Result<Exit, Failure> {
    let Some((typed, sources)) = args.paths.split_last() else {
        return Err(Failure::usage("SRC and DEST are needed"));
    };
    let path = connect::path(typed)?;
    let workers = usize::from(args.parallel);
    let session = connect::session_to_change(&args.connect, workers + EXTRA_CONNECTIONS).await?;
    let upload = Upload {
        report: Arc::new(Report::new(TransferKind::Upload, args.connect.json, args.quiet, false)),
        resume_files: ResumeFiles::open(&session.address),
        session,
        conflict: args.conflict.chosen(),
        resume: !args.no_resume,
        retries: args.retries,
    };
    let slash = typed.as_encoded_bytes().ends_with(b"/");
    let mut destination = stat_destination(&upload.session, &path).await?;
    if sources.iter().any(|source| source == "-") {
        if sources.len() > 1 || destination == Destination::Folder || slash {
            return Err(Failure::usage("standard input becomes one file: DEST must be its name"));
        }
        return upload_input(upload, path).await;
    }
    let known = stat_sources(&upload.report, sources);
    let note = match &*known {
        [source] if source.is_folder && sources.len() == 1 => Some(note_of(&upload.session, source, &path)),
        _ => None,
    };
    if destination == Destination::Folder && note.as_ref().is_some_and(|note| note.is_of(NOTED)) {
        destination = Destination::Made;
    }
    let mappings = plan(&path, slash, destination, sources.len(), known)?;
    let upload = Arc::new(upload);
    let makes_destination = matches!(destination, Destination::Missing | Destination::Made);
    let note = note.filter(|_| makes_destination).inspect(|note| note.write(NOTED));
    let ended = transfer(&upload, mappings, workers).await;
    if let (Some(note), true) = (note, !matches!(ended, Ok(Exit::Done)))
        && matches!(stat_destination(&upload.session, &path).await, Ok(Destination::Missing))
    {
        // This command made nothing: what is there later is of another one.
        note.remove();
    }
    ended
}

/// The server tells no identity of a folder, so a note is of its path.
const NOTED: &str = "put";

/// The note of the folder that one source folder becomes.
fn note_of(session: &Session, source: &Source, path: &VPath) -> DestinationNote {
    let local = absolute(&source.local).into_os_string().into_encoded_bytes();
    DestinationNote::of(&[NOTED.as_bytes(), session.address.as_bytes(), &local, path.as_bytes()])
}

async fn transfer(upload: &Arc<Upload>, mappings: Vec<Mapping>, workers: usize) -> Result<Exit, Failure> {
    let report = &upload.report;
    let interrupted = interrupt::listen(report.stop().clone());
    let drawing = Drawing::start(report);
    let find = |tasks| Finder::new(Arc::clone(upload), tasks).run(mappings);
    let send = |queue| FileSender::new(Arc::clone(upload)).run(queue);
    let outcome = workers::run(report.stop(), workers, find, send).await;
    drawing.stop().await;
    let exit = report.end();
    outcome?;
    interrupted.check(exit)
}

async fn upload_input(upload: Upload, target: VPath) -> Result<Exit, Failure> {
    let report = Arc::clone(&upload.report);
    let _interrupted = interrupt::listen(report.stop().clone());
    let drawing = Drawing::start(&report);
    let uploaded = workers::run_alone(report.stop(), input::upload(upload, target)).await;
    drawing.stop().await;
    uploaded.map(|()| report.end())
}

/// The sources with their kinds. Links are followed, because the user named them. A source that cannot be uploaded is
/// reported, and the others are uploaded.
fn stat_sources(report: &Report, sources: &[OsString]) -> Vec<Source> {
    let mut known = Vec::new();
    for source in sources {
        let local = PathBuf::from(source);
        match std::fs::metadata(&local) {
            Ok(metadata) if metadata.is_dir() || metadata.is_file() => {
                let name = if means_content(source) { None } else { local.file_name().and_then(name_bytes) };
                known.push(Source { name, is_folder: metadata.is_dir(), local });
            }
            Ok(_) => {
                let message = format!("{}: is neither a file nor a folder", shown(&local));
                report.failed(&Failure::new(Exit::Failed, ErrorCode::NotRegular.name(), message));
            }
            Err(error) => report.failed(&not_found(&local, &error)),
        }
    }
    known
}

/// True for `folder/.`, which means the content of the folder, as for `cp`.
fn means_content(typed: &OsStr) -> bool {
    let bytes = typed.as_encoded_bytes();
    let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    bytes[..end].ends_with(b"/.") || bytes[..end] == *b"."
}

/// What DEST is now. If its parent is missing as well, missing folders are made later.
async fn stat_destination(session: &Session, path: &VPath) -> Result<Destination, Failure> {
    match session.client.stat(&session.caller, path).await {
        Ok(entry) if entry.is_folder() => Ok(Destination::Folder),
        Ok(_) => Ok(Destination::File),
        Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::ParentMissing) => Ok(Destination::Missing),
        Err(error) => Err(Failure::from(error).about(path)),
    }
}

fn not_found(local: &Path, error: &std::io::Error) -> Failure {
    let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
    Failure { exit, ..Failure::local(shown(local), error) }
}
