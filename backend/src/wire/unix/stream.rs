//! Both ends of a connection over a Unix socket. A passed file travels with the next byte that is written
//! (`SCM_RIGHTS`, unix(7)), so it arrives before the frame that announces it. A reader keeps at most one file, whatever
//! its peer sends, and closes all others.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::wire::source::Source;

/// Space for one descriptor. Alignment may leave space for a few more; the kernel closes those that do not fit.
const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(1));
/// Most bytes per call, because the buffer is zeroed before.
const RECEIVE_BYTES_MAX: usize = 64 << 10;

/// The receiving end.
#[derive(Debug)]
pub struct UnixReader {
    half: OwnedReadHalf,
    /// A passed file that is not taken yet. One is enough: a request passes the next file after the release of the
    /// last.
    file: Option<File>,
}

/// The sending end.
#[derive(Debug)]
pub struct UnixWriter {
    half: OwnedWriteHalf,
    /// A file to pass with the next byte.
    passing: Option<File>,
}

/// Connects to the socket at `path`.
///
/// # Errors
/// Those of the system.
pub(in crate::wire) async fn connect(path: &Path) -> io::Result<(UnixReader, UnixWriter)> {
    let (reader, writer) = UnixStream::connect(path).await?.into_split();
    Ok((UnixReader::new(reader), UnixWriter::new(writer)))
}

impl UnixReader {
    fn new(half: OwnedReadHalf) -> Self {
        Self { half, file: None }
    }

    /// The file that was passed last, unless it was taken before.
    pub fn take_fd(&mut self) -> Option<File> {
        self.file.take()
    }
}

impl UnixWriter {
    pub(super) fn new(half: OwnedWriteHalf) -> Self {
        Self { half, passing: None }
    }

    /// Passes a file to the other side with the next byte that is written.
    pub fn pass_fd(&mut self, file: File) {
        self.passing = Some(file);
    }

    /// The socket, for sending by other system calls. They do not send a file to pass.
    pub fn socket(&self) -> &UnixStream {
        self.half.as_ref()
    }
}

impl Source for UnixReader {}

/// The server's end, which accepts no files.
impl Source for OwnedReadHalf {}

impl AsyncRead for UnixReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { half, file } = self.get_mut();
        let stream: &UnixStream = half.as_ref();
        let room = into.remaining().min(RECEIVE_BYTES_MAX);
        loop {
            ready!(stream.poll_read_ready(context))?;
            let buffer = into.initialize_unfilled_to(room);
            match stream.try_io(Interest::READABLE, || receive(stream, buffer)) {
                Ok((received, passed)) => {
                    into.advance(received);
                    // Closes a file that was not taken.
                    *file = passed.or(file.take());
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for UnixWriter {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { half, passing } = self.get_mut();
        // A file travels only with a byte.
        let Some(file) = passing.as_ref().filter(|_| !bytes.is_empty()) else {
            return Pin::new(half).poll_write(context, bytes);
        };
        let stream: &UnixStream = half.as_ref();
        loop {
            ready!(stream.poll_write_ready(context))?;
            match stream.try_io(Interest::WRITABLE, || send(stream, bytes, file)) {
                Ok(sent) => {
                    *passing = None;
                    return Poll::Ready(Ok(sent));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().half).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().half).poll_shutdown(context)
    }
}

/// Sends some of the bytes, with the descriptor of `file` beside the first.
fn send(socket: impl AsFd, bytes: &[u8], file: &File) -> io::Result<usize> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("no space for a descriptor"));
    }
    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?)
}

/// Receives the bytes that have arrived, at least one unless the peer has ended, and the file beside them.
fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<File>)> {
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    #[cfg(target_vendor = "apple")]
    let flags = RecvFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    // Owned, so that each is closed.
    let mut files: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    let one = if received.flags.contains(ReturnFlags::CTRUNC) || files.len() > 1 { None } else { files.pop() };
    Ok((received.bytes, one.and_then(regular_file)))
}

/// The file behind a descriptor; `None` if it is no regular file.
fn regular_file(descriptor: OwnedFd) -> Option<File> {
    #[cfg(target_vendor = "apple")]
    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC).ok()?;
    let file = File::from(descriptor);
    file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
}

