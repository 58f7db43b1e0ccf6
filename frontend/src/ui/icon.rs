//! An icon. The drawings are symbols in `index.html`, so that a row changes its icon by changing one attribute.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

/// One of the drawings, beside words that say the same.
#[component]
pub fn Icon(
    /// The symbol's name.
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
