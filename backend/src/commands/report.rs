//! The state of a download or an upload: counters, the progress line, messages, and the exit code that follows.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::{VPath, size};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure};
use super::progress::{self, Meter, Snapshot, progress_line};
use super::retry::Backoff;
use super::{format, output};
use crate::client::ClientError;

/// Within this time, one message about an unreachable server stands for all connections.
const NOTICE_TIME: Duration = Duration::from_millis(200);

/// What is transferred.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TransferKind {
    Download,
    Upload,
}

/// How a file ended that did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FileOutcome {
    /// All bytes were transferred.
    Transferred,
    /// Only the bytes after those of an earlier transfer were transferred.
    Resumed,
    /// The destination already had the file.
    Skipped,
    /// A symbolic link was made.
    Link,
}

/// The state of a transfer, shared by its tasks.
pub(super) struct Report {
    kind: TransferKind,
    json: bool,
    /// Whether standard output carries the bytes of a file, so that nothing else may be printed there.
    streaming: bool,
    summary: bool,
    started: Instant,
    found_files: AtomicU64,
    found_bytes: AtomicU64,
    found_all: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
    skipped: AtomicU64,
    skipped_bytes: AtomicU64,
    links: AtomicU64,
    folders: AtomicU64,
    left_out: AtomicU64,
    failed: AtomicU64,
    screen: Mutex<Screen>,
    stop: CancellationToken,
}

/// Standard error with its progress line, and what is known about failures. One lock keeps lines whole.
struct Screen {
    /// `None` without a progress line.
    meter: Option<Meter>,
    line_is_shown: bool,
    first_failure: Option<Exit>,
    last_notice: Option<Instant>,
}

impl Report {
    pub(super) fn new(kind: TransferKind, json: bool, quiet: bool, streaming: bool) -> Self {
        let meter = (!quiet && !json && io::stderr().is_terminal()).then(Meter::default);
        let zero = AtomicU64::default;
        Self {
            kind,
            json,
            streaming,
            summary: json || !(quiet || streaming),
            started: Instant::now(),
            found_files: zero(),
            found_bytes: zero(),
            found_all: AtomicBool::default(),
            files: zero(),
            bytes: zero(),
            skipped: zero(),
            skipped_bytes: zero(),
            links: zero(),
            folders: zero(),
            left_out: zero(),
            failed: zero(),
            screen: Mutex::new(Screen { meter, line_is_shown: false, first_failure: None, last_notice: None }),
            stop: CancellationToken::new(),
        }
    }

    /// Cancelled to end the transfer early: by Ctrl-C, or by a failure that concerns all files.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Counts a file to transfer.
    pub(super) fn found(&self, bytes: u64) {
        add(&self.found_files, 1);
        add(&self.found_bytes, bytes);
    }

    /// Says that no more files will be found.
    pub(super) fn found_all(&self) {
        self.found_all.store(true, Ordering::Relaxed);
    }

    /// Counts a folder that was made.
    pub(super) fn made_folder(&self) {
        add(&self.folders, 1);
    }

    /// Counts bytes that went over the network.
    pub(super) fn transferred(&self, bytes: u64) {
        add(&self.bytes, bytes);
    }

    /// Counts bytes that need no transfer, because the destination has them.
    pub(super) fn skipped(&self, bytes: u64) {
        add(&self.skipped_bytes, bytes);
    }

    /// Reports a file or link that is complete. `from` and `to` are paths for scripts: percent-encoded if on the
    /// server, otherwise as the operating system has them.
    pub(super) fn finished(&self, from: impl Display, to: impl Display, size: u64, outcome: FileOutcome) {
        let (counter, word) = match (outcome, self.kind) {
            (FileOutcome::Transferred, TransferKind::Download) => (&self.files, "downloaded"),
            (FileOutcome::Transferred, TransferKind::Upload) => (&self.files, "uploaded"),
            (FileOutcome::Resumed, _) => (&self.files, "resumed"),
            (FileOutcome::Skipped, _) => (&self.skipped, "skipped"),
            (FileOutcome::Link, _) => (&self.links, "link"),
        };
        add(counter, 1);
        if outcome == FileOutcome::Skipped {
            self.skipped(size);
        }
        if self.json && !self.streaming {
            let (path, to) = (from.to_string(), to.to_string());
            self.print(&format::json(&json!({ "file": { "path": path, "to": to, "size": size, "status": word } })));
        }
    }

    /// Warns about an entry that is not transferred by design, such as a link. The exit code stays.
    pub(super) fn left_out(&self, path: &VPath, code: &'static str, sentence: &str) {
        self.warn(&Failure::new(Exit::Done, code, sentence).about(path));
    }

    /// As [`Report::left_out`], with a message that names the entry itself.
    pub(super) fn warn(&self, failure: &Failure) {
        add(&self.left_out, 1);
        drop(self.message("warning", "warning: ", failure));
    }

    /// Warns about an entry that is transferred.
    pub(super) fn note(&self, failure: &Failure) {
        drop(self.message("warning", "warning: ", failure));
    }

