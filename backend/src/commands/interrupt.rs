//! Ctrl-C: the first one ends the verb gracefully, the second one ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::failure::{Exit, Failure};

/// A handler of Ctrl-C, active until it is dropped.
pub(super) struct Interrupt {
    happened: Arc<AtomicBool>,
    _listening: AbortOnDropHandle<()>,
}

/// Cancels `stop` at the first Ctrl-C.
pub(super) fn listen(stop: CancellationToken) -> Interrupt {
    let happened = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&happened);
    let listening = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        flag.store(true, Ordering::Relaxed);
        stop.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    Interrupt { happened, _listening: AbortOnDropHandle::new(listening) }
}

impl Interrupt {
    /// Whether Ctrl-C was pressed.
    pub(super) fn happened(&self) -> bool {
        self.happened.load(Ordering::Relaxed)
    }

    /// `exit`, or a failure if Ctrl-C was pressed: what was interrupted is not complete.
    pub(super) fn check(&self, exit: Exit) -> Result<Exit, Failure> {
        if !self.happened() {
            return Ok(exit);
        }
        let sentence = "interrupted; run the same command again to resume";
        Err(Failure::new(Exit::Interrupted, "interrupted", sentence))
    }
}
