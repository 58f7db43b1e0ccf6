//! Ids of people, groups and spaces: random, so that one that was removed is never another's again.

use std::fmt;

use super::store::{Row, StoreError, Value};
use crate::random::{NoRandomness, random_bytes};

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// A new id.
            ///
            /// # Errors
            /// [`NoRandomness`].
            pub fn random() -> Result<Self, NoRandomness> {
                random_bytes().map(Self)
            }

            /// The id in a column.
            ///
            /// # Errors
            /// [`StoreError::Damaged`].
            pub fn of(row: &Row, column: usize) -> Result<Self, StoreError> {
                row.array(column).map(Self)
            }

            /// The id in a column, or `None` for `NULL`.
            ///
            /// # Errors
            /// [`StoreError::Damaged`].
            pub fn optional(row: &Row, column: usize) -> Result<Option<Self>, StoreError> {
                Ok(row.optional_array(column)?.map(Self))
            }
        }

        impl From<$name> for Value {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        /// 32 hexadecimal digits.
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&shared::hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}

ids! {
    /// A person with an account.
    UserId;
    /// A group of people.
    GroupId;
    /// A space: a folder with members.
    SpaceId;
}

impl UserId {
    /// The principal of the person's requests on the framed protocol.
    pub fn principal(self) -> String {
        format!("u:{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_read_back() {
        let id = UserId::random().unwrap();
        assert_ne!(id, UserId::random().unwrap());
        let row = Row(vec![id.into(), Value::Null]);
        assert_eq!((UserId::of(&row, 0), UserId::optional(&row, 1)), (Ok(id), Ok(None)));
        assert_eq!(UserId([0xa1; 16]).principal(), format!("u:{}", "a1".repeat(16)));
    }
}
