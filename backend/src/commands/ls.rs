//! `passerelle ls`: a folder, page by page as it comes, and what is below it. In memory: a page for each folder between
//! the start and where the listing is.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use shared::limits::LIST_LIMIT_DEFAULT;
use shared::{Direction, Entry, ErrorCode, Kind, Link, Order, SortKey, VPath};

use super::connect::{Session, path, session};
use super::exit::{Exit, Failure};
use super::print;
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
        // Like other `ls`: a file is listed as itself.
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

/// What is left of a folder: of the page that came, and where the next one starts.
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

    /// What is in the first folder and, if that is wanted, in each folder below it right after its own line.
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
                    Err(error) if super::exit::is_away(error.code) => return Err(error.into()),
                    Err(error) => {
                        lines.flush()?;
                        print::failure(lines.json, &Failure::from(error).about(&entry.path));
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
    /// The folder that paths begin below, where what is printed is a path and not a name.
    below: Option<VPath>,
}

impl Lines<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        let text = if self.json { serde_json::json!(entry).to_string() } else { self.text(entry) };
        writeln!(self.output, "{text}").map_err(|error| Failure::output(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| Failure::output(&error))
    }

    fn text(&self, entry: &Entry) -> String {
        let inner = self.below.as_ref().and_then(|below| below.strip_prefix_of(&entry.path));
        let mut name = match inner {
            Some(inner) => print::path(&inner),
            None if entry.path.is_root() => "/".into(),
            None => print::name(entry.path.name()),
        };
        // People see at a glance what can be entered; a script gets the bare name.
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
        Some(Link::Inside(target)) => format!(" -> {}", print::name(target)),
        Some(Link::Escapes) => " -> (out of the served folder)".into(),
        Some(Link::Broken) => " -> (nothing)".into(),
    };
    format!("{kind}{executable} {size:>13} {} {name}{link}", print::time(entry.modified))
}
