//! The order of a listing: folders first, then by name in natural order, by size, or by time. The file server sorts
//! with it; the page inserts and finds rows with it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Timestamp};
use crate::name_key::name_key;

/// A sort key and a direction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Order {
    /// The sort key.
    #[cfg_attr(feature = "wire", n(0))]
    pub key: SortKey,
    /// The direction.
    #[cfg_attr(feature = "wire", n(1))]
    pub direction: Direction,
}

/// The sort key of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum SortKey {
    /// The name, compared by [`name_key`].
    #[default]
    #[cfg_attr(feature = "wire", n(0))]
    Name,
    /// The size, then the name.
    #[cfg_attr(feature = "wire", n(1))]
    Size,
    /// The time of change, then the name.
    #[cfg_attr(feature = "wire", n(2))]
    Modified,
}

/// The direction of a listing. Folders come first in both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum Direction {
    /// Smallest first.
    #[default]
    #[cfg_attr(feature = "wire", n(0))]
    #[serde(rename = "asc")]
    Ascending,
    /// Largest first.
    #[cfg_attr(feature = "wire", n(1))]
    #[serde(rename = "desc")]
    Descending,
}

/// What determines the position of an entry in a listing, for every [`Order`]. Two entries of a folder never compare as
/// equal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    folder: bool,
    size: u64,
    modified: Timestamp,
    key: Box<[u8]>,
    name: Box<[u8]>,
}

impl Position {
    /// The position of an entry.
    pub fn of(entry: &Entry) -> Self {
        Self::new(entry.is_folder(), entry.size, entry.modified, entry.path.name())
    }

    /// The position of an entry with these attributes.
    pub fn new(folder: bool, size: u64, modified: Timestamp, name: &[u8]) -> Self {
        Self { folder, size, modified, key: name_key(name), name: name.into() }
    }

    /// True for a folder.
    pub fn folder(&self) -> bool {
        self.folder
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The time of change.
    pub fn modified(&self) -> Timestamp {
        self.modified
    }

    /// The raw name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Compares two entries of one folder.
    pub fn compare(&self, other: &Self, order: Order) -> Ordering {
        self.order_key(order).compare(&other.order_key(order), order)
    }

    /// The key to compare by in `order`, borrowed from this position.
    pub fn order_key(&self, order: Order) -> OrderKey<'_> {
        OrderKey { folder: self.folder, rank: order.rank(self.size, self.modified), key: &self.key, name: &self.name }
    }
}

/// The key of an entry in a listing of one [`Order`]. Its fields are compared in their sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderKey<'a> {
    /// True for a folder. Folders come first in both directions.
    pub folder: bool,
    /// See [`Order::rank`].
    pub rank: u64,
    /// See [`name_key`].
    pub key: &'a [u8],
    /// The raw name.
    pub name: &'a [u8],
}

impl OrderKey<'_> {
    /// Compares two entries of one folder.
    pub fn compare(&self, other: &Self, order: Order) -> Ordering {
        let by_name = || self.key.cmp(other.key).then_with(|| self.name.cmp(other.name));
        let ascending = self.rank.cmp(&other.rank).then_with(by_name);
        let directed = match order.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        };
        other.folder.cmp(&self.folder).then(directed)
    }
}

impl Order {
    /// What is compared before the name, as a number in ascending order.
    pub fn rank(self, size: u64, modified: Timestamp) -> u64 {
        match self.key {
            SortKey::Name => 0,
            SortKey::Size => size,
            // Flipping the sign bit maps signed to unsigned numbers in the same order.
            SortKey::Modified => modified.0.cast_unsigned() ^ (1 << 63),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(order: Order, entries: &[(&str, bool, u64, i64)]) -> Vec<String> {
        let mut positions: Vec<_> = entries
            .iter()
            .map(|(name, folder, size, modified)| Position::new(*folder, *size, Timestamp(*modified), name.as_bytes()))
            .collect();
        positions.sort_by(|left, right| left.compare(right, order));
        positions.iter().map(|position| String::from_utf8_lossy(position.name()).into_owned()).collect()
    }

    #[test]
    fn names_sort_in_natural_order() {
        let names =
            ["img12", "img2", "Img010", "eau", "Éclair", "enfant", "e\u{301}cart", "_a", "1", "10", "9", "œuf", "Zoo"];
        let entries: Vec<_> = names.iter().map(|name| (*name, false, 0, 0)).collect();
        let expected =
            ["1", "9", "10", "_a", "eau", "e\u{301}cart", "Éclair", "enfant", "img2", "Img010", "img12", "œuf", "Zoo"];
        assert_eq!(sorted(Order::default(), &entries), expected);
    }

    #[test]
    fn folders_come_first_in_both_directions() {
        let entries = [("b", false, 5, 1), ("a", false, 9, 2), ("z", true, 0, 3), ("y", true, 0, 9)];
        let order = |key, direction| Order { key, direction };
        assert_eq!(sorted(order(SortKey::Name, Direction::Ascending), &entries), ["y", "z", "a", "b"]);
        assert_eq!(sorted(order(SortKey::Name, Direction::Descending), &entries), ["z", "y", "b", "a"]);
        assert_eq!(sorted(order(SortKey::Size, Direction::Ascending), &entries), ["y", "z", "b", "a"]);
        assert_eq!(sorted(order(SortKey::Modified, Direction::Descending), &entries), ["y", "z", "a", "b"]);
    }

    proptest! {
        #[test]
        fn no_two_names_are_equal(left: Vec<u8>, right: Vec<u8>) {
            let position = |name: &[u8]| Position::new(false, 0, Timestamp(0), name);
            let ordering = position(&left).compare(&position(&right), Order::default());
            prop_assert_eq!(ordering == Ordering::Equal, left == right);
        }
    }
}
