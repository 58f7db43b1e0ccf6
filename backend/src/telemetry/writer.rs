//! Buffers log lines and writes them on a thread of its own, so that a slow reader of standard error never delays a
//! request, and many lines take one write.
//!
//! A warning is written at once, together with all lines before it; other lines within [`BUFFER_TIME`]. When the buffer
//! is full, lines are dropped, and their number is logged.

use std::io::{self, Write as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogFormat;

/// How long a line may be buffered.
const BUFFER_TIME: Duration = Duration::from_millis(50);
/// How many bytes of lines may be buffered.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// The buffer, and its way to standard error.
pub(super) struct LogWriter {
    format: LogFormat,
    buffer: Mutex<Buffer>,
    /// Notified of the first line in the buffer, and of each urgent one.
    added: Condvar,
    /// Locked while lines are written, so that they stay in order.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Buffer {
    lines: Vec<u8>,
    /// Number of lines that were dropped since the last write.
    dropped: u64,
    /// Whether the lines must be written without waiting for more.
    urgent: bool,
}

impl LogWriter {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format, buffer: Mutex::default(), added: Condvar::new(), writing: Mutex::default() }
    }

    /// Writes what is added, forever. Blocks.
    pub(super) fn run(&self) {
        loop {
            let buffer = self.added.wait_while(self.buffer(), |buffer| buffer.lines.is_empty());
            let buffer = buffer.unwrap_or_else(PoisonError::into_inner);
            drop(self.added.wait_timeout_while(buffer, BUFFER_TIME, |buffer| !buffer.urgent));
            self.write_buffer();
        }
    }

    /// Writes what is buffered. Blocks.
    pub(super) fn write_buffer(&self) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Buffer { mut lines, dropped, .. } = std::mem::take(&mut *self.buffer());
        if dropped > 0 {
            let line = match self.format {
                LogFormat::Text => format!("{dropped} log lines were dropped: standard error is read too slowly\n"),
                LogFormat::Json => {
                    format!("{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"count\":{dropped}}}\n")
                }
            };
            lines.extend_from_slice(line.as_bytes());
        }
        // There is no other place to report that standard error is closed.
        let _ = io::stderr().lock().write_all(&lines);
    }

    fn add(&self, line: &[u8], urgent: bool) {
        let mut buffer = self.buffer();
        if buffer.lines.len() + line.len() > BUFFER_BYTES_MAX {
            buffer.dropped += 1;
            return;
        }
        let first = buffer.lines.is_empty();
        buffer.lines.extend_from_slice(line);
        buffer.urgent |= urgent;
        drop(buffer);
        if first || urgent {
            self.added.notify_one();
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for &'static LogWriter {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter { log: self, urgent: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> LineWriter {
        LineWriter { log: self, urgent: *metadata.level() <= Level::WARN }
    }
}

/// Takes one line, which `tracing_subscriber` writes in one piece.
pub(super) struct LineWriter {
    log: &'static LogWriter,
    urgent: bool,
}

impl io::Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.log.add(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_buffer_drops_whole_lines() {
        let log = LogWriter::new(LogFormat::Text);
        let line = [b'x'; 1000];
        (0..2 * BUFFER_BYTES_MAX / line.len()).for_each(|_| log.add(&line, false));
        let buffer = log.buffer();
        assert!(buffer.lines.len() <= BUFFER_BYTES_MAX && buffer.lines.len().is_multiple_of(line.len()));
        assert!(buffer.dropped > 0 && !buffer.urgent);
    }
}
