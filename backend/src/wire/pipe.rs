//! One direction of a connection within a process: bytes that one task writes and another reads. It says no more than a
//! socket does: what was written before the end arrives, then the end, and who writes to somebody who left is told.
//! Beside the bytes it carries an open file, as a Unix socket may. Bytes that somebody owns go through as they are.

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

use super::Source;

/// What a pipe holds before a writer waits, in bytes: what a receiver takes at a time, so that a piece needs one wake.
/// Bytes that are passed go in whole where there is any room.
const PIPE_BYTES_MAX: usize = PIECE_BYTES;
/// How much memory an empty pipe keeps, in bytes.
const KEPT_BYTES: usize = 8 << 10;

/// Both ends of a pipe.
pub(super) fn pipe() -> (PipeReader, PipeWriter) {
    let pipe = Arc::new(Pipe::default());
    (PipeReader(Arc::clone(&pipe)), PipeWriter(pipe))
}

/// Where the bytes come out.
#[derive(Debug)]
pub struct PipeReader(Arc<Pipe>);

/// Where the bytes go in.
#[derive(Debug)]
pub struct PipeWriter(Arc<Pipe>);

#[derive(Debug, Default)]
struct Pipe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What comes before `bytes`.
    passed: VecDeque<Bytes>,
    passed_bytes: usize,
    bytes: BytesMut,
    /// Nothing more is written.
    ended: bool,
    /// Nobody reads any more.
    deserted: bool,
    /// Lent, and not taken yet. There is one at most: a request lends the next when it has the one before back.
    lent: Option<File>,
    /// Who waits for bytes.
    reader: Option<Waker>,
    /// Who waits for room.
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
    /// The file that was lent last, unless it was taken before.
    pub fn take_fd(&mut self) -> Option<File> {
        self.0.lock().lent.take()
    }
}

impl State {
    fn len(&self) -> usize {
        self.passed_bytes + self.bytes.len()
    }

    /// The next bytes without a copy, at most `bytes_max`; none where they were written, not passed.
    fn take_passed(&mut self, bytes_max: usize) -> Option<Bytes> {
        let front = self.passed.front_mut()?;
        let taken = front.split_to(front.len().min(bytes_max));
        self.passed_bytes -= taken.len();
        if front.is_empty() {
            self.passed.pop_front();
        }
        Some(taken)
    }

    /// Fills `into` from what comes next; what was written and what was passed are not put together.
    fn read(&mut self, into: &mut ReadBuf<'_>) {
        if let Some(passed) = self.take_passed(into.remaining()) {
            return into.put_slice(&passed);
        }
        let taken = self.bytes.len().min(into.remaining());
        into.put_slice(&self.bytes[..taken]);
        self.bytes.advance(taken);
        self.give_up_memory();
    }

    /// Once nothing is in `bytes`, it keeps little memory. Its capacity does not say how much it has: what was read counts
    /// no longer.
    fn give_up_memory(&mut self) {
        if self.bytes.is_empty() && self.bytes.try_reclaim(KEPT_BYTES + 1) {
            self.bytes = BytesMut::new();
        }
    }
}

impl PipeWriter {
    /// Hands bytes over as they are, once there is room. They are gone from `bytes` then.
    pub(super) fn poll_pass(&mut self, context: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        let coop = ready!(poll_proceed(context));
        let mut state = self.0.lock();
        if state.deserted || state.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.len() >= PIPE_BYTES_MAX {
            return wait(&mut state.writer, context);
        }
        if !state.bytes.is_empty() {
            // A header, mostly.
            let before = Bytes::copy_from_slice(&state.bytes);
            state.bytes.clear();
            state.give_up_memory();
            state.passed_bytes += before.len();
            state.passed.push_back(before);
        }
        state.passed_bytes += bytes.len();
        state.passed.push_back(std::mem::take(bytes));
        wake(state, |state| &mut state.reader);
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    /// Lends a file to the other side, in the place of one that it left lying.
    pub fn pass_fd(&mut self, file: File) {
        let before = self.0.lock().lent.replace(file);
        drop(before);
    }
}

/// Wakes one side once the state is free again: it may look at it at once, on another thread.
fn wake(mut state: MutexGuard<'_, State>, side: impl FnOnce(&mut State) -> &mut Option<Waker>) {
    let waker = side(&mut state).take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Waits, as the task that asks now.
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
        let Some(taken) = state.take_passed(bytes_max) else {
            return match (state.bytes.is_empty(), state.ended) {
                (true, false) => Some(wait(&mut state.reader, context)),
                (true, true) => Some(Poll::Ready(Ok(Bytes::new()))),
                // To read them costs less than to take them apart.
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
        // As for a socket: a task that never waits gives way now and then all the same.
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
        if state.deserted || state.ended {
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
        state.deserted = true;
        state.bytes = BytesMut::new();
        state.passed = VecDeque::new();
        state.passed_bytes = 0;
        state.lent = None;
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
    async fn bytes_come_out_in_order_however_they_go_in() {
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
    async fn what_is_passed_comes_out_as_it_is_and_in_its_place() {
        let (mut reader, mut writer) = pipe();
        writer.write_all(b"header").await.unwrap();
        let passed = Bytes::from(vec![7; PIPE_BYTES_MAX]);
        let at = passed.as_ptr();
        let mut bytes = passed.clone();
        poll_fn(|context| writer.poll_pass(context, &mut bytes)).await.unwrap();
        assert!(bytes.is_empty());
        let full = tokio::spawn(async move {
            writer.write_all(b"next").await.unwrap();
            let mut more = Bytes::from_static(b"and more");
            poll_fn(|context| writer.poll_pass(context, &mut more)).await.unwrap();
            writer
        });
        let mut header = [0; 64];
        // The payload is not read along with its header.
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
    async fn what_was_written_before_the_end_arrives() {
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
    async fn a_writer_waits_for_room_and_hears_that_nobody_reads() {
        let (reader, mut writer) = pipe();
        writer.write_all(&vec![0; PIPE_BYTES_MAX]).await.unwrap();
        let waiting = tokio::spawn(async move { writer.write(b"x").await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(reader);
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_file_is_taken_once_and_gives_way_to_the_next() {
        let (mut reader, mut writer) = pipe();
        assert!(reader.take_fd().is_none());
        let place = tempfile::tempdir().unwrap();
        for name in ["first", "second"] {
            std::fs::write(place.path().join(name), name).unwrap();
            writer.pass_fd(File::open(place.path().join(name)).unwrap());
        }
        let taken = reader.take_fd().unwrap();
        assert_eq!(io::read_to_string(taken).unwrap(), "second");
        assert!(reader.take_fd().is_none());
    }

    #[tokio::test]
    async fn an_empty_pipe_keeps_little() {
        let kept = |reader: &PipeReader| reader.0.lock().bytes.try_reclaim(KEPT_BYTES + 1);
        // Whole, in parts, or handed over.
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
        poll_fn(|context| writer.poll_pass(context, &mut Bytes::from_static(b"x"))).await.unwrap();
        assert!(!kept(&reader));
        reader.read_exact(&mut vec![0; PIPE_BYTES_MAX]).await.unwrap();
    }
}
