//! Short messages in a corner. What went well leaves by itself; what failed stays until it is dismissed.

use std::time::Duration;

use leptos::prelude::*;

use super::button::Button;
use super::icon::Icon;
use crate::env::prefs::Prefs;

const STAYS: Duration = Duration::from_secs(8);

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
    cancel: Option<Callback<()>>,
}

/// The messages in sight.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u32>,
    /// While the pointer or the focus is on a message, none leaves.
    held: RwSignal<bool>,
}

impl Toasts {
    /// Provides them to the components.
    pub fn provide() -> Self {
        let toasts = Self { list: RwSignal::new(Vec::new()), next: StoredValue::new(0), held: RwSignal::new(false) };
        provide_context(toasts);
        toasts
    }

    /// Shows a message; answers its id.
    pub fn show(self, tone: Tone, text: String, cancel: Option<Callback<()>>) -> u32 {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| list.push(Toast { id, tone, text, cancel }));
        if tone == Tone::Good {
            self.leave_later(id);
        }
        id
    }

    /// Takes a message away.
    pub fn dismiss(self, id: u32) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }

    fn leave_later(self, id: u32) {
        let leave = move || if self.held.get_untracked() { self.leave_later(id) } else { self.dismiss(id) };
        set_timeout(leave, STAYS);
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
    let Toast { id, tone, text, cancel } = toast;
    let (class, icon) = match tone {
        Tone::Busy => ("toast busy", "spinner"),
        Tone::Good => ("toast good", "check"),
        Tone::Bad => ("toast bad", "warning"),
    };
    let label = Signal::derive(move || if cancel.is_some() { prefs.words().cancel } else { prefs.words().close });
    let press = Callback::new(move |()| {
        if let Some(cancel) = cancel {
            cancel.run(());
        }
        toasts.dismiss(id);
    });
    view! {
        <div class=class>
            <Icon name=icon />
            <p>{text}</p>
            <Button label class="button quiet" press />
        </div>
    }
}
