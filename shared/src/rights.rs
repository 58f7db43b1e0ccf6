//! `Rights`: what a caller may do with an entry.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of rights, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(transparent))]
pub struct Rights(#[cfg_attr(feature = "wire", n(0))] u32);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// List names and metadata of a folder's entries.
    pub const LIST: Self = Self(1);
    /// Read the bytes and the metadata of a file.
    pub const READ: Self = Self(1 << 1);
    /// Make new files and folders.
    pub const CREATE: Self = Self(1 << 2);
    /// Replace the content of a file.
    pub const REPLACE: Self = Self(1 << 3);
    /// Remove files and folders.
    pub const DELETE: Self = Self(1 << 4);
    /// Give others access.
    pub const SHARE: Self = Self(1 << 5);
    /// List and read.
    pub const READ_ONLY: Self = Self(Self::LIST.0 | Self::READ.0);
    /// See, restore and purge what was thrown away. A reader of a folder sees its present content only.
    pub const TRASH: Self = Self(Self::LIST.0 | Self::DELETE.0);
    /// Add an entry that others then see: a change answers with what is at its destination, an upload does not.
    pub const ADD: Self = Self(Self::LIST.0 | Self::CREATE.0);
    /// Every right.
    pub const ALL: Self = Self((1 << 6) - 1);

    /// Each right with its name in text form, in the order in which they are written.
    const NAMES: [(Self, &'static str); 6] = [
        (Self::LIST, "list"),
        (Self::READ, "read"),
        (Self::CREATE, "create"),
        (Self::REPLACE, "replace"),
        (Self::DELETE, "delete"),
        (Self::SHARE, "share"),
    ];

    /// Reads names separated by white space, as [`fmt::Display`] writes them. An unknown name adds nothing, so that a
    /// later server may send more of them.
    pub fn parse(text: &str) -> Self {
        let named = |word| Self::NAMES.iter().find(|(_, name)| *name == word);
        text.split_ascii_whitespace().filter_map(named).fold(Self::NONE, |rights, (right, _)| rights.union(*right))
    }

    /// The rights in either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rights in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// True if every right of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True if some right is in both sets.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// True for the rights of a drop box: who has them puts files into a folder without learning what is in it.
    pub const fn is_drop(self) -> bool {
        self.contains(Self::CREATE) && !self.contains(Self::LIST)
    }
}

/// The names of the rights, separated by spaces: `list read create`. Empty for [`Rights::NONE`].
impl fmt::Display for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Self::NAMES.iter().filter(|(right, _)| self.contains(*right));
        for (index, (_, name)) in held.enumerate() {
            formatter.write_str(if index > 0 { " " } else { "" })?;
            formatter.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_read_back_from_their_names() {
        assert_eq!(Rights::ALL.to_string(), "list read create replace delete share");
        assert_eq!((Rights::READ_ONLY.to_string(), Rights::NONE.to_string()), ("list read".into(), String::new()));
        for bits in 0..=Rights::ALL.0 {
            assert_eq!(Rights::parse(&Rights(bits).to_string()), Rights(bits));
        }
    }

    #[test]
    fn unknown_names_of_rights_add_nothing() {
        assert_eq!(Rights::parse(" read  fly list LIST "), Rights::READ_ONLY);
        assert_eq!(Rights::parse(""), Rights::NONE);
    }
}
