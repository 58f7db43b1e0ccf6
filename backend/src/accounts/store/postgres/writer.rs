//! The connection for batches, and its task: one batch at a time, in the order in which they arrive.
//!
//! The task runs each batch to its end, whether or not its caller still waits, so that no transaction stays open.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, IsolationLevel, Transaction};

use super::super::batch::{Applied, Batch, Cause, Refusal, Statement};
use super::super::error::StoreError;
use super::super::interface::{Latest, Pending, Query, Snapshot};
use super::super::sql;
use super::connection::Connection;
use super::failed::failed;
use super::value;

/// Most requests that wait for the connection.
const QUEUE_MAX: usize = 1024;
/// Time for a batch; its connection is given up if it takes longer.
const BATCH_TIME: Duration = Duration::from_secs(15);
/// After a failed attempt to connect, requests fail at once for this long.
const PAUSE_TIME: Duration = Duration::from_millis(250);

/// The way to the task.
pub(super) struct Writer(mpsc::Sender<Job>);

enum Job {
    Snapshot(Vec<Query>, oneshot::Sender<Result<Snapshot, StoreError>>),
    Write(Batch, oneshot::Sender<Result<Applied, StoreError>>),
}

impl Writer {
    /// Starts the task, which ends when this is dropped.
    pub(super) fn start(config: Config, latest: watch::Sender<Latest>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(Task { config, latest, connection: None, failed: None }.run(receiver));
        Self(sender)
    }

    /// Several answers of one moment.
    pub(super) fn snapshot(&self, queries: Vec<Query>) -> Pending<'_, Snapshot> {
        self.ask(|answer| Job::Snapshot(queries, answer))
    }

    /// Writes a batch.
    pub(super) fn write(&self, batch: Batch) -> Pending<'_, Applied> {
        self.ask(|answer| Job::Write(batch, answer))
    }

    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Pending<'_, T> {
        let (sender, receiver) = oneshot::channel();
        let sent = self.0.try_send(job(sender)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable,
        });
        Box::pin(async move {
            sent?;
            receiver.await.unwrap_or(Err(StoreError::InDoubt))
        })
    }
}

struct Task {
    config: Config,
    latest: watch::Sender<Latest>,
    connection: Option<Connection>,
    /// When the last attempt to connect failed.
    failed: Option<Instant>,
}

impl Task {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            match job {
                // An answer that is not waited for any more is dropped.
                Job::Snapshot(queries, answer) => drop(answer.send(self.snapshot(&queries).await)),
                Job::Write(batch, answer) => drop(answer.send(self.write(&batch).await)),
            }
        }
    }

    async fn snapshot(&mut self, queries: &[Query]) -> Result<Snapshot, StoreError> {
        let taken = match timeout(BATCH_TIME, snapshot(self.connected().await?, queries)).await {
            Ok(taken) => taken,
            Err(_) => Err(StoreError::Unavailable),
        };
        self.keep_unless(taken.as_ref().err());
        taken
    }

    async fn write(&mut self, batch: &Batch) -> Result<Applied, StoreError> {
        let connection = self.connected().await?;
        let mut progress = Progress::Before;
        let applied = match timeout(BATCH_TIME, apply(connection, batch, &mut progress)).await {
            Ok(applied) => applied,
            Err(_) => Err(progress.lost()),
        };
        self.keep_unless(applied.as_ref().err());
        if let Ok(Applied::Committed { change }) = applied {
            publish(&self.latest, change);
        }
        applied
    }

    /// A connection that failed may be in the middle of a transaction, so it is not used again.
    fn keep_unless(&mut self, error: Option<&StoreError>) {
        if error.is_some() {
            self.connection = None;
        }
    }

    async fn connected(&mut self) -> Result<&mut Connection, StoreError> {
        let is_open = self.connection.as_ref().is_some_and(|connection| !connection.client.is_closed());
        if !is_open {
            self.connection = None;
            if self.failed.is_some_and(|failed| failed.elapsed() < PAUSE_TIME) {
                return Err(StoreError::Unavailable);
            }
            let opened = Connection::open(&self.config).await;
            self.failed = opened.is_err().then(Instant::now);
            self.connection = Some(opened.map_err(|error| failed(&error, "connect"))?);
        }
        self.connection.as_mut().ok_or(StoreError::Unavailable)
    }
}

