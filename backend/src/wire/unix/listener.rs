//! A Unix socket that is listened on: how its file comes to be, which nobody but its owner can ever connect to, and goes.

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

use super::{UnixListenError, UnixWriter};

/// How long the path of a socket may be, in bytes: what fits into `sockaddr_un` with a zero behind it.
const PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// How many connections wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long another may have its turn at a folder. A server takes milliseconds; who holds on longer is somebody else, who
/// locks the folder for a reason of his own (so that nothing in it is cleared away, say: systemd-tmpfiles(8)).
const TURN_TIME: Duration = Duration::from_secs(1);
/// How often it is looked whether he is done.
const TURN_INTERVAL: Duration = Duration::from_millis(5);

/// A socket that is listened on. Its file goes when this is dropped.
#[derive(Debug)]
pub struct UnixListener {
    listener: tokio::net::UnixListener,
    path: PathBuf,
    /// Device and number of the socket's file.
    file: (u64, u64),
}

impl UnixListener {
    /// Listens on a new socket at `path`, to which its owner alone can connect. One that nobody listens on any more gives
    /// way. Waits for the disk.
    ///
    /// # Errors
    /// Where that path cannot be had.
    pub fn open(path: &Path) -> Result<Self, UnixListenError> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(UnixListenError::TooLong { path: path.to_owned(), max: PATH_BYTES_MAX });
        }
        let failed = |source| UnixListenError::Io { path: path.to_owned(), source };
        let _turn = turn(path);
        clear(path)?;
        let (listener, file) = claim(path).map_err(failed)?;
        let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), file })
    }

    /// The next connection. Files that its client sends are not asked for, and so the system closes them.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn accept(&self) -> io::Result<(OwnedReadHalf, UnixWriter)> {
        let (stream, _) = self.listener.accept().await?;
        let (reader, writer) = stream.into_split();
        Ok((reader, UnixWriter::new(writer)))
    }

    /// Where it is, as it was said.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixListener {
    /// Removes the socket's file, unless another has its place by now.
    fn drop(&mut self) {
        let _turn = turn(&self.path);
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // What stays gives way to the next server.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Of servers that want the same path at once, one does at a time what it takes: each holds a lock on the folder for as
/// long. Where that cannot be had within [`TURN_TIME`], they are not told apart, and the last one has the path.
fn turn(path: &Path) -> Option<File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(parent).ok()?;
    let start = Instant::now();
    loop {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) if start.elapsed() < TURN_TIME => thread::sleep(TURN_INTERVAL),
            Err(_) => return None,
        }
    }
}

/// Makes room at `path`: the socket of a server that was killed goes, everything else stays and is an error.
fn clear(path: &Path) -> Result<(), UnixListenError> {
    let failed = |source| UnixListenError::Io { path: path.to_owned(), source };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(UnixListenError::Occupied(path.to_owned()));
    }
    match knock(path) {
        // Or too many wait to be let in.
        Ok(()) | Err(Errno::AGAIN) => Err(UnixListenError::InUse(path.to_owned())),
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error.into())),
    }
}

/// Whether somebody listens. Does not wait.
fn knock(path: &Path) -> rustix::io::Result<()> {
    connect(new_socket()?, &SocketAddrUnix::new(path)?)
}

/// Makes the socket's file and listens on it. Until it is listened on every connection is refused (listen(2)), and by then
/// the file is its owner's alone: there is no moment for others, and no need to change what the process's new files may be.
fn claim(path: &Path) -> io::Result<(std::os::unix::net::UnixListener, (u64, u64))> {
    let socket = new_socket()?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    let opened = fs::set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| Ok(listen(&socket, BACKLOG)?))
        .and_then(|()| identity(path));
    match opened {
        Ok(file) => Ok((socket.into(), file)),
        Err(error) => {
            // It is our own, and of no use.
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// One that programs started by this one do not get, and on which nothing waits.
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

    fn place() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        (place, path)
    }

    #[tokio::test]
    async fn it_is_its_owners_alone_and_goes_at_the_end() {
        let (_place, path) = place();
        let port = UnixListener::open(&path).unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!((metadata.mode() & 0o777, port.path()), (0o600, path.as_path()));
        let _connected = UnixStream::connect(&path).unwrap();
        port.accept().await.unwrap();
        drop(port);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn one_that_nobody_listens_on_gives_way() {
        let (_place, path) = place();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists() && UnixStream::connect(&path).is_err());
        let port = UnixListener::open(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        drop(port);
    }

    #[tokio::test]
    async fn one_that_somebody_listens_on_does_not() {
        let (_place, path) = place();
        let port = UnixListener::open(&path).unwrap();
        for _ in 0..2 {
            let error = UnixListener::open(&path).unwrap_err();
            assert!(matches!(&error, UnixListenError::InUse(used) if *used == path), "{error}");
        }
        UnixStream::connect(&path).unwrap();
        drop(port);
        // Nor one on which so many wait that there is no more room.
        let busy = new_socket().unwrap();
        bind(&busy, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&busy, 0).unwrap();
        let _waiting: Vec<_> = (0..3).map(|_| knock(&path)).collect();
        if cfg!(target_os = "linux") {
            assert!(matches!(UnixListener::open(&path), Err(UnixListenError::InUse(_))));
        }
    }

    #[tokio::test]
    async fn what_is_no_socket_stays() {
        let (place, path) = place();
        fs::write(&path, "precious").unwrap();
        assert!(matches!(UnixListener::open(&path), Err(UnixListenError::Occupied(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert!(matches!(UnixListener::open(place.path()), Err(UnixListenError::Occupied(_))));
        assert!(matches!(UnixListener::open(&place.path().join("no/socket")), Err(UnixListenError::Io { .. })));
    }

    #[tokio::test]
    async fn another_in_its_place_is_left_alone() {
        let (_place, path) = place();
        let first = UnixListener::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = UnixListener::open(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(!path.exists());
    }

    /// Whoever may look into a folder may lock it, for as long as he likes.
    #[tokio::test]
    async fn a_folder_that_somebody_keeps_locked_is_used_all_the_same() {
        let (place, path) = place();
        let folder = File::open(place.path()).unwrap();
        folder.lock_shared().unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let port = UnixListener::open(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        drop(port);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_is_as_long_as_the_system_takes() {
        let place = tempfile::tempdir().unwrap();
        let missing = PATH_BYTES_MAX - place.path().as_os_str().len() - 1;
        let longest = place.path().join("x".repeat(missing));
        drop(UnixListener::open(&longest).unwrap());
        let longer = place.path().join("x".repeat(missing + 1));
        let error = UnixListener::open(&longer).unwrap_err();
        assert!(matches!(error, UnixListenError::TooLong { max: PATH_BYTES_MAX, .. }), "{error}");
    }

    #[test]
    fn of_many_that_come_at_once_one_has_it() {
        let (_place, path) = place();
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
        assert_eq!(opened.iter().filter(|port| port.is_ok()).count(), 1);
        assert!(opened.iter().flat_map(|port| port.as_ref().err()).all(|e| matches!(e, UnixListenError::InUse(_))));
        UnixStream::connect(&path).unwrap();
    }
}
