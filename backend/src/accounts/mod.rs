//! People, what they may do, and how they prove who they are. It imports `shared` and random bytes alone: it sees neither
//! bytes of files nor HTTP, and decides nothing about a path, which the file server does.
//!
//! - [`store`] is the database: SQLite or PostgreSQL;
//! - [`directory`] has people, groups, spaces and grants in memory, and the batches that change them;
//! - [`scope`] says what a person may do, as the file server is to enforce it;
//! - [`password`] hashes passwords, a few at a time, and [`throttle`] limits guessing.

pub mod directory;
pub mod ids;
pub mod moment;
pub mod name;
pub mod password;
pub mod scope;
pub mod store;
pub mod throttle;
