//! `passerelle stat`: describes one file or folder.

use shared::{Entry, Kind, Link, size};

use super::connect::{path, session};
use super::failure::{Exit, Failure};
use super::{format, output};
use crate::cli::StatArgs;

pub(super) async fn run(args: StatArgs) -> Result<Exit, Failure> {
    let path = path(&args.path)?;
    let session = session(&args.connect, 1).await?;
    let entry = session.client.stat(&session.caller, &path).await;
    let entry = entry.map_err(|error| Failure::from(error).about(&path))?;
    if args.connect.json {
        output::line(&format::json(&serde_json::json!(entry)))?;
    } else {
        output::line(&description(&entry))?;
    }
    Ok(Exit::Done)
}

fn description(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Other => "other",
    };
    let mut lines = vec![("path", format::path(&entry.path)), ("kind", kind.into())];
    match &entry.link {
        Some(Link::Inside(target)) => lines.push(("link", format!("to {}", format::name(target)))),
        Some(Link::Escapes) => lines.push(("link", "out of the served folder".into())),
        Some(Link::Broken) => lines.push(("link", "to nothing".into())),
        None => {}
    }
    if entry.is_file() {
        let long = if entry.size < 1000 { String::new() } else { format!(" ({} bytes)", entry.size) };
        lines.push(("size", format!("{}{long}", size::english(entry.size))));
        lines.push(("executable", if entry.executable { "yes" } else { "no" }.into()));
    }
    lines.push(("modified", format::time(entry.modified)));
    lines.extend(entry.etag.map(|etag| ("etag", etag.to_string())));
    let lines: Vec<_> = lines.into_iter().map(|(key, value)| format!("{key:<11} {value}")).collect();
    lines.join("\n")
}
