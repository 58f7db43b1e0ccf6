//! The entries of one folder that a command acts on, and the requests of a command. Their paths are made request by
//! request: those of a hundred thousand entries take longer than a frame.

use std::ops::Range;
use std::sync::Arc;

use shared::change::{PathItem, PathPair};
use shared::{Change, Conflict, VPath};

use super::pace::Pace;
use super::scheduler::PathAccess;
use crate::folder::model::Listing;

/// Entries of a folder, as it was when the user chose them. A clone shares their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries {
    folder: VPath,
    names: Arc<Names>,
}

/// Raw names, one after the other, and where each ends.
#[derive(Debug, Default, PartialEq)]
struct Names {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// What a command does with entries.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Move them to the trash.
    Trash,
    /// Delete them permanently.
    Delete,
    /// Move them into a folder.
    Move(VPath),
    /// Copy them into a folder; copies in their own folder get numbered names.
    Copy(VPath),
}

impl Entries {
    /// The entries in these rows of a listing.
    pub fn new(listing: &Listing, rows: impl IntoIterator<Item = usize>) -> Self {
        Self::of(listing.folder.clone(), rows.into_iter().filter_map(|row| listing.rows.name(row)))
    }

    fn of<'a>(folder: VPath, all: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut names = Names::default();
        for name in all {
            names.bytes.extend_from_slice(name);
            names.ends.push(names.bytes.len());
        }
        Self { folder, names: Arc::new(names) }
    }

    /// The folder that they are in.
    pub fn folder(&self) -> &VPath {
        &self.folder
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.names.ends.len()
    }

    /// True if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.names.ends.is_empty()
    }

    /// Their raw names, in order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.names_in(0..self.len())
    }

    fn names_in(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> + Clone {
        let Names { bytes, ends } = &*self.names;
        range.map(move |index| &bytes[index.checked_sub(1).map_or(0, |before| ends[before])..ends[index]])
    }

    /// Those whose names pass.
    pub fn filtered(&self, passes: impl Fn(&[u8]) -> bool) -> Self {
        Self::of(self.folder.clone(), self.names().filter(|name| passes(name)))
    }

    /// True if the entry is among them.
    pub fn contains(&self, path: &VPath) -> bool {
        path.is_in(self.folder()) && self.names().any(|name| name == path.name())
    }

    /// True if `folder` may receive them: a folder cannot go into itself, and moving entries to where they are has no
    /// effect.
    pub fn may_go_to(&self, folder: &VPath, copy: bool) -> bool {
        let inside = self.folder().strip_prefix_of(folder);
        match inside.as_ref().map(|path| path.segments().next()) {
            _ if self.is_empty() => false,
            // The folder that they are in.
            Some(None) => copy,
            Some(Some(child)) => !self.names().any(|name| name == child),
            None => true,
        }
    }
}

impl Command {
    /// To move or copy entries into a folder.
    pub fn transfer(folder: VPath, copy: bool) -> Self {
        if copy { Self::Copy(folder) } else { Self::Move(folder) }
    }

    /// One request for all entries.
    pub fn request(&self, entries: &Entries) -> Change {
        self.request_for(entries, 0..entries.len())
    }

    /// How the requests for many entries of one folder follow each other.
    pub fn pace(&self) -> Pace {
        if matches!(self, Self::Trash) { Pace::GROUPS } else { Pace::ITEMS }
    }

    /// The requests for all entries at the command's [`Pace`], each made when it is asked for.
    pub fn requests(self, entries: Entries) -> impl Iterator<Item = Change> {
        let (mut from, Pace { items_max, .. }) = (0, self.pace());
        std::iter::from_fn(move || {
            let range = from..(from + items_max).min(entries.len());
            from = range.end;
            (!range.is_empty()).then(|| self.request_for(&entries, range))
        })
    }

    /// The folders that the requests change or read, in place of the path of each entry.
    pub fn access_of_folders(&self, folder: &VPath) -> PathAccess {
        let mut access = PathAccess::default();
        match self {
            Self::Trash | Self::Delete => access.write([folder]),
            Self::Move(to) => access.write([folder, to]),
            Self::Copy(to) => {
                access.read([folder]);
                access.write([to]);
            }
        }
        access
    }

    fn request_for(&self, entries: &Entries, range: Range<usize>) -> Change {
        let folder = entries.folder();
        let names = entries.names_in(range);
        let items = || names.clone().filter_map(|name| Some(PathItem { path: folder.join(name).ok()?, if_etag: None }));
        let pairs = |to: &VPath| {
            let pair = |name| Some(PathPair { from: folder.join(name).ok()?, to: to.join(name).ok()?, if_etag: None });
            names.clone().filter_map(pair).collect()
        };
        match self {
            Self::Trash => Change::Trash { items: items().collect() },
            Self::Delete => Change::Delete { items: items().collect() },
            Self::Move(to) => Change::Move { items: pairs(to), conflict: Conflict::Fail },
            Self::Copy(to) => {
                let conflict = if to == folder { Conflict::KeepBoth } else { Conflict::Fail };
                Change::Copy { items: pairs(to), conflict }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod sample {
    use super::*;
    use crate::folder::model::sample::listing;

    /// Entries with these names in a folder.
    pub(crate) fn entries(folder: &str, names: &[&str]) -> Entries {
        let mut listing = listing(names);
        listing.folder = VPath::parse(folder).unwrap();
        Entries::new(&listing, 0..names.len())
    }
}

#[cfg(test)]
mod tests {
    use super::sample::entries;
    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn a_folder_does_not_go_into_itself() {
        assert!(!entries("", &["a"]).may_go_to(&path("a/b"), false));
        assert!(!entries("", &["a"]).may_go_to(&path("a"), true));
        assert!(!entries("a", &["x"]).may_go_to(&path("a"), false), "already in that folder");
        assert!(entries("a", &["x"]).may_go_to(&path("a"), true));
        assert!(entries("a", &["x"]).may_go_to(&path("a/y"), false));
        assert!(entries("a", &["x"]).may_go_to(&path("ab"), false));
        assert!(entries("", &["ab"]).may_go_to(&path("abc"), false));
        assert!(!entries("a", &[]).may_go_to(&path("b"), false));
    }

    #[test]
    fn many_entries_need_requests_that_keep_their_order() {
        let names: Vec<_> = (0..600).map(|index| format!("{index:03}")).collect();
        let many = entries("a", &names.iter().map(String::as_str).collect::<Vec<_>>());
        let requests: Vec<_> = Command::Move(path("b")).requests(many.clone()).collect();
        assert_eq!(requests.iter().map(Change::len).collect::<Vec<_>>(), [250, 250, 100]);
        let Change::Move { items, .. } = &requests[1] else { panic!() };
        assert_eq!((items[0].from.clone(), items[0].to.clone()), (path("a/250"), path("b/250")));
        assert_eq!(Command::Trash.requests(many.clone()).collect::<Vec<_>>(), [Command::Trash.request(&many)]);
        assert_eq!(Command::Trash.request(&many).len(), 600);
        assert!(many.contains(&path("a/599")) && !many.contains(&path("b/599")) && !many.contains(&path("a/600")));
    }
}
