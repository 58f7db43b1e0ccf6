//! `passerelle rm`: moves files and folders to the trash, or deletes them.

use shared::change::PathItem;
use shared::{Change, Entry, ErrorCode};

use super::connect::{path, session_to_change};
use super::failure::{Exit, Failure, is_away};
use super::summary::{ChangeItem, Summary};
use crate::cli::RmArgs;

pub(super) async fn run(args: RmArgs) -> Result<Exit, Failure> {
    let paths = args.paths.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
    let session = session_to_change(&args.connect, 2).await?;
    let mut summary = Summary::new(args.connect.json);
    let mut items = Vec::with_capacity(paths.len());
    for path in paths {
        match session.client.stat(&session.caller, &path).await {
            Ok(entry) => match refusal(&args, &entry) {
                None => {
                    let (bytes, what) = (path.as_bytes().len(), PathItem { path: path.clone(), if_etag: None });
                    items.push(ChangeItem { path, what, bytes });
                }
                Some(failure) => summary.failed(&failure.about(&path)),
            },
            Err(error) if is_away(error.code) => return Err(error.into()),
            Err(error) if error.code == ErrorCode::NotFound && args.force => summary.done(),
            Err(error) => summary.failed(&Failure::from(error).about(&path)),
        }
    }
    let change = |items| if args.forever { Change::Delete { items } } else { Change::Trash { items } };
    summary.carry_out(&session, &items, change).await?;
    Ok(summary.exit())
}

fn refusal(args: &RmArgs, entry: &Entry) -> Option<Failure> {
    if entry.path.is_root() {
        return Some(Failure::new(Exit::Failed, ErrorCode::BadPath.name(), "is the root folder: it cannot be removed"));
    }
    // A link is removed itself, not its target: it needs no `-r`.
    let folder = entry.is_folder() && entry.link.is_none() && !args.recursive;
    folder.then(|| Failure::new(Exit::Failed, ErrorCode::IsFolder.name(), "is a folder; -r removes it"))
}
