//! Group commit: what several threads write while one transaction is synced goes into the next transaction, so that a
//! hundred uploads cost a few syncs and not hundreds. One of the waiting threads leads and commits for all; each
//! returns once its write is as durable as asked for. A statement that fails affects no other write.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use shared::ErrorCode;

use super::error::storage_error;
use crate::storage::{Durability, StorageError};

/// Most writes in one transaction, which bounds how long each of them takes.
const WRITES_MAX: usize = 256;

type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// The writes that wait.
#[derive(Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<Follower>,
    /// A thread is leading, and makes the first follower the next leader.
    led: bool,
}

/// A write that waits.
struct Follower {
    work: Work,
    durability: Durability,
    sender: SyncSender<Message>,
}

/// What a waiting thread receives.
enum Message {
    /// Its write has ended.
    Done(Result<(), StorageError>),
    /// It is the leader now.
    Lead,
}

impl Queue {
    /// Runs `work` in a transaction on the connection that `lock` gives, in this thread or another one, and waits until
    /// the transaction is as durable as `durability` says.
    ///
    /// # Errors
    /// Of `lock`, of the statement, or of the transaction.
    pub(super) fn write<'a>(
        &self,
        lock: impl FnOnce() -> Result<MutexGuard<'a, Connection>, StorageError>,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StorageError> {
        // Capacity 2 (`Lead`, then `Done`), so a sender never blocks.
        let (sender, receiver) = sync_channel(2);
        let leads = {
            let mut state = self.lock();
            state.waiting.push(Follower { work: Box::new(work), durability, sender });
            !std::mem::replace(&mut state.led, true)
        };
        if !leads && let Message::Done(done) = receive(&receiver) {
            return done;
        }
        let leader = Leader(self);
        let connection = lock();
        // Taken only now, so that writes that arrived during the wait for the lock are included.
        let group: Vec<_> = {
            let mut state = self.lock();
            let count = state.waiting.len().min(WRITES_MAX);
            state.waiting.drain(..count).collect()
        };
        match connection {
            Ok(connection) => commit(&connection, group),
            Err(error) => group.into_iter().for_each(|follower| follower.finish(Err(copy(&error)))),
        }
        drop(leader);
        match receive(&receiver) {
            Message::Done(done) => done,
            Message::Lead => Err(lost()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leader's role, which the first follower gets when this is dropped, also by a panic.
struct Leader<'a>(&'a Queue);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        match state.waiting.first() {
            // A follower waits until it is done, so it receives this.
            Some(next) => drop(next.sender.try_send(Message::Lead)),
            None => state.led = false,
        }
    }
}

impl Follower {
    fn finish(self, done: Result<(), StorageError>) {
        // There is room: at most `Lead` was sent before.
        let _ = self.sender.try_send(Message::Done(done));
    }
}

