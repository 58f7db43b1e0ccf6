//! The cards below the list: a card for each running change, with its progress and a button that cancels it, and a card
//! for the failed items of a change, with the reasons and a button that retries them.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;

use super::model::Verb;
use super::report::in_progress;
use super::state::Changes;
use super::submission::Submission;
use super::task::{FailedItem, Task, TaskState};
use crate::env::prefs::Prefs;
use crate::i18n::{Counted, Words, fill};
use crate::ui::button::Button;
use crate::ui::icon::Icon;

/// Most failed items that a card lists; it only counts the others.
const FAILURES_SHOWN_MAX: usize = 20;

/// The cards of all tasks.
#[component]
pub fn TaskCards() -> impl IntoView {
    let changes = Changes::get();
    let node = NodeRef::<html::Div>::new();
    changes.toasts.stay_above(node);
    view! {
        <div class="tasks" node_ref=node>
            <For each=move || changes.tasks.get() key=|task| task.id let:task>
                {if task.is_running() { view! { <RunningCard task /> }.into_any() } else { view! { <FailureCard task /> }.into_any() }}
            </For>
        </div>
    }
}

#[component]
fn RunningCard(task: Task) -> impl IntoView {
    let prefs = Prefs::get();
    let state = task.state.clone();
    let (verb, count) = (task.verb, task.count);
    let title = move || match verb {
        Some(verb) => prefs.counted(in_progress(verb), count),
        None => prefs.words().doing_unknown.to_owned(),
    };
    let rate = {
        let state = state.clone();
        move || state.with(TaskState::entries_per_second)
    };
    let status = Signal::derive(move || state.with(|state| (state.progress(), state.is_retrying(), state.canceling)));
    let detail = move || {
        let (progress, retrying, canceling) = status.get();
        let words = prefs.words();
        if canceling {
            return words.canceling.to_owned();
        }
        if retrying {
            return words.retrying_request.to_owned();
        }
        let number = |value: u64| prefs.number(usize::try_from(value).unwrap_or(usize::MAX));
        let total = progress.entries_total.max(count as u64);
        let mut text = fill(words.progress_entries, &[("n", &number(progress.entries)), ("total", &number(total))]);
        if progress.bytes_total > 0 {
            let bytes = [("n", prefs.size(progress.bytes)), ("total", prefs.size(progress.bytes_total))];
            let bytes: Vec<_> = bytes.iter().map(|(key, value)| (*key, value.as_str())).collect();
            text = format!("{text} · {}", fill(words.progress_entries, &bytes));
        }
        if let Some(rate) = rate() {
            text = format!("{text} · {}", fill(words.entries_per_second, &[("n", &number(rate))]));
        }
        text
    };
    let value = move || {
        let progress = status.get().0;
        match progress.bytes_total {
            0 => percent(progress.entries, progress.entries_total.max(count as u64)),
            total => percent(progress.bytes, total),
        }
    };
    let canceling = Signal::derive(move || status.get().2);
    let task = StoredValue::new(task);
    let cancel = Callback::new(move |()| task.with_value(Task::cancel));
    view! {
        <section class="task">
            <Icon name="spinner" />
            <div class="task-text">
                <p role="status">{title}</p>
                <p class="task-detail">{detail}</p>
                <progress max="100" value=value aria-label=title></progress>
            </div>
            <Button label=prefs.text(|words| words.cancel) class="button" disabled=canceling press=cancel />
        </section>
    }
}

#[component]
fn FailureCard(task: Task) -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let state = task.state.get_untracked();
    let (id, count, verb) = (task.id, task.count, task.verb.unwrap_or(Verb::Moved));
    let can_retry = !state.retry.is_empty();
    let requests = StoredValue::new(state.retry);
    let close = move || changes.tasks.update(|tasks| tasks.retain(|task| task.id != id));
    let retry = Callback::new(move |()| {
        close();
        changes.run(Submission::of(requests.get_value(), verb));
    });
    let shown: Vec<_> = state.failed.iter().take(FAILURES_SHOWN_MAX).cloned().collect();
    let rest = count - shown.len();
    let lines = move || {
        let line = |failed: &FailedItem| view! { <li>{failed.sentences(prefs.words())}</li> };
        shown.iter().map(line).collect_view()
    };
    let title: fn(&'static Words) -> &'static Counted = match state.failed.iter().any(|item| item.inner.is_some()) {
        true => |words| &words.incomplete_count,
        false => |words| &words.failed_count,
    };
    view! {
        <section class="task failed">
            <Icon name="warning" />
            <div class="task-text">
                <p role="alert">{move || prefs.counted(title, count)}</p>
                <ul class="task-failures">{lines}</ul>
                {(rest > 0).then(|| view! { <p>{move || prefs.counted(|words| &words.more_failed_count, rest)}</p> })}
            </div>
            {can_retry.then(|| view! { <Button label=prefs.text(|words| words.retry) class="button" press=retry /> })}
            <Button label=prefs.text(|words| words.dismiss) class="button quiet" press=Callback::new(move |()| close()) />
        </section>
    }
}

/// `part` of `total` in whole per cent.
fn percent(part: u64, total: u64) -> String {
    (part.min(total).saturating_mul(100) / total.max(1)).to_string()
}
