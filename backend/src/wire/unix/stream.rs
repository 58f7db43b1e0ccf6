//! Both ends of a connection over a Unix socket. A file that is lent travels with the first byte that is written after it
//! (`SCM_RIGHTS`, unix(7)), so it is there before the frame that announces it. Whatever the other side sends, one file is
//! held at most; all others are closed.

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

use super::super::Source;

/// Room for one descriptor. A few more may fit, because of how the system aligns them; the rest it closes itself.
const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(1));
/// How much is received at a time, in bytes: memory is cleared before it is received into.
const RECEIVE_BYTES_MAX: usize = 64 << 10;

/// What comes from the other side, and the file that it lent.
#[derive(Debug)]
pub struct UnixReader {
    half: OwnedReadHalf,
    /// Lent, and not taken yet. There is one at most: a request lends the next when it has the one before back.
    lent: Option<File>,
}

/// What goes to the other side.
#[derive(Debug)]
pub struct UnixWriter {
    half: OwnedWriteHalf,
    /// Leaves with the next byte.
    lending: Option<File>,
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
        Self { half, lent: None }
    }

    /// The file that was lent last, unless it was taken before.
    pub fn take_fd(&mut self) -> Option<File> {
        self.lent.take()
    }
}

impl UnixWriter {
    pub(super) fn new(half: OwnedWriteHalf) -> Self {
        Self { half, lending: None }
    }

    /// Lends a file to the other side: it leaves with the next byte that is written.
    pub fn pass_fd(&mut self, file: File) {
        self.lending = Some(file);
    }

    /// The socket, for who sends in a way of his own. A file that is lent does not leave by it.
    pub fn socket(&self) -> &UnixStream {
        self.half.as_ref()
    }
}

impl Source for UnixReader {}

/// The server's side: it is lent nothing.
impl Source for OwnedReadHalf {}