    /// Reports an entry whose transfer failed.
    pub(super) fn failed(&self, failure: &Failure) {
        add(&self.failed, 1);
        let mut screen = self.message("error", "", failure);
        screen.first_failure.get_or_insert(failure.exit);
    }

    /// Whether an entry failed.
    pub(super) fn has_failed(&self) -> bool {
        get(&self.failed) > 0
    }

    /// Counts an entry below a folder whose failure was reported.
    pub(super) fn failed_below(&self) {
        add(&self.failed, 1);
    }

    /// Waits before the next attempt to reach the server.
    ///
    /// # Errors
    /// `error` as a failure, after the last attempt.
    pub(super) async fn wait(&self, backoff: &mut Backoff, error: ClientError) -> Result<(), Failure> {
        let hint = error.retry_after;
        let failure = Failure::from(error);
        let Some(time) = backoff.next(hint) else { return Err(failure) };
        self.notify_wait(&failure, time);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
        Ok(())
    }

    /// As [`Report::wait`]; the failure also says that the command can be repeated to resume.
    pub(super) async fn wait_to_resume(&self, backoff: &mut Backoff, error: ClientError) -> Result<(), Failure> {
        let resumable = |failure: Failure| {
            let message = format!("{}; run the same command again to resume", failure.message);
            Failure { message, ..failure }
        };
        self.wait(backoff, error).await.map_err(resumable)
    }

    /// Prints the summary, and decides the exit code of a transfer that was not ended by a failure.
    pub(super) fn end(&self) -> Exit {
        let mut screen = self.lock();
        screen.clear_line();
        if self.summary {
            let summary = if self.json { self.summary_json() } else { self.summary_text() };
            let _ = if self.streaming {
                writeln!(io::stderr().lock(), "{summary}")
            } else {
                writeln!(io::stdout().lock(), "{summary}")
            };
        }
        let done = [&self.files, &self.skipped, &self.links, &self.folders].into_iter().any(|counter| get(counter) > 0);
        match screen.first_failure {
            None => Exit::Done,
            Some(_) if done => Exit::Partly,
            Some(exit) => exit,
        }
    }

    fn notify_wait(&self, failure: &Failure, wait: Duration) {
        // All connections break at the same time: one message is enough.
        let now = Instant::now();
        let last = self.lock().last_notice.replace(now);
        if last.is_none_or(|last| now - last >= NOTICE_TIME) {
            let message = format!("{}; trying again in {:.1} s", failure.message, wait.as_secs_f32());
            drop(self.message("warning", "", &Failure { message, ..failure.clone() }));
        }
    }

    fn draw(&self) {
        let snapshot = self.snapshot();
        let mut screen = self.lock();
        if let Some(meter) = &mut screen.meter {
            let line = progress_line(&snapshot, meter.measure(&snapshot));
            let _ = write!(io::stderr().lock(), "\r{line}\x1b[K");
            screen.line_is_shown = true;
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            elapsed: self.started.elapsed(),
            files: get(&self.files) + get(&self.skipped) + get(&self.failed),
            found_files: get(&self.found_files),
            transferred: get(&self.bytes),
            done: get(&self.bytes) + get(&self.skipped_bytes),
            found: get(&self.found_bytes),
            found_all: self.found_all.load(Ordering::Relaxed),
        }
    }

    fn summary_text(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let digits = usize::from(seconds < 100.0);
        let files = format::count(get(&self.files), "file");
        let mut text = format!("{files}, {} in {seconds:.digits$} s", size::english(get(&self.bytes)));
        let others = [(&self.skipped, "skipped"), (&self.left_out, "left out"), (&self.failed, "failed")];
        if get(&self.links) > 0 {
            text.push_str(&format!(", {}", format::count(get(&self.links), "link")));
        }
        for (counter, word) in others.into_iter().filter(|(counter, _)| get(counter) > 0) {
            text.push_str(&format!(", {} {word}", get(counter)));
        }
        text
    }

    fn summary_json(&self) -> String {
        json!({ "summary": {
            "files": get(&self.files),
            "bytes": get(&self.bytes),
            "seconds": self.started.elapsed().as_secs_f64(),
            "skipped": get(&self.skipped),
            "links": get(&self.links),
            "folders_made": get(&self.folders),
            "left_out": get(&self.left_out),
            "failed": get(&self.failed),
        } })
        .to_string()
    }

    fn print(&self, line: &str) {
        let mut screen = self.lock();
        screen.clear_line();
        // A closed standard output does not end the transfer.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    fn message(&self, key: &str, prefix: &str, failure: &Failure) -> MutexGuard<'_, Screen> {
        let mut screen = self.lock();
        screen.clear_line();
        output::message(self.json, key, prefix, failure);
        screen
    }

    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen {
    fn clear_line(&mut self) {
        if std::mem::take(&mut self.line_is_shown) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// The task that draws the progress line.
pub(super) struct Drawing(JoinHandle<()>);

impl Drawing {
    pub(super) fn start(report: &Arc<Report>) -> Self {
        let report = Arc::clone(report);
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(progress::DRAW_TIME);
            loop {
                ticks.tick().await;
                report.draw();
            }
        }))
    }

    /// Ends the task, and waits for it: a line drawn later would follow the summary.
    pub(super) async fn stop(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
