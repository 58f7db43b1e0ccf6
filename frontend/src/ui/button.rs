//! A button with a label and an optional icon. One component for all buttons keeps the program small.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::icon::Icon;

/// The button.
#[component]
pub fn Button(
    #[prop(into)] label: Signal<&'static str>,
    /// Name of the icon before the label.
    #[prop(optional)]
    icon: Option<&'static str>,
    /// CSS classes.
    class: &'static str,
    /// True for the button that has the focus when its dialog opens.
    #[prop(optional)]
    first: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    press: Callback<()>,
) -> AnyView {
    // A narrow bar shows only the icon.
    let title = move || class.contains("iconic").then(|| label.get());
    view! {
        <button type="button" class=class title=title autofocus=first disabled=disabled on:click=move |_| press.run(())>
            {icon.map(|icon| view! { <Icon name=icon /> })}
            <span>{label}</span>
        </button>
    }
    .into_any()
}
