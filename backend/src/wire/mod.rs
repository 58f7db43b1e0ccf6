//! The framed protocol on a byte stream, for both ends of a connection: bytes ⇄ frames, keys and their proofs, and the
//! transports: TCP, Unix sockets, pipes within a process. It does not know what a frame means.

mod error;
mod frame;
mod in_process;
mod key;
mod pipe;
mod progress;
mod proof;
mod reader;
mod source;
mod transport;
mod unix;
mod writer;

pub use error::WireError;
pub use frame::{Frame, Incoming};
pub use in_process::{InProcessConnector, InProcessListener, in_process};
pub use key::{Key, KeyError, KeyId};
pub use pipe::{PipeReader, PipeWriter};
pub use progress::{MemoryHeld, SendProgress};
pub use proof::Transcript;
pub use reader::FrameReader;
pub use source::Source;
pub use transport::{TransportReader, TransportWriter, connect_in_process, connect_tcp, connect_unix};
pub use unix::{UnixListenError, UnixListener, UnixReader, UnixWriter};
pub use writer::FrameWriter;
