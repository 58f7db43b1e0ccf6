//! SIGHUP, at which files that were read before are read again.

/// Receives SIGHUP on Unix; never ready elsewhere.
#[cfg(unix)]
pub struct Hangup(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangup {
    /// Receives the signals from now on. Without a handler there are none.
    pub fn receiver() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        let received = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if received.is_none() {
            std::future::pending().await
        }
    }
}

/// Receives SIGHUP on Unix; never ready elsewhere.
#[cfg(not(unix))]
pub struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    /// Receives nothing.
    pub fn receiver() -> Self {
        Self
    }

    /// Never ready.
    pub async fn next(&mut self) {
        std::future::pending().await
    }
}
