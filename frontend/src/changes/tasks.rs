//! Changes that take longer than a moment: a card for each with how far it is and a way to stop it, and a card for what
//! failed, with reasons and a way to try again. The cards stand below the list and cover nothing.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::CancelJob;
use shared::change::Progress;
use shared::{Change, ErrorCode, JobId};

use super::model::Verb;
use super::report::doing;
use super::state::Changes;
use crate::env::prefs::Prefs;
use crate::failure::of_change;
use crate::i18n::fill;
use crate::net::api::call_retrying;
use crate::ui::button::Button;
use crate::ui::icon::Icon;

/// Failures that a card lists; more are counted.
const FAILURES_SHOWN_MAX: usize = 20;

/// A change on its way, or what failed of one.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) id: u32,
    verb: Option<Verb>,
    count: usize,
    state: ArcRwSignal<State>,
}

#[derive(Clone, Default)]
struct State {
    running: bool,
    waiting: bool,
    stopping: bool,
    job: Option<JobId>,
    /// Of the requests that ended.
    before: Progress,
    now: Progress,
    failed: Vec<Failed>,
    again: Vec<Change>,
}

/// One item that failed.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) code: ErrorCode,
}

impl Task {
    pub(super) fn new(id: u32, verb: Option<Verb>, count: usize) -> Self {
        Self { id, verb, count, state: ArcRwSignal::new(State { running: true, ..State::default() }) }
    }

    /// A card for what failed, with what to ask for to try again.
    pub(super) fn of_failures(id: u32, verb: Verb, failed: Vec<Failed>, again: Vec<Change>) -> Self {
        let count = failed.len();
        Self { id, verb: Some(verb), count, state: ArcRwSignal::new(State { failed, again, ..State::default() }) }
    }

    pub(super) fn begin(&self, job: Option<JobId>) {
        self.state.update(|state| state.job = job);
    }

    pub(super) fn wait(&self, waiting: bool) {
        if self.state.with_untracked(|state| state.waiting != waiting) {
            self.state.update(|state| state.waiting = waiting);
        }
    }

    pub(super) fn show(&self, progress: Progress) {
        self.state.update(|state| state.now = progress);
    }

    /// A request ended; the next one counts from there.
    pub(super) fn finish(&self, progress: Progress) {
        self.state.update(|state| {
            state.before = sum(state.before, progress);
            state.now = Progress::default();
        });
    }

    pub(super) fn end(&self) {
        self.state.update(|state| state.running = false);
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.with_untracked(|state| state.running)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.state.with_untracked(|state| state.stopping)
    }

    fn stop(&self) {
        self.state.update(|state| state.stopping = true);
        if let Some(id) = self.state.with_untracked(|state| state.job) {
            spawn_local(async move {
                // Where this fails, the change itself says what became of it.
                let _ = call_retrying(&CancelJob { id }, None, |_| ()).await;
            });
        }
    }
}

fn sum(one: Progress, other: Progress) -> Progress {
    Progress {
        entries: one.entries + other.entries,
        entries_total: one.entries_total + other.entries_total,
        bytes: one.bytes + other.bytes,
        bytes_total: one.bytes_total + other.bytes_total,
    }
}

/// The cards.
#[component]
pub fn TaskCards() -> impl IntoView {
    let changes = Changes::get();
    view! {
        <div class="tasks">
            <For each=move || changes.tasks.get() key=|task| task.id let:task>
                {if task.is_running() { view! { <Running task /> }.into_any() } else { view! { <Failures task /> }.into_any() }}
            </For>
        </div>
    }
}

#[component]
fn Running(task: Task) -> impl IntoView {
    let prefs = Prefs::get();
    let state = task.state.clone();
    let (verb, count) = (task.verb, task.count);
    let title = move || match verb {
        Some(verb) => prefs.counted(doing(verb), count),
        None => prefs.words().doing_something.to_owned(),
    };
    let how = Signal::derive({
        let state = state.clone();
        move || state.with(|state| (sum(state.before, state.now), state.waiting, state.stopping))
    });
    let detail = move || {
        let (progress, waiting, stopping) = how.get();
        let words = prefs.words();
        if stopping {
            return words.stopping.to_owned();
        }
        if waiting {
            return words.waiting_again.to_owned();
        }
        let whole = |value: u64| prefs.number(usize::try_from(value).unwrap_or(usize::MAX));
        let total = progress.entries_total.max(count as u64);
        let mut text = fill(words.progress_entries, &[("n", &whole(progress.entries)), ("total", &whole(total))]);
        if progress.bytes_total > 0 {
            let bytes = [("n", prefs.size(progress.bytes)), ("total", prefs.size(progress.bytes_total))];
            let bytes: Vec<_> = bytes.iter().map(|(key, value)| (*key, value.as_str())).collect();
            text = format!("{text} · {}", fill(words.progress_entries, &bytes));
        }
        text
    };
    let value = move || {
        let progress = how.get().0;
        match progress.bytes_total {
            0 => percent(progress.entries, progress.entries_total.max(count as u64)),
            total => percent(progress.bytes, total),
        }
    };
    let stopping = Signal::derive(move || how.get().2);
    let stop = Callback::new({
        let task = StoredValue::new(task.clone());
        move |()| task.with_value(Task::stop)
    });
    view! {
        <section class="task">
            <Icon name="spinner" />
            <div class="task-text">
                <p role="status">{title}</p>
                <p class="task-detail">{detail}</p>
                <progress max="100" value=value aria-label=title></progress>
            </div>
            <Button label=prefs.text(|words| words.cancel) class="button" disabled=stopping press=stop />
        </section>
    }
}

#[component]
fn Failures(task: Task) -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let state = task.state.get_untracked();
    let (id, count, verb) = (task.id, state.failed.len(), task.verb.unwrap_or(Verb::Moved));
    let retries = !state.again.is_empty();
    let again = StoredValue::new(state.again);
    let close = move || changes.tasks.update(|tasks| tasks.retain(|task| task.id != id));
    let retry = Callback::new(move |()| {
        close();
        changes.start(again.get_value(), verb);
    });
    let shown: Vec<_> = state.failed.iter().take(FAILURES_SHOWN_MAX).cloned().collect();
    let lines = move || {
        let line = |failed: &Failed| {
            let why = prefs.words().explain(of_change(failed.code));
            view! { <li><bdi>{failed.name.clone()}</bdi>" – "{why.title}". "{why.advice}</li> }
        };
        shown.iter().map(line).collect_view()
    };
    let rest = count.saturating_sub(FAILURES_SHOWN_MAX);
    view! {
        <section class="task failed">
            <Icon name="warning" />
            <div class="task-text">
                <p role="alert">{move || prefs.counted(|words| &words.all_failed, count)}</p>
                <ul class="task-failures">{lines}</ul>
                {(rest > 0).then(|| view! { <p>{move || prefs.counted(|words| &words.more_failed, rest)}</p> })}
            </div>
            {retries.then(|| view! { <Button label=prefs.text(|words| words.retry) class="button" press=retry /> })}
            <Button label=prefs.text(|words| words.dismiss) class="button quiet" press=Callback::new(move |()| close()) />
        </section>
    }
}

fn percent(part: u64, whole: u64) -> String {
    (part.min(whole).saturating_mul(100) / whole.max(1)).to_string()
}
