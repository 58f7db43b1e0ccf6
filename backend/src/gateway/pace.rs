//! How slow a client may be: a stream that fails when the client takes too long over a request's headers, or takes
//! nothing of an answer for too long. A client that is slow but moves is served to the end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Where a connection is, as far as its pace goes. The request's handler says; the stream looks.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

const HEADERS: u8 = 0;
const ANSWER: u8 = 1;
const IDLE: u8 = 2;

impl Phase {
    /// A request's headers have come whole.
    pub(super) fn answering(&self) {
        self.0.store(ANSWER, Ordering::Relaxed);
    }

    /// An answer is over; the next request may come.
    pub(super) fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream with a clock beside it.
pub(super) struct Paced<S> {
    stream: S,
    phase: Phase,
    header_time: Duration,
    stall_time: Duration,
    /// When the first byte of the headers came, or the connection was made.
    headers_since: Instant,
    read_clock: Clock,
    write_clock: Clock,
}

/// A timer that costs nothing until somebody has to wait.
#[derive(Default)]
struct Clock {
    timer: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl<S> Paced<S> {
    /// A new connection: its first request's headers have `header_time` from now.
    pub(super) fn new(stream: S, phase: Phase, header_time: Duration, stall_time: Duration) -> Self {
        Self {
            stream,
            phase,
            header_time,
            stall_time,
            headers_since: Instant::now(),
            read_clock: Clock::default(),
            write_clock: Clock::default(),
        }
    }

    fn written(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.write_clock.stop();
            return result;
        }
        let stall_time = self.stall_time;
        self.write_clock.wait(context, || Instant::now() + stall_time)
    }
}

impl Clock {
    fn stop(&mut self) {
        self.running = false;
    }

    /// Pending until the deadline, which is asked for when the wait begins; then an error.
    fn wait<T>(&mut self, context: &mut Context<'_>, deadline: impl FnOnce() -> Instant) -> Poll<io::Result<T>> {
        let timer = match (&mut self.timer, self.running) {
            (Some(timer), true) => timer,
            (Some(timer), false) => {
                timer.as_mut().reset(deadline());
                timer
            }
            (none, _) => none.insert(Box::pin(sleep_until(deadline()))),
        };
        self.running = true;
        timer.as_mut().poll(context).map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        match (self.phase.get(), &result) {
            (IDLE, Poll::Ready(Ok(()))) if buffer.filled().len() > before => {
                self.phase.0.store(HEADERS, Ordering::Relaxed);
                self.headers_since = Instant::now();
                self.read_clock.stop();
            }
            (HEADERS, Poll::Pending) => {
                let deadline = self.headers_since + self.header_time;
                return self.read_clock.wait(context, || deadline);
            }
            _ => self.read_clock.stop(),
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{pause, sleep, timeout};

    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    fn paced(phase: &Phase) -> (Paced<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(16);
        (Paced::new(near, phase.clone(), TIME, TIME), far)
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
