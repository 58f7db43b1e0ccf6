//! A dialog, on the browser's own `<dialog>`: that keeps the focus inside, closes on Escape, and gives the focus back.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::button::Button;
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused};

/// A modal dialog with a title and a way out, which has the focus first.
#[component]
pub fn Dialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// What it is about.
    #[prop(into)]
    title: Signal<&'static str>,
    /// Where it stands and how it looks, in the style sheet.
    class: &'static str,
    /// Something inside has the focus first, and not the way out.
    #[prop(optional)]
    first_inside: bool,
    children: ChildrenFn,
) -> AnyView {
    let prefs = Prefs::get();
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // It fails only for a dialog that is not in the document, and this one is.
            let _ = dialog.show_modal();
            // What is inside may be drawn only after this, and then the browser found nothing to give the focus to.
            request_animation_frame(move || {
                if focused().is_some_and(|element| element.is_same_node(Some(&dialog)))
                    && let Ok(Some(first)) = dialog.query_selector("[autofocus]")
                {
                    focus_element(first.unchecked_ref());
                }
            });
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    let close_on_backdrop = move |event: leptos::ev::MouseEvent| {
        let itself = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlDialogElement>().ok());
        if itself.is_some() {
            open.set(false);
        }
    };
    view! {
        <dialog node_ref=node class=format!("dialog {class}") aria-label=title
            on:close=move |_| open.set(false) on:click=close_on_backdrop>
            <Show when=move || open.get()>
                <div class="dialog-body">
                    <header class="dialog-head">
                        <h2>{title}</h2>
                        <Button label=prefs.text(|words| words.close) icon="close" class="button quiet" first=!first_inside
                            press=Callback::new(move |()| open.set(false)) />
                    </header>
                    {children()}
                </div>
            </Show>
        </dialog>
    }
    .into_any()
}

/// An open state that follows `pending`: open while `pending` is `Some`; closing the dialog sets `pending` to `None`.
pub fn open_while_some<T: Send + Sync + 'static>(pending: RwSignal<Option<T>>) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(pending.with(Option::is_some)));
    Effect::new(move |before: Option<bool>| {
        let now = open.get();
        if before == Some(true) && !now && pending.with_untracked(Option::is_some) {
            pending.set(None);
        }
        now
    });
    open
}

/// A choice of one among a few, as radio buttons in a row.
#[component]
pub fn Choice(
    /// What is chosen.
    #[prop(into)]
    legend: Signal<&'static str>,
    /// Keeps the buttons together.
    name: &'static str,
    /// The words of each.
    options: Vec<Signal<&'static str>>,
    /// Which of them it is at the moment.
    value: Signal<usize>,
    /// Takes the choice.
    choose: Callback<usize>,
) -> AnyView {
    let buttons = options.into_iter().enumerate().map(|(option, label)| {
        let checked = Signal::derive(move || value.get() == option);
        view! {
            <label class="choice-option">
                <input type="radio" name=name prop:checked=checked on:change=move |_| choose.run(option) />
                <span>{label}</span>
            </label>
        }
    });
    view! {
        <fieldset class="choice">
            <legend>{legend}</legend>
            <div class="choice-row">{buttons.collect_view()}</div>
        </fieldset>
    }
    .into_any()
}
