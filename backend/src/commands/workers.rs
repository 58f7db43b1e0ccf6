//! The frame of a transfer: one task finds files, several workers transfer them, all on threads that may block, because
//! they read and write files of this machine between their requests.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure};

/// Runs a finder and `count` workers until all have ended. At most `count` tasks wait in the queue between them.
///
/// # Errors
/// The first failure, of workers before that of the finder. It cancels `stop`, at which the others end early.
pub(super) async fn run<T, R, Find, Work>(
    stop: &CancellationToken,
    count: usize,
    find: impl FnOnce(mpsc::Sender<T>) -> Find,
    work: impl Fn(Queue<T>) -> Work,
) -> Result<R, Failure>
where
    R: Send + 'static,
    Find: Future<Output = Result<R, Failure>> + Send + 'static,
    Work: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let (sender, queue) = Queue::new(count);
    let workers: Vec<_> = (0..count).map(|_| spawn(stop.clone(), work(queue.clone()))).collect();
    let finder = spawn(stop.clone(), find(sender));
    // From here on only workers hold the queue: when all have ended, the finder's sends fail instead of waiting.
    drop(queue);
    let mut outcome = Ok(());
    for worker in workers {
        outcome = outcome.and(joined(worker).await);
    }
    let found = joined(finder).await;
    outcome.and(found)
}

/// Runs one future on a thread that may block.
pub(super) async fn run_alone<R, F>(stop: &CancellationToken, work: F) -> Result<R, Failure>
where
    R: Send + 'static,
    F: Future<Output = Result<R, Failure>> + Send + 'static,
{
    joined(spawn(stop.clone(), work)).await
}

/// The tasks between a finder and several workers.
pub(super) struct Queue<T>(Arc<Mutex<mpsc::Receiver<T>>>);

impl<T> Queue<T> {
    fn new(waiting_max: usize) -> (mpsc::Sender<T>, Self) {
        let (sender, receiver) = mpsc::channel(waiting_max);
        (sender, Self(Arc::new(Mutex::new(receiver))))
    }

    /// The next task. `None` after the last one, and when `stop` is cancelled.
    pub(super) async fn next(&self, stop: &CancellationToken) -> Option<T> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            task = async { self.0.lock().await.recv().await } => task,
        }
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

fn spawn<R, F>(stop: CancellationToken, work: F) -> JoinHandle<Result<R, Failure>>
where
    R: Send + 'static,
    F: Future<Output = Result<R, Failure>> + Send + 'static,
{
    let runtime = tokio::runtime::Handle::current();
    spawn_blocking(move || {
        let outcome = runtime.block_on(work);
        if outcome.is_err() {
            stop.cancel();
        }
        outcome
    })
}

async fn joined<R>(handle: JoinHandle<Result<R, Failure>>) -> Result<R, Failure> {
    handle.await.unwrap_or_else(|error| Err(Failure::new(Exit::Failed, "internal", error.to_string())))
}
