//! Reports a change that ended: one sentence with a button for undo, or the reasons why items failed.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use shared::change::RestoreItem;
use shared::job::{LeftOut, LeftOutEntry};
use shared::{Change, Conflict, ErrorCode, Job, Outcome, VPath};

use super::model::verb::{destination, item_path};
use super::model::{ChangeResult, Origin, Step, Verb, conflict, undo};
use super::state::Changes;
use super::task::{FailedItem, Task};
use crate::env::next_task;
use crate::failure::{Operation, Reason};
use crate::i18n::{Counted, Repeated, Words, fill};
use crate::printable::printable;
use crate::ui::toast::{Action, Tone};
use crate::uploads::published::{Published, Replaced};

/// A request with more outcomes is counted in a frame of its own.
const RESULTS_PER_FRAME: usize = 500;

/// The outcomes of a change, counted.
#[derive(Default)]
struct Summary {
    done: usize,
    /// Names of the last item that was done, before and after.
    old: String,
    name: Option<String>,
    /// The folder that the items went to.
    folder: Option<VPath>,
    skipped: usize,
    failed: Vec<FailedItem>,
    /// Number of entries that failed besides `failed`; the server names the first ones only.
    unlisted: usize,
    /// The requests that retry the failed items for which a retry may help.
    retry: Vec<Change>,
}

impl Changes {
    /// Records the inverse in the history, and reports the results to the user.
    pub(super) async fn report_results(self, task: &Task, results: Vec<ChangeResult>, origin: Origin, verb: Verb) {
        let (mut inverse, mut summary) = (Vec::new(), Summary::default());
        let rest: Vec<_> = match origin {
            Origin::New => Vec::new(),
            Origin::Undo | Origin::Redo => results.iter().filter_map(ChangeResult::not_attempted).collect(),
        };
        // What was done last is undone first.
        for result in results.into_iter().rev() {
            inverse.extend(undo::inverse(&result.change, &result.outcomes));
            summary.add(&result);
            if result.outcomes.len() > RESULTS_PER_FRAME {
                next_task().await;
            }
        }
        let step = (!inverse.is_empty()).then_some(Step { verb, changes: inverse });
        let has_inverse = step.is_some();
        // An undo without any effect is dropped; the part of an undo that succeeded can be redone.
        if has_inverse || summary.done > 0 {
            self.history.update(|history| history.record(origin, step));
        }
        if !rest.is_empty() {
            self.history.update(|history| history.put_back(origin, Step { verb, changes: rest }));
        }
        self.show_done(&summary, origin, verb, has_inverse, task.is_canceling());
        self.show_failed(summary, origin, verb);
        self.change_ended.notify();
    }

    /// Reports uploads that ended: which names look the same as another, and which files they replaced, with a button that
    /// restores the replaced files that the trash keeps.
    pub(crate) fn report_uploads(self, published: &[Published]) {
        let words = self.words();
        let similar: Vec<_> = published.iter().filter_map(|file| Some((&file.name, file.similar.as_ref()?))).collect();
        if let Some((name, other)) = similar.first() {
            let text = match similar.len() {
                1 => fill(words.similar_one, &[("name", name), ("other", other)]),
                count => self.counted(|words| &words.similar_count, count),
            };
            self.toasts.show(Tone::Notice, text, None);
        }
        let lost: Vec<_> = published.iter().filter(|file| file.replaced == Some(Replaced::Lost)).collect();
        if let Some(first) = lost.first() {
            let text = match lost.len() {
                1 => fill(words.replaced_lost_one, &[("name", &first.name)]),
                count => self.counted(|words| &words.replaced_lost_count, count),
            };
            self.toasts.show(Tone::Notice, text, None);
        }
        let kept: Vec<_> = published.iter().filter_map(|file| Some((&file.name, file.replaced?.trash()?))).collect();
        let Some((name, _)) = kept.first() else { return };
        let summary = Summary { done: kept.len(), name: Some((*name).clone()), ..Summary::default() };
        let items = kept.iter().map(|(_, id)| RestoreItem { id: *id, to: None }).collect();
        let restore = Change::Restore { items, conflict: Conflict::Replace };
        let can_undo = self.browser.may_request(restore.rights_needed());
        if can_undo {
            let step = Step { verb: Verb::Replaced, changes: vec![restore] };
            self.history.update(|history| history.record(Origin::New, Some(step)));
        }
        self.show_done(&summary, Origin::New, Verb::Replaced, can_undo, false);
    }

