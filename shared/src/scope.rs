//! `Scope`: what a caller may do, and below which folders. The gateway makes it from who the caller is; the file
//! server checks it, and is the only one to do so.

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
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// See the names and the metadata of a folder's entries.
    pub const LIST: Self = Self(1);
    /// Receive the bytes of a file, and its metadata.
    pub const READ: Self = Self(1 << 1);
    /// Make files and folders that did not exist.
    pub const CREATE: Self = Self(1 << 2);
    /// Replace the content of a file.
    pub const REPLACE: Self = Self(1 << 3);
    /// Remove files and folders.
    pub const DELETE: Self = Self(1 << 4);
    /// Hand out access to others.
    pub const SHARE: Self = Self(1 << 5);
    /// List and read.
    pub const READ_ONLY: Self = Self(Self::LIST.0 | Self::READ.0);
    /// Every right there is.
    pub const ALL: Self = Self((1 << 6) - 1);

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

/// One folder that a caller may reach, with what may be done below it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Root {
    /// What people call it; empty where there is only one.
    #[cfg_attr(feature = "wire", n(0))]
    pub name: String,
    /// The folder in the storage.
    #[cfg_attr(feature = "wire", n(1))]
    pub folder: VPath,
    /// What may be done below it.
    #[cfg_attr(feature = "wire", n(2))]
    pub rights: Rights,
    /// Most bytes that may be stored below it; none for no bound.
    #[cfg_attr(feature = "wire", n(3))]
    pub quota_bytes: Option<u64>,
}

/// The roots a request may reach. A request names one of them by its index, and paths relative to it.
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

    /// Turns a path relative to root number `root` into a path in the storage, if the scope and `ceiling` (what the
    /// connection's key may do at most) both allow `wanted` there.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a root that the scope does not have, [`ErrorCode::Forbidden`] where a right is
    /// missing, [`ErrorCode::BadPath`] where the joined path is too long.
    pub fn check(&self, root: u16, ceiling: Rights, wanted: Rights, path: &VPath) -> Result<VPath, ErrorCode> {
        let root = self.roots.get(usize::from(root)).ok_or(ErrorCode::NotFound)?;
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
    fn a_scope_confines_and_a_ceiling_lowers() {
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
    }
}
