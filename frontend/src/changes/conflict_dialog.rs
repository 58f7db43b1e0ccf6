//! Name conflicts of a change: asks the user about each, and sends the affected items again.

#![cfg(target_arch = "wasm32")]

use js_sys::Promise;
use leptos::prelude::*;
use shared::api::files::StatEntry;
use shared::{Change, Entry, Outcome, VPath};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::model::conflict::{Replacement, conflicting_items, replacement, retry, select};
use super::model::scheduler::WaitsFor;
use super::model::verb::item_path;
use super::model::{ChangeResult, Origin};
use super::state::{Changes, NameConflict};
use super::task::Task;
use crate::env::format;
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::net::api::call;
use crate::printable::printable;
use crate::ui::conflict_dialog::ConflictDialog;
use crate::ui::resolution::Resolution;

impl Changes {
    /// Asks about each conflict in `results`, executes the answers, and adds their results.
    pub(super) async fn resolve_conflicts(self, task: &Task, results: &mut Vec<ChangeResult>) {
        let mut others: usize = results.iter().map(|result| conflicts(result).len()).sum();
        if others == 0 {
            return;
        }
        // The dialog shows the conflicts of one change at a time. If too many changes wait for it, the conflicts fail.
        let Some(ticket) = self.conflict_queue.join(Origin::New, WaitsFor::All) else { return };
        ticket.turn().await;
        let mut for_all = None;
        let mut retries = Vec::new();
        for result in results.iter_mut() {
            let mut answers = Vec::new();
            for index in conflicts(result) {
                others -= 1;
                let answer = match for_all {
                    Some(answer) => answer,
                    None => {
                        let (answer, all) = self.ask(&result.change, index, others).await;
                        for_all = all.then_some(answer);
                        answer
                    }
                };
                answers.push((index, answer));
            }
            for resolution in [Resolution::KeepBoth, Resolution::Replace] {
                let items: Vec<_> =
                    answers.iter().filter(|(_, answer)| *answer == resolution).map(|(index, _)| *index).collect();
                retries.extend(retry(&result.change, &items, resolution));
            }
            settle(result, &answers);
        }
        drop(ticket);
        for change in retries {
            results.extend(self.execute_now(task, change, Origin::New).await);
        }
    }

    /// Shows the dialog for one item, and returns the answer and whether it applies to all further conflicts.
    async fn ask(self, change: &Change, index: usize, others: usize) -> (Resolution, bool) {
        let (from, to) = sides(change, index);
        let name = to.as_ref().or(from.as_ref()).map(|path| printable(path.name())).unwrap_or_default();
        let conflict = NameConflict { name, new: stat(from).await, existing: stat(to).await, others };
        self.answer.set_value(None);
        let mut on_answer = None;
        let answered = Promise::new(&mut |resolve, _| on_answer = Some(resolve));
        self.on_answer.set_value(on_answer);
        self.conflict.set(Some(conflict));
        // The promise never rejects.
        let _ = JsFuture::from(answered).await;
        // Closing the dialog without an answer skips all conflicts.
        self.answer.try_update_value(Option::take).flatten().unwrap_or((Resolution::Skip, true))
    }

    /// Closes the dialog and wakes the change that waits for the answer.
    fn end_question(self) {
        self.conflict.set(None);
        if let Some(on_answer) = self.on_answer.try_update_value(Option::take).flatten() {
            let _ = on_answer.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Indexes of the items to ask about. A new folder is not among them: it has no other side to compare with.
fn conflicts(result: &ChangeResult) -> Vec<usize> {
    match result.change {
        Change::Move { .. } | Change::Copy { .. } | Change::Restore { .. } => conflicting_items(&result.outcomes),
        _ => Vec::new(),
    }
}

/// Marks the skipped items as skipped, and removes the items that are sent again.
fn settle(result: &mut ChangeResult, answers: &[(usize, Resolution)]) {
    let ChangeResult { change, outcomes } = result;
    for (index, answer) in answers {
        if *answer == Resolution::Skip {
            outcomes[*index] = Outcome::Skipped;
        }
    }
    let is_retried = |index: usize| answers.iter().any(|(at, answer)| *at == index && *answer != Resolution::Skip);
    let rest: Vec<_> = (0..outcomes.len()).filter(|index| !is_retried(*index)).collect();
    if rest.len() < outcomes.len() {
        *outcomes = rest.iter().map(|index| outcomes[*index].clone()).collect();
        // With no item left, the change stays as it is: no outcome refers to it any more.
        if let Some(rest) = select(change, &rest) {
            *change = rest;
        }
    }
}

/// The paths of the new and of the existing entry.
fn sides(change: &Change, index: usize) -> (Option<VPath>, Option<VPath>) {
    match change {
        Change::Move { items, .. } | Change::Copy { items, .. } => {
            let pair = items.get(index);
            (pair.map(|pair| pair.from.clone()), pair.map(|pair| pair.to.clone()))
        }
        _ => (None, item_path(change, index).cloned()),
    }
}

async fn stat(path: Option<VPath>) -> Option<Entry> {
    call(&StatEntry { path: path? }, None).await.ok()
}

/// The dialog, open while `Changes::conflict` is set.
#[component]
pub(super) fn ChangeConflictDialog() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(changes.conflict.with(Option::is_some)));
    Effect::new(move |_| {
        let unanswered =
            || changes.conflict.with_untracked(Option::is_some) && changes.answer.with_value(Option::is_none);
        if !open.get() && unanswered() {
            changes.end_question();
        }
    });
    let on_answer = Callback::new(move |answer| {
        changes.answer.set_value(Some(answer));
        changes.end_question();
    });
    let kind = Memo::new(move |_| {
        changes.conflict.with(|conflict| {
            let sides = conflict.as_ref().map(|conflict| (conflict.new.as_ref(), conflict.existing.as_ref()));
            sides.map_or(Replacement::File, |(new, existing)| replacement(new, existing))
        })
    });
    let sentence = Signal::derive(move || {
        let words = prefs.words();
        let sentence = match kind.get() {
            Replacement::File => words.conflict_file,
            Replacement::Merge => words.conflict_folder,
            Replacement::Impossible => words.conflict_kinds,
        };
        sentence.to_owned()
    });
    let side = move |entry: fn(&NameConflict) -> Option<&Entry>| {
        Signal::derive(move || {
            changes.conflict.with(|conflict| Some(describe(prefs, conflict.as_ref().and_then(entry)?)))
        })
    };
    let others = Signal::derive(move || changes.conflict.with(|conflict| conflict.as_ref().map_or(0, |it| it.others)));
    let replace = Signal::derive(move || match kind.get() {
        Replacement::File => Some(prefs.words().replace),
        Replacement::Merge => Some(prefs.words().merge),
        Replacement::Impossible => None,
    });
    let title = Signal::derive(move || {
        let name = changes.conflict.with(|conflict| conflict.as_ref().map(|it| it.name.clone()).unwrap_or_default());
        fill(prefs.words().conflict_title, &[("name", &name)])
    });
    view! {
        <ConflictDialog open title sentence
            new=side(|conflict| conflict.new.as_ref()) existing=side(|conflict| conflict.existing.as_ref())
            others replace on_answer />
    }
}

/// The size and date of an entry.
fn describe(prefs: Prefs, entry: &Entry) -> String {
    let date = format::date(prefs.lang.get(), entry.modified.milliseconds());
    match entry.is_file() {
        true => format!("{} · {date}", prefs.size(entry.size)),
        false => format!("{} · {date}", prefs.words().folder),
    }
}
