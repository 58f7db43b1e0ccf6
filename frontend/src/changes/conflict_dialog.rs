//! What stands in the way of a change: one dialog, which shows both sides and takes one answer for as many as the person
//! likes.

use js_sys::Promise;
use leptos::prelude::*;
use shared::api::files::StatEntry;
use shared::{Change, Entry, Outcome, VPath};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::execute::Done;
use super::model::conflict::{Answer, Replacing, again, pick, replacing, waiting};
use super::model::scheduler::Needs;
use super::model::{Origin, verb::subject};
use super::state::{Changes, Question};
use super::tasks::Task;
use crate::env::format;
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::net::api::call;
use crate::printable::printable;
use crate::ui::button::Button;
use crate::ui::dialog::Dialog;

impl Changes {
    /// Asks the person about what stands in the way, and carries the answers out.
    pub(super) async fn settle_conflicts(self, task: &Task, done: &mut Vec<Done>) {
        let mut others: usize = done.iter().map(|(change, outcomes)| conflicts(change, outcomes).len()).sum();
        if others == 0 {
            return;
        }
        // Another change may be asking: the person answers one at a time. With no place in that line it stays undone.
        let Some(turn) = self.askers.join(Origin::New, Needs::All) else { return };
        turn.come().await;
        let mut for_all = None;
        let mut more = Vec::new();
        for (change, outcomes) in done.iter_mut() {
            let indices = conflicts(change, outcomes);
            let mut answers = Vec::new();
            for &index in &indices {
                others -= 1;
                let answer = match for_all {
                    Some(answer) => answer,
                    None => {
                        let (answer, all) = self.ask_person(change, index, others).await;
                        for_all = all.then_some(answer);
                        answer
                    }
                };
                answers.push((index, answer));
            }
            for wanted in [Answer::KeepBoth, Answer::Replace] {
                let chosen: Vec<_> =
                    answers.iter().filter(|(_, answer)| *answer == wanted).map(|(index, _)| *index).collect();
                more.extend(again(change, &chosen, wanted));
            }
            forget(change, outcomes, &answers);
        }
        drop(turn);
        for change in more {
            done.extend(self.carry_out_now(task, change, Origin::New).await);
        }
    }

    async fn ask_person(self, change: &Change, index: usize, others: usize) -> (Answer, bool) {
        let (from, to) = sides(change, index);
        let name = to.as_ref().or(from.as_ref()).map(|path| printable(path.name())).unwrap_or_default();
        let question = Question { name, new: stat(from).await, old: stat(to).await, others };
        self.answer.set_value(None);
        let mut answered = None;
        let promise = Promise::new(&mut |resolve, _| answered = Some(resolve));
        self.answered.set_value(answered);
        self.question.set(Some(question));
        // The promise is only ever resolved.
        let _ = JsFuture::from(promise).await;
        // Whoever closes the dialog wants none of it.
        self.answer.try_update_value(Option::take).flatten().unwrap_or((Answer::Skip, true))
    }

    fn wake(self) {
        let answered = self.answered.try_update_value(Option::take).flatten();
        if let Some(answered) = answered {
            let _ = answered.call0(&JsValue::UNDEFINED);
        }
    }
}

/// The items to ask about; a folder that is made has no other side.
fn conflicts(change: &Change, outcomes: &[Outcome]) -> Vec<usize> {
    match change {
        Change::Move { .. } | Change::Copy { .. } | Change::Restore { .. } => waiting(outcomes),
        _ => Vec::new(),
    }
}

/// What was answered is no failure any more: skipped, or asked for once more.
fn forget(change: &mut Change, outcomes: &mut Vec<Outcome>, answers: &[(usize, Answer)]) {
    for (index, answer) in answers {
        if *answer == Answer::Skip {
            outcomes[*index] = Outcome::Skipped;
        }
    }
    let redone = |index: usize| answers.iter().any(|(at, answer)| *at == index && *answer != Answer::Skip);
    let rest: Vec<_> = (0..outcomes.len()).filter(|index| !redone(*index)).collect();
    if rest.len() < outcomes.len() {
        *outcomes = rest.iter().map(|index| outcomes[*index].clone()).collect();
        // With nothing left, neither has an item.
        if let Some(rest) = pick(change, &rest) {
            *change = rest;
        }
    }
}

