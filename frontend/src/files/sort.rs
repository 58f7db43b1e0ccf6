//! The choice of the sort order on a phone, which shows no column headers.

use leptos::prelude::*;
use shared::{Direction, Order, SortKey};

use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::ui::dialog::Choice;

const KEYS: [SortKey; 3] = [SortKey::Name, SortKey::Size, SortKey::Modified];
const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// The choice of column and direction.
#[component]
pub fn SortChoice() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let keys = vec![prefs.text(|words| words.name), prefs.text(|words| words.size), prefs.text(|words| words.modified)];
    let directions = vec![prefs.text(|words| words.ascending), prefs.text(|words| words.descending)];
    let key = Signal::derive(move || KEYS.iter().position(|key| *key == browser.order.get().key).unwrap_or(0));
    let direction = Signal::derive(move || usize::from(browser.order.get().direction == Direction::Descending));
    let sort_by = Callback::new(move |index: usize| {
        browser.sort(Order { key: KEYS[index], ..browser.order.get_untracked() });
    });
    let turn = Callback::new(move |index: usize| {
        browser.sort(Order { direction: DIRECTIONS[index], ..browser.order.get_untracked() });
    });
    view! {
        <Choice legend=prefs.text(|words| words.sort_by) name="sort-key" options=keys value=key choose=sort_by />
        <Choice legend=prefs.text(|words| words.sort) name="sort-direction" options=directions value=direction
            choose=turn />
    }
}
