//! What a subscriber writes, for a test that reads it.

use std::sync::{Arc, Mutex, Once};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest, Subscriber};
use tracing::{Event, Metadata};

/// The log of the thread of a test.
#[derive(Clone, Default)]
pub(crate) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

/// Takes no line, and is asked about each.
struct TakesNothing;

/// Has tracing ask about each line for the rest of the process. tracing remembers of a line that no subscriber takes it. While
/// a test begins to capture, that is wrong for a line which another thread reaches for the first time: that thread may
/// have no subscriber, and remembers so for all threads. A subscriber of all threads that may take each line prevents that,
/// so every test calls this before its first line.
pub(crate) fn ask_about_each_line() {
    static ONCE: Once = Once::new();
    // It fails only if the process has another subscriber of all threads, which serves as well.
    ONCE.call_once(|| drop(tracing::subscriber::set_global_default(TakesNothing)));
}

impl CapturedLog {
    /// Captures all lines from `level` on until the guard is dropped.
    pub(crate) fn start(level: tracing::Level) -> (Self, DefaultGuard) {
        ask_about_each_line();
        let log = Self::default();
        let writing = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
        let guard = tracing::subscriber::set_default(subscriber.with_writer(move || writing.clone()).finish());
        (log, guard)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Subscriber for TakesNothing {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    /// The most that a test captures.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
