//! Writing to the records, together: what several threads have to write down while one transaction is made durable goes
//! into the next, so that a hundred uploads cost a few syncs and not some hundreds. Each of them is told when what it
//! wrote is as durable as it wanted; one whose statement fails takes nobody along.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use shared::ErrorCode;

use super::database::told;
use crate::storage::{Durability, StorageError};

/// Most that one transaction takes along: nobody waits for a queue without end.
const TOGETHER_MAX: usize = 256;

type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// Who waits to write.
#[derive(Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Somebody is at it, and sees to it that the next one is called.
    led: bool,
}

struct Waiting {
    work: Work,
    durability: Durability,
    tell: SyncSender<Told>,
}

/// What somebody who waits is told.
enum Told {
    /// That it is done.
    Done(Result<(), StorageError>),
    /// To do it, for everybody who waits.
    Lead,
}

impl Queue {
    /// Has `work` done in a transaction on the connection that `lock` gives, by this thread or by another one, and waits
    /// until that is as durable as said.
    ///
    /// # Errors
    /// What `lock` refuses with, what the database says to the statement, or to the transaction that it was part of.
    pub(super) fn write<'a>(
        &self,
        lock: impl FnOnce() -> Result<MutexGuard<'a, Connection>, StorageError>,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StorageError> {
        // One word for each of the two that may come, so that nobody who tells has to wait.
        let (tell, told) = sync_channel(2);
        let leads = {
            let mut state = self.lock();
            state.waiting.push(Waiting { work: Box::new(work), durability, tell });
            !std::mem::replace(&mut state.led, true)
        };
        if !leads && let Told::Done(done) = hear(&told) {
            return done;
        }
        let lead = Lead(self);
        let connection = lock();
        // Taken as late as that: whoever came meanwhile goes along.
        let together: Vec<_> = {
            let mut state = self.lock();
            let count = state.waiting.len().min(TOGETHER_MAX);
            state.waiting.drain(..count).collect()
        };
        match connection {
            Ok(connection) => commit(&connection, together),
            Err(error) => together.into_iter().for_each(|waiting| waiting.tell(Err(again(&error)))),
        }
        drop(lead);
        match hear(&told) {
            Told::Done(done) => done,
            Told::Lead => Err(lost()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lead, which goes to who waits first once this is dropped, even by a panic.
struct Lead<'a>(&'a Queue);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        match state.waiting.first() {
            // Whoever waits hears: it goes only with its answer.
            Some(next) => drop(next.tell.try_send(Told::Lead)),
            None => state.led = false,
        }
    }
}

impl Waiting {
    fn tell(self, done: Result<(), StorageError>) {
        // There is room: nothing but a call to lead can have been said before.
        let _ = self.tell.try_send(Told::Done(done));
    }
}

/// One transaction for all of them. Where nobody wants it on the disk at once, it is in the log that the system writes when
/// it likes: what is found there after a crash is whole transactions, in their order, as far as they go.
fn commit(connection: &Connection, together: Vec<Waiting>) {
    let strict = together.iter().any(|waiting| waiting.durability == Durability::Strict);
    let mut written = Vec::with_capacity(together.len());
    let mut refused = Vec::new();
    let committed = (|| {
        if !strict {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        let transaction = connection.unchecked_transaction()?;
        for Waiting { work, durability, tell } in together {
            transaction.execute_batch("SAVEPOINT one")?;
            let done = work(&transaction);
            let waiting = (durability, tell);
            match done {
                Ok(()) => written.push(waiting),
                Err(error) => {
                    refused.push((waiting, error));
                    // A full disk ends the whole transaction, and then this fails.
                    transaction.execute_batch("ROLLBACK TO one")?;
                }
            }
            transaction.execute_batch("RELEASE one")?;
        }
        transaction.commit()
    })();
    // Everybody else who writes here wants it so.
    let committed = told(committed.and(connection.pragma_update(None, "synchronous", "FULL")));
    for ((_, tell), error) in refused {
        let _ = tell.try_send(Told::Done(told(Err(error))));
    }
    for (_, tell) in written {
        let _ = tell.try_send(Told::Done(committed.as_ref().copied().map_err(again)));
    }
}

fn hear(told: &Receiver<Told>) -> Told {
    // Whoever was to tell it has panicked.
    told.recv().unwrap_or_else(|_| Told::Done(Err(lost())))
}

fn lost() -> StorageError {
    StorageError::new(ErrorCode::Internal, "what was to be written down was lost")
}

/// The same failure for one more of those whom it concerns.
fn again(error: &StorageError) -> StorageError {
    let source = error.source.as_ref().map(|source| std::io::Error::new(source.kind(), source.to_string()));
    StorageError { code: error.code, context: error.context, source }
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
    fn what_waits_goes_together_and_one_that_fails_fails_alone() {
        let (queue, connection) = (Arc::new(Queue::default()), Arc::new(memory()));
        let transactions = Arc::new(AtomicUsize::new(0));
        queue.write(|| Ok(connection.lock().unwrap()), Durability::Strict, insert(3)).unwrap();
        // The first one is held up until all the others wait.
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
    fn after_a_refusal_and_after_a_panic_others_are_served() {
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
    fn only_what_may_be_lost_is_written_without_a_sync() {
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
