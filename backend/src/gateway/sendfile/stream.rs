//! Linux: a connection over which promises are kept (`lane`): where the bytes of a file are to be written, the system
//! sends them from its page cache, without a copy and without their passing through here.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::queue::{Lane, is_promise};
use crate::page_cache;

/// A connection over TCP on which nothing is encrypted.
pub(crate) struct Plain {
    stream: TcpStream,
    lane: Lane,
}

impl Plain {
    /// Keeps the promises of `lane`.
    pub(crate) fn new(stream: TcpStream, lane: Lane) -> Self {
        Self { stream, lane }
    }

    /// Calls the system until it does something, or the socket is full.
    fn poll_call(
        &self,
        context: &mut Context<'_>,
        call: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_io(Interest::WRITABLE, || call(&self.stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_keep(&self, context: &mut Context<'_>, promise: &[u8]) -> Poll<io::Result<usize>> {
        let part = self.lane.due(promise)?;
        let sent = ready!(
            self.poll_call(context, |stream| { page_cache::send_file(stream, &part.file, part.offset, part.left) })
        )?;
        self.lane.keep(sent);
        Poll::Ready(Ok(sent))
    }
}

impl AsyncWrite for Plain {
    /// Of bytes that hyper has copied together it is not known any more which stand for others: while a promise is open
    /// none are sent.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if is_promise(bytes) {
            return this.poll_keep(context, bytes);
        }
        if !this.lane.is_clear() {
            let error = io::Error::new(io::ErrorKind::InvalidData, "bytes where a promise is to be kept");
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let slices = &slices[slices.iter().take_while(|slice| slice.is_empty()).count()..];
        let own = slices.iter().take_while(|slice| !is_promise(slice)).count();
        match (own, slices) {
            (0, [promise, ..]) => this.poll_keep(context, promise),
            // The headers of an answer, with the file behind them in the same segment.
            (1, [headers, _, ..]) => this.poll_call(context, |stream| page_cache::send_before(stream, headers)),
            _ => Pin::new(&mut this.stream).poll_write_vectored(context, &slices[..own]),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::future::poll_fn;
    use std::io::Write;
    use std::sync::Arc;

    use bytes::{Buf, Bytes};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn connected() -> (Plain, Lane, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let lane = Lane::default();
        (Plain::new(near, lane.clone()), lane, far)
    }

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8 + 1).collect()
    }

    /// Writes as hyper does: everything that is there, again and again.
    async fn write_all(plain: &mut Plain, mut parts: Vec<Bytes>) -> io::Result<()> {
        while parts.iter().any(|part| !part.is_empty()) {
            let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
            let mut written = poll_fn(|context| Pin::new(&mut *plain).poll_write_vectored(context, &slices)).await?;
            for part in &mut parts {
                let taken = written.min(part.len());
                part.advance(taken);
                written -= taken;
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_file_comes_between_what_is_written_around_it() {
        let (mut plain, lane, mut far) = connected().await;
        let content = content(5 << 20);
        let file = file(&content);
        let mut parts = vec![Bytes::from_static(b"headers")];
        // More than a socket takes at once, in promises of all lengths, with bytes between them.
        let (mut offset, mut expected) = (7, b"headers".to_vec());
        for length in [1 << 20, 1, 65_536, 300_001, 1 << 20, 1 << 20] {
            parts.push(lane.promise(file.clone(), offset as u64, length));
            parts.push(Bytes::from_static(b"-"));
            parts.push(Bytes::new());
            expected.extend_from_slice(&content[offset..offset + length]);
            expected.push(b'-');
            offset += length;
        }
        let reading = tokio::spawn(async move {
            let mut received = Vec::new();
            far.read_to_end(&mut received).await.unwrap();
            received
        });
        write_all(&mut plain, parts).await.unwrap();
        poll_fn(|context| lane.poll_kept(context)).await;
        plain.shutdown().await.unwrap();
        drop(plain);
        assert!(reading.await.unwrap() == expected);
    }

    #[tokio::test]
    async fn what_was_not_promised_here_is_never_sent() {
        let (mut plain, lane, mut far) = connected().await;
        let foreign = Lane::default().promise(file(b"x"), 0, 1000);
        let error = write_all(&mut plain, vec![Bytes::from_static(b"before"), foreign.clone()]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(plain.write(&foreign).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        // A promise that hyper has copied: its bytes are anywhere, and nothing is sent in their place.
        let copied = lane.promise(file(b"x"), 0, 1).to_vec();
        assert_eq!(plain.write(&copied).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(plain);
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"before");
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_ends_the_connection() {
        let (mut plain, lane, mut far) = connected().await;
        let promise = lane.promise(file(b"short"), 0, 100);
        let error = write_all(&mut plain, vec![promise]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        drop(plain);
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"short");
    }
}
