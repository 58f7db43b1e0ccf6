//! `passerelle trash`: lists, restores and deletes what is in the trash.

use std::io::{self, BufWriter, Write};

use serde_json::json;
use shared::change::RestoreItem;
use shared::limits::TRASH_LIMIT_MAX;
use shared::{Change, Kind, TrashId, Trashed, VPath};

use super::connect::{path, session_to_change};
use super::failure::{Exit, Failure};
use super::format;
use super::summary::{ChangeItem, Summary};
use crate::cli::{TrashCommand, TrashEmptyArgs, TrashLsArgs, TrashRestoreArgs};

pub(super) async fn run(command: TrashCommand) -> Result<Exit, Failure> {
    match command {
        TrashCommand::Ls(args) => ls(args).await,
        TrashCommand::Restore(args) => restore(args).await,
        TrashCommand::Empty(args) => empty(args).await,
    }
}

async fn ls(args: TrashLsArgs) -> Result<Exit, Failure> {
    let session = session_to_change(&args.connect, 1).await?;
    let mut output = BufWriter::new(io::stdout().lock());
    let mut cursor = None;
    loop {
        let page = session.client.list_trash(&session.caller, cursor.as_deref(), TRASH_LIMIT_MAX).await?;
        for item in &page.items {
            let line = if args.connect.json { format::json(&json!(item)) } else { line(item) };
            writeln!(output, "{line}").map_err(|error| Failure::output(&error))?;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    output.flush().map_err(|error| Failure::output(&error))?;
    Ok(Exit::Done)
}

fn line(item: &Trashed) -> String {
    let size = if item.entry.kind == Kind::File { item.entry.size.to_string() } else { "-".into() };
    let slash = if item.entry.is_folder() { "/" } else { "" };
    let absent = if item.absent { "  (disk not connected)" } else { "" };
    let (time, path) = (format::time(item.trashed), format::path(&item.entry.path));
    format!("{} {time} {size:>13} {path}{slash}{absent}", item.id)
}

async fn restore(args: TrashRestoreArgs) -> Result<Exit, Failure> {
    let ids = ids(&args.ids)?;
    let to = args.to.as_deref().map(path).transpose()?;
    if to.is_some() && ids.len() > 1 {
        return Err(Failure::usage("--to takes exactly one ID"));
    }
    let session = session_to_change(&args.connect, 2).await?;
    let bytes = to.as_ref().map_or(0, |to| to.as_bytes().len());
    let items: Vec<_> = ids
        .into_iter()
        .map(|id| ChangeItem { path: named(id), what: RestoreItem { id, to: to.clone() }, bytes })
        .collect();
    let conflict = args.conflict.chosen();
    let mut summary = Summary::new(args.connect.json);
    summary.carry_out(&session, &items, |items| Change::Restore { items, conflict }).await?;
    Ok(summary.exit())
}

async fn empty(args: TrashEmptyArgs) -> Result<Exit, Failure> {
    let ids = ids(&args.ids)?;
    let session = session_to_change(&args.connect, 2).await?;
    let mut summary = Summary::new(args.connect.json);
    if ids.is_empty() {
        let everything = [ChangeItem { path: VPath::root(), what: (), bytes: 0 }];
        summary.carry_out(&session, &everything, |_| Change::Purge { ids: None }).await?;
    } else {
        let items: Vec<_> = ids.into_iter().map(|id| ChangeItem { path: named(id), what: id, bytes: 0 }).collect();
        summary.carry_out(&session, &items, |ids| Change::Purge { ids: Some(ids) }).await?;
    }
    Ok(summary.exit())
}

fn ids(texts: &[String]) -> Result<Vec<TrashId>, Failure> {
    let id = |text: &String| {
        let refused =
            || Failure::usage(format!("`{}` is not an id; `passerelle trash ls` prints them", text.escape_debug()));
        TrashId::parse(text).ok_or_else(refused)
    };
    texts.iter().map(id).collect()
}

/// The path in messages about an item: its id, because the path that it had is known to the server only.
fn named(id: TrashId) -> VPath {
    VPath::parse(&id.to_string()).unwrap_or_default()
}
