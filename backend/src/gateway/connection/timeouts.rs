//! How slow a client may be: a stream that fails when the client takes too long over a request's headers, or takes
//! nothing of an answer for too long. A client that is slow but moves is served to the end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::gateway::config::GatewayConfig;
use crate::gateway::phase::Phase;
use crate::lazy_timeout::LazyTimeout;

/// How long each kind of wait may last.
#[derive(Clone, Copy)]
pub(crate) struct Timeouts {
    /// From the first byte of a request's headers to the last.
    pub(crate) header_time: Duration,
    /// Between two bytes of an answer.
    pub(crate) stall_time: Duration,
}

impl Timeouts {
    /// As it was set.
    pub(crate) fn of(config: &GatewayConfig) -> Self {
        Self { header_time: config.header_read_time, stall_time: config.stall_time }
    }
}

/// A stream with a clock beside it.
pub(crate) struct TimeoutStream<S> {
    stream: S,
    phase: Phase,
    pace: Timeouts,
    /// When the connection was made, or the first byte of the headers came.
    headers_since: Instant,
    /// Until when the other side must have sent something, where somebody waits for it.
    reading: Option<Instant>,
    /// Until when the other side must have taken something, where somebody waits for it.
    writing: Option<Instant>,
    /// One for both. It goes off too early rather than being moved at every step: that would cost each request more than
    /// all else here.
    timer: LazyTimeout,
    /// Read already, and not yet asked for.
    kept: Bytes,
    /// How many bytes came and went.
    moved: Arc<AtomicU64>,
}

impl<S> TimeoutStream<S> {
    /// A new connection: its first request's headers have their time from now.
    pub(crate) fn new(stream: S, phase: Phase, pace: Timeouts) -> Self {
        Self {
            stream,
            phase,
            pace,
            headers_since: Instant::now(),
            reading: None,
            writing: None,
            timer: LazyTimeout::default(),
            kept: Bytes::new(),
            moved: Arc::default(),
        }
    }

    /// How many bytes came and went so far.
    pub(crate) fn moved(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.moved)
    }

    /// Puts back what was read too early.
    pub(crate) fn keep(&mut self, bytes: Bytes) {
        self.kept = bytes;
    }

    /// Waits, with no buffer, until there is something to read. Whether there is; the other side may have closed.
    pub(crate) async fn more(&mut self) -> io::Result<bool>
    where
        S: AsyncRead + Unpin,
    {
        if self.kept.is_empty() {
            let mut first = [0];
            let count = self.read(&mut first).await?;
            self.kept = Bytes::copy_from_slice(&first[..count]);
        }
        Ok(!self.kept.is_empty())
    }

    /// Bytes came: between two requests they are the beginning of the next.
    fn came(&mut self, count: usize) {
        self.reading = None;
        self.moved.fetch_add(count as u64, Ordering::Relaxed);
        if count > 0 && self.phase.is_idle() {
            self.phase.headers();
            self.headers_since = Instant::now();
        }
    }

    /// Nothing came: amid headers that may not last.
    fn waits<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let amid = self.phase.is_headers();
        self.reading = amid.then(|| self.headers_since + self.pace.header_time);
        self.overdue(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready once one of the two deadlines has passed.
    fn overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.reading.into_iter().chain(self.writing).min() else { return Poll::Pending };
        self.timer.poll(context, deadline)
    }

    /// A step of writing, which has its time where the other side must take something first.
    fn written<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            if self.writing.take().is_some() {
                self.phase.set_blocked(false);
            }
            return result;
        }
        self.phase.set_blocked(true);
        let stall_time = self.pace.stall_time;
        self.writing.get_or_insert_with(|| Instant::now() + stall_time);
        self.overdue(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn wrote(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &result {
            self.moved.fetch_add(*count as u64, Ordering::Relaxed);
        }
        self.written(context, result)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if !self.kept.is_empty() {
            let count = self.kept.len().min(buffer.remaining());
            buffer.put_slice(&self.kept.split_to(count));
        }
        if buffer.remaining() > 0 {
            match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Pending if buffer.filled().len() == before => return self.waits(context),
                Poll::Pending => {}
                Poll::Ready(result) => result?,
            }
        }
        self.came(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, result)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::{pause, sleep, timeout};

    use super::*;

    const TIME: Duration = Duration::from_secs(10);
    const PACE: Timeouts = Timeouts { header_time: TIME, stall_time: TIME };

    fn paced(phase: &Phase) -> (TimeoutStream<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(16);
        (TimeoutStream::new(near, phase.clone(), PACE), far)
    }

    #[tokio::test]
    async fn slow_headers_fail_however_they_trickle() {
        pause();
        let (mut near, mut far) = paced(&Phase::default());
        let trickle = tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let started = Instant::now();
        let mut buffer = [0; 64];
        let error = loop {
            match near.read(&mut buffer).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= TIME && started.elapsed() < TIME + Duration::from_secs(2));
        drop(near);
        trickle.await.unwrap();
    }

    #[tokio::test]
    async fn an_idle_connection_and_a_running_request_have_time() {
        pause();
        for set in [Phase::idle as fn(&Phase), Phase::answering] {
            let phase = Phase::default();
            let (mut near, _far) = paced(&phase);
            set(&phase);
            assert!(timeout(20 * TIME, near.read_u8()).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_connection_is_quiet_once_nothing_comes_and_all_has_gone() {
        pause();
        let phase = Phase::default();
        let (mut near, mut far) = paced(&phase);
        assert!(!phase.is_quiet());
        phase.answering();
        assert!(timeout(TIME / 2, near.write_all(&[0; 20])).await.is_err());
        phase.idle();
        assert!(!phase.is_quiet() && !phase.is_quiet());
        far.read_exact(&mut [0; 16]).await.unwrap();
        near.write_all(&[0; 4]).await.unwrap();
        assert!(phase.is_quiet());
        // The next request, which then has the time of one.
        far.write_all(b"G").await.unwrap();
        assert!(near.more().await.unwrap());
        assert!(!phase.is_quiet());
        far.write_all(b"ET").await.unwrap();
        let mut word = [0; 3];
        near.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"GET");
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_cut_and_a_slow_one_is_not() {
        pause();
        let (mut near, mut far) = paced(&Phase::default());
        let slow = tokio::spawn(async move {
            let mut byte = [0];
            for _ in 0..100 {
                sleep(TIME - Duration::from_secs(1)).await;
                far.read_exact(&mut byte).await.unwrap();
            }
            far
        });
        near.write_all(&[0; 100]).await.unwrap();
        let far = slow.await.unwrap();
        let started = Instant::now();
        let error = near.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= TIME);
        drop(far);
    }
}
