//! `passerelle mkdir`: makes folders.

use shared::{Change, ErrorCode, VPath};

use super::connect::{Session, path, session_to_change};
use super::failure::{Exit, Failure};
use super::summary::{ChangeItem, Summary};
use crate::cli::MkdirArgs;

pub(super) async fn run(args: MkdirArgs) -> Result<Exit, Failure> {
    let paths = args.paths.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
    let session = session_to_change(&args.connect, 2).await?;
    let mut summary = Summary::new(args.connect.json);
    let mut items = Vec::with_capacity(paths.len());
    for path in paths {
        // The server would make missing parents; `mkdir` does so only with `--parents`.
        match if args.parents { Ok(()) } else { has_parent(&session, &path).await } {
            Ok(()) => items.push(ChangeItem { what: path.clone(), bytes: path.as_bytes().len(), path }),
            Err(failure) => summary.failed(&failure.about(&path)),
        }
    }
    let change = |paths| Change::MakeFolder { paths, existing_ok: args.parents };
    summary.carry_out(&session, &items, change).await?;
    Ok(summary.exit())
}

async fn has_parent(session: &Session, path: &VPath) -> Result<(), Failure> {
    let Some(parent) = path.parent() else { return Err(Failure::of(ErrorCode::AlreadyExists)) };
    match session.client.stat(&session.caller, &parent).await {
        Ok(entry) if entry.is_folder() => Ok(()),
        Ok(_) => Err(Failure::of(ErrorCode::NotFolder)),
        Err(error) if error.code == ErrorCode::NotFound => Err(Failure::of(ErrorCode::ParentMissing)),
        Err(error) => Err(error.into()),
    }
}
