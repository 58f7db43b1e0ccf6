//! An icon. The drawings are symbols in `index.html`, so that a row changes its icon by changing one attribute.

use leptos::prelude::*;

/// One of the drawings, beside words that say the same.
#[component]
pub fn Icon(
    /// The symbol's name.
    #[prop(into)]
    name: Signal<&'static str>,
) -> impl IntoView {
    view! {
        <svg class=move || format!("icon icon-{}", name.get()) aria-hidden="true" focusable="false">
            <use href=move || format!("#icon-{}", name.get())></use>
        </svg>
    }
}
