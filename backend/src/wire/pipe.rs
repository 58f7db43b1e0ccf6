//! One direction of a connection within a process: bytes that one task writes and another reads. It behaves as a
//! socket: bytes written before the end arrive, then the end, and writing fails after the reader is dropped. Like a
//! Unix socket it passes open files. Owned bytes go through without a copy.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use shared::limits::PIECE_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;

use super::source::Source;

/// Bytes in a pipe from which a writer waits: the length of one piece, so that a piece needs one wake-up. Owned bytes
/// go in completely if there is any space.
const PIPE_BYTES_MAX: usize = PIECE_BYTES;
/// Memory that an empty pipe keeps, in bytes.
const KEPT_BYTES: usize = 8 << 10;

/// Both ends of a pipe.
pub(super) fn pipe() -> (PipeReader, PipeWriter) {
    let pipe = Arc::new(Pipe::default());
    (PipeReader(Arc::clone(&pipe)), PipeWriter(pipe))
}

/// The receiving end.
#[derive(Debug)]
pub struct PipeReader(Arc<Pipe>);

/// The sending end.
#[derive(Debug)]
pub struct PipeWriter(Arc<Pipe>);

#[derive(Debug, Default)]
struct Pipe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Owned bytes, which come before `bytes`.
    owned: VecDeque<Bytes>,
    /// Number of owned bytes.
    owned_bytes: usize,
    /// Copied bytes.
    bytes: BytesMut,
    /// The writer has ended the pipe.
    ended: bool,
    /// The reader is dropped.
    reader_gone: bool,
    /// A passed file that is not taken yet. One is enough: a request passes the next file after the release of the
    /// last.
    file: Option<File>,
    /// The reader, if it waits for bytes.
    reader: Option<Waker>,
    /// The writer, if it waits for space.
    writer: Option<Waker>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        wake(state, |state| &mut state.reader);
    }
}

impl PipeReader {
    /// The file that was passed last, unless it was taken before.
    pub fn take_fd(&mut self) -> Option<File> {
        self.0.lock().file.take()
    }
}

impl State {
    fn len(&self) -> usize {
        self.owned_bytes + self.bytes.len()
    }

    /// The next bytes without a copy, at most `bytes_max`; `None` if the next bytes are copied ones.
    fn take_owned(&mut self, bytes_max: usize) -> Option<Bytes> {
        let front = self.owned.front_mut()?;
        let taken = front.split_to(front.len().min(bytes_max));
        self.owned_bytes -= taken.len();
        if front.is_empty() {
            self.owned.pop_front();
        }
        Some(taken)
    }

    /// Fills `into` with the next bytes, either owned or copied ones.
    fn read(&mut self, into: &mut ReadBuf<'_>) {
        if let Some(owned) = self.take_owned(into.remaining()) {
            return into.put_slice(&owned);
        }
        let taken = self.bytes.len().min(into.remaining());
        into.put_slice(&self.bytes[..taken]);
        self.bytes.advance(taken);
        self.free_memory();
    }

    /// Frees the memory of an empty buffer, but for [`KEPT_BYTES`]. The capacity of `BytesMut` does not tell how much
    /// memory it has, because it does not count the bytes that were read.
    fn free_memory(&mut self) {
        if self.bytes.is_empty() && self.bytes.try_reclaim(KEPT_BYTES + 1) {
            self.bytes = BytesMut::new();
        }
    }
}

