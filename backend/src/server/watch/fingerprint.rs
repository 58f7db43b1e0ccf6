//! A fingerprint of a folder's listing: a sum over its entries in each of many buckets, into which names fall by their
//! hash. Two listings are compared bucket by bucket, without the buckets of names whose changes are known. Pure.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use shared::Entry;

const BUCKETS: usize = 1024;

/// Hashes names and entries, with a random key: names that hide each other cannot be made up.
#[derive(Clone, Default)]
pub(super) struct Hashing(RandomState);

/// The fingerprint of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fingerprint(Box<[u64]>);

impl Hashing {
    fn bucket(&self, name: &[u8]) -> usize {
        // The remainder is below a number that fits.
        (self.0.hash_one(name) % BUCKETS as u64) as usize
    }

    /// The buckets of these names.
    pub(super) fn buckets<'a>(&self, names: impl Iterator<Item = &'a [u8]>) -> HashSet<usize> {
        names.map(|name| self.bucket(name)).collect()
    }

    /// The fingerprint of an empty folder.
    pub(super) fn empty(&self) -> Fingerprint {
        Fingerprint(vec![0; BUCKETS].into())
    }

    /// Adds an entry; the order of entries makes no difference.
    pub(super) fn add(&self, fingerprint: &mut Fingerprint, entry: &Entry) {
        let name = entry.path.name();
        let kind = (entry.kind, entry.link.as_ref().map(|link| link.word()));
        let number = self.0.hash_one((name, entry.etag, kind));
        let sum = &mut fingerprint.0[self.bucket(name)];
        *sum = sum.wrapping_add(number);
    }
}

impl Fingerprint {
    /// Whether the two differ outside the `known` buckets.
    pub(super) fn differs(&self, other: &Self, known: &HashSet<usize>) -> bool {
        let pairs = self.0.iter().zip(&other.0).enumerate();
        pairs.filter(|(bucket, _)| !known.contains(bucket)).any(|(_, (left, right))| left != right)
    }
}

#[cfg(test)]
mod tests {
    use shared::{ETag, Kind, Timestamp, VPath};

    use super::*;

    fn entry(name: &str, tag: u8) -> Entry {
        Entry {
            path: VPath::parse(name).unwrap(),
            kind: Kind::File,
            size: 0,
            modified: Timestamp(0),
            executable: false,
            link: None,
            etag: Some(ETag([tag; 16])),
        }
    }

    #[test]
    fn differs_finds_changes_of_unknown_names() {
        let hashing = Hashing::default();
        let of = |entries: &[Entry]| {
            let mut fingerprint = hashing.empty();
            entries.iter().for_each(|entry| hashing.add(&mut fingerprint, entry));
            fingerprint
        };
        let known = |names: &[&str]| hashing.buckets(names.iter().map(|name| name.as_bytes()));
        let before = of(&[entry("a", 1), entry("b", 1)]);
        assert!(!before.differs(&of(&[entry("b", 1), entry("a", 1)]), &known(&[])));
        let after = of(&[entry("a", 2), entry("b", 1)]);
        assert!(before.differs(&after, &known(&[])));
        assert!(!before.differs(&after, &known(&["a"])));
        assert!(before.differs(&of(&[entry("a", 1)]), &known(&[])));
    }
}
