//! People, what they may do, and how they prove who they are. It imports `shared` and random bytes alone: it sees neither
//! bytes of files nor HTTP, and decides nothing about a path, which the file server does.
//!
//! - [`store`] is the database: SQLite or PostgreSQL.

pub mod store;
