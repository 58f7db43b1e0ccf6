//! What a folder's listing comes to, small enough to keep: a sum over its entries in each of many buckets, into which
//! names fall by their hash. Two listings are compared bucket by bucket, without those of the names that were told of.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use shared::Entry;

const BUCKETS: usize = 1024;

/// How names and entries become numbers: random, so that nobody makes names that hide each other.
#[derive(Clone, Default)]
pub(super) struct Hashing(RandomState);

/// What a listing comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fingerprint(Box<[u64]>);

impl Hashing {
    fn bucket(&self, name: &[u8]) -> usize {
        // The remainder is below a number that fits.
        (self.0.hash_one(name) % BUCKETS as u64) as usize
    }

    /// The buckets of those names.
    pub(super) fn buckets<'a>(&self, names: impl Iterator<Item = &'a [u8]>) -> HashSet<usize> {
        names.map(|name| self.bucket(name)).collect()
    }

    /// Of a folder without entries.
    pub(super) fn empty(&self) -> Fingerprint {
        Fingerprint(vec![0; BUCKETS].into())
    }

    /// Takes an entry in; in which order they come makes no difference.
    pub(super) fn add(&self, fingerprint: &mut Fingerprint, entry: &Entry) {
        let name = entry.path.name();
        let kind = (entry.kind, entry.link.as_ref().map(|link| link.word()));
        let number = self.0.hash_one((name, entry.etag, kind));
        let sum = &mut fingerprint.0[self.bucket(name)];
        *sum = sum.wrapping_add(number);
    }
}

impl Fingerprint {
    /// True where the two differ by more than what is in those buckets.
    pub(super) fn differs(&self, other: &Self, told: &HashSet<usize>) -> bool {
        let pairs = self.0.iter().zip(&other.0).enumerate();
        pairs.filter(|(bucket, _)| !told.contains(bucket)).any(|(_, (left, right))| left != right)
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
    fn what_was_not_told_is_found_out() {
        let hashing = Hashing::default();
        let of = |entries: &[Entry]| {
            let mut fingerprint = hashing.empty();
            entries.iter().for_each(|entry| hashing.add(&mut fingerprint, entry));
            fingerprint
        };
        let told = |names: &[&str]| hashing.buckets(names.iter().map(|name| name.as_bytes()));
        let before = of(&[entry("a", 1), entry("b", 1)]);
        assert!(!before.differs(&of(&[entry("b", 1), entry("a", 1)]), &told(&[])));
        let after = of(&[entry("a", 2), entry("b", 1)]);
        assert!(before.differs(&after, &told(&[])));
        assert!(!before.differs(&after, &told(&["a"])));
        assert!(before.differs(&of(&[entry("a", 1)]), &told(&[])));
    }
}