/// Commits one transaction for all writes. With only relaxed writes it is not synced: the system writes the log when it
/// likes, and a crash leaves whole transactions, in order, up to some point.
fn commit(connection: &Connection, group: Vec<Follower>) {
    let strict = group.iter().any(|follower| follower.durability == Durability::Strict);
    let mut written = Vec::with_capacity(group.len());
    let mut refused = Vec::new();
    let committed = (|| {
        if !strict {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        let transaction = connection.unchecked_transaction()?;
        for Follower { work, sender, .. } in group {
            transaction.execute_batch("SAVEPOINT one")?;
            match work(&transaction) {
                Ok(()) => written.push(sender),
                Err(error) => {
                    refused.push((sender, error));
                    // Fails if the disk is full: SQLite has then ended the whole transaction.
                    transaction.execute_batch("ROLLBACK TO one")?;
                }
            }
            transaction.execute_batch("RELEASE one")?;
        }
        transaction.commit()
    })();
    // Statements outside this queue rely on it.
    let restored = connection.pragma_update(None, "synchronous", "FULL");
    let committed = committed.and(restored).map_err(storage_error);
    for (sender, error) in refused {
        let _ = sender.try_send(Message::Done(Err(storage_error(error))));
    }
    for sender in written {
        let _ = sender.try_send(Message::Done(committed.as_ref().copied().map_err(copy)));
    }
}

fn receive(receiver: &Receiver<Message>) -> Message {
    // The sender is gone if the leader panicked.
    receiver.recv().unwrap_or_else(|_| Message::Done(Err(lost())))
}

fn lost() -> StorageError {
    StorageError::new(ErrorCode::Internal, "the thread that wrote to the records panicked")
}

/// A copy of a failure that concerns several writes.
fn copy(error: &StorageError) -> StorageError {
    let source = error.source.as_ref().map(|source| std::io::Error::new(source.kind(), source.to_string()));
    StorageError { code: error.code, context: error.context, path: None, source }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn memory() -> Mutex<Connection> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY)").unwrap();
        Mutex::new(connection)
    }

    fn insert(number: i64) -> impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static {
        move |connection| connection.execute("INSERT INTO numbers VALUES (?1)", [number]).map(drop)
    }

    fn numbers(connection: &Mutex<Connection>) -> Vec<i64> {
        let connection = connection.lock().unwrap();
        let mut statement = connection.prepare("SELECT number FROM numbers ORDER BY number").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn waiting_writes_share_a_transaction_and_a_failure_affects_one_alone() {
        let (queue, connection) = (Arc::new(Queue::default()), Arc::new(memory()));
        let transactions = Arc::new(AtomicUsize::new(0));
        queue.write(|| Ok(connection.lock().unwrap()), Durability::Strict, insert(3)).unwrap();
        // The leader is blocked until all the others wait.
        let held = connection.lock().unwrap();
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (queue, connection) = (Arc::clone(&queue), Arc::clone(&connection));
                let transactions = Arc::clone(&transactions);
                thread::spawn(move || {
                    let lock = || {
                        transactions.fetch_add(1, Ordering::SeqCst);
                        Ok(connection.lock().unwrap())
                    };
                    queue.write(lock, Durability::Strict, insert(number)).is_ok()
                })
            })
            .collect();
        while queue.lock().waiting.len() < 8 {
            thread::yield_now();
        }
        drop(held);
        let done: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(done, (0..8).map(|number| number != 3).collect::<Vec<_>>());
        assert_eq!(numbers(&connection), (0..8).collect::<Vec<_>>());
        assert_eq!(transactions.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn writes_after_a_refusal_or_a_panic_succeed() {
        let (queue, connection) = (Queue::default(), memory());
        let refused = queue.write(|| Err(lost()), Durability::Strict, insert(1));
        assert_eq!(refused.unwrap_err().code, ErrorCode::Internal);
        thread::scope(|scope| {
            let panicking = scope
                .spawn(|| queue.write(|| Ok(connection.lock().unwrap()), Durability::Strict, |_| panic!("on purpose")));
            assert!(panicking.join().is_err());
        });
        let lock = || Ok(connection.lock().unwrap_or_else(PoisonError::into_inner));
        queue.write(lock, Durability::Relaxed, insert(2)).unwrap();
        connection.clear_poison();
        assert_eq!(numbers(&connection), [2]);
    }

    #[test]
    fn only_relaxed_writes_are_committed_without_a_sync() {
        let (queue, connection) = (Queue::default(), memory());
        let level = |connection: &Connection| connection.pragma_query_value(None, "synchronous", |row| row.get(0));
        for (durability, expected) in [(Durability::Relaxed, 1_i64), (Durability::Strict, 2)] {
            let seen = Arc::new(Mutex::new(0));
            let look = Arc::clone(&seen);
            let work = move |connection: &Connection| {
                *look.lock().unwrap() = level(connection)?;
                Ok(())
            };
            queue.write(|| Ok(connection.lock().unwrap()), durability, work).unwrap();
            assert_eq!(*seen.lock().unwrap(), expected);
            assert_eq!(level(&connection.lock().unwrap()), Ok(2));
        }
    }
}
