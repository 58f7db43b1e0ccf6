//! `passerelle mv` and `passerelle cp`: moves or copies files and folders within the server.

use std::ffi::OsString;

use shared::change::PathPair;
use shared::{Change, Entry, ErrorCode, VPath};

use super::connect::{Session, path, session_to_change};
use super::failure::{Exit, Failure, is_away};
use super::summary::{ChangeItem, Summary};
use crate::cli::{ConnectArgs, CpArgs, MvArgs};

pub(super) async fn mv(args: MvArgs) -> Result<Exit, Failure> {
    let conflict = args.conflict.chosen();
    let change = |items| Change::Move { items, conflict };
    move_or_copy(&args.paths, &args.connect, |_| None, change).await
}

pub(super) async fn cp(args: CpArgs) -> Result<Exit, Failure> {
    let conflict = args.conflict.chosen();
    let change = |items| Change::Copy { items, conflict };
    let refusal = |entry: &Entry| {
        // A link to a folder is copied as a link.
        let folder = entry.is_folder() && entry.link.is_none() && !args.recursive;
        folder.then(|| Failure::new(Exit::Failed, ErrorCode::IsFolder.name(), "is a folder; -r copies it"))
    };
    move_or_copy(&args.paths, &args.connect, refusal, change).await
}

async fn move_or_copy(
    paths: &[OsString],
    connect: &ConnectArgs,
    refusal: impl Fn(&Entry) -> Option<Failure>,
    change: impl Fn(Vec<PathPair>) -> Change,
) -> Result<Exit, Failure> {
    let Some((typed, sources)) = paths.split_last() else {
        return Err(Failure::usage("SRC and DEST are needed"));
    };
    let destination = path(typed)?;
    let sources = sources.iter().map(|source| path(source)).collect::<Result<Vec<_>, _>>()?;
    let session = session_to_change(connect, 2).await?;
    let slash = typed.as_encoded_bytes().ends_with(b"/");
    let into = is_folder(&session, &destination).await?;
    if !into && (sources.len() > 1 || slash) {
        return Err(Failure::of(ErrorCode::NotFolder).about(&destination));
    }
    let mut summary = Summary::new(connect.json);
    let mut items = Vec::with_capacity(sources.len());
    for from in sources {
        match session.client.stat(&session.caller, &from).await {
            Ok(entry) => match refusal(&entry) {
                None => items.push(pair(from, &destination, into)?),
                Some(failure) => summary.failed(&failure.about(&from)),
            },
            Err(error) if is_away(error.code) => return Err(error.into()),
            Err(error) => summary.failed(&Failure::from(error).about(&from)),
        }
    }
    summary.carry_out(&session, &items, change).await?;
    Ok(summary.exit())
}

fn pair(from: VPath, destination: &VPath, into: bool) -> Result<ChangeItem<PathPair>, Failure> {
    if from.is_root() {
        return Err(Failure::usage("`/` is the root folder: it cannot be moved or copied").about(&from));
    }
    let to = if into { destination.join(from.name())? } else { destination.clone() };
    let bytes = from.as_bytes().len() + to.as_bytes().len();
    Ok(ChangeItem { path: from.clone(), what: PathPair { from, to, if_etag: None }, bytes })
}

async fn is_folder(session: &Session, path: &VPath) -> Result<bool, Failure> {
    match session.client.stat(&session.caller, path).await {
        Ok(entry) => Ok(entry.is_folder()),
        Err(error) if error.code == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(Failure::from(error).about(path)),
    }
}
