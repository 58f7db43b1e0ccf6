//! [`TimeoutStream`]: a stream that fails when a client takes too long to send a request's headers, or accepts no byte
//! of an answer for too long. A client that is slow but makes progress is served to the end, unless places are scarce
//! and it is below the least pace.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::framing::Framing;
use crate::admission::{InUse, Usage};
use crate::gateway::peer_pace::{PaceRule, PeerPace};
use crate::gateway::phase::Phase;
use crate::lazy_timeout::LazyTimeout;

/// How long each kind of wait may last.
#[derive(Clone)]
pub(crate) struct Timeouts {
    /// From the first byte of a request's headers to the last.
    pub(crate) header_time: Duration,
    /// Between two bytes of an answer.
    pub(crate) stall_time: Duration,
    /// How fast answers must be accepted while places are scarce.
    pub(crate) pace: PaceRule,
}

/// `AsyncRead` and `AsyncWrite` wrapper that enforces the timeouts of a connection.
pub(crate) struct TimeoutStream<S> {
    stream: S,
    phase: Phase,
    timeouts: Timeouts,
    /// When the connection was accepted, or when the first byte of the headers arrived.
    headers_since: Instant,
    /// Deadline of a pending write, if there is one.
    writing: Option<Instant>,
    /// The use of the connection's place.
    usage: Arc<Usage>,
    /// Held while a write is pending: the end of an answer may leave long after its request has ended.
    unsent: Option<InUse>,
    /// The pace of the peer; `None` until a write has been pending.
    pace: Option<Box<PeerPace>>,
    /// One timer for both deadlines. It may fire early: resetting it at every step would cost each request more than
    /// the rest of this type.
    timer: LazyTimeout,
    /// Bytes that were read but not requested yet.
    unread: Bytes,
    /// How many bytes were read and written.
    bytes_moved: Arc<AtomicU64>,
    /// Checks what is read; `None` for another protocol than HTTP/1.1.
    framing: Option<Framing>,
}

impl<S> TimeoutStream<S> {
    /// A new connection: the time for the first request's headers starts now.
    pub(crate) fn new(stream: S, phase: Phase, timeouts: Timeouts) -> Self {
        Self {
            stream,
            phase,
            timeouts,
            headers_since: Instant::now(),
            writing: None,
            usage: Arc::default(),
            unsent: None,
            pace: None,
            timer: LazyTimeout::default(),
            unread: Bytes::new(),
            bytes_moved: Arc::default(),
            framing: None,
        }
    }

    /// With strict framing of HTTP/1.1.
    pub(crate) fn strict(self) -> Self {
        Self { framing: Some(Framing::default()), ..self }
    }

    /// Counts pending writes as a use of the connection's place.
    pub(crate) fn with_usage(self, usage: Arc<Usage>) -> Self {
        Self { usage, ..self }
    }

