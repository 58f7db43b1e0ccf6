//! People and groups.

use super::super::ids::{GroupId, UserId};
use super::super::moment::Moment;
use super::super::name::{Name, ShownName};
use super::super::store::Value;

/// Where an account or a group comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// Made by an administrator or by an invitation.
    Made,
    /// Declared in the configuration.
    Declared,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Made, Self::Declared];

    /// The stable name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Declared => "declared",
        }
    }

    /// The source of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

impl From<Source> for Value {
    fn from(source: Source) -> Self {
        source.name().into()
    }
}

/// A person with an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The id, which is never another's.
    pub id: UserId,
    /// The name for signing in.
    pub name: Name,
    /// The name that others see.
    pub shown: ShownName,
    /// Where the account comes from.
    pub source: Source,
    /// Administers people and spaces. Sees no more files for it.
    pub is_administrator: bool,
    /// The number of the change that last took something from the person: what runs with an earlier one ends.
    pub epoch: i64,
    /// When the account was made.
    pub created: Moment,
    /// When the account was disabled; `None` while it is enabled.
    pub disabled: Option<Moment>,
    /// The language of the page, `None` for that of the browser.
    pub language: Option<Box<str>>,
    /// False without a password.
    pub has_password: bool,
}

/// A group of people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The id, which is never another's.
    pub id: GroupId,
    /// The name.
    pub name: Name,
    /// Where the group comes from.
    pub source: Source,
    /// The members, sorted.
    pub members: Vec<UserId>,
}
