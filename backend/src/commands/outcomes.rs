//! What became of the items of changes: asked for in as many requests as it takes, told item by item, counted for the
//! exit code.

use std::io::{IsTerminal, Write};

use serde_json::json;
use shared::change::Progress;
use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX};
use shared::{Change, JobState, Outcome, VPath, size};
use tokio_util::sync::CancellationToken;

use super::connect::Session;
use super::exit::{Exit, Failure};
use super::{interrupt, job, print};

/// How often to ask again when the server goes away.
const RETRIES: u32 = 8;
/// How much of one request the items may fill, in bytes; the rest is for who asks.
const ITEMS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// What an item takes in a request besides its paths, at most.
const ITEM_OVERHEAD_BYTES: usize = 64;

/// One item of a change, as the person named it, with what the request has of it.
pub(super) struct Item<T> {
    pub(super) path: VPath,
    pub(super) what: T,
    /// How many bytes its paths have.
    pub(super) bytes: usize,
}

/// Counts what was done and what was not.
pub(super) struct Tally {
    json: bool,
    done: u64,
    first_failure: Option<Exit>,
}

impl Tally {
    pub(super) fn new(json: bool) -> Self {
        Self { json, done: 0, first_failure: None }
    }

    /// Something that should have been done.
    pub(super) fn failed(&mut self, failure: &Failure) {
        print::failure(self.json, failure);
        self.first_failure.get_or_insert(failure.exit);
    }

    /// Something was done, or need not be.
    pub(super) fn done(&mut self) {
        self.done += 1;
    }

    pub(super) fn exit(&self) -> Exit {
        match self.first_failure {
            None => Exit::Done,
            Some(_) if self.done > 0 => Exit::Partly,
            Some(exit) => exit,
        }
    }

    /// Has all items dealt with, each as `change` says.
    ///
    /// # Errors
    /// What makes it pointless to go on, and Ctrl-C.
    pub(super) async fn carry_out<T: Clone>(
        &mut self,
        session: &Session,
        items: &[Item<T>],
        change: impl Fn(Vec<T>) -> Change,
    ) -> Result<(), Failure> {
        let stop = CancellationToken::new();
        let interrupted = interrupt::listen(stop.clone());
        let mut line = Line { drawn: false, wanted: !self.json && std::io::stderr().is_terminal() };
        for few in batches(items) {
            let asked = change(few.iter().map(|item| item.what.clone()).collect());
            let job = job::carry_out(session, asked, RETRIES, &stop, |progress| line.draw(progress)).await;
            line.clear();
            let job = job?;
            for (item, outcome) in few.iter().zip(&job.outcomes) {
                self.tell(&item.path, outcome)?;
            }
            if interrupted.happened() || job.state == JobState::Canceled {
                let left = items.len() as u64 - self.done;
                let sentence = format!("interrupted; {} not dealt with", print::count(left, "item"));
                return Err(Failure::new(Exit::Interrupted, "interrupted", sentence));
            }
        }
        Ok(())
    }

    fn tell(&mut self, path: &VPath, outcome: &Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Failed { code, path: inner, message: _ } => {
                self.failed(&Failure::of(*code).about(inner.as_ref().unwrap_or(path)));
            }
            Outcome::Done { .. } | Outcome::Skipped => self.done(),
        }
        if self.json {
            print::line(&json!({ "item": { "path": path, "outcome": outcome } }).to_string())?;
        }
        Ok(())
    }
}

/// As many items at a time as one request takes.
fn batches<T>(items: &[Item<T>]) -> impl Iterator<Item = &[Item<T>]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(CHANGE_ITEMS_MAX).take_while(|item| {
            bytes += item.bytes + ITEM_OVERHEAD_BYTES;
            bytes <= ITEMS_BYTES_MAX
        });
        // One item always fits: two paths are far shorter than a message.
        let count = fits.count().max(1).min(rest.len());
        let (now, later) = rest.split_at(count);
        rest = later;
        (!now.is_empty()).then_some(now)
    })
}

/// The progress line of a change that takes a while.
struct Line {
    wanted: bool,
    drawn: bool,
}

impl Line {
    fn draw(&mut self, progress: &Progress) {
        if !self.wanted {
            return;
        }
        let Progress { entries, entries_total, bytes, bytes_total } = *progress;
        let mut line = format!("{entries} of {entries_total} entries");
        if bytes_total > 0 {
            line.push_str(&format!(", {} of {}", size::english(bytes), size::english(bytes_total)));
        }
        let _ = write!(std::io::stderr().lock(), "\r{line}\x1b[K");
        self.drawn = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_as_many_items_as_fit() {
        let item = |bytes| Item { path: VPath::root(), what: (), bytes };
        let lengths = |items: &[Item<()>]| batches(items).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        let short: Vec<_> = (0..700).map(|_| item(1)).collect();
        assert_eq!(lengths(&short), [504, 196]);
        let long: Vec<_> = (0..5).map(|_| item(8192)).collect();
        assert_eq!(lengths(&long), [3, 2]);
    }
}
