//! Work that one side finds and several workers take, one piece at a time.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

/// What is left to do. When all of its clones are gone, whoever finds work hears of it.
pub(super) struct Queue<T>(Arc<Mutex<mpsc::Receiver<T>>>);

impl<T> Queue<T> {
    /// A queue in which at most `waiting_max` pieces wait, and the end that fills it.
    pub(super) fn new(waiting_max: usize) -> (mpsc::Sender<T>, Self) {
        let (sender, receiver) = mpsc::channel(waiting_max);
        (sender, Self(Arc::new(Mutex::new(receiver))))
    }

    /// The next piece; none once there are no more, or once it is time to stop.
    pub(super) async fn next(&self, stop: &CancellationToken) -> Option<T> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            work = async { self.0.lock().await.recv().await } => work,
        }
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
