//! An icon. The icons are symbols in `index.html`, so that changing the icon of a row changes one attribute.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

/// An icon beside a text, hidden from screen readers.
#[component]
pub fn Icon(
    /// Name of the symbol, without `icon-`.
    #[prop(into)]
    name: Signal<&'static str>,
) -> AnyView {
    let class = Signal::derive(move || format!("icon icon-{}", name.get()));
    let href = Signal::derive(move || format!("#icon-{}", name.get()));
    view! {
        <svg class=class aria-hidden="true" focusable="false">
            <use href=href></use>
        </svg>
    }
    .into_any()
}
