//! Installs the log of this process.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::thread;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::line::Line;
use super::writer::LogWriter;
use crate::config::{LogFormat, LogLevel};

static WRITER: OnceLock<LogWriter> = OnceLock::new();

/// Starts the log. A second call does nothing.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    // Of libraries, only warnings are logged.
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("backend", level);
    let registry = tracing_subscriber::registry().with(filter);
    let writer: &'static LogWriter = WRITER.get_or_init(|| LogWriter::new(format));
    // It fails only where no thread can be started, and then the runtime has failed before.
    let _ = thread::Builder::new().name("log".into()).spawn(|| writer.run());
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    let started = match format {
        LogFormat::Text => registry.with(layer.with_ansi(io::stderr().is_terminal()).event_format(Line)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // It fails only at the second call, in tests.
    let _ = started;
}

/// Writes the lines that are still buffered. Blocks; call it before the process ends.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.write_buffer();
    }
}
