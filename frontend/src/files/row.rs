//! A row of the list: a slot that shows the row at a position.

use leptos::prelude::*;
use shared::{Kind, VPath};

use crate::changes::{Changes, NameField};
use crate::env::{focus_within, focused, format, history, prefs::Prefs};
use crate::folder::FileBrowser;
use crate::folder::model::{LinkMark, Row};
use crate::i18n::{Lang, fill};
use crate::net::urls::file_url;
use crate::printable::printable;
use crate::ui::entry_name::EntryName;
use crate::ui::icon::Icon;
use crate::ui::virtual_list::pixels;

/// In place of a size where an entry has none.
const NO_SIZE: &str = "—";

/// A slot for a row.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: usize,
    /// The position that the slot shows.
    pub(super) position: RwSignal<Option<usize>>,
}

impl Slot {
    pub(super) fn element_id(self) -> String {
        format!("row-{}", self.id)
    }
}

/// The texts of a row, in the present language.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    name: String,
    href: Option<String>,
    folder: bool,
    icon: &'static str,
    size: String,
    modified: String,
    modified_full: String,
    iso: String,
    note: &'static str,
    /// What a screen reader says after the name, where the icon alone shows it.
    kind: &'static str,
    loaded: bool,
}

#[component]
pub(super) fn RowSlot(row: Slot, height: Memo<f64>, shift: Memo<f64>) -> impl IntoView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
    let (slot, position) = (row, row.position);
    let row = Memo::new(move |_| position.get().and_then(|position| browser.view.with(|view| view.row(position))));
    let shown = Memo::new(move |_| {
        let lang = prefs.lang.get();
        row.get().map_or_else(Shown::default, |row| {
            browser.listing.with(|listing| {
                listing.rows.get(row).map_or_else(Shown::default, |row| describe(lang, &listing.folder, &row))
            })
        })
    });
    let selected =
        Memo::new(move |_| row.get().is_some_and(|row| browser.selection.with(|chosen| chosen.contains(row))));
    let current = Memo::new(move |_| row.get().is_some_and(|row| browser.cursor.get() == row));
    let offset = Signal::derive(move || {
        let top = position.get().unwrap_or(0) as f64 * height.get();
        format!("translateY({})", pixels(top + shift.get()))
    });
    // One closure sets many attributes, because a closure for each would add its own update code to the program.
    let text = move |part: fn(&Shown) -> String| Signal::derive(move || shown.with(part));
    let maybe = move |part: fn(&Shown) -> Option<String>| Signal::derive(move || shown.with(part));
    let number = Signal::derive(move || position.get().map(|position| (position + 2).to_string()));
    let check_label =
        Signal::derive(move || shown.with(|shown| fill(prefs.words().select_row, &[("name", &shown.name)])));
    let state = Signal::derive(move || if selected.get() { "true" } else { "false" });
    let tab_index = Signal::derive(move || if current.get() { "0" } else { "-1" });
    let chosen: Signal<bool> = selected.into();
    let off = Signal::derive(move || position.get().is_none());
    let pending = Signal::derive(move || shown.with(|shown| !shown.loaded));
    let icon = Signal::derive(move || shown.with(|shown| shown.icon));
    let cut = state_of(browser, row, move || changes.clipboard.with(Option::is_some), move |path| changes.is_cut(path));
    let lit = state_of(
        browser,
        row,
        move || changes.drop_target.with(Option::is_some),
        move |path| changes.is_drop_target(path),
    );
    let editing = editing(row, position.into());
    let name = move || match editing.get() {
        Some(folder) => view! { <Renaming folder /> }.into_any(),
        None => view! {
            <a class="name" tabindex="-1" draggable="false" rel="noopener" target=maybe(Shown::target)
                aria-label=maybe(|shown| shown.href.is_some().then(|| shown.name.clone()))
                href=maybe(|shown| shown.href.clone()) title=text(Shown::name)><EntryName name=text(Shown::name) /></a>
        }
        .into_any(),
    };
    let sizeless = Signal::derive(move || shown.with(|shown| shown.size == NO_SIZE));
    let edits = Signal::derive(move || editing.get().is_some());
    view! {
        <div role="row" class="row" id=slot.element_id() data-slot=slot.id.to_string()
            class:selected=chosen class:off=off class:pending=pending class:cut=cut class:drop=lit class:editing=edits
            tabindex=tab_index style:transform=offset aria-rowindex=number aria-selected=state>
            <div role="gridcell" class="cell-check">
                <input type="checkbox" class="check" tabindex="-1" prop:checked=chosen
                    aria-label=check_label />
            </div>
            <div role="gridcell" class="cell-name">
                <Icon name=icon />
                {name}
                <span class="visually-hidden">{text(|shown| shown.kind.to_owned())}</span>
                <span class="note">{text(|shown| shown.note.to_owned())}</span>
            </div>
            <div role="gridcell" class="cell-size" class:none=sizeless>{text(|shown| shown.size.clone())}</div>
            <div role="gridcell" class="cell-date">
                <time datetime=text(|shown| shown.iso.clone()) title=text(|shown| shown.modified_full.clone())>
                    {text(|shown| shown.modified.clone())}
                </time>
            </div>
        </div>
    }
}

