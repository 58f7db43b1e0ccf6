//! The log: lines for people, or JSON. It goes to standard error; standard output is for what was asked for.
//!
//! Lines are gathered in memory and written by a thread of their own, so that nobody who serves a request waits for who
//! reads the log, and many lines are one write. A warning is written at once, with all that came before it; other lines
//! within [`GATHER_TIME`]. Where they are read too slowly lines are left out, and how many is said.

use std::fmt::{self, Debug};
use std::io::{self, Write as _};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt as lines;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogLevel};

/// How long a line may wait for others.
const GATHER_TIME: Duration = Duration::from_millis(50);
/// How many bytes of lines may wait.
const GATHERED_BYTES_MAX: usize = 1 << 20;

/// Starts the log of this process. A second call does nothing.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    // Libraries speak up when something is wrong.
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("backend", level);
    let registry = tracing_subscriber::registry().with(filter);
    let log: &'static Log = LOG.get_or_init(|| Log::new(format));
    // A process that can have no more threads has not come this far.
    let _ = thread::Builder::new().name("log".into()).spawn(|| log.write_for_ever());
    let lines = lines::layer().with_writer(log).with_target(false);
    let started = match format {
        LogFormat::Text => {
            use std::io::IsTerminal;
            registry.with(lines.with_ansi(io::stderr().is_terminal()).event_format(Line)).try_init()
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    // Only tests start it twice.
    let _ = started;
}

/// Writes what still waits: before the process ends. Blocks.
pub fn flush() {
    if let Some(log) = LOG.get() {
        log.write_gathered();
    }
}

static LOG: OnceLock<Log> = OnceLock::new();

/// Lines on their way to standard error.
struct Log {
    format: LogFormat,
    gathered: Mutex<Gathered>,
    /// Told when there is a first line, and when one does not wait.
    news: Condvar,
    /// Held while lines are written, so that they stay in order.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<u8>,
    /// Lines for which there was no room.
    left_out: u64,
    urgent: bool,
}

impl Log {
    fn new(format: LogFormat) -> Self {
        Self { format, gathered: Mutex::default(), news: Condvar::new(), writing: Mutex::default() }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8], urgent: bool) {
        let mut gathered = self.gathered();
        if gathered.lines.len() + line.len() > GATHERED_BYTES_MAX {
            gathered.left_out += 1;
            return;
        }
        let first = gathered.lines.is_empty();
        gathered.lines.extend_from_slice(line);
        gathered.urgent |= urgent;
        drop(gathered);
        if first || urgent {
            self.news.notify_one();
        }
    }

    fn write_for_ever(&self) {
        loop {
            let gathered = self.news.wait_while(self.gathered(), |gathered| gathered.lines.is_empty());
            let gathered = gathered.unwrap_or_else(PoisonError::into_inner);
            drop(self.news.wait_timeout_while(gathered, GATHER_TIME, |gathered| !gathered.urgent));
            self.write_gathered();
        }
    }

    fn write_gathered(&self) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Gathered { mut lines, left_out, .. } = std::mem::take(&mut *self.gathered());
        if left_out > 0 {
            let left_out = match self.format {
                LogFormat::Text => format!("{left_out} lines were left out: the log is read too slowly\n"),
                LogFormat::Json => {
                    format!("{{\"level\":\"WARN\",\"message\":\"lines were left out\",\"count\":{left_out}}}\n")
                }
            };
            lines.extend_from_slice(left_out.as_bytes());
        }
        // Nobody is left to be told that the log cannot be written.
        let _ = io::stderr().lock().write_all(&lines);
    }
}

impl<'a> MakeWriter<'a> for &'static Log {
    type Writer = Entry;

    fn make_writer(&'a self) -> Entry {
        Entry { log: self, urgent: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Entry {
        Entry { log: self, urgent: *metadata.level() <= Level::WARN }
    }
}

/// One line, which comes whole.
struct Entry {
    log: &'static Log,
    urgent: bool,
}

impl io::Write for Entry {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.log.add(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `<time> <level> <message> <name>=<value> …`. The library's own form spends several times as much on each line: it
/// puts every part through a style, even where there is none.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        let (plain, coloured) = match *event.metadata().level() {
            Level::ERROR => (" ERROR", " \x1b[31mERROR\x1b[0m"),
            Level::WARN => ("  WARN", "  \x1b[33mWARN\x1b[0m"),
            Level::INFO => ("  INFO", "  \x1b[32mINFO\x1b[0m"),
            Level::DEBUG => (" DEBUG", " \x1b[34mDEBUG\x1b[0m"),
            Level::TRACE => (" TRACE", " \x1b[35mTRACE\x1b[0m"),
        };
        writer.write_str(if writer.has_ansi_escapes() { coloured } else { plain })?;
        let mut fields = Fields { writer, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        fields.writer.write_char('\n')
    }
}

/// Writes the fields of a line as they come; the message is the first, and has no name.
struct Fields<'a> {
    writer: Writer<'a>,
    result: fmt::Result,
}

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let writer = &mut self.writer;
        let write = || {
            writer.write_char(' ')?;
            if field.name() != "message" {
                writer.write_str(field.name())?;
                writer.write_char('=')?;
            }
            value(writer)
        };
        if self.result.is_ok() {
            self.result = write();
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |writer| write!(writer, "{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // What needs no escape is most of what there is.
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
            return self.record_debug(field, &value);
        }
        self.put(field, |writer| {
            writer.write_char('"')?;
            writer.write_str(value)?;
            writer.write_char('"')
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_too_slowly_is_left_out_and_the_rest_is_whole() {
        let log = Log::new(LogFormat::Text);
        let line = [b'x'; 1000];
        (0..2 * GATHERED_BYTES_MAX / line.len()).for_each(|_| log.add(&line, false));
        let gathered = log.gathered();
        assert!(gathered.lines.len() <= GATHERED_BYTES_MAX && gathered.lines.len().is_multiple_of(line.len()));
        assert!(gathered.left_out > 0 && !gathered.urgent);
    }

    #[test]
    fn lines_say_what_happened() {
        #[derive(Clone, Default)]
        struct Kept(std::sync::Arc<Mutex<Vec<u8>>>);
        impl io::Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = lines::layer().with_writer(move || writer.clone()).with_ansi(false).event_format(Line);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let (none, cause) = (None::<u8>, "no \"room\"\n");
            tracing::info!(id = "07", none, bytes = 4096_u64, peer = %"[::1]:80", "answered");
            tracing::warn!(cause, ok = true, "{} failed", 3);
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(
            lines,
            [
                " INFO answered id=\"07\" bytes=4096 peer=[::1]:80",
                " WARN 3 failed cause=\"no \\\"room\\\"\\n\" ok=true"
            ]
        );
    }
}
