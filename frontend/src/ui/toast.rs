//! Short messages in a corner. What went well leaves by itself; what failed stays until it is dismissed.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;

use super::button::Button;
use super::icon::Icon;
use crate::env::prefs::Prefs;

/// How long what went well stays: long enough to read it, and to press the button that takes it back.
const STAYS: Duration = Duration::from_secs(10);
/// How often it is looked whether the time has passed that nobody looks at a message.
const TICK: Duration = Duration::from_millis(250);

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something is going on; a later message takes its place.
    Busy,
    /// Something went well.
    Good,
    /// Something failed.
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

/// What a message's button does besides taking the message away.
#[derive(Clone, Copy)]
pub struct Action {
    /// In words.
    pub label: Signal<&'static str>,
    /// Does it.
    pub run: Callback<()>,
}

/// The messages in sight.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u32>,
    /// While the pointer or the focus is on a message, none leaves.
    held: RwSignal<bool>,
    prefs: Prefs,
}

impl Toasts {
    /// Provides them to the components.
    pub fn provide() -> Self {
        let toasts = Self {
            list: RwSignal::new(Vec::new()),
            next: StoredValue::new(0),
            held: RwSignal::new(false),
            prefs: Prefs::get(),
        };
        provide_context(toasts);
        toasts
    }

    /// Shows a message that can be cancelled, or merely closed; answers its id.
    pub fn show(self, tone: Tone, text: String, cancel: Option<Callback<()>>) -> u32 {
        let label = self.prefs.text(|words| words.cancel);
        self.show_with_action(tone, text, cancel.map(|run| Action { label, run }))
    }

    /// Shows a message with something to do about it; answers its id.
    pub fn show_with_action(self, tone: Tone, text: String, action: Option<Action>) -> u32 {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| list.push(Toast { id, tone, text, action }));
        if tone == Tone::Good {
            self.leave_after(id, STAYS);
        }
        id
    }

    /// Takes a message away.
    pub fn dismiss(self, id: u32) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
        // An element that goes from under the pointer or with the focus does not always say that it lost them.
        self.held.set(false);
    }

    /// Takes a message away once nobody looked at any for so long.
    fn leave_after(self, id: u32, rest: Duration) {
        let tick = move || match (self.held.get_untracked(), rest.checked_sub(TICK)) {
            (true, _) => self.leave_after(id, rest),
            (false, Some(rest)) if !rest.is_zero() => self.leave_after(id, rest),
            (false, _) => self.dismiss(id),
        };
        set_timeout(tick, TICK.min(rest));
    }
}

/// Where the messages appear. Both regions are always there: a screen reader watches only what was there before.
#[component]
pub fn ToastHost() -> impl IntoView {
    let toasts: Toasts = expect_context();
    let of = move |bad: bool| {
        move || toasts.list.get().into_iter().filter(|toast| (toast.tone == Tone::Bad) == bad).collect::<Vec<_>>()
    };
    let hold = move |held: bool| toasts.held.set(held);
    view! {
        <div class="toasts" on:mouseenter=move |_| hold(true) on:mouseleave=move |_| hold(false)
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
