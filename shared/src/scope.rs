//! `Scope`: the rights of a caller, and the folders that they hold for. The gateway derives it from the account; the
//! file server enforces it, and nothing else does.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::path::{PathError, VPath};

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

/// One folder that a caller may reach, with the rights below it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Root {
    /// The displayed name. Empty if there is only one root.
    #[cfg_attr(feature = "wire", n(0))]
    pub name: String,
    /// The folder in the storage.
    #[cfg_attr(feature = "wire", n(1))]
    pub folder: VPath,
    /// The rights below the folder.
    #[cfg_attr(feature = "wire", n(2))]
    pub rights: Rights,
    /// Maximum number of bytes stored below the folder. `None` for no limit.
    #[cfg_attr(feature = "wire", n(3))]
    pub quota_bytes: Option<u64>,
}

/// The roots that a request may reach. A request has the index of one of them, and paths relative to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Scope {
    /// At most [`crate::limits::SCOPE_ROOTS_MAX`].
    #[cfg_attr(feature = "wire", n(0))]
    pub roots: Vec<Root>,
}

impl Scope {
    /// A scope of one unnamed root: the whole storage.
    pub fn whole(rights: Rights) -> Self {
        Self { roots: vec![Root { name: String::new(), folder: VPath::root(), rights, quota_bytes: None }] }
    }

    /// The rights below root number `root`. `None` if the scope has no such root.
    pub fn rights_below(&self, root: u16) -> Option<Rights> {
        self.root(root).map(|root| root.rights)
    }

    fn root(&self, root: u16) -> Option<&Root> {
        self.roots.get(usize::from(root))
    }

    /// The path in the storage for a path relative to root number `root`, if the scope and `ceiling` (the rights of the
    /// connection's key) both include `wanted`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if the scope has no such root, [`ErrorCode::Forbidden`] if a right is missing,
    /// [`ErrorCode::BadPath`] if the joined path is too long.
    pub fn check(&self, root: u16, ceiling: Rights, wanted: Rights, path: &VPath) -> Result<VPath, ErrorCode> {
        let root = self.root(root).ok_or(ErrorCode::NotFound)?;
        if !root.rights.intersection(ceiling).contains(wanted) {
            return Err(ErrorCode::Forbidden);
        }
        root.folder.join_path(path).map_err(|_: PathError| ErrorCode::BadPath)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_confines_to_the_root_and_to_the_rights_of_both() {
        let folder = VPath::parse("home/ada").unwrap();
        let rights = Rights::READ_ONLY.union(Rights::DELETE);
        let scope = Scope { roots: vec![Root { name: "Ada".into(), folder, rights, quota_bytes: None }] };
        let path = VPath::parse("notes.txt").unwrap();
        let check = |root, ceiling, wanted| scope.check(root, ceiling, wanted, &path).map(|path| path.encoded());
        assert_eq!(check(0, Rights::ALL, Rights::READ), Ok("home/ada/notes.txt".into()));
        assert_eq!(check(0, Rights::ALL, Rights::DELETE), Ok("home/ada/notes.txt".into()));
        assert_eq!(check(0, Rights::READ_ONLY, Rights::DELETE), Err(ErrorCode::Forbidden));
        assert_eq!(check(0, Rights::ALL, Rights::CREATE), Err(ErrorCode::Forbidden));
        assert_eq!(check(1, Rights::ALL, Rights::READ), Err(ErrorCode::NotFound));
        assert_eq!(Scope::default().check(0, Rights::ALL, Rights::NONE, &path), Err(ErrorCode::NotFound));
        assert_eq!((scope.rights_below(0), scope.rights_below(1)), (Some(rights), None));
    }

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
