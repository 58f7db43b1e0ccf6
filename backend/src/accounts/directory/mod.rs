//! People, groups, spaces and grants.
//!
//! [`Directory`] is a snapshot of all of them in memory, which never changes: a change of the database makes a new one.
//! [`edit`] has the batches of the changes, with their guards.

pub mod edit;
mod edit_error;
mod holder;
mod load;
mod person;
mod snapshot;
mod space;
#[cfg(test)]
pub(in crate::accounts) mod testing;

pub use edit_error::EditError;
pub use holder::Holder;
pub use person::{Group, Person, Source};
pub use snapshot::{Directory, SpaceGrant};
pub use space::{Access, Space, parse_access};
