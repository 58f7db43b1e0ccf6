//! Accounts on both databases.

mod databases;
mod directory;
mod store;
