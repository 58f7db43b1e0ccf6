//! `Store`: the contract of a database of accounts. The suite in `backend/tests/it/accounts/store/` holds both
//! implementations to it.

use std::pin::Pin;

use tokio::sync::watch;

use super::batch::{Applied, Batch};
use super::error::StoreError;
use super::row::Row;
use super::sql::Sql;
use super::value::Value;

/// An answer that is on its way. Dropping it does not stop a batch that waits or runs.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A statement that reads.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text, with its name.
    pub sql: Sql,
    /// The parameters.
    pub values: Vec<Value>,
}

impl Query {
    /// A statement with its parameters.
    pub fn new(sql: Sql, values: Vec<Value>) -> Self {
        Self { sql, values }
    }
}

/// Several answers of one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The number of the last change that the answers include.
    pub change: i64,
    /// The rows of each query, in the order of the queries.
    pub answers: Vec<Vec<Row>>,
}

/// The last change that this process knows of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Latest {
    /// Its number.
    pub change: i64,
    /// False while changes of other processes would not be noticed.
    pub is_connected: bool,
}

/// The id of a database, made with it: two servers on one host tell their cookies apart by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Instance(pub [u8; 16]);

/// A database of accounts.
pub trait Store: Send + Sync {
    /// The rows of a query, after every batch that was committed before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn read(&self, query: Query) -> Pending<'_, Vec<Row>>;

    /// The rows of several queries, which all see the same state of the database.
    ///
    /// # Errors
    /// [`StoreError`].
    fn snapshot(&self, queries: Vec<Query>) -> Pending<'_, Snapshot>;

    /// Writes a batch, which is durable once this has answered. Batches have one order, that of the numbers of their
    /// changes, also those of several processes; every statement sees all batches before its own.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::InDoubt`] the batch may have been written.
    fn write(&self, batch: Batch) -> Pending<'_, Applied>;

    /// The last change that this process knows of; of other processes within a second.
    fn changes(&self) -> watch::Receiver<Latest>;

    /// The id of the database.
    fn instance(&self) -> Instance;
}
