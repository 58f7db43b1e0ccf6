//! Ctrl-C: the first one lets the work come to a good end, the second one ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::exit::Exit;

/// Listens for as long as it lives.
pub(super) struct Interrupt {
    happened: Arc<AtomicBool>,
    _listening: AbortOnDropHandle<()>,
}

/// Sets `stop` when the person says so.
pub(super) fn listen(stop: CancellationToken) -> Interrupt {
    let happened = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&happened);
    let listening = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        told.store(true, Ordering::Relaxed);
        stop.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    Interrupt { happened, _listening: AbortOnDropHandle::new(listening) }
}

impl Interrupt {
    pub(super) fn happened(&self) -> bool {
        self.happened.load(Ordering::Relaxed)
    }
}
