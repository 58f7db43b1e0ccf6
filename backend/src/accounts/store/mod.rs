//! The database of the accounts: SQLite in one file, or PostgreSQL. Only this folder names either. It decides nothing: a
//! [`Batch`] carries its own guards, and no transaction is open while a caller decides.

mod batch;
mod error;
mod interface;
mod migrations;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
pub mod sql;
mod sqlite;
mod value;

pub use batch::{Applied, Batch, Cause, Refusal, RowCount, Statement};
pub use error::{OpenError, StoreError};
pub use interface::{Instance, Latest, Pending, Query, Snapshot, Store};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use row::Row;
pub use sqlite::Sqlite;
pub use value::Value;