#[cfg(test)]
mod tests {
    use std::os::fd::BorrowedFd;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Most descriptors in one message (`SCM_MAX_FD` of Linux).
    const MANY: usize = 253;

    fn pair() -> (UnixReader, UnixWriter) {
        let (near, far) = UnixStream::pair().unwrap();
        (UnixReader::new(near.into_split().0), UnixWriter::new(far.into_split().1))
    }

    /// A file whose content is its name.
    fn file(folder: &tempfile::TempDir, name: &str) -> File {
        std::fs::write(folder.path().join(name), name).unwrap();
        File::open(folder.path().join(name)).unwrap()
    }

    /// Sends one byte with all files beside it.
    async fn send_files(writer: &UnixWriter, files: &[BorrowedFd<'_>]) {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MANY))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(files)));
        writer.socket().writable().await.unwrap();
        let sent = sendmsg(writer.socket(), &[IoSlice::new(b"x")], &mut control, SendFlags::empty());
        assert_eq!(sent, Ok(1));
    }

    #[tokio::test]
    async fn a_file_arrives_with_the_next_byte() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reader, mut writer) = pair();
        writer.write_all(b"before").await.unwrap();
        let mut bytes = [0; 6];
        reader.read_exact(&mut bytes).await.unwrap();
        assert!(reader.take_fd().is_none());
        writer.pass_fd(file(&folder, "passed"));
        assert_eq!(writer.write(b"").await.unwrap(), 0);
        writer.write_all(b"a").await.unwrap();
        writer.write_all(b"bcdefg").await.unwrap();
        assert_eq!(reader.read(&mut bytes[..1]).await.unwrap(), 1);
        assert_eq!(io::read_to_string(reader.take_fd().unwrap()).unwrap(), "passed");
        assert!(reader.take_fd().is_none());
        reader.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"bcdefg");
        assert!(reader.take_fd().is_none());
        drop(writer);
        assert_eq!(reader.read(&mut bytes).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_file_that_is_not_taken_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reader, mut writer) = pair();
        for name in ["first", "second"] {
            writer.pass_fd(file(&folder, name));
            writer.write_all(b"x").await.unwrap();
            reader.read_u8().await.unwrap();
        }
        assert_eq!(io::read_to_string(reader.take_fd().unwrap()).unwrap(), "second");
        assert!(reader.take_fd().is_none());
    }

    /// Number of open descriptors of files in that folder.
    #[cfg(target_os = "linux")]
    fn open(folder: &tempfile::TempDir) -> usize {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| std::fs::read_link(entry.path()));
        links.filter(|link| link.as_ref().is_ok_and(|link| link.starts_with(folder.path()))).count()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn more_than_one_descriptor_in_a_message_is_refused_and_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reader, writer) = pair();
        let file = file(&folder, "x");
        for count in [2, 3, MANY] {
            for _ in 0..20 {
                send_files(&writer, &vec![file.as_fd(); count]).await;
                reader.read_u8().await.unwrap();
                assert!(reader.take_fd().is_none(), "{count} at a time");
            }
        }
        assert_eq!(open(&folder), 1);
        // One per message and never taken: the last is kept.
        for _ in 0..100 {
            send_files(&writer, &[file.as_fd()]).await;
            reader.read_u8().await.unwrap();
        }
        assert_eq!(open(&folder), 2);
        send_files(&writer, &[file.as_fd()]).await;
        drop(reader);
        assert_eq!(open(&folder), 1);
    }

    #[tokio::test]
    async fn only_regular_files_are_accepted() {
        let (mut reader, writer) = pair();
        let directory = File::open("/").unwrap();
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        for descriptor in [directory.as_fd(), socket.as_fd()] {
            send_files(&writer, &[descriptor]).await;
            reader.read_u8().await.unwrap();
            assert!(reader.take_fd().is_none());
        }
    }

    #[tokio::test]
    async fn bytes_arrive_in_order_around_files() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reader, mut writer) = pair();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file = file(&folder, "x");
        let wanted = sent.clone();
        let writing = tokio::spawn(async move {
            for part in sent.chunks(1_000_000) {
                writer.pass_fd(file.try_clone().unwrap());
                writer.write_all(part).await.unwrap();
            }
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert!(received == wanted && reader.take_fd().is_some());
        writing.await.unwrap();
    }
}
