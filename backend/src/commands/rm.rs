//! `passerelle rm`: into the trash, or away for ever.

use shared::change::PathItem;
use shared::{Change, Entry, ErrorCode};

use super::connect::{path, session_to_change};
use super::exit::{Exit, Failure, is_away};
use super::outcomes::{Item, Tally};
use crate::cli::RmArgs;

pub(super) async fn run(args: RmArgs) -> Result<Exit, Failure> {
    let paths = args.paths.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
    let session = session_to_change(&args.connect, 2).await?;
    let mut tally = Tally::new(args.connect.json);
    let mut items = Vec::with_capacity(paths.len());
    for path in paths {
        match session.client.stat(&session.caller, &path).await {
            Ok(entry) => match unfit(&args, &entry) {
                None => {
                    let (bytes, what) = (path.as_bytes().len(), PathItem { path: path.clone(), if_etag: None });
                    items.push(Item { path, what, bytes });
                }
                Some(failure) => tally.failed(&failure.about(&path)),
            },
            Err(error) if is_away(error.code) => return Err(error.into()),
            Err(error) if error.code == ErrorCode::NotFound && args.force => tally.done(),
            Err(error) => tally.failed(&Failure::from(error).about(&path)),
        }
    }
    let change = |items| if args.forever { Change::Delete { items } } else { Change::Trash { items } };
    tally.carry_out(&session, &items, change).await?;
    Ok(tally.exit())
}

fn unfit(args: &RmArgs, entry: &Entry) -> Option<Failure> {
    if entry.path.is_root() {
        return Some(Failure::new(Exit::Failed, ErrorCode::BadPath.name(), "is everything, and stays"));
    }
    // Of a link, the link goes and not what it leads to.
    let folder = entry.is_folder() && entry.link.is_none() && !args.recursive;
    folder.then(|| Failure::new(Exit::Failed, ErrorCode::IsFolder.name(), "is a folder; -r removes it"))
}