/// Whether the row in this slot is being renamed; `Some(true)` for a folder.
fn editing(row: Memo<Option<usize>>, position: Signal<Option<usize>>) -> Memo<Option<bool>> {
    let (browser, changes) = (FileBrowser::get(), Changes::get());
    Memo::new(move |before: Option<&Option<bool>>| {
        position.track();
        let now = changes.renaming.with(|name| {
            let name = name.as_deref()?;
            let row = row.get()?;
            browser.listing.with(|listing| {
                (listing.rows.name(row) == Some(name)).then(|| listing.rows.get(row).is_some_and(|row| row.is_folder()))
            })
        });
        // While rows are about to move, the field stays and moves with its row, so that the typed name is not lost.
        let moving = browser.shifts.with_value(|shifts| !shifts.is_empty());
        before.copied().filter(|_| moving).unwrap_or(now)
    })
}

/// Whether `holds` is true for the row's path. While nothing is to be checked, `any` is false and no path is built.
fn state_of(
    browser: FileBrowser,
    row: Memo<Option<usize>>,
    any: impl Fn() -> bool + Send + Sync + 'static,
    holds: impl Fn(&VPath) -> bool + Send + Sync + 'static,
) -> Signal<bool> {
    Memo::new(move |_| {
        any()
            && row.get().is_some_and(|row| {
                let path = browser.listing.with(|listing| listing.folder.join(listing.rows.name(row)?).ok());
                path.is_some_and(|path| holds(&path))
            })
    })
    .into()
}

/// The field for the new name of the row.
#[component]
fn Renaming(folder: bool) -> impl IntoView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
    let before = changes.renaming.get_untracked().unwrap_or_default();
    let old = before.clone();
    let taken = Callback::new(move |name: Vec<u8>| {
        browser.listing.with_untracked(|listing| listing.rows.find(&name, 0).is_some())
    });
    let done = Callback::new(move |name: Option<Vec<u8>>| {
        if focus_within(".name-field") {
            browser.focus_cursor();
        } else {
            // The field lost the focus. Only the next frame knows whether another element has it.
            request_animation_frame(move || {
                if focused().is_none() {
                    browser.focus_cursor();
                }
            });
        }
        if let Some(name) = name {
            changes.rename_to(&old, &name);
        }
        changes.end_renaming();
    });
    view! { <NameField before folder label=prefs.text(|words| words.new_name) id="rename" taken done submit_on_blur=true /> }
}

impl Shown {
    fn name(&self) -> String {
        if self.loaded { self.name.clone() } else { "…".into() }
    }

    /// A file opens in a new tab.
    fn target(&self) -> Option<String> {
        (!self.folder && self.href.is_some()).then(|| "_blank".into())
    }
}

fn describe(lang: Lang, folder: &VPath, row: &Row<'_>) -> Shown {
    let words = lang.words();
    let path = folder.join(row.name).ok().filter(|_| row.opens());
    let href = path.map(|path| if row.is_folder() { history::href(&path) } else { file_url(&path) });
    let note = match (row.link, row.kind) {
        (LinkMark::Escapes, _) => words.link_refused,
        (LinkMark::Broken, _) => words.link_broken,
        (LinkMark::Inside, _) => words.link,
        (LinkMark::None, Kind::Other) => words.special,
        (LinkMark::None, _) => "",
    };
    let modified = row.modified.milliseconds();
    Shown {
        name: printable(row.name),
        href,
        folder: row.is_folder(),
        icon: row.file_type().icon(),
        size: if row.kind == Kind::File && row.opens() { format::size(lang, row.size) } else { NO_SIZE.into() },
        modified: format::date(lang, modified),
        modified_full: format::full_date(lang, modified),
        iso: format::iso(modified),
        note,
        kind: if row.is_folder() { words.folder } else { "" },
        loaded: true,
    }
}
