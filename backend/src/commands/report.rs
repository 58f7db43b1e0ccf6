//! What a download or an upload has done so far: counted, and told line by line to whoever wants to know. It decides how the verb ends.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::{VPath, size};
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failure};
use super::print;
use super::progress::{self, Meter, Snapshot, progress_line};
use super::retry::Backoff;
use crate::client::ClientError;

/// Which way files go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Down,
    Up,
}

/// Shared by everybody who works on a download or an upload.
pub(super) struct Report {
    way: Way,
    json: bool,
    /// Whether standard output carries a file's bytes.
    streaming: bool,
    summary: bool,
    started: Instant,
    /// What was found where files come from.
    found_files: AtomicU64,
    found_bytes: AtomicU64,
    /// No more will be found.
    found_all: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
    kept: AtomicU64,
    kept_bytes: AtomicU64,
    links: AtomicU64,
    folders: AtomicU64,
    left_out: AtomicU64,
    failed: AtomicU64,
    screen: Mutex<Screen>,
    /// Set when it makes no sense to go on.
    stop: CancellationToken,
}

/// Standard error, with the progress line on it if there is one, and what decides the exit code.
struct Screen {
    meter: Option<Meter>,
    line_is_shown: bool,
    first_failure: Option<Exit>,
    told_waiting: Option<Instant>,
}

/// How long one word about a server that went away does.
const NOTICE_TIME: Duration = Duration::from_millis(200);

/// How a file came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Came {
    Whole,
    /// A part of it was there from before.
    Resumed,
    /// It was there.
    Kept,
    /// As a link.
    Link,
}

impl Report {
    pub(super) fn new(way: Way, json: bool, quiet: bool, streaming: bool) -> Self {
        let meter = (!quiet && !json && io::stderr().is_terminal()).then(Meter::default);
        let zero = AtomicU64::default;
        Self {
            way,
            json,
            streaming,
            summary: json || !(quiet || streaming),
            started: Instant::now(),
            found_files: zero(),
            found_bytes: zero(),
            found_all: AtomicBool::default(),
            files: zero(),
            bytes: zero(),
            kept: zero(),
            kept_bytes: zero(),
            links: zero(),
            folders: zero(),
            left_out: zero(),
            failed: zero(),
            screen: Mutex::new(Screen { meter, line_is_shown: false, first_failure: None, told_waiting: None }),
            stop: CancellationToken::new(),
        }
    }

