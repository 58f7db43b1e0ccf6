//! Promises: what stands for the bytes of a file on their way through hyper, which knows only bytes in memory. A placeholder
//! points into memory that is set apart for that and never read; beside it the connection's queue says which part of which
//! file it stands for. The stream below hyper knows promises by their address and has the system send the file
//! (`plain`). What the queue does not know is never sent, whatever lies in that memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// Longest placeholder, in bytes: what one connection takes before another has its turn.
pub(crate) const PLACEHOLDER_BYTES_MAX: usize = 1 << 20;

/// Memory that no page stands behind, for nobody looks at it.
static PLACEHOLDER: LazyLock<&'static [u8]> =
    LazyLock::new(|| Box::leak(vec![0; PLACEHOLDER_BYTES_MAX].into_boxed_slice()));

/// The promises of one connection, in the order in which they are kept. Bodies give them, the stream keeps them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendfileQueue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    parts: VecDeque<Part>,
    /// Waits until there are none.
    waiting: Option<Waker>,
}

/// The part of a file that a placeholder stands for.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) file: Arc<File>,
    /// The next byte to be sent.
    pub(crate) offset: u64,
    /// How many are to be sent.
    pub(crate) left: usize,
    /// How many of the placeholder's bytes were.
    sent: usize,
}

impl SendfileQueue {
    /// Promises the part of a file from `offset`, at most [`PLACEHOLDER_BYTES_MAX`] long. What comes back must go through this
    /// queue's connection, as it is and before any later placeholder.
    pub(crate) fn placeholder(&self, file: Arc<File>, offset: u64, length: usize) -> Bytes {
        let left = length.min(PLACEHOLDER_BYTES_MAX);
        self.lock().parts.push_back(Part { file, offset, left, sent: 0 });
        Bytes::from_static(&PLACEHOLDER[..left])
    }

    /// Ready when every placeholder is kept.
    pub(crate) fn poll_empty(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.parts.is_empty() {
            return Poll::Ready(());
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }

    /// Whether every placeholder is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().parts.is_empty()
    }

    /// What `slice`, which [`is_placeholder`], stands for.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] where it is not exactly what is to be kept next.
    pub(crate) fn peek(&self, slice: &[u8]) -> io::Result<Part> {
        let state = self.lock();
        let begins_at = slice.as_ptr().addr() - PLACEHOLDER.as_ptr().addr();
        match state.parts.front() {
            Some(part) if part.sent == begins_at && part.left == slice.len() => Ok(part.clone()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a placeholder that nobody gave here")),
        }
    }

    /// So many bytes of what is due were sent.
    pub(crate) fn advance(&self, sent: usize) {
        let mut state = self.lock();
        let Some(part) = state.parts.front_mut() else { return };
        let sent = sent.min(part.left);
        part.offset += sent as u64;
        part.left -= sent;
        part.sent += sent;
        if part.left > 0 {
            return;
        }
        state.parts.pop_front();
        let waker = if state.parts.is_empty() { state.waiting.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether these bytes stand for others.
pub(crate) fn is_placeholder(slice: &[u8]) -> bool {
    let begin = PLACEHOLDER.as_ptr().addr();
    (begin..begin + PLACEHOLDER_BYTES_MAX).contains(&slice.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<File> {
        Arc::new(tempfile::tempfile().unwrap())
    }

    #[test]
    fn promises_are_known_by_their_place_alone() {
        let queue = SendfileQueue::default();
        let placeholder = queue.placeholder(file(), 0, 10);
        assert!(is_placeholder(&placeholder) && is_placeholder(&placeholder[9..]));
        assert!(!is_placeholder(&[0; 10]) && !is_placeholder(placeholder.to_vec().as_slice()) && !is_placeholder(b""));
    }

    #[test]
    fn a_promise_is_kept_in_parts_and_in_order() {
        let queue = SendfileQueue::default();
        let (first, second) = (queue.placeholder(file(), 100, 10), queue.placeholder(file(), 0, 5));
        assert!(queue.peek(&second).is_err());
        let part = queue.peek(&first).unwrap();
        assert_eq!((part.offset, part.left), (100, 10));
        queue.advance(4);
        assert!(queue.peek(&first).is_err() && queue.peek(&first[4..9]).is_err());
        let part = queue.peek(&first[4..]).unwrap();
        assert_eq!((part.offset, part.left), (104, 6));
        queue.advance(6);
        assert_eq!(queue.peek(&second).unwrap().left, 5);
        queue.advance(5);
        assert!(queue.is_empty() && queue.peek(&second).is_err());
    }

    #[test]
    fn a_promise_of_another_connection_is_none() {
        let (here, there) = (SendfileQueue::default(), SendfileQueue::default());
        let placeholder = there.placeholder(file(), 0, 10);
        assert!(here.peek(&placeholder).is_err());
    }

    #[test]
    fn a_promise_has_a_greatest_length() {
        let queue = SendfileQueue::default();
        assert_eq!(queue.placeholder(file(), 0, usize::MAX).len(), PLACEHOLDER_BYTES_MAX);
    }
}
