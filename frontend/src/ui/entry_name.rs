//! The name of an entry: where it does not fit, the ellipsis stands before its extension.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::name_parts::parts;

/// The name in two parts, of which the second is never cut.
#[component]
pub fn EntryName(#[prop(into)] name: Signal<String>) -> AnyView {
    let part = move |choose: fn(&str) -> &str| Signal::derive(move || name.with(|name| choose(name).to_owned()));
    view! {
        <bdi>
            <span class="stem">{part(|name| parts(name).0)}</span>
            <span class="extension">{part(|name| parts(name).1)}</span>
        </bdi>
    }
    .into_any()
}
