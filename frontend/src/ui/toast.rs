//! Short messages in a corner. A message of success disappears by itself; one of failure stays until the user closes
//! it.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::button::Button;
use super::element_size::measured_later;
use super::icon::Icon;
use super::virtual_list::pixels;
use crate::env::prefs::Prefs;

/// How long a message of success stays: enough to read it and to press its undo button.
const DURATION: Duration = Duration::from_secs(10);
/// How often the remaining time is checked. It does not run while the pointer or the focus is on a message.
const TICK: Duration = Duration::from_millis(250);

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// An operation runs.
    Busy,
    /// An operation succeeded.
    Good,
    /// Neither a success nor a failure.
    Notice,
    /// An operation failed.
    Bad,
}

/// One message.
#[derive(Clone)]
struct Toast {
    id: u32,
    tone: Tone,
    text: String,
    action: Option<Action>,
}

/// The action of a button that also closes the message.
#[derive(Clone, Copy)]
pub struct Action {
    pub label: Signal<&'static str>,
    pub run: Callback<()>,
}

/// The messages in sight. A copy is the same state.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u32>,
    /// True while the pointer or the focus is on a message.
    held: RwSignal<bool>,
    /// Height in pixels of what the messages stay above.
    below: RwSignal<f64>,
    /// The owner of what [`Toasts::keep`] makes.
    owner: StoredValue<Owner>,
    prefs: Prefs,
}

impl Toasts {
    /// Provides the messages to the components.
    pub fn provide() -> Self {
        let toasts = Self {
            list: RwSignal::new(Vec::new()),
            next: StoredValue::new(0),
            held: RwSignal::new(false),
            below: RwSignal::new(0.0),
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
            prefs: Prefs::get(),
        };
        provide_context(toasts);
        toasts
    }

    /// Keeps the messages above an element at the foot of the page, whose buttons they would cover, until it is removed.
    /// Its height is a property of the messages alone: as one of the page, the browser would style every row again.
    pub fn stay_above<E>(self, node: NodeRef<E>)
    where
        E: ElementType + 'static,
        E::Output: JsCast + Clone + 'static,
    {
        let size = measured_later(node);
        let counted = StoredValue::new(0.0);
        let count = move |height: f64| {
            let before = counted.try_get_value().unwrap_or_default();
            if height != before {
                counted.set_value(height);
                self.below.update(|below| *below += height - before);
            }
        };
        Effect::new(move |_| count(size.get().1));
        on_cleanup(move || count(0.0));
    }

    /// Runs `make`; the signals and callbacks that it creates live as long as the page. Without it they would be those
    /// of the view whose handler runs, and a message with its button outlives that view.
    pub fn keep<T>(self, make: impl FnOnce() -> T) -> T {
        self.owner.get_value().with(make)
    }

    /// Shows a message with a button that cancels, or one that only closes it. Returns its id.
    pub fn show(self, tone: Tone, text: String, cancel: Option<Callback<()>>) -> u32 {
        let label = self.keep(|| self.prefs.text(|words| words.cancel));
        self.show_with_action(tone, text, cancel.map(|run| Action { label, run }))
    }

    /// Shows a message with an action, or a button that only closes it. Returns its id.
    pub fn show_with_action(self, tone: Tone, text: String, action: Option<Action>) -> u32 {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| {
            // The same text again tells the user nothing new; the newest has the action that still applies.
            list.retain(|toast| (toast.tone, &toast.text) != (tone, &text));
            list.push(Toast { id, tone, text, action });
        });
        if matches!(tone, Tone::Good | Tone::Notice) {
            self.dismiss_after(id, DURATION);
        }
        id
    }

    /// Removes a message.
    pub fn dismiss(self, id: u32) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
        // Removing an element under the pointer or with the focus does not always fire `mouseleave` or `focusout`.
        self.held.set(false);
    }

    /// Removes a message after the time `rest`, which stops while messages are held.
    fn dismiss_after(self, id: u32, rest: Duration) {
        let tick = move || match (self.held.get_untracked(), rest.checked_sub(TICK)) {
            (true, _) => self.dismiss_after(id, rest),
            (false, Some(rest)) if !rest.is_zero() => self.dismiss_after(id, rest),
            (false, _) => self.dismiss(id),
        };
        set_timeout(tick, TICK.min(rest));
    }
}

/// The regions of the messages. Both are always rendered, because screen readers announce changes of existing regions
/// only.
#[component]
pub fn ToastHost() -> impl IntoView {
    let toasts: Toasts = expect_context();
    let of = move |bad: bool| {
        move || toasts.list.get().into_iter().filter(|toast| (toast.tone == Tone::Bad) == bad).collect::<Vec<_>>()
    };
    let hold = move |held: bool| toasts.held.set(held);
    view! {
        <div class="toasts" style:--below=move || pixels(toasts.below.get()) on:mouseenter=move |_| hold(true) on:mouseleave=move |_| hold(false)
            on:focusin=move |_| hold(true) on:focusout=move |_| hold(false)>
            <div role="alert">
                <For each=of(true) key=|toast| toast.id let:toast><ToastView toast /></For>
            </div>
            <div role="status">
                <For each=of(false) key=|toast| toast.id let:toast><ToastView toast /></For>
            </div>
        </div>
    }
}

#[component]
fn ToastView(toast: Toast) -> impl IntoView {
    let prefs = Prefs::get();
    let toasts: Toasts = expect_context();
    let Toast { id, tone, text, action } = toast;
    let (class, icon) = match tone {
        Tone::Busy => ("toast busy", "spinner"),
        Tone::Good => ("toast good", "check"),
        Tone::Notice => ("toast", "info"),
        Tone::Bad => ("toast bad", "warning"),
    };
    let close = Callback::new(move |()| toasts.dismiss(id));
    let button = match action {
        Some(Action { label, run }) => {
            let press = Callback::new(move |()| {
                toasts.dismiss(id);
                run.run(());
            });
            view! { <Button label class="button quiet strong" press /> }
        }
        None => view! { <Button label=prefs.text(|words| words.close) class="button quiet" press=close /> },
    };
    view! {
        <div class=class>
            <Icon name=icon />
            <p>{text}</p>
            {button}
        </div>
    }
}
