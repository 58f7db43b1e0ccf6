//! Spaces, and the words for what their members may do.

use shared::{Rights, VPath};

use super::super::ids::{SpaceId, UserId};
use super::super::name::ShownName;

/// A folder with a name and members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Space {
    /// The id, which is never another's.
    pub id: SpaceId,
    /// The folder, a path in the storage.
    pub folder: VPath,
    /// The name.
    pub name: ShownName,
    /// True if the rights that are granted on folders above stop here.
    pub is_closed: bool,
    /// Most bytes of everything in it; `None` for no bound.
    pub quota_bytes: Option<i64>,
    /// The person whose home it is.
    pub home_of: Option<UserId>,
}

/// What members may do, in the words that people choose from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// List and read.
    View,
    /// View, and make new files and folders.
    Add,
    /// Add, replace and delete.
    Edit,
    /// Make new files without seeing any.
    Drop,
}

impl Access {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::View, Self::Add, Self::Edit, Self::Drop];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Add => "add",
            Self::Edit => "edit",
            Self::Drop => "drop",
        }
    }

    /// The rights.
    pub const fn rights(self) -> Rights {
        let add = Rights::READ_ONLY.union(Rights::CREATE);
        match self {
            Self::View => Rights::READ_ONLY,
            Self::Add => add,
            Self::Edit => add.union(Rights::REPLACE).union(Rights::DELETE),
            Self::Drop => Rights::CREATE,
        }
    }
}

/// The rights of a word, with `+share` after it or not: `edit+share`. `None` for any other text.
pub fn parse_access(text: &str) -> Option<Rights> {
    let (word, more) = match text.strip_suffix("+share") {
        Some(word) => (word, Rights::SHARE),
        None => (text, Rights::NONE),
    };
    let access = Access::ALL.into_iter().find(|access| access.word() == word)?;
    Some(access.rights().union(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_rights() {
        for (text, rights) in [
            ("view", "list read"),
            ("add", "list read create"),
            ("edit", "list read create replace delete"),
            ("drop", "create"),
            ("edit+share", "list read create replace delete share"),
        ] {
            assert_eq!(parse_access(text).map(|rights| rights.to_string()).as_deref(), Some(rights));
        }
        for text in ["", "share", "+share", "view+share+share", "VIEW", "all", "view "] {
            assert_eq!(parse_access(text), None, "{text:?}");
        }
    }
}