/// How far a batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// Before the commit is sent.
    Before,
    /// The commit was sent, and not answered.
    Committing,
}

impl Progress {
    /// What is known of a batch whose connection ended.
    fn lost(self) -> StoreError {
        match self {
            Self::Before => StoreError::Unavailable,
            Self::Committing => StoreError::InDoubt,
        }
    }
}

/// The newest number wins, whether it comes from this process or another.
pub(super) fn publish(latest: &watch::Sender<Latest>, change: i64) {
    latest.send_if_modified(|latest| {
        let is_newer = change > latest.change;
        latest.change = change.max(latest.change);
        is_newer
    });
}

async fn snapshot(connection: &mut Connection, queries: &[Query]) -> Result<Snapshot, StoreError> {
    let mut statements = Vec::with_capacity(queries.len());
    for query in queries {
        let prepared = connection.prepared(query.sql.text).await;
        statements.push(prepared.map_err(|error| failed(&error, query.sql.name))?);
    }
    let builder = connection.client.build_transaction();
    let begun = builder.isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await;
    let transaction = begun.map_err(|error| failed(&error, "BEGIN"))?;
    let change = transaction.query_one(sql::LAST_CHANGE.text, &[]).await;
    let change = change.map_err(|error| failed(&error, sql::LAST_CHANGE.name))?.get(0);
    let mut answers = Vec::with_capacity(queries.len());
    for (query, statement) in queries.iter().zip(&statements) {
        let rows = transaction.query(statement, &value::parameters(&query.values)).await;
        answers.push(value::rows(&rows.map_err(|error| failed(&error, query.sql.name))?)?);
    }
    transaction.commit().await.map_err(|error| failed(&error, "COMMIT"))?;
    Ok(Snapshot { change, answers })
}

/// Runs a batch in one transaction, which is rolled back unless it reaches its commit.
async fn apply(connection: &mut Connection, batch: &Batch, progress: &mut Progress) -> Result<Applied, StoreError> {
    let mut statements = Vec::with_capacity(batch.len());
    for statement in &batch.statements {
        let prepared = connection.prepared(statement.sql.text).await;
        statements.push(prepared.map_err(|error| failed(&error, statement.sql.name))?);
    }
    let transaction = connection.client.transaction().await.map_err(|error| failed(&error, "BEGIN"))?;
    let change = transaction.query_one(sql::NEXT_CHANGE.text, &[]).await;
    let change = change.map_err(|error| failed(&error, sql::NEXT_CHANGE.name))?.get(0);
    for (index, (statement, prepared)) in batch.statements.iter().zip(&statements).enumerate() {
        batch.reach(index);
        if let Some(cause) = run(&transaction, statement, prepared).await? {
            transaction.rollback().await.map_err(|error| failed(&error, "ROLLBACK"))?;
            return Ok(Applied::Refused(Refusal { sql: statement.sql, cause }));
        }
    }
    transaction.batch_execute("NOTIFY passerelle").await.map_err(|error| failed(&error, "NOTIFY"))?;
    batch.reach(batch.len());
    *progress = Progress::Committing;
    match transaction.commit().await {
        Ok(()) => Ok(Applied::Committed { change }),
        // The server refused the commit, so it has rolled back.
        Err(error) if error.code().is_some_and(|code| !is_end_of_connection(code)) => Err(failed(&error, "COMMIT")),
        Err(error) => {
            failed(&error, "COMMIT");
            Err(StoreError::InDoubt)
        }
    }
}

/// Class 08, connection exceptions, and class 57, an operator's intervention.
fn is_end_of_connection(code: &SqlState) -> bool {
    code.code().starts_with("08") || code.code().starts_with("57")
}

/// Why the statement refuses its batch; `None` if it does not.
async fn run(
    transaction: &Transaction<'_>,
    statement: &Statement,
    prepared: &tokio_postgres::Statement,
) -> Result<Option<Cause>, StoreError> {
    match transaction.execute(prepared, &value::parameters(&statement.values)).await {
        Ok(count) if statement.rows.permits(count) => Ok(None),
        Ok(_) => Ok(Some(Cause::Rows)),
        // Class 23: a violated constraint.
        Err(error) if error.code().is_some_and(|code| code.code().starts_with("23")) => Ok(Some(Cause::Constraint)),
        Err(error) => Err(failed(&error, statement.sql.name)),
    }
}
