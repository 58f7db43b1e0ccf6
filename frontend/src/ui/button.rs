//! A button: words, mostly with an icon before them. One component for all of them keeps the program small, too.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::icon::Icon;

/// A button that does one thing.
#[component]
pub fn Button(
    /// What it does, in words.
    #[prop(into)]
    label: Signal<&'static str>,
    /// The drawing before the words; none for words alone.
    #[prop(optional)]
    icon: Option<&'static str>,
    /// How it looks, in the style sheet.
    class: &'static str,
    /// The first to have the focus in a dialog.
    #[prop(optional)]
    first: bool,
    /// There is nothing for it to do.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// What it does.
    press: Callback<()>,
) -> AnyView {
    view! {
        <button type="button" class=class autofocus=first disabled=disabled on:click=move |_| press.run(())>
            {icon.map(|icon| view! { <Icon name=icon /> })}
            <span>{label}</span>
        </button>
    }
    .into_any()
}
