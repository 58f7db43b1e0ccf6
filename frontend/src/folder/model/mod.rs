//! What the Files screen knows and decides, without a browser: rows, selection, keys, places. Tested natively.

pub mod crumbs;
pub mod edit;
pub mod filetype;
pub mod keys;
pub mod listing;
pub mod local_edits;
pub mod place;
pub mod remap;
pub mod rows;
pub mod selection;
pub mod typeahead;
pub mod view;

pub use edit::Edit;
pub use listing::{Keep, Listing};
pub use local_edits::{Look, Own};
pub use place::Place;
pub use remap::Remap;
pub use rows::{LinkMark, Row, Rows};
pub use selection::Selection;
pub use view::View;

#[cfg(test)]
pub(crate) mod sample {
    //! Small listings for the tests.

    use shared::{Entry, Kind, Order, Timestamp, VPath};

    use super::Listing;

    pub(crate) fn file(path: &str, size: u64) -> Entry {
        Entry {
            path: VPath::parse(path).unwrap(),
            kind: Kind::File,
            size,
            modified: Timestamp::default(),
            executable: false,
            link: None,
            etag: None,
        }
    }

    pub(crate) fn folder(name: &str) -> Entry {
        Entry { path: VPath::from_bytes(name.as_bytes()).unwrap(), kind: Kind::Folder, ..file("x", 0) }
    }

    pub(crate) fn listing(names: &[&str]) -> Listing {
        let entry = |name: &&str| Entry { path: VPath::from_bytes(name.as_bytes()).unwrap(), ..file("x", 1) };
        let entries: Vec<_> = names.iter().map(entry).collect();
        let total = entries.len() as u64;
        let mut listing = Listing::new(VPath::root(), Order::default());
        listing.append(&crate::net::page::sample::page(&entries, None, total, None));
        listing
    }
}
