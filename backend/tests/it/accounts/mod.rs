//! Accounts on both databases.

mod databases;
mod store;
