//! To whom rights are granted.

use super::super::ids::{GroupId, UserId};
use super::super::store::{Row, StoreError, Value};

/// To whom rights are granted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Holder {
    /// A person.
    User(UserId),
    /// The members of a group.
    Group(GroupId),
    /// All who are signed in.
    Accounts,
    /// All, signed in or not.
    Anyone,
}

impl Holder {
    /// The stable name of its kind in the database.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::Accounts => "accounts",
            Self::Anyone => "anyone",
        }
    }

    /// The id in the database, empty for those that are no single thing.
    pub(super) fn id(self) -> Value {
        match self {
            Self::User(id) => id.into(),
            Self::Group(id) => id.into(),
            Self::Accounts | Self::Anyone => [].as_slice().into(),
        }
    }

    /// The holder in two columns.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub(super) fn of(row: &Row, column: usize) -> Result<Self, StoreError> {
        match row.text(column)? {
            "user" => UserId::of(row, column + 1).map(Self::User),
            "group" => GroupId::of(row, column + 1).map(Self::Group),
            "accounts" => Ok(Self::Accounts),
            "anyone" => Ok(Self::Anyone),
            _ => Err(StoreError::Damaged),
        }
    }
}