impl AsyncRead for UnixReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { half, lent } = self.get_mut();
        let stream: &UnixStream = half.as_ref();
        let room = into.remaining().min(RECEIVE_BYTES_MAX);
        loop {
            ready!(stream.poll_read_ready(context))?;
            let buffer = into.initialize_unfilled_to(room);
            match stream.try_io(Interest::READABLE, || receive(stream, buffer)) {
                Ok((received, file)) => {
                    into.advance(received);
                    // One that was left lying gives way.
                    *lent = file.or(lent.take());
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
        let Self { half, lending } = self.get_mut();
        // Without a byte nothing would travel, the file neither.
        let Some(file) = lending.as_ref().filter(|_| !bytes.is_empty()) else {
            return Pin::new(half).poll_write(context, bytes);
        };
        let stream: &UnixStream = half.as_ref();
        loop {
            ready!(stream.poll_write_ready(context))?;
            match stream.try_io(Interest::WRITABLE, || send(stream, bytes, file)) {
                Ok(sent) => {
                    *lending = None;
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

/// Sends some of the bytes, with a descriptor of `file` beside the first of them.
fn send(socket: impl AsFd, bytes: &[u8], file: &File) -> io::Result<usize> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("there is no room for a descriptor"));
    }
    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?)
}

/// Receives what has come, at least a byte unless the other side has ended, and the file beside it.
fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<File>)> {
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    #[cfg(target_vendor = "apple")]
    let flags = RecvFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    // Each has an owner from here on, who closes it.
    let mut files: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    let one = if received.flags.contains(ReturnFlags::CTRUNC) || files.len() > 1 { None } else { files.pop() };
    Ok((received.bytes, one.and_then(accepted)))
}

/// The file behind a descriptor; none where that is something else: nobody lends a pipe, or a folder.
fn accepted(descriptor: OwnedFd) -> Option<File> {
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

    /// Most descriptors that Linux takes at a time.
    const MANY: usize = 253;

    fn pair() -> (UnixReader, UnixWriter) {
        let (near, far) = UnixStream::pair().unwrap();
        (UnixReader::new(near.into_split().0), UnixWriter::new(far.into_split().1))
    }

    /// A file with its name in it.
    fn file(place: &tempfile::TempDir, name: &str) -> File {
        std::fs::write(place.path().join(name), name).unwrap();
        File::open(place.path().join(name)).unwrap()
    }

    /// Sends a byte with all of them beside it.
    async fn flood(writer: &UnixWriter, files: &[BorrowedFd<'_>]) {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MANY))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(files)));
        writer.socket().writable().await.unwrap();
        let sent = sendmsg(writer.socket(), &[IoSlice::new(b"x")], &mut control, SendFlags::empty());
        assert_eq!(sent, Ok(1));
    }

    #[tokio::test]
    async fn a_file_is_there_with_the_first_byte_after_it() {
        let place = tempfile::tempdir().unwrap();
        let (mut reader, mut writer) = pair();
        writer.write_all(b"before").await.unwrap();
        let mut bytes = [0; 6];
        reader.read_exact(&mut bytes).await.unwrap();
        assert!(reader.take_fd().is_none());
        writer.pass_fd(file(&place, "lent"));
        assert_eq!(writer.write(b"").await.unwrap(), 0);
        writer.write_all(b"a").await.unwrap();
        writer.write_all(b"bcdefg").await.unwrap();
        assert_eq!(reader.read(&mut bytes[..1]).await.unwrap(), 1);
        assert_eq!(io::read_to_string(reader.take_fd().unwrap()).unwrap(), "lent");
        assert!(reader.take_fd().is_none());
        reader.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"bcdefg");
        assert!(reader.take_fd().is_none());
        drop(writer);
        assert_eq!(reader.read(&mut bytes).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_file_gives_way_to_the_next() {
        let place = tempfile::tempdir().unwrap();
        let (mut reader, mut writer) = pair();
        for name in ["first", "second"] {
            writer.pass_fd(file(&place, name));
            writer.write_all(b"x").await.unwrap();
            reader.read_u8().await.unwrap();
        }
        assert_eq!(io::read_to_string(reader.take_fd().unwrap()).unwrap(), "second");
        assert!(reader.take_fd().is_none());
    }

    /// How many files of that place this process has open.
    #[cfg(target_os = "linux")]
    fn open(place: &tempfile::TempDir) -> usize {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| std::fs::read_link(entry.path()));
        links.filter(|link| link.as_ref().is_ok_and(|link| link.starts_with(place.path()))).count()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn of_many_descriptors_none_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let (mut reader, writer) = pair();
        let file = file(&place, "x");
        for count in [2, 3, MANY] {
            for _ in 0..20 {
                flood(&writer, &vec![file.as_fd(); count]).await;
                reader.read_u8().await.unwrap();
                assert!(reader.take_fd().is_none(), "{count} at a time");
            }
        }
        assert_eq!(open(&place), 1);
        // One at a time, which nobody takes: the last is kept.
        for _ in 0..100 {
            flood(&writer, &[file.as_fd()]).await;
            reader.read_u8().await.unwrap();
        }
        assert_eq!(open(&place), 2);
        flood(&writer, &[file.as_fd()]).await;
        drop(reader);
        assert_eq!(open(&place), 1);
    }

    #[tokio::test]
    async fn what_is_no_file_is_not_taken_for_one() {
        let (mut reader, writer) = pair();
        let folder = File::open("/").unwrap();
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        for descriptor in [folder.as_fd(), socket.as_fd()] {
            flood(&writer, &[descriptor]).await;
            reader.read_u8().await.unwrap();
            assert!(reader.take_fd().is_none());
        }
    }

    #[tokio::test]
    async fn much_arrives_in_order_around_files() {
        let place = tempfile::tempdir().unwrap();
        let (mut reader, mut writer) = pair();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file = file(&place, "x");
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
