//! Ctrl-C and SIGTERM: the first one stops the server gracefully, the second one at once.

use tokio_util::sync::CancellationToken;
use tracing::info;

/// Cancels `shutdown` at the first Ctrl-C or SIGTERM, and ends the process at the second one.
pub fn stop_at_signals(shutdown: CancellationToken) {
    tokio::spawn(async move {
        signal().await;
        info!("stopping after the requests that are running; a second signal stops at once");
        shutdown.cancel();
        signal().await;
        crate::telemetry::flush();
        std::process::exit(1);
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler for SIGTERM, Ctrl-C still works.
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