    /// Says that there is no step to undo or redo.
    pub(super) fn show_nothing_left(self, origin: Origin) {
        let words = self.words();
        let text = if origin == Origin::Undo { words.nothing_to_undo } else { words.nothing_to_redo };
        self.show_notice(text.to_owned());
    }

    /// Says that a change ended which an earlier page requested.
    pub(super) fn show_job_finished(self, job: &Job) {
        let failed = job.outcomes.iter().map(failures).sum();
        let text = self.words().change_finished.to_owned();
        match failed {
            0 => self.show_message(text, None),
            _ => {
                let failed = self.counted(|words| &words.failed_count, failed);
                self.toasts.show(Tone::Bad, format!("{text}. {failed}."), None);
            }
        }
    }

    fn show_done(self, summary: &Summary, origin: Origin, verb: Verb, has_inverse: bool, canceled: bool) {
        let words = self.words();
        if summary.done == 0 && summary.skipped == 0 {
            if canceled {
                self.show_notice(words.canceled.to_owned());
            }
            return;
        }
        let folder = summary.folder.as_ref().map(|folder| match folder.is_root() {
            true => words.home.to_owned(),
            false => printable(folder.name()),
        });
        let folder = folder.unwrap_or_default();
        let mut text = match (origin, summary.done, &summary.name) {
            (_, 0, _) => String::new(),
            (Origin::Undo, ..) => repeated(&words.undone, verb).to_owned(),
            (Origin::Redo, ..) => repeated(&words.redone, verb).to_owned(),
            (Origin::New, 1, Some(name)) => {
                fill(one_done(verb)(words), &[("name", name), ("old", &summary.old), ("folder", &folder)])
            }
            (Origin::New, count, _) => self.counted_with(many_done(verb), count, &[("folder", &folder)]),
        };
        if summary.skipped > 0 {
            let skipped = self.counted(|words| &words.skipped_count, summary.skipped);
            if text.is_empty() {
                return self.show_notice(skipped);
            }
            text = format!("{text}, {skipped}");
        }
        if canceled {
            text = format!("{} {text}", words.canceled);
        }
        let prefs = self.prefs;
        let button = || match origin {
            Origin::Undo => Action { label: prefs.text(|words| words.redo), run: Callback::new(move |()| self.redo()) },
            _ => Action { label: prefs.text(|words| words.undo), run: Callback::new(move |()| self.undo()) },
        };
        let action = has_inverse.then(|| self.toasts.keep(button));
        self.show_message(text, action);
    }

    fn show_failed(self, summary: Summary, origin: Origin, verb: Verb) {
        let Some(first) = summary.failed.first() else { return };
        let words = self.words();
        let why = first.sentences(words);
        let text = match origin {
            Origin::Undo => fill(words.undo_failed, &[("why", &why)]),
            Origin::Redo => fill(words.redo_failed, &[("why", &why)]),
            Origin::New if summary.failed.len() + summary.unlisted == 1 => why,
            Origin::New => {
                let Summary { failed, unlisted, retry, .. } = summary;
                let card = Task::of_failures(self.new_task_id(), verb, failed, unlisted, retry);
                return self.tasks.update(|tasks| tasks.push(card));
            }
        };
        self.toasts.show(Tone::Bad, text, None);
    }
}

