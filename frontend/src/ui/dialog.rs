//! Modal dialogs, by the `<dialog>` element, which traps the focus, closes on Escape, and restores the focus.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::button::Button;
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused, once_rendered};

/// A modal dialog with a title and a button that closes it, which has the focus first unless `first_inside`.
#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// CSS classes.
    class: &'static str,
    /// True if an element among the children has the focus first.
    #[prop(optional)]
    first_inside: bool,
    children: ChildrenFn,
) -> AnyView {
    let prefs = Prefs::get();
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only for an element outside the document.
            let _ = dialog.show_modal();
            // If the children were rendered after `show_modal`, the browser found no element with `autofocus`.
            once_rendered(move || {
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
        let backdrop = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlDialogElement>().ok());
        if backdrop.is_some() {
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

/// A group of radio buttons in a row.
#[component]
pub fn Choice(
    #[prop(into)] legend: Signal<&'static str>,
    /// The `name` of the radio buttons.
    name: &'static str,
    /// The label of each button.
    options: Vec<Signal<&'static str>>,
    /// Index of the current option.
    value: Signal<usize>,
    /// Receives the index of the option that the user selects.
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