    /// Counts the bytes that were read and written. HTTP/2 watches it, because one of its streams can stall alone.
    #[cfg(feature = "tls")]
    pub(crate) fn bytes_moved(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_moved)
    }

    /// Puts back bytes that were read too early.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    /// Waits until there is something to read, without holding a buffer. Returns false if the peer has closed the
    /// stream.
    pub(crate) async fn readable(&mut self) -> io::Result<bool>
    where
        S: AsyncRead + Unpin,
    {
        if self.unread.is_empty() {
            let mut first = [0];
            let count = self.read(&mut first).await?;
            self.unread = Bytes::copy_from_slice(&first[..count]);
        }
        Ok(!self.unread.is_empty())
    }

    /// Bytes arrived: on an idle connection they start the next request. Headers have their deadline also where reading
    /// never has to wait, as for a client of HTTP/2 that sends PING without a pause and no request.
    fn on_read(&mut self, count: usize) -> io::Result<()> {
        self.bytes_moved.fetch_add(count as u64, Ordering::Relaxed);
        if count > 0 && self.phase.is_idle() {
            self.phase.headers();
            self.headers_since = Instant::now();
        } else if self.header_deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Until when the headers have to be complete; `None` outside of them.
    fn header_deadline(&self) -> Option<Instant> {
        self.phase.is_headers().then(|| self.headers_since + self.timeouts.header_time)
    }

    /// Ready once one of the two deadlines has passed.
    fn poll_deadlines(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.header_deadline().into_iter().chain(self.writing).min() else { return Poll::Pending };
        loop {
            let judged = self.pace.as_mut().filter(|_| self.writing.is_some()).map(|pace| pace.wait());
            let due = judged.filter(|judged| *judged < deadline);
            ready!(self.timer.poll(context, due.unwrap_or(deadline)));
            let bytes = self.bytes_moved.load(Ordering::Relaxed);
            if due.is_none() || self.pace.as_mut().is_none_or(|pace| pace.is_over(bytes)) {
                return Poll::Ready(());
            }
        }
    }

    /// After a write that is pending, the peer has `stall_time` to accept a byte.
    fn on_write_step<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            if self.writing.take().is_some() {
                self.phase.set_blocked(false);
                self.unsent = None;
                if let Some(pace) = self.pace.as_mut() {
                    pace.go_on();
                }
            }
            return result;
        }
        self.phase.set_blocked(true);
        if self.unsent.is_none() {
            self.unsent = Some(self.usage.begin());
        }
        let stall_time = self.timeouts.stall_time;
        self.writing.get_or_insert_with(|| Instant::now() + stall_time);
        let moved = self.bytes_moved.load(Ordering::Relaxed);
        self.pace.get_or_insert_with(|| Box::new(PeerPace::new(&self.timeouts.pace, moved)));
        self.poll_deadlines(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn on_write(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &result {
            self.bytes_moved.fetch_add(*count as u64, Ordering::Relaxed);
        }
        self.on_write_step(context, result)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(count));
        }
        if buffer.remaining() > 0 {
            let checked = buffer.filled().len();
            match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Pending if checked == before => {
                    return self.poll_deadlines(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending => {}
                Poll::Ready(result) => result?,
            }
            if let Some(framing) = &mut self.framing {
                framing.check(&mut buffer.filled_mut()[checked..]);
            }
        }
        Poll::Ready(self.on_read(buffer.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.on_write(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.on_write(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.on_write_step(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.on_write_step(context, result)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::{advance, pause, sleep, timeout};

    use super::*;
    use crate::admission::LeastPace;

    const TIME: Duration = Duration::from_secs(10);

    fn timeouts(is_scarce: bool) -> Timeouts {
        let least = LeastPace { bytes: 1, time: TIME / 2 };
        Timeouts { header_time: TIME, stall_time: TIME, pace: PaceRule::new(least, move || is_scarce) }
    }

    fn paced(phase: &Phase) -> (TimeoutStream<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(16);
        (TimeoutStream::new(near, phase.clone(), timeouts(false)), far)
    }

    #[tokio::test]
    async fn headers_that_trickle_time_out() {
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
    async fn an_idle_connection_and_a_running_request_do_not_time_out() {
        pause();
        for set in [Phase::idle as fn(&Phase), Phase::answering] {
            let phase = Phase::default();
            let (mut near, _far) = paced(&phase);
            set(&phase);
            assert!(timeout(20 * TIME, near.read_u8()).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_connection_is_quiet_once_everything_is_written() {
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
        // The next request starts, and with it the time for its headers.
        far.write_all(b"G").await.unwrap();
        assert!(near.readable().await.unwrap());
        assert!(!phase.is_quiet());
        far.write_all(b"ET").await.unwrap();
        let mut word = [0; 3];
        near.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"GET");
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_sent_yet_uses_the_place() {
        pause();
        let usage = Arc::new(Usage::default());
        let (near, mut far) = paced(&Phase::default());
        let mut near = near.with_usage(Arc::clone(&usage));
        assert!(!usage.works());
        assert!(timeout(TIME / 2, near.write_all(&[0; 20])).await.is_err());
        assert!(usage.works());
        far.read_exact(&mut [0; 16]).await.unwrap();
        near.write_all(&[0; 4]).await.unwrap();
        assert!(!usage.works());
    }

    #[tokio::test]
    async fn headers_have_their_time_also_where_nothing_waits() {
        pause();
        let (mut near, mut far) = paced(&Phase::default());
        let mut read = [0; 8];
        far.write_all(&[1; 8]).await.unwrap();
        near.read_exact(&mut read).await.unwrap();
        advance(TIME).await;
        far.write_all(&[1; 8]).await.unwrap();
        assert_eq!(near.read_exact(&mut read).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_that_waits_within_headers_has_their_time() {
        pause();
        let (near, _far) = duplex(16);
        let timeouts = Timeouts { stall_time: 10 * TIME, ..timeouts(false) };
        let mut near = TimeoutStream::new(near, Phase::default(), timeouts);
        let begun = Instant::now();
        assert_eq!(near.write_all(&[0; 100]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < 2 * TIME);
    }

    #[tokio::test]
    async fn a_stalled_reader_times_out_and_a_slow_one_does_not() {
        pause();
        let phase = Phase::default();
        phase.answering();
        let (mut near, mut far) = paced(&phase);
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

    #[tokio::test]
    async fn a_reader_below_the_least_pace_is_cut_while_places_are_scarce() {
        pause();
        let (near, far) = duplex(16);
        let mut near = TimeoutStream::new(near, Phase::default(), timeouts(true));
        let started = Instant::now();
        let error = near.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= TIME / 2 && started.elapsed() < TIME, "{:?}", started.elapsed());
        drop(far);
    }
}
