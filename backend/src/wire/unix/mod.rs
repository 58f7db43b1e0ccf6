//! Connections over a Unix socket between two processes on one machine. They carry the bytes of TCP, and file
//! descriptors beside them. On systems without such sockets the types exist but have no values, so that callers need no
//! `cfg`.

mod error;
#[cfg(unix)]
mod listener;
#[cfg(unix)]
mod stream;
#[cfg(not(unix))]
mod unsupported;

pub use error::UnixListenError;
#[cfg(unix)]
pub use listener::UnixListener;
#[cfg(unix)]
pub(super) use stream::connect;
#[cfg(unix)]
pub use stream::{UnixReader, UnixWriter};
#[cfg(not(unix))]
pub(super) use unsupported::connect;
#[cfg(not(unix))]
pub use unsupported::{UnixListener, UnixReader, UnixWriter};
