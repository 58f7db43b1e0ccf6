//! Why a change of people, groups, spaces or grants is refused.

use shared::ErrorCode;

use super::super::store::{Applied, Cause, Refusal, StoreError, sql};

/// Why a change is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EditError {
    /// Another person or group has the name, or another space the folder.
    #[error("the name or the folder is taken")]
    Taken,
    /// The person, group, space or grant does not exist.
    #[error("there is no such person, group, space or grant")]
    Missing,
    /// There would be no administrator any more.
    #[error("the last administrator cannot be removed, disabled or demoted")]
    LastAdministrator,
    /// There are as many as the limit allows.
    #[error("there are as many as the limit allows")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EditError {
    /// The stable code on all interfaces.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Taken => ErrorCode::AlreadyExists,
            Self::Missing => ErrorCode::NotFound,
            Self::LastAdministrator => ErrorCode::Forbidden,
            Self::TooMany => ErrorCode::TooLarge,
            Self::Store(error) => error.code(),
        }
    }

    /// The number of a change that was written.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn check(applied: Applied) -> Result<i64, Self> {
        match applied {
            Applied::Committed { change } => Ok(change),
            Applied::Refused(refusal) => Err(Self::of(refusal)),
        }
    }

    fn of(Refusal { sql, cause }: Refusal) -> Self {
        let guards_of_number = [sql::GUARD_PEOPLE, sql::GUARD_GROUPS, sql::GUARD_SPACES, sql::GUARD_GRANTS];
        let names = [sql::ADD_PERSON, sql::SET_NAME, sql::ADD_GROUP, sql::SET_GROUP_NAME, sql::ADD_SPACE];
        if sql == sql::GUARD_LAST_ADMINISTRATOR {
            Self::LastAdministrator
        } else if guards_of_number.contains(&sql) {
            Self::TooMany
        } else if cause == Cause::Constraint && names.contains(&sql) {
            Self::Taken
        } else {
            Self::Missing
        }
    }
}
