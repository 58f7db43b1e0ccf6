//! Small listings for tests.

use shared::{Entry, Kind, Order, Timestamp, VPath};

use super::listing::Listing;

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
    listing.append(&crate::net::sample::page(&entries, None, total, None));
    listing
}
