//! A TCP connection that replaces placeholders by the file ranges they stand for, sent with `sendfile(2)` (Linux).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::queue::{SendfileQueue, is_placeholder};
use crate::page_cache;

/// An unencrypted TCP connection.
pub(crate) struct SendfileStream {
    stream: TcpStream,
    queue: SendfileQueue,
}

impl SendfileStream {
    /// Sends the file ranges of `queue`.
    pub(crate) fn new(stream: TcpStream, queue: SendfileQueue) -> Self {
        Self { stream, queue }
    }

    /// Repeats a system call until it makes progress or the socket is full.
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

    fn poll_sendfile(&self, context: &mut Context<'_>, placeholder: &[u8]) -> Poll<io::Result<usize>> {
        let part = self.queue.peek(placeholder)?;
        let sent = ready!(
            self.poll_call(context, |stream| { page_cache::send_file(stream, &part.file, part.offset, part.left) })
        )?;
        self.queue.advance(sent);
        Poll::Ready(Ok(sent))
    }
}

impl AsyncWrite for SendfileStream {
    /// Bytes that hyper copied into its own buffer can no longer be recognised as placeholders, so plain bytes are
    /// refused while the queue is not empty.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if is_placeholder(bytes) {
            return this.poll_sendfile(context, bytes);
        }
        if !this.queue.is_empty() {
            let error = io::Error::new(io::ErrorKind::InvalidData, "plain bytes while a placeholder is unsent");
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
        let own = slices.iter().take_while(|slice| !is_placeholder(slice)).count();
        match (own, slices) {
            (0, [placeholder, ..]) => this.poll_sendfile(context, placeholder),
            // The headers of an answer, followed by the file in the same segment.
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

impl AsyncRead for SendfileStream {
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

    async fn connected() -> (SendfileStream, SendfileQueue, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let queue = SendfileQueue::default();
        (SendfileStream::new(near, queue.clone()), queue, far)
    }

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8 + 1).collect()
    }

    /// Writes as hyper does: everything that is left, repeatedly.
    async fn write_all(stream: &mut SendfileStream, mut parts: Vec<Bytes>) -> io::Result<()> {
        while parts.iter().any(|part| !part.is_empty()) {
            let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
            let mut written = poll_fn(|context| Pin::new(&mut *stream).poll_write_vectored(context, &slices)).await?;
            for part in &mut parts {
                let taken = written.min(part.len());
                part.advance(taken);
                written -= taken;
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_file_is_sent_between_the_bytes_around_it() {
        let (mut stream, queue, mut far) = connected().await;
        let content = content(5 << 20);
        let file = file(&content);
        let mut parts = vec![Bytes::from_static(b"headers")];
        // More than a socket accepts at once, in placeholders of many lengths, with plain bytes between them.
        let (mut offset, mut expected) = (7, b"headers".to_vec());
        for length in [1 << 20, 1, 65_536, 300_001, 1 << 20, 1 << 20] {
            parts.push(queue.placeholder(file.clone(), offset as u64, length));
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
        write_all(&mut stream, parts).await.unwrap();
        poll_fn(|context| queue.poll_empty(context)).await;
        stream.shutdown().await.unwrap();
        drop(stream);
        assert!(reading.await.unwrap() == expected);
    }

    #[tokio::test]
    async fn an_unknown_placeholder_is_never_sent() {
        let (mut stream, queue, mut far) = connected().await;
        let foreign = SendfileQueue::default().placeholder(file(b"x"), 0, 1000);
        let error = write_all(&mut stream, vec![Bytes::from_static(b"before"), foreign.clone()]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(stream.write(&foreign).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        // A copied placeholder is no longer recognised, and nothing is sent in its place.
        let copied = queue.placeholder(file(b"x"), 0, 1).to_vec();
        assert_eq!(stream.write(&copied).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(stream);
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"before");
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_fails_the_connection() {
        let (mut stream, queue, mut far) = connected().await;
        let placeholder = queue.placeholder(file(b"short"), 0, 100);
        let error = write_all(&mut stream, vec![placeholder]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        drop(stream);
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"short");
    }
}
