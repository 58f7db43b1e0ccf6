//! Connections within a process. They carry the same protocol as a socket, including the handshake.

use std::io;

use tokio::sync::mpsc;

use super::pipe::{PipeReader, PipeWriter, pipe};

/// Most connections that wait to be accepted.
const BACKLOG: usize = 64;

/// The side that connects. Clones are cheap.
#[derive(Clone, Debug)]
pub struct InProcessConnector(mpsc::Sender<(PipeReader, PipeWriter)>);

/// The side that accepts connections.
#[derive(Debug)]
pub struct InProcessListener(mpsc::Receiver<(PipeReader, PipeWriter)>);

/// A listener and its connector.
pub fn in_process() -> (InProcessConnector, InProcessListener) {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    (InProcessConnector(sender), InProcessListener(receiver))
}

impl InProcessConnector {
    /// Connects. The listener may accept the connection later.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if the listener is dropped.
    pub async fn connect(&self) -> io::Result<(PipeReader, PipeWriter)> {
        let ((near_reader, far_writer), (far_reader, near_writer)) = (pipe(), pipe());
        let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
        self.0.send((far_reader, far_writer)).await.map_err(refused)?;
        Ok((near_reader, near_writer))
    }
}

impl InProcessListener {
    /// Waits for the next connection; `None` after every connector is dropped.
    pub async fn accept(&mut self) -> Option<(PipeReader, PipeWriter)> {
        self.0.recv().await
    }
}
