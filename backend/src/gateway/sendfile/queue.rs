//! Placeholder buffers for `sendfile(2)`. hyper writes only `Bytes`, so a file body yields slices of one reserved
//! buffer that is never read; the queue records the file range that each slice stands for, and [`super::stream`] sends
//! that range in its place. A slice that the queue does not know is never sent, whatever the buffer contains.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// Longest placeholder, in bytes: how much one connection sends before others get their turn.
pub(crate) const PLACEHOLDER_BYTES_MAX: usize = 1 << 20;

/// The reserved buffer. It is never touched, so the system allocates no memory for it.
static PLACEHOLDER: LazyLock<&'static [u8]> =
    LazyLock::new(|| Box::leak(vec![0; PLACEHOLDER_BYTES_MAX].into_boxed_slice()));

/// The placeholders of one connection, in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendfileQueue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    parts: VecDeque<Part>,
    /// Woken when the queue is empty.
    waker: Option<Waker>,
}

/// The file range that a placeholder stands for.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) file: Arc<File>,
    /// Where the unsent rest starts.
    pub(crate) offset: u64,
    /// How many bytes are unsent.
    pub(crate) left: usize,
    /// How many bytes of the placeholder have been sent.
    sent: usize,
}

impl SendfileQueue {
    /// A placeholder for at most [`PLACEHOLDER_BYTES_MAX`] bytes of a file from `offset`. It must be written to this
    /// queue's connection unchanged, before any later placeholder.
    pub(crate) fn placeholder(&self, file: Arc<File>, offset: u64, length: usize) -> Bytes {
        let left = length.min(PLACEHOLDER_BYTES_MAX);
        self.lock().parts.push_back(Part { file, offset, left, sent: 0 });
        Bytes::from_static(&PLACEHOLDER[..left])
    }

    /// Ready when every placeholder has been sent.
    pub(crate) fn poll_empty(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.parts.is_empty() {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// True if every placeholder has been sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().parts.is_empty()
    }

    /// The file range that `slice` stands for, where [`is_placeholder`] is true.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if `slice` is not exactly the rest of the first placeholder.
    pub(crate) fn peek(&self, slice: &[u8]) -> io::Result<Part> {
        let state = self.lock();
        let begins_at = slice.as_ptr().addr() - PLACEHOLDER.as_ptr().addr();
        match state.parts.front() {
            Some(part) if part.sent == begins_at && part.left == slice.len() => Ok(part.clone()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a placeholder that is not next in the queue")),
        }
    }

    /// Marks `sent` bytes of the first placeholder as sent.
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
        let waker = if state.parts.is_empty() { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True if `bytes` is part of the reserved buffer.
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
    fn placeholders_are_recognised_by_their_address() {
        let queue = SendfileQueue::default();
        let placeholder = queue.placeholder(file(), 0, 10);
        assert!(is_placeholder(&placeholder) && is_placeholder(&placeholder[9..]));
        assert!(!is_placeholder(&[0; 10]) && !is_placeholder(placeholder.to_vec().as_slice()) && !is_placeholder(b""));
    }

    #[test]
    fn a_placeholder_is_sent_in_parts_and_in_order() {
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
    fn a_placeholder_of_another_connection_is_refused() {
        let (here, there) = (SendfileQueue::default(), SendfileQueue::default());
        let placeholder = there.placeholder(file(), 0, 10);
        assert!(here.peek(&placeholder).is_err());
    }

    #[test]
    fn a_placeholder_has_a_maximum_length() {
        let queue = SendfileQueue::default();
        assert_eq!(queue.placeholder(file(), 0, usize::MAX).len(), PLACEHOLDER_BYTES_MAX);
    }
}
