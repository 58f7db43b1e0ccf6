//! Choosing the order where there are no column headers to press: on a phone.

use leptos::prelude::*;
use shared::{Direction, Order, SortKey};

use super::state::Browser;
use crate::env::prefs::Prefs;
use crate::ui::dialog::Choice;

/// By what, and which way.
#[component]
pub fn SortChoice() -> impl IntoView {
    let (browser, prefs) = (Browser::get(), Prefs::get());
    let keys = vec![
        (SortKey::Name, prefs.text(|words| words.name)),
        (SortKey::Size, prefs.text(|words| words.size)),
        (SortKey::Modified, prefs.text(|words| words.modified)),
    ];
    let directions = vec![
        (Direction::Ascending, prefs.text(|words| words.ascending)),
        (Direction::Descending, prefs.text(|words| words.descending)),
    ];
    let key = Callback::new(move |key| browser.sort(Order { key, ..browser.order.get_untracked() }));
    let direction = Callback::new(move |direction| browser.sort(Order { direction, ..browser.order.get_untracked() }));
    view! {
        <Choice legend=prefs.text(|words| words.sort_by) name="sort-key" options=keys
            value=Signal::derive(move || browser.order.get().key) choose=key />
        <Choice legend=prefs.text(|words| words.sort) name="sort-direction" options=directions
            value=Signal::derive(move || browser.order.get().direction) choose=direction />
    }
}
