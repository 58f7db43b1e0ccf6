//! A certificate that is renewed: the files are looked at now and then, and at SIGHUP where there is such a thing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{CertificateResolver, Tls, TlsFiles};

/// Replaces the certificate whenever the files hold another one, until `shutdown`. Files that are no pair are refused, and
/// the certificate stays what it was.
pub(crate) async fn follow(tls: Tls, look_every: Duration, shutdown: CancellationToken) {
    let mut looks = interval(look_every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asks = ReloadSignal::new();
    let mut watch = FileWatch::new(&tls.current.files);
    loop {
        let asked = tokio::select! {
            () = shutdown.cancelled() => return,
            () = asks.next() => true,
            _ = looks.tick() => false,
        };
        let current = Arc::clone(&tls.current);
        let look = move || {
            let due = watch.look(&current.files) || asked;
            if due {
                take(&current);
            }
            watch
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(looked) => watch = looked,
            // The process is about to end.
            Err(_) => return,
        }
    }
}

fn take(current: &CertificateResolver) {
    let certificate = current.files.cert.display();
    match current.reload() {
        Ok(()) => info!(%certificate, "new connections get the certificate that is there now"),
        Err(error) => error!(%error, "the new certificate is not used; the old one stays"),
    }
}

/// What the files looked like.
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

    /// Whether there is something new. It counts once two looks have seen the same: a renewal writes one file after the
    /// other, and in between they are no pair.
    fn look(&mut self, files: &TlsFiles) -> bool {
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

/// Somebody asks, by SIGHUP where there is such a thing.
#[cfg(unix)]
struct ReloadSignal(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl ReloadSignal {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::hangup()).ok())
    }

    async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(asks) => asks.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
struct ReloadSignal;

#[cfg(not(unix))]
impl ReloadSignal {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
