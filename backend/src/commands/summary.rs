//! The outcome of the verbs that change files: sends the items in as many requests as they need, reports each item, and
//! decides the exit code.

use std::io::{IsTerminal, Write, stderr};

use serde_json::json;
use shared::job::{LeftOut, LeftOutEntry, Progress};
use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX};
use shared::{Change, JobState, Outcome, VPath, size};
use tokio_util::sync::CancellationToken;

use super::connect::Session;
use super::failure::{Exit, Failure};
use super::{format, interrupt, job, output};

/// Attempts in a row before an unreachable server is a failure.
const RETRIES: u32 = 8;
/// Bytes of one request that items may fill; the rest is for the caller's scope and the frame.
const ITEMS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// Upper bound for the encoding of an item besides its paths, in bytes.
const ITEM_OVERHEAD_BYTES: usize = 64;

/// One item of a change.
pub(super) struct ChangeItem<T> {
    /// The path that names the item in messages.
    pub(super) path: VPath,
    /// The item in the request.
    pub(super) what: T,
    /// Length of the paths in `what`, in bytes.
    pub(super) bytes: usize,
}

/// Counts items that succeeded, and remembers the first failure.
pub(super) struct Summary {
    json: bool,
    done: u64,
    first_failure: Option<Exit>,
}

impl Summary {
    pub(super) fn new(json: bool) -> Self {
        Self { json, done: 0, first_failure: None }
    }

    /// Reports an item that failed.
    pub(super) fn failed(&mut self, failure: &Failure) {
        output::failure(self.json, failure);
        self.first_failure.get_or_insert(failure.exit);
    }

    /// Counts an item that succeeded or needed no change.
    pub(super) fn done(&mut self) {
        self.done += 1;
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match self.first_failure {
            None => Exit::Done,
            Some(_) if self.done > 0 => Exit::Partly,
            Some(exit) => exit,
        }
    }

    /// Carries out `change` for all items, and reports the outcome of each.
    ///
    /// # Errors
    /// A failure that ends all of it, or Ctrl-C.
    pub(super) async fn carry_out<T: Clone>(
        &mut self,
        session: &Session,
        items: &[ChangeItem<T>],
        change: impl Fn(Vec<T>) -> Change,
    ) -> Result<(), Failure> {
        let stop = CancellationToken::new();
        let interrupted = interrupt::listen(stop.clone());
        let mut line = ProgressLine { drawn: false, enabled: !self.json && stderr().is_terminal() };
        for batch in batches(items) {
            let request = change(batch.iter().map(|item| item.what.clone()).collect());
            let job = job::carry_out(session, request, RETRIES, &stop, |progress| line.draw(progress)).await;
            line.clear();
            let job = job?;
            for (item, outcome) in batch.iter().zip(&job.outcomes) {
                self.report(&item.path, outcome)?;
            }
            if interrupted.happened() || job.state == JobState::Canceled {
                let left = items.len() as u64 - self.done;
                let sentence = format!("interrupted; {} not changed", format::count(left, "item"));
                return Err(Failure::new(Exit::Interrupted, "interrupted", sentence));
            }
        }
        Ok(())
    }

    /// Reports the entries below an item that stay where they are.
    fn left_out(&mut self, path: &VPath, left_out: &LeftOut) {
        for LeftOutEntry { path, code } in &left_out.listed {
            let mut failure = Failure::of(*code).about(path);
            failure.message.insert_str(0, "left out: ");
            self.failed(&failure);
        }
        let more = left_out.total.saturating_sub(left_out.listed.len() as u64);
        if more > 0 {
            let sentence = format!("{more} more entries left out");
            self.failed(&Failure::new(Exit::Failed, "left_out", sentence).about(path));
        }
    }

    fn report(&mut self, path: &VPath, outcome: &Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Failed { code, path: inner, message: _, incomplete } => {
                let mut failure = Failure::of(*code).about(inner.as_ref().unwrap_or(path));
                if *incomplete {
                    failure.message.push_str("; a part of it is done");
                }
                self.failed(&failure);
            }
            Outcome::Done { left_out, .. } => {
                self.done();
                self.left_out(path, left_out);
            }
            Outcome::Skipped => self.done(),
        }
        if self.json {
            output::line(&format::json(&json!({ "item": { "path": path, "outcome": outcome } })))?;
        }
        Ok(())
    }
}

/// Splits the items into slices that each fit into one request.
fn batches<T>(items: &[ChangeItem<T>]) -> impl Iterator<Item = &[ChangeItem<T>]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(CHANGE_ITEMS_MAX).take_while(|item| {
            bytes += item.bytes + ITEM_OVERHEAD_BYTES;
            bytes <= ITEMS_BYTES_MAX
        });
        // One item always fits: two paths are far shorter than a request.
        let count = fits.count().max(1).min(rest.len());
        let (batch, later) = rest.split_at(count);
        rest = later;
        (!batch.is_empty()).then_some(batch)
    })
}

/// The progress of a job, on a terminal.
struct ProgressLine {
    enabled: bool,
    drawn: bool,
}

impl ProgressLine {
    fn draw(&mut self, progress: &Progress) {
        if !self.enabled {
            return;
        }
        let Progress { entries, entries_total, bytes, bytes_total } = *progress;
        let mut line = format!("{entries} of {entries_total} entries");
        if bytes_total > 0 {
            line.push_str(&format!(", {} of {}", size::english(bytes), size::english(bytes_total)));
        }
        let _ = write!(stderr().lock(), "\r{line}\x1b[K");
        self.drawn = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(stderr().lock(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_fits_into_one_request() {
        let item = |bytes| ChangeItem { path: VPath::root(), what: (), bytes };
        let lengths = |items: &[ChangeItem<()>]| batches(items).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        let short: Vec<_> = (0..700).map(|_| item(1)).collect();
        assert_eq!(lengths(&short), [504, 196]);
        let long: Vec<_> = (0..5).map(|_| item(8192)).collect();
        assert_eq!(lengths(&long), [3, 2]);
    }
}
