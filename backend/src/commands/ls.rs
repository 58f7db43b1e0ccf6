//! `passerelle ls`: lists a folder, and with `-R` everything below it. Memory: one page of entries for each folder on
//! the path to the current one.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use shared::limits::LIST_LIMIT_DEFAULT;
use shared::{Direction, Entry, ErrorCode, Kind, Link, Order, SortKey, VPath};

use super::connect::{Session, path, session};
use super::failure::{Exit, Failure, is_away};
use super::{format, output};
use crate::cli::{LsArgs, SortBy};
use crate::client::ClientError;

pub(super) async fn run(args: LsArgs) -> Result<Exit, Failure> {
    let folder = path(&args.path)?;
    let session = session(&args.connect, 1).await?;
    let mut lines = Lines {
        output: BufWriter::with_capacity(64 << 10, io::stdout().lock()),
        json: args.connect.json,
        long: args.long,
        terminal: io::stdout().is_terminal(),
        below: if args.recursive { Some(folder.clone()) } else { None },
    };
    let lister = Lister { session: &session, order: order(&args) };
    let first = match lister.page(&folder, None).await {
        Ok(first) => first,
        // As POSIX `ls` does, lists a file as itself.
        Err(error) if error.code == ErrorCode::NotFolder => {
            let entry = session.client.stat(&session.caller, &folder).await;
            lines.below = None;
            lines.entry(&entry.map_err(|error| Failure::from(error).about(&folder))?)?;
            return lines.flush().map(|()| Exit::Done);
        }
        Err(error) => return Err(Failure::from(error).about(&folder)),
    };
    lister.everything(first, args.recursive, &mut lines).await
}

fn order(args: &LsArgs) -> Order {
    let key = match args.sort {
        SortBy::Name => SortKey::Name,
        SortBy::Size => SortKey::Size,
        SortBy::Modified => SortKey::Modified,
    };
    Order { key, direction: if args.reverse { Direction::Descending } else { Direction::Ascending } }
}

struct Lister<'a> {
    session: &'a Session,
    order: Order,
}

/// The rest of a folder: the entries of the current page, and the cursor of the next one.
struct Level {
    folder: VPath,
    entries: std::vec::IntoIter<Entry>,
    cursor: Option<String>,
}

impl Lister<'_> {
    async fn page(&self, folder: &VPath, cursor: Option<&str>) -> Result<Level, ClientError> {
        let Session { client, caller, .. } = self.session;
        let listing = client.list(caller, folder, self.order, cursor, LIST_LIMIT_DEFAULT).await?;
        Ok(Level { folder: folder.clone(), entries: listing.entries.into_iter(), cursor: listing.next_cursor })
    }

    /// Prints the entries of the first folder and, if `recursive`, those of each folder below it after its own line.
    async fn everything(&self, first: Level, recursive: bool, lines: &mut Lines<'_>) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        let mut levels = vec![first];
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                match level.cursor.take() {
                    None => drop(levels.pop()),
                    Some(cursor) => {
                        lines.flush()?;
                        let page = self.page(&level.folder, Some(&cursor)).await;
                        *level = page.map_err(|error| Failure::from(error).about(&level.folder))?;
                    }
                }
                continue;
            };
            lines.entry(&entry)?;
            if recursive && entry.is_folder() && entry.link.is_none() {
                match self.page(&entry.path, None).await {
                    Ok(inner) => levels.push(inner),
                    Err(error) if is_away(error.code) => return Err(error.into()),
                    Err(error) => {
                        lines.flush()?;
                        output::failure(lines.json, &Failure::from(error).about(&entry.path));
                        exit = Exit::Partly;
                    }
                }
            }
        }
        lines.flush()?;
        Ok(exit)
    }
}

struct Lines<'a> {
    output: BufWriter<StdoutLock<'a>>,
    json: bool,
    long: bool,
    terminal: bool,
    /// The folder to which printed paths are relative. `None` prints names.
    below: Option<VPath>,
}

impl Lines<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        let text = if self.json { format::json(&serde_json::json!(entry)) } else { self.text(entry) };
        writeln!(self.output, "{text}").map_err(|error| Failure::output(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| Failure::output(&error))
    }

    fn text(&self, entry: &Entry) -> String {
        let inner = self.below.as_ref().and_then(|below| below.strip_prefix_of(&entry.path));
        let mut name = match inner {
            Some(inner) => format::path(&inner),
            None if entry.path.is_root() => "/".into(),
            None => format::name(entry.path.name()),
        };
        // A slash marks folders for people; scripts get the bare name.
        if self.terminal && entry.is_folder() && !name.ends_with('/') {
            name.push('/');
        }
        if self.long { long(entry, &name) } else { name }
    }
}

/// Kind and executable mark, size, time, name, and where a link leads.
fn long(entry: &Entry, name: &str) -> String {
    let kind = match (&entry.link, entry.kind) {
        (Some(_), _) => 'l',
        (None, Kind::File) => '-',
        (None, Kind::Folder) => 'd',
        (None, Kind::Other) => '?',
    };
    let executable = if entry.executable { 'x' } else { '-' };
    let size = if entry.is_file() { entry.size.to_string() } else { "-".into() };
    let link = match &entry.link {
        None => String::new(),
        Some(Link::Inside(target)) => format!(" -> {}", format::name(target)),
        Some(Link::Escapes) => " -> (out of the served folder)".into(),
        Some(Link::Broken) => " -> (nothing)".into(),
    };
    format!("{kind}{executable} {size:>13} {} {name}{link}", format::time(entry.modified))
}
