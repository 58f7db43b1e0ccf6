//! A listening Unix socket, and the life of its file: no other user can connect to it at any moment.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, connect, listen, socket};
use tokio::net::unix::OwnedReadHalf;

use super::error::UnixListenError;
use super::stream::UnixWriter;

/// Longest path in bytes: what fits into `sockaddr_un` with a final NUL.
const PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// Most connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long to wait for the lock of a folder. A server holds it for milliseconds. Any user who can open the folder can
/// hold its lock forever, and systemd-tmpfiles(8) holds it to protect a folder from cleaning.
const LOCK_TIME: Duration = Duration::from_secs(1);
/// Interval between attempts to take the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);

/// A listening socket. Dropping it removes its file.
#[derive(Debug)]
pub struct UnixListener {
    listener: tokio::net::UnixListener,
    path: PathBuf,
    /// Device and inode of the socket's file.
    file: (u64, u64),
}

impl UnixListener {
    /// Listens on a new socket at `path`, to which its owner alone can connect. Replaces a socket on which no process
    /// listens. Blocks on the disk.
    ///
    /// # Errors
    /// See [`UnixListenError`].
    pub fn open(path: &Path) -> Result<Self, UnixListenError> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(UnixListenError::TooLong { path: path.to_owned(), max: PATH_BYTES_MAX });
        }
        let failed = |source| UnixListenError::Io { path: path.to_owned(), source };
        let _lock = lock_folder(path);
        remove_stale_socket(path)?;
        let (listener, file) = listen_privately(path).map_err(failed)?;
        let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), file })
    }

    /// Waits for the next connection. The kernel closes descriptors that its client passes, because they are not
    /// received.
    ///
    /// # Errors
    /// Those of accept(2).
    pub async fn accept(&self) -> io::Result<(OwnedReadHalf, UnixWriter)> {
        let (stream, _) = self.listener.accept().await?;
        let (reader, writer) = stream.into_split();
        Ok((reader, UnixWriter::new(writer)))
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixListener {
    /// Removes the socket's file, unless another file has replaced it.
    fn drop(&mut self) {
        let _lock = lock_folder(&self.path);
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // The next server replaces a file that stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Locks the folder of a socket, so that servers which start at the same moment create and remove it one after the
/// other. `None` if the lock is not free within [`LOCK_TIME`]; of two servers that start then, the last one gets the
/// path.
fn lock_folder(path: &Path) -> Option<File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(parent).ok()?;
    let start = Instant::now();
    loop {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIME => thread::sleep(LOCK_INTERVAL),
            Err(_) => return None,
        }
    }
}

/// Removes the socket of a server that was killed. Any other file is an error.
fn remove_stale_socket(path: &Path) -> Result<(), UnixListenError> {
    let failed = |source| UnixListenError::Io { path: path.to_owned(), source };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(UnixListenError::Occupied(path.to_owned()));
    }
    match probe(path) {
        // `EAGAIN`: the backlog is full.
        Ok(()) | Err(Errno::AGAIN) => Err(UnixListenError::InUse(path.to_owned())),
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error.into())),
    }
}

/// Connects without waiting, to see whether a process listens.
fn probe(path: &Path) -> rustix::io::Result<()> {
    connect(new_socket()?, &SocketAddrUnix::new(path)?)
}

/// Binds and listens. Connections are refused until listen(2), and by then the file is private, so other users can
/// never connect. Changing the umask of the process, which other threads share, is not needed.
fn listen_privately(path: &Path) -> io::Result<(std::os::unix::net::UnixListener, (u64, u64))> {
    let socket = new_socket()?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    let opened = fs::set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| Ok(listen(&socket, BACKLOG)?))
        .and_then(|()| identity(path));
    match opened {
        Ok(file) => Ok((socket.into(), file)),
        Err(error) => {
            // The file is this call's own.
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// A non-blocking socket that child processes do not inherit.
fn new_socket() -> rustix::io::Result<OwnedFd> {
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn socket_path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        (folder, path)
    }

    #[tokio::test]
    async fn a_socket_is_private_and_removed_at_the_end() {
        let (_folder, path) = socket_path();
        let listener = UnixListener::open(&path).unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!((metadata.mode() & 0o777, listener.path()), (0o600, path.as_path()));
        let _connected = UnixStream::connect(&path).unwrap();
        listener.accept().await.unwrap();
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced() {
        let (_folder, path) = socket_path();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists() && UnixStream::connect(&path).is_err());
        let listener = UnixListener::open(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        drop(listener);
    }

    #[tokio::test]
    async fn a_socket_in_use_is_not_replaced() {
        let (_folder, path) = socket_path();
        let listener = UnixListener::open(&path).unwrap();
        for _ in 0..2 {
            let error = UnixListener::open(&path).unwrap_err();
            assert!(matches!(&error, UnixListenError::InUse(used) if *used == path), "{error}");
        }
        UnixStream::connect(&path).unwrap();
        drop(listener);
        // Nor a socket with a full backlog.
        let busy = new_socket().unwrap();
        bind(&busy, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&busy, 0).unwrap();
        let _waiting: Vec<_> = (0..3).map(|_| probe(&path)).collect();
        if cfg!(target_os = "linux") {
            assert!(matches!(UnixListener::open(&path), Err(UnixListenError::InUse(_))));
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let (folder, path) = socket_path();
        fs::write(&path, "precious").unwrap();
        assert!(matches!(UnixListener::open(&path), Err(UnixListenError::Occupied(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert!(matches!(UnixListener::open(folder.path()), Err(UnixListenError::Occupied(_))));
        assert!(matches!(UnixListener::open(&folder.path().join("no/socket")), Err(UnixListenError::Io { .. })));
    }

    #[tokio::test]
    async fn a_replaced_socket_is_not_removed() {
        let (_folder, path) = socket_path();
        let first = UnixListener::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = UnixListener::open(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(!path.exists());
    }

    /// Any user who can open the folder can hold its lock forever.
    #[tokio::test]
    async fn a_folder_that_stays_locked_is_used_after_a_while() {
        let (folder, path) = socket_path();
        let held = File::open(folder.path()).unwrap();
        held.lock_shared().unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = UnixListener::open(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = PATH_BYTES_MAX - folder.path().as_os_str().len() - 1;
        let longest = folder.path().join("x".repeat(missing));
        drop(UnixListener::open(&longest).unwrap());
        let longer = folder.path().join("x".repeat(missing + 1));
        let error = UnixListener::open(&longer).unwrap_err();
        assert!(matches!(error, UnixListenError::TooLong { max: PATH_BYTES_MAX, .. }), "{error}");
    }

    #[test]
    fn one_of_many_concurrent_servers_gets_the_path() {
        let (_folder, path) = socket_path();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                let _entered = runtime.enter();
                UnixListener::open(&path)
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(opened.iter().filter(|listener| listener.is_ok()).count(), 1);
        assert!(
            opened.iter().flat_map(|listener| listener.as_ref().err()).all(|e| matches!(e, UnixListenError::InUse(_)))
        );
        UnixStream::connect(&path).unwrap();
    }
}
