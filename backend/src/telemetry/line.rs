//! The text form of a log line: `<time> <level> <message> <name>=<value> …`.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats an event as one line. The library's own format passes every part through a style even where there is none,
/// which costs several times as much per line.
pub(super) struct Line;

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

/// Writes the fields of a line in their order. The message is the first one and is written without a name.
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
        // Most values need no escape, and `Debug` is slow.
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
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_level_message_and_fields() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = tracing_subscriber::fmt::layer();
        let layer = layer.with_writer(move || writer.clone()).with_ansi(false).event_format(Line);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let (none, cause) = (None::<u8>, "no \"room\"\n");
            tracing::info!(id = "07", none, bytes = 4096_u64, peer = %"[::1]:80", "answered");
            tracing::warn!(cause, ok = true, "{} failed", 3);
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
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
