//! The order of a listing: folders first, then by name in natural order, by size, or by time. The file server sorts
//! with it; the page inserts and finds rows with it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Timestamp};

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

/// Bytes whose order is the natural order of names: case and accents are ignored, and a run of digits is compared as a
/// number. Names with equal keys are compared by their bytes.
pub fn name_key(name: &[u8]) -> Box<[u8]> {
    let mut key = Vec::with_capacity(name.len() + 4);
    push_name_key(name, &mut key);
    key.into()
}

/// Appends the [`name_key`] of a name to `key`, without an allocation per name.
pub fn push_name_key(name: &[u8], key: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(name);
    let mut rest = &*text;
    while let Some(first) = rest.bytes().next() {
        if first.is_ascii_digit() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            push_number(key, &rest.as_bytes()[..digits]);
            rest = &rest[digits..];
        } else if first.is_ascii() {
            key.push(first.to_ascii_lowercase());
            rest = &rest[1..];
        } else {
            // `rest` has a first byte, so it has a first character.
            let Some(character) = rest.chars().next() else { return };
            fold(character, |folded| {
                let mut buffer = [0; 4];
                key.extend_from_slice(folded.encode_utf8(&mut buffer).as_bytes());
            });
            rest = &rest[character.len_utf8()..];
        }
    }
}

/// The text in lower case and without accents, for search and type-ahead.
pub fn fold_text(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    text.chars().for_each(|character| fold(character, |character| folded.push(character)));
    folded
}

/// Numbers are compared by their number of digits, then by the digits. The marker sorts numbers where digits would be.
fn push_number(key: &mut Vec<u8>, digits: &[u8]) {
    let significant = &digits[digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len())..];
    key.push(b'0');
    // A name has at most 255 bytes, so the count fits. A longer run would sort last.
    key.push(u8::try_from(significant.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(significant);
}

/// Latin letters with diacritics, each group with its base letter. They cover European languages; other scripts sort by
/// code point.
const MARKED: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎ"),
    ('c', "çćĉċč"),
    ('d', "ďđð"),
    ('e', "èéêëēĕėęě"),
    ('g', "ĝğġģ"),
    ('h', "ĥħ"),
    ('i', "ìíîïĩīĭįı"),
    ('j', "ĵ"),
    ('k', "ķ"),
    ('l', "ĺļľŀł"),
    ('n', "ñńņňŉ"),
    ('o', "òóôõöøōŏőǒ"),
    ('r', "ŕŗř"),
    ('s', "śŝşšș"),
    ('t', "ţťŧț"),
    ('u', "ùúûüũūŭůűųǔ"),
    ('w', "ŵ"),
    ('y', "ýÿŷ"),
    ('z', "źżž"),
];

fn fold(character: char, mut push: impl FnMut(char)) {
    if character.is_ascii() {
        return push(character.to_ascii_lowercase());
    }
    for lower in character.to_lowercase() {
        match lower {
            // Combining diacritics, as in the decomposed names of macOS.
            '\u{300}'..='\u{36f}' => {}
            'œ' => ['o', 'e'].into_iter().for_each(&mut push),
            'æ' => ['a', 'e'].into_iter().for_each(&mut push),
            'ß' => ['s', 's'].into_iter().for_each(&mut push),
            '\u{e0}'..='\u{21b}' => {
                push(MARKED.iter().find(|(_, marked)| marked.contains(lower)).map_or(lower, |(bare, _)| *bare));
            }
            _ => push(lower),
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

        #[test]
        fn numbers_sort_by_value(left: u64, right: u64) {
            let key = |number: u64| name_key(format!("file {number}.txt").as_bytes());
            prop_assert_eq!(key(left).cmp(&key(right)), left.cmp(&right));
        }
    }
}
