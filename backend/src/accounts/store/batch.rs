//! A batch: statements that are written together or not at all, each with the number of rows that it must change. A
//! condition of a change is such a number, so that it is checked where the change is made.

use super::error::StoreError;
use super::sql::Sql;
use super::value::Value;

/// How many rows a statement must change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowCount {
    /// One: the condition of the statement holds.
    One,
    /// Any number.
    Any,
}

impl RowCount {
    /// True if the number is permitted.
    pub(super) fn permits(self, count: u64) -> bool {
        self == Self::Any || count == 1
    }
}

/// A statement of a batch.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The text, with its name.
    pub sql: Sql,
    /// The parameters.
    pub values: Vec<Value>,
    /// How many rows it must change.
    pub rows: RowCount,
}

/// Statements that are written together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) statements: Vec<Statement>,
    /// Called within the transaction, before the statement of that index or, for their number, before the commit.
    #[cfg(feature = "testing")]
    pub(super) interruption: Option<(usize, fn())>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement that must change one row.
    #[must_use]
    pub fn one(self, sql: Sql, values: Vec<Value>) -> Self {
        self.and(sql, values, RowCount::One)
    }

    /// Adds a statement that changes any number of rows.
    #[must_use]
    pub fn any(self, sql: Sql, values: Vec<Value>) -> Self {
        self.and(sql, values, RowCount::Any)
    }

    /// Adds the statements of another batch.
    #[must_use]
    pub fn append(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }

    /// The number of its statements.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// True without statements.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Calls `act` within the transaction, before the statement `index` or, for the number of statements, before the
    /// commit: for tests of a process that ends there.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn interrupted(self, index: usize, act: fn()) -> Self {
        Self { interruption: Some((index, act)), ..self }
    }

    /// [`StoreError::BadText`] if a database cannot store a value.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let mut values = self.statements.iter().flat_map(|statement| &statement.values);
        if values.all(Value::is_storable) { Ok(()) } else { Err(StoreError::BadText) }
    }

    /// Runs the interruption of a test at this place of the batch.
    pub(super) fn reach(&self, _index: usize) {
        #[cfg(feature = "testing")]
        if let Some((at, act)) = self.interruption
            && at == _index
        {
            act();
        }
    }

    fn and(mut self, sql: Sql, values: Vec<Value>, rows: RowCount) -> Self {
        self.statements.push(Statement { sql, values, rows });
        self
    }
}

/// What became of a batch.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// All of it is durable.
    Committed {
        /// The number of the change: the order of commits.
        change: i64,
    },
    /// Nothing of it was written.
    Refused(Refusal),
}

/// Which statement refused a batch, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The statement.
    pub sql: Sql,
    /// Why.
    pub cause: Cause,
}

/// Why a statement refused its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// It changed another number of rows than it must: its condition does not hold.
    Rows,
    /// A row with that key exists, or a row that it names does not.
    Constraint,
}