impl Summary {
    /// Adds a result. The results come last first.
    fn add(&mut self, ChangeResult { change, outcomes }: &ChangeResult) {
        let name = |index: usize| item_path(change, index).map(|path| printable(path.name()));
        let operation = Operation::from(Verb::of(change));
        self.folder = destination(change);
        let mut retry = Vec::new();
        for (index, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Outcome::Done { left_out, .. } => {
                    self.done += 1;
                    let item = |entry: &LeftOutEntry| FailedItem {
                        name: printable(entry.path.name()),
                        inner: None,
                        reason: Reason::of(entry.code),
                        operation,
                    };
                    self.failed.extend(left_out.listed.iter().map(item));
                    self.unlisted += total(left_out).saturating_sub(left_out.listed.len());
                }
                Outcome::Skipped => self.skipped += 1,
                Outcome::Failed { code, path, incomplete, .. } => {
                    let inner = path.as_ref().map(|path| printable(path.name()));
                    // Without a part that is done, the item as a whole is unchanged.
                    let inner = inner.filter(|_| *incomplete || item_path(change, index).is_none());
                    let name = name(index).or_else(|| inner.clone()).unwrap_or_default();
                    self.failed.push(FailedItem { name, inner, reason: Reason::of(*code), operation });
                    if may_succeed_later(*code) {
                        retry.push(index);
                    }
                }
            }
        }
        self.retry.extend(conflict::select(change, &retry));
        // Emptying the trash is one item, whose outcome does not tell how many entries there were.
        if self.name.is_none() && !matches!(change, Change::Purge { ids: None }) {
            let mut done = outcomes.iter().enumerate().rev();
            let last = done.find_map(|(index, outcome)| match outcome {
                Outcome::Done { entry, .. } => {
                    let now = entry.as_ref().map(|entry| printable(entry.path.name())).or_else(|| name(index));
                    Some((name(index), now))
                }
                _ => None,
            });
            let (old, now) = last.unwrap_or_default();
            (self.old, self.name) = (old.unwrap_or_default(), now);
        }
    }
}

/// Number of entries that an outcome says failed.
fn failures(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Done { left_out, .. } => total(left_out),
        Outcome::Skipped => 0,
        Outcome::Failed { .. } => 1,
    }
}

fn total(left_out: &LeftOut) -> usize {
    usize::try_from(left_out.total).unwrap_or(usize::MAX)
}

/// True if a retry may succeed after the user removed the cause.
fn may_succeed_later(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::IntoItself
            | ErrorCode::NameRefused
            | ErrorCode::NameTooLong
            | ErrorCode::BadPath
            | ErrorCode::NotFound
    )
}

/// The sentence for a change that was undone or redone.
fn repeated(sentences: &Repeated, verb: Verb) -> &'static str {
    match verb {
        Verb::Made => sentences.made,
        Verb::Renamed => sentences.renamed,
        Verb::Moved => sentences.moved,
        Verb::Copied => sentences.copied,
        Verb::Trashed => sentences.trashed,
        Verb::Deleted => sentences.deleted,
        Verb::Restored => sentences.restored,
        Verb::Replaced => sentences.replaced,
    }
}

/// The sentence for a change that runs.
pub(super) fn in_progress(verb: Verb) -> fn(&'static Words) -> &'static Counted {
    match verb {
        Verb::Made => |words| &words.doing_made,
        Verb::Renamed | Verb::Moved => |words| &words.doing_moved,
        Verb::Copied => |words| &words.doing_copied,
        Verb::Trashed => |words| &words.doing_trashed,
        Verb::Deleted => |words| &words.doing_deleted,
        Verb::Restored | Verb::Replaced => |words| &words.doing_restored,
    }
}

/// The sentence for one item, by its name.
fn one_done(verb: Verb) -> fn(&'static Words) -> &'static str {
    match verb {
        Verb::Made => |words| words.made_one,
        Verb::Renamed => |words| words.renamed_one,
        Verb::Moved => |words| words.moved_one,
        Verb::Copied => |words| words.copied_one,
        Verb::Trashed => |words| words.trashed_one,
        Verb::Deleted => |words| words.deleted_one,
        Verb::Restored => |words| words.restored_one,
        Verb::Replaced => |words| words.replaced_one,
    }
}

/// The sentence for several items, by their number.
fn many_done(verb: Verb) -> fn(&'static Words) -> &'static Counted {
    match verb {
        Verb::Made => |words| &words.made_count,
        Verb::Renamed | Verb::Moved => |words| &words.moved_count,
        Verb::Copied => |words| &words.copied_count,
        Verb::Trashed => |words| &words.trashed_count,
        Verb::Deleted => |words| &words.deleted_count,
        Verb::Restored => |words| &words.restored_count,
        Verb::Replaced => |words| &words.replaced_count,
    }
}