fn sides(change: &Change, index: usize) -> (Option<VPath>, Option<VPath>) {
    match change {
        Change::Move { items, .. } | Change::Copy { items, .. } => {
            let leg = items.get(index);
            (leg.map(|leg| leg.from.clone()), leg.map(|leg| leg.to.clone()))
        }
        _ => (None, subject(change, index).cloned()),
    }
}

async fn stat(path: Option<VPath>) -> Option<Entry> {
    call(&StatEntry { path: path? }, None).await.ok()
}

/// The dialog.
#[component]
pub fn ConflictDialog() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let open = RwSignal::new(false);
    let all = RwSignal::new(false);
    Effect::new(move |_| {
        let asked = changes.question.with(Option::is_some);
        open.set(asked);
        all.set(false);
    });
    Effect::new(move |_| {
        if !open.get() && changes.question.with_untracked(Option::is_some) && changes.answer.with_value(Option::is_none)
        {
            changes.question.set(None);
            changes.wake();
        }
    });
    let give = move |answer| {
        Callback::new(move |()| {
            changes.answer.set_value(Some((answer, all.get_untracked())));
            changes.question.set(None);
            changes.wake();
        })
    };
    let kind = Memo::new(move |_| {
        changes.question.with(|asked| {
            asked.as_ref().map_or(Replacing::File, |asked| replacing(asked.new.as_ref(), asked.old.as_ref()))
        })
    });
    let text = move || {
        let words = prefs.words();
        let sentence = match kind.get() {
            Replacing::File => words.taken_file,
            Replacing::Merge => words.taken_folder,
            Replacing::Impossible => words.taken_kinds,
        };
        changes
            .question
            .with(|asked| asked.as_ref().map(|asked| fill(sentence, &[("name", &asked.name)])).unwrap_or_default())
    };
    let side = move |new: bool| {
        changes.question.with(|asked| {
            let asked = asked.as_ref()?;
            describe(prefs, if new { asked.new.as_ref() } else { asked.old.as_ref() })
        })
    };
    let others = move || changes.question.with(|asked| asked.as_ref().map_or(0, |asked| asked.others));
    let replace_label = Signal::derive(move || match kind.get() {
        Replacing::Merge => prefs.words().merge,
        _ => prefs.words().replace,
    });
    let impossible = Signal::derive(move || kind.get() == Replacing::Impossible);
    view! {
        <Dialog open title=prefs.text(|words| words.taken_title) class="asking" first_inside=true>
            <p>{text}</p>
            <dl class="sides">
                {move || side(true).map(|line| view! { <div><dt>{prefs.text(|words| words.taken_new)}</dt><dd>{line}</dd></div> })}
                {move || side(false).map(|line| view! { <div><dt>{prefs.text(|words| words.taken_old)}</dt><dd>{line}</dd></div> })}
            </dl>
            <Show when=move || { others() > 0 }>
                <label class="choice-option">
                    <input type="checkbox" prop:checked=all on:change=move |event| all.set(event_target_checked(&event)) />
                    <span>{move || prefs.counted(|words| &words.apply_to_all, others())}</span>
                </label>
            </Show>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.skip_it) class="button" press=give(Answer::Skip) />
                <Show when=move || !impossible.get()>
                    <Button label=replace_label class="button" press=give(Answer::Replace) />
                </Show>
                <Button label=prefs.text(|words| words.keep_both) class="button primary" first=true press=give(Answer::KeepBoth) />
            </div>
        </Dialog>
    }
}

/// How large and how old it is.
fn describe(prefs: Prefs, entry: Option<&Entry>) -> Option<String> {
    let entry = entry?;
    let date = format::date(prefs.lang.get(), entry.modified.milliseconds());
    Some(match entry.is_file() {
        true => format!("{} · {date}", prefs.size(entry.size)),
        false => format!("{} · {date}", prefs.words().folder),
    })
}