impl PipeWriter {
    /// Writes owned bytes without a copy, once there is space, and empties `bytes`.
    pub(super) fn poll_write_owned(&mut self, context: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        let coop = ready!(poll_proceed(context));
        let mut state = self.0.lock();
        if state.reader_gone || state.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.len() >= PIPE_BYTES_MAX {
            return wait(&mut state.writer, context);
        }
        if !state.bytes.is_empty() {
            // Mostly a header, so that the copy is short.
            let before = Bytes::copy_from_slice(&state.bytes);
            state.bytes.clear();
            state.free_memory();
            state.owned_bytes += before.len();
            state.owned.push_back(before);
        }
        state.owned_bytes += bytes.len();
        state.owned.push_back(std::mem::take(bytes));
        wake(state, |state| &mut state.reader);
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    /// Passes a file to the other side, and closes one that was not taken.
    pub fn pass_fd(&mut self, file: File) {
        let before = self.0.lock().file.replace(file);
        drop(before);
    }
}

/// Wakes one side after unlocking, because it may lock the state at once on another thread.
fn wake(mut state: MutexGuard<'_, State>, side: impl FnOnce(&mut State) -> &mut Option<Waker>) {
    let waker = side(&mut state).take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Registers the calling task as the one that waits.
fn wait<T>(side: &mut Option<Waker>, context: &Context<'_>) -> Poll<T> {
    match side {
        Some(waker) => waker.clone_from(context.waker()),
        None => *side = Some(context.waker().clone()),
    }
    Poll::Pending
}

impl Source for PipeReader {
    fn poll_take(&mut self, context: &mut Context<'_>, bytes_max: usize) -> Option<Poll<io::Result<Bytes>>> {
        let Poll::Ready(coop) = poll_proceed(context) else { return Some(Poll::Pending) };
        let mut state = self.0.lock();
        let Some(taken) = state.take_owned(bytes_max) else {
            return match (state.bytes.is_empty(), state.ended) {
                (true, false) => Some(wait(&mut state.reader, context)),
                (true, true) => Some(Poll::Ready(Ok(Bytes::new()))),
                // Reading copied bytes costs less than splitting them off.
                (false, _) => None,
            };
        };
        wake(state, |state| &mut state.writer);
        coop.made_progress();
        Some(Poll::Ready(Ok(taken)))
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Like a socket, a pipe takes part in tokio's cooperative scheduling.
        let coop = ready!(poll_proceed(context));
        let mut state = self.0.lock();
        if state.len() == 0 {
            if !state.ended {
                return wait(&mut state.reader, context);
            }
            coop.made_progress();
            return Poll::Ready(Ok(()));
        }
        state.read(into);
        wake(state, |state| &mut state.writer);
        coop.made_progress();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let coop = ready!(poll_proceed(context));
        let mut state = self.0.lock();
        if state.reader_gone || state.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = bytes.len().min(PIPE_BYTES_MAX.saturating_sub(state.len()));
        if taken == 0 && !bytes.is_empty() {
            return wait(&mut state.writer, context);
        }
        state.bytes.extend_from_slice(&bytes[..taken]);
        wake(state, |state| &mut state.reader);
        coop.made_progress();
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_gone = true;
        state.bytes = BytesMut::new();
        state.owned = VecDeque::new();
        state.owned_bytes = 0;
        state.file = None;
        wake(state, |state| &mut state.writer);
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_arrive_in_order() {
        let (mut reader, mut writer) = pipe();
        let sent: Vec<u8> = (0..3 * PIPE_BYTES_MAX + 17).map(|index| (index % 251) as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            for part in sent.chunks(PIPE_BYTES_MAX / 3 + 1) {
                writer.write_all(part).await.unwrap();
            }
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap();
        assert!(received == expected);
    }

    #[tokio::test]
    async fn owned_bytes_arrive_uncopied_and_in_order() {
        let (mut reader, mut writer) = pipe();
        writer.write_all(b"header").await.unwrap();
        let owned = Bytes::from(vec![7; PIPE_BYTES_MAX]);
        let at = owned.as_ptr();
        let mut bytes = owned.clone();
        poll_fn(|context| writer.poll_write_owned(context, &mut bytes)).await.unwrap();
        assert!(bytes.is_empty());
        let full = tokio::spawn(async move {
            writer.write_all(b"next").await.unwrap();
            let mut more = Bytes::from_static(b"and more");
            poll_fn(|context| writer.poll_write_owned(context, &mut more)).await.unwrap();
            writer
        });
        let mut header = [0; 64];
        // The payload is not read together with its header.
        assert_eq!(reader.read(&mut header).await.unwrap(), 6);
        let first = poll_fn(|context| reader.poll_take(context, 1000).unwrap()).await.unwrap();
        assert_eq!((first.as_ptr(), first.len()), (at, 1000));
        let rest = poll_fn(|context| reader.poll_take(context, usize::MAX).unwrap()).await.unwrap();
        assert_eq!(rest.len(), PIPE_BYTES_MAX - 1000);
        let writer = full.await.unwrap();
        let mut four = [0; 4];
        reader.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"next");
        drop(writer);
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"and more");
        assert!(poll_fn(|context| reader.poll_take(context, 1).unwrap()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn bytes_before_the_end_arrive() {
        for shut in [true, false] {
            let (mut reader, mut writer) = pipe();
            writer.write_all(b"last words").await.unwrap();
            if shut {
                writer.shutdown().await.unwrap();
                assert_eq!(writer.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            }
            drop(writer);
            let mut received = Vec::new();
            reader.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, b"last words");
        }
    }

    #[tokio::test]
    async fn a_writer_waits_for_space_and_fails_without_a_reader() {
        let (reader, mut writer) = pipe();
        writer.write_all(&vec![0; PIPE_BYTES_MAX]).await.unwrap();
        let waiting = tokio::spawn(async move { writer.write(b"x").await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(reader);
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_file_is_taken_once_and_replaced_by_the_next() {
        let (mut reader, mut writer) = pipe();
        assert!(reader.take_fd().is_none());
        let folder = tempfile::tempdir().unwrap();
        for name in ["first", "second"] {
            std::fs::write(folder.path().join(name), name).unwrap();
            writer.pass_fd(File::open(folder.path().join(name)).unwrap());
        }
        let taken = reader.take_fd().unwrap();
        assert_eq!(io::read_to_string(taken).unwrap(), "second");
        assert!(reader.take_fd().is_none());
    }

    #[tokio::test]
    async fn an_empty_pipe_keeps_little_memory() {
        let kept = |reader: &PipeReader| reader.0.lock().bytes.try_reclaim(KEPT_BYTES + 1);
        // Read at once, in parts, or after owned bytes.
        for step in [PIPE_BYTES_MAX, 1000] {
            let (mut reader, mut writer) = pipe();
            writer.write_all(&vec![0; PIPE_BYTES_MAX]).await.unwrap();
            assert!(reader.0.lock().bytes.capacity() > KEPT_BYTES);
            let mut left = PIPE_BYTES_MAX;
            while left > 0 {
                left -= reader.read(&mut vec![0; step]).await.unwrap();
            }
            assert!(!kept(&reader), "read by {step}");
        }
        let (mut reader, mut writer) = pipe();
        writer.write_all(&vec![0; PIPE_BYTES_MAX - 1]).await.unwrap();
        poll_fn(|context| writer.poll_write_owned(context, &mut Bytes::from_static(b"x"))).await.unwrap();
        assert!(!kept(&reader));
        reader.read_exact(&mut vec![0; PIPE_BYTES_MAX]).await.unwrap();
    }
}
