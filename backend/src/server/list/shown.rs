//! Which entries of a folder a listing shows: all of them or, on the way to a grant, those that lead to one. Pure.

use std::sync::Arc;

use shared::columns::Row;
use shared::{Kind, Rights, Scope, Timestamp, VPath, View};

/// Which entries of a folder are shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Shown {
    All,
    Only(Arc<[ShownName]>),
}

/// A name that leads to a grant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ShownName {
    pub(super) name: Box<[u8]>,
    /// The caller may list it. Else it is shown if it is a folder, and without what it tells of the entries in it.
    whole: bool,
}

impl Shown {
    /// What a caller with this scope sees of the folder in the storage, of which it has this view.
    pub(super) fn of(scope: &Scope, folder: &VPath, view: View) -> Self {
        let shown = |name: Box<[u8]>| {
            let rights = folder.join(&name).map_or(Rights::NONE, |path| scope.rights_at(&path));
            ShownName { name, whole: rights.contains(Rights::LIST) }
        };
        match view {
            View::All => Self::All,
            View::Only(names) => Self::Only(names.into_iter().map(shown).collect()),
            View::Nothing => Self::Only(Arc::default()),
        }
    }

    /// The row as it is shown; `None` if it is not.
    pub(super) fn row<'r>(&self, row: Row<'r>) -> Option<Row<'r>> {
        let Self::Only(names) = self else { return Some(row) };
        let shown = names.iter().find(|shown| *shown.name == *row.name)?;
        if shown.whole {
            return Some(row);
        }
        let is_folder = row.kind == Kind::Folder && row.link.is_none();
        is_folder.then_some(Row { size: 0, modified: Timestamp(0), executable: false, etag: None, ..row })
    }
}

#[cfg(test)]
mod tests {
    use shared::{ETag, Grant, Link};

    use super::*;

    fn row(name: &[u8], kind: Kind, link: Option<Link>) -> Row<'_> {
        let (modified, etag) = (Timestamp(7), Some(ETag([7; 16])));
        Row { name, kind, size: 7, modified, executable: true, link, etag }
    }

    #[test]
    fn only_what_leads_to_a_grant_is_shown_and_without_what_is_in_it() {
        let grant = |at: &str, rights| Grant { at: VPath::parse(at).unwrap(), rights };
        let grants = vec![grant("a", Rights::READ_ONLY), grant("b/c", Rights::READ), grant("in", Rights::CREATE)];
        let scope = Scope { base: VPath::root(), grants };
        let shown = Shown::of(&scope, &VPath::root(), scope.view(&VPath::root()));
        assert_eq!(shown.row(row(b"a", Kind::File, None)), Some(row(b"a", Kind::File, None)));
        for name in [b"b".as_slice(), b"in"] {
            let bare =
                Row { size: 0, modified: Timestamp(0), executable: false, etag: None, ..row(name, Kind::Folder, None) };
            assert_eq!(shown.row(row(name, Kind::Folder, None)), Some(bare));
            assert_eq!(shown.row(row(name, Kind::File, None)), None);
            assert_eq!(shown.row(row(name, Kind::Folder, Some(Link::Inside(b"x".to_vec())))), None);
        }
        assert_eq!(shown.row(row(b"other", Kind::Folder, None)), None);
        assert_eq!(Shown::All.row(row(b"other", Kind::Other, None)), Some(row(b"other", Kind::Other, None)));
    }
}
