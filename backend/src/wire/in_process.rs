//! Connections within a process: one side knocks, the other lets in. What is said over them is what is said over
//! sockets, handshake and all.

use std::io;

use tokio::sync::mpsc;

use super::pipe::{PipeReader, PipeWriter, pipe};

/// How many connections wait to be let in.
const WAITING_MAX: usize = 64;

/// The side that connects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InProcessConnector(mpsc::Sender<(PipeReader, PipeWriter)>);

/// The side that lets connections in.
#[derive(Debug)]
pub struct InProcessListener(mpsc::Receiver<(PipeReader, PipeWriter)>);

/// Both sides of a door.
pub fn in_process() -> (InProcessConnector, InProcessListener) {
    let (knock, knocks) = mpsc::channel(WAITING_MAX);
    (InProcessConnector(knock), InProcessListener(knocks))
}

impl InProcessConnector {
    /// A new connection, which the other side takes when it comes to it.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] where the other side is gone.
    pub async fn connect(&self) -> io::Result<(PipeReader, PipeWriter)> {
        let ((near_reader, far_writer), (far_reader, near_writer)) = (pipe(), pipe());
        let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
        self.0.send((far_reader, far_writer)).await.map_err(refused)?;
        Ok((near_reader, near_writer))
    }
}

impl InProcessListener {
    /// The next connection; none once nobody can knock any more.
    pub async fn accept(&mut self) -> Option<(PipeReader, PipeWriter)> {
        self.0.recv().await
    }
}