    /// Set when it makes no sense to go on.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(super) fn found(&self, bytes: u64) {
        add(&self.found_files, 1);
        add(&self.found_bytes, bytes);
    }

    pub(super) fn found_all(&self) {
        self.found_all.store(true, Ordering::Relaxed);
    }

    pub(super) fn made_folder(&self) {
        add(&self.folders, 1);
    }

    /// So many bytes went over the network.
    pub(super) fn passed(&self, bytes: u64) {
        add(&self.bytes, bytes);
    }

    /// So many bytes need not pass: they are there from before.
    pub(super) fn spared(&self, bytes: u64) {
        add(&self.kept_bytes, bytes);
    }

    /// A file or link is where it belongs. `from` and `to` are paths for programs: percent-encoded on the server, as the
    /// system has them here.
    pub(super) fn came(&self, from: impl Display, to: impl Display, size: u64, came: Came) {
        let (counter, word) = match (came, self.way) {
            (Came::Whole, Way::Down) => (&self.files, "downloaded"),
            (Came::Whole, Way::Up) => (&self.files, "uploaded"),
            (Came::Resumed, _) => (&self.files, "resumed"),
            (Came::Kept, _) => (&self.kept, "skipped"),
            (Came::Link, _) => (&self.links, "link"),
        };
        add(counter, 1);
        if came == Came::Kept {
            self.spared(size);
        }
        if self.json && !self.streaming {
            let (path, to) = (from.to_string(), to.to_string());
            self.say(&json!({ "file": { "path": path, "to": to, "size": size, "status": word } }).to_string());
        }
    }

    /// Something that does not come, and need not.
    pub(super) fn left_out(&self, path: &VPath, code: &'static str, sentence: &str) {
        self.warn(&Failure::new(Exit::Done, code, sentence).about(path));
    }

    /// The same, where the words name it already.
    pub(super) fn warn(&self, failure: &Failure) {
        add(&self.left_out, 1);
        drop(self.complain("warning", "warning: ", failure));
    }

    /// Something that should have come.
    pub(super) fn failed(&self, failure: &Failure) {
        add(&self.failed, 1);
        let mut screen = self.complain("error", "", failure);
        screen.first_failure.get_or_insert(failure.exit);
    }

    /// Something below a folder whose own failure was told.
    pub(super) fn failed_too(&self) {
        add(&self.failed, 1);
    }

    /// Waits before the server is asked again, or gives up.
    pub(super) async fn wait(&self, backoff: &mut Backoff, error: ClientError) -> Result<(), Failure> {
        let hint = error.retry_after;
        let failure = Failure::from(error);
        let Some(time) = backoff.next(hint) else { return Err(failure) };
        self.waiting(&failure, time);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
        Ok(())
    }

    /// The same in the midst of the work, of which what is done is kept.
    pub(super) async fn wait_amid(&self, backoff: &mut Backoff, error: ClientError) -> Result<(), Failure> {
        let kept = |failure: Failure| {
            let message = format!("{}; what came is kept, and the same command goes on from there", failure.message);
            Failure { message, ..failure }
        };
        self.wait(backoff, error).await.map_err(kept)
    }

    /// Draws the progress line now and then, until it is dropped.
    pub(super) async fn keep_drawing(&self) {
        let mut ticks = tokio::time::interval(progress::DRAW_TIME);
        loop {
            ticks.tick().await;
            self.draw();
        }
    }

    /// The server went away; it is asked again.
    fn waiting(&self, failure: &Failure, wait: Duration) {
        // All connections break at the same time: once is enough.
        let now = Instant::now();
        let told = self.lock().told_waiting.replace(now);
        if told.is_none_or(|told| now - told >= NOTICE_TIME) {
            let message = format!("{}; asking again in {:.1} s", failure.message, wait.as_secs_f32());
            drop(self.complain("warning", "", &Failure { message, ..failure.clone() }));
        }
    }

    /// Draws the progress line, if there is one.
    fn draw(&self) {
        let snapshot = self.snapshot();
        let mut screen = self.lock();
        if let Some(meter) = &mut screen.meter {
            let line = progress_line(&snapshot, meter.measure(&snapshot));
            let _ = write!(io::stderr().lock(), "\r{line}\x1b[K");
            screen.line_is_shown = true;
        }
    }

    /// Says what was done, and how the verb ends unless it was broken off.
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
        let done = [&self.files, &self.kept, &self.links, &self.folders].into_iter().any(|counter| get(counter) > 0);
        match screen.first_failure {
            None => Exit::Done,
            Some(_) if done => Exit::Partly,
            Some(exit) => exit,
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            elapsed: self.started.elapsed(),
            files: get(&self.files) + get(&self.kept) + get(&self.failed),
            found_files: get(&self.found_files),
            passed: get(&self.bytes),
            done: get(&self.bytes) + get(&self.kept_bytes),
            found: get(&self.found_bytes),
            found_all: self.found_all.load(Ordering::Relaxed),
        }
    }

    fn summary_text(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let digits = usize::from(seconds < 100.0);
        let files = print::count(get(&self.files), "file");
        let mut text = format!("{files}, {} in {seconds:.digits$} s", size::english(get(&self.bytes)));
        let others = [(&self.kept, "skipped"), (&self.left_out, "left out"), (&self.failed, "failed")];
        if get(&self.links) > 0 {
            text.push_str(&format!(", {}", print::count(get(&self.links), "link")));
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
            "skipped": get(&self.kept),
            "links": get(&self.links),
            "folders_made": get(&self.folders),
            "left_out": get(&self.left_out),
            "failed": get(&self.failed),
        } })
        .to_string()
    }

    fn say(&self, line: &str) {
        let mut screen = self.lock();
        screen.clear_line();
        // Without a reader of the list of files the files themselves are still wanted.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    fn complain(&self, key: &str, prefix: &str, failure: &Failure) -> MutexGuard<'_, Screen> {
        let mut screen = self.lock();
        screen.clear_line();
        print::complaint(self.json, key, prefix, failure);
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

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
