//! Reloads the certificate: when its files change, and on SIGHUP.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::acceptor::{CertificateResolver, Tls};
use super::files::TlsFiles;
use crate::hangup::Hangup;

/// Replaces the certificate whenever the files contain a new valid one, until `shutdown`. Invalid files leave the
/// certificate unchanged.
pub(crate) async fn follow(tls: Tls, interval_time: Duration, shutdown: CancellationToken) {
    let mut checks = interval(interval_time);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut signal = Hangup::receiver();
    let mut watch = FileWatch::new(&tls.current.files);
    loop {
        let signalled = tokio::select! {
            () = shutdown.cancelled() => return,
            () = signal.next() => true,
            _ = checks.tick() => false,
        };
        let current = Arc::clone(&tls.current);
        let check = move || {
            let due = watch.check(&current.files) || signalled;
            if due {
                reload(&current);
            }
            watch
        };
        match tokio::task::spawn_blocking(check).await {
            Ok(looked) => watch = looked,
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}

fn reload(current: &CertificateResolver) {
    let certificate = current.files.cert.display();
    match current.reload() {
        Ok(()) => info!(%certificate, "the certificate was reloaded"),
        Err(error) => error!(%error, "the new certificate is invalid; the old one stays in use"),
    }
}

/// Size and modification time of the files.
#[derive(Clone, Copy)]
struct FileWatch {
    taken: Signature,
    last: Signature,
}

type Signature = [Option<(SystemTime, u64)>; 2];

impl FileWatch {
    fn new(files: &TlsFiles) -> Self {
        let now = signature(files);
        Self { taken: now, last: now }
    }

    /// True if the files have changed since they were last loaded. A change counts once two checks in a row have seen
    /// it, because a renewal writes the files one after the other, and in between they do not belong together.
    fn check(&mut self, files: &TlsFiles) -> bool {
        let now = signature(files);
        let settled = now == self.last;
        self.last = now;
        let due = settled && now != self.taken;
        if due {
            self.taken = now;
        }
        due
    }
}

fn signature(files: &TlsFiles) -> Signature {
    let of = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [of(&files.cert), of(&files.key)]
}
