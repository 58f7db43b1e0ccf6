//! What is said of a change once it ended: one sentence with a way back, or why it was not done and what to do.

use leptos::prelude::*;
use shared::{Change, ErrorCode, Job, Outcome};

use super::execute::{Done, is_failure};
use super::model::verb::subject;
use super::model::{Origin, Step, Verb, conflict, undo};
use super::state::Changes;
use super::tasks::{Failed, Task};
use crate::failure::of_change;
use crate::i18n::{Counted, Words, fill};
use crate::printable::printable;
use crate::ui::toast::{Action, Tone};

/// What became of a change, counted.
#[derive(Default)]
struct Tally {
    done: usize,
    name: Option<String>,
    skipped: usize,
    failed: Vec<Failed>,
    again: Vec<Change>,
}

impl Changes {
    /// Remembers the way back, and says what became of it.
    pub(super) fn conclude(self, task: &Task, done: Vec<Done>, origin: Origin, verb: Verb) {
        let back: Vec<_> = done.iter().rev().flat_map(|(change, outcomes)| undo::inverse(change, outcomes)).collect();
        let step = (!back.is_empty()).then_some(Step { verb, changes: back });
        let returns = step.is_some();
        let tally = tally(&done);
        // An undo of which nothing was done is dropped, and one that was done in part can be done again in part.
        if returns || tally.done > 0 {
            self.history.update(|history| history.record(origin, step));
        }
        self.say_done(&tally, origin, verb, returns);
        self.say_failed(tally, origin, verb);
        if task.is_stopping() {
            self.say(self.words().stopped.to_owned(), None);
        }
        self.ended.notify();
    }

    /// There was nothing to undo or to do again.
    pub(super) fn say_nothing_left(self, origin: Origin) {
        let words = self.words();
        let text = if origin == Origin::Undo { words.nothing_to_undo } else { words.nothing_to_redo };
        self.say(text.to_owned(), None);
    }

    /// A change from before the page was loaded ended.
    pub(super) fn say_taken_up(self, job: &Job) {
        let failed = job.outcomes.iter().filter(|outcome| is_failure(outcome)).count();
        let text = self.words().change_finished.to_owned();
        match failed {
            0 => self.say(text, None),
            _ => {
                let failed = self.counted(|words| &words.all_failed, failed);
                self.toasts.show(Tone::Bad, format!("{text}. {failed}."), None);
            }
        }
    }

    fn say_done(self, tally: &Tally, origin: Origin, verb: Verb, returns: bool) {
        if tally.done == 0 && tally.skipped == 0 {
            return;
        }
        let words = self.words();
        let mut text = match (origin, tally.done, &tally.name) {
            (Origin::Undo, ..) => words.undone.to_owned(),
            (Origin::Redo, ..) => words.redone.to_owned(),
            (Origin::New, 0, _) => String::new(),
            (Origin::New, 1, Some(name)) => fill(one(verb)(words), &[("name", name)]),
            (Origin::New, count, _) => self.counted(all(verb), count),
        };
        if tally.skipped > 0 {
            let skipped = self.counted(|words| &words.all_skipped, tally.skipped);
            text = if text.is_empty() { skipped } else { format!("{text}, {skipped}") };
        }
        let prefs = self.prefs;
        let action = returns.then(|| match origin {
            Origin::Undo => Action { label: prefs.text(|words| words.redo), run: Callback::new(move |()| self.redo()) },
            _ => Action { label: prefs.text(|words| words.undo), run: Callback::new(move |()| self.undo()) },
        });
        self.say(text, action);
    }

    fn say_failed(self, tally: Tally, origin: Origin, verb: Verb) {
        let Some(first) = tally.failed.first() else { return };
        let words = self.words();
        let why = words.explain(of_change(first.code));
        let why = format!("{}. {}", why.title, why.advice);
        if origin != Origin::New {
            self.toasts.show(Tone::Bad, fill(words.not_undone, &[("why", &why)]), None);
        } else if tally.failed.len() == 1 {
            let sentence = if verb == Verb::Made { words.not_made } else { words.not_done };
            self.toasts.show(Tone::Bad, fill(sentence, &[("name", &first.name), ("why", &why)]), None);
        } else {
            let id = self.next_task.get_value();
            self.next_task.set_value(id + 1);
            let card = Task::of_failures(id, verb, tally.failed, tally.again);
            self.tasks.update(|tasks| tasks.push(card));
        }
    }

    pub(crate) fn words(self) -> &'static Words {
        self.prefs.lang.get_untracked().words()
    }

    pub(crate) fn counted(self, choose: fn(&'static Words) -> &'static Counted, count: usize) -> String {
        let lang = self.prefs.lang.get_untracked();
        crate::env::format::counted(lang, choose(lang.words()), count)
    }
}

fn tally(done: &[Done]) -> Tally {
    let mut tally = Tally::default();
    for (change, outcomes) in done {
        let mut again = Vec::new();
        for (index, outcome) in outcomes.iter().enumerate() {
            let name = || subject(change, index).map(|path| printable(path.name()));
            match outcome {
                Outcome::Done { entry, .. } => {
                    tally.done += 1;
                    tally.name = entry.as_ref().map(|entry| printable(entry.path.name())).or_else(name);
                }
                Outcome::Skipped => tally.skipped += 1,
                Outcome::Failed { code, path, .. } => {
                    let inner = path.as_ref().map(|path| printable(path.name()));
                    tally.failed.push(Failed { name: inner.or_else(name).unwrap_or_default(), code: *code });
                    if may_pass(*code) {
                        again.push(index);
                    }
                }
            }
        }
        tally.again.extend(conflict::pick(change, &again));
    }
    // Emptying the trash is one item, of which nobody knows how many it was.
    if let [(Change::Purge { ids: None }, _)] = done {
        tally.name = None;
    }
    tally
}

/// True if trying again may help once the person did something about it.
fn may_pass(code: ErrorCode) -> bool {
    !matches!(code, ErrorCode::IntoItself | ErrorCode::NameRefused | ErrorCode::BadPath | ErrorCode::NotFound)
}

/// What is going on.
pub(super) fn doing(verb: Verb) -> fn(&'static Words) -> &'static Counted {
    match verb {
        Verb::Made => |words| &words.doing_made,
        Verb::Renamed | Verb::Moved => |words| &words.doing_moved,
        Verb::Copied => |words| &words.doing_copied,
        Verb::Trashed => |words| &words.doing_trashed,
        Verb::Deleted => |words| &words.doing_deleted,
        Verb::Restored => |words| &words.doing_restored,
    }
}

fn one(verb: Verb) -> fn(&'static Words) -> &'static str {
    match verb {
        Verb::Made => |words| words.done_made,
        Verb::Renamed => |words| words.done_renamed,
        Verb::Moved => |words| words.done_moved,
        Verb::Copied => |words| words.done_copied,
        Verb::Trashed => |words| words.done_trashed,
        Verb::Deleted => |words| words.done_deleted,
        Verb::Restored => |words| words.done_restored,
    }
}

fn all(verb: Verb) -> fn(&'static Words) -> &'static Counted {
    match verb {
        Verb::Made => |words| &words.all_made,
        Verb::Renamed | Verb::Moved => |words| &words.all_moved,
        Verb::Copied => |words| &words.all_copied,
        Verb::Trashed => |words| &words.all_trashed,
        Verb::Deleted => |words| &words.all_deleted,
        Verb::Restored => |words| &words.all_restored,
    }
}
