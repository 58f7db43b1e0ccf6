//! How files come in: buttons with their pickers, drops on the page or on a folder, the clipboard.

#![cfg(target_arch = "wasm32")]

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Element, HtmlElement, HtmlInputElement};

use super::controller::Uploads;
use super::file_sources::{self, Carried, Gathered};
use crate::env::address::folder_of;
use crate::env::prefs::Prefs;
use crate::folder::Browser;
use crate::folder::model::permission;
use crate::i18n::fill;
use crate::printable::printable;
use crate::ui::button::Button;
use crate::ui::icon::Icon;
use crate::ui::toast::{Toasts, Tone};

const FILES_ID: &str = "upload-files";
const FOLDER_ID: &str = "upload-folder";
/// The picker for the files of uploads that an earlier page left unfinished.
pub(super) const AGAIN_ID: &str = "upload-again";
/// Marks the folder that would take a drop.
const RECEIVING: &str = "receiving";

/// Opens a picker.
pub(super) fn pick(id: &str) {
    if let Some(input) = document().get_element_by_id(id) {
        input.unchecked_ref::<HtmlElement>().click();
    }
}

/// Asks for files to send into the folder on the screen.
pub fn choose_files() {
    pick(FILES_ID);
}

/// Asks for a folder to send into the one on the screen.
pub fn choose_folder() {
    pick(FOLDER_ID);
}

/// True if the folder on the screen takes uploads; `None` while that is not known.
fn takes_uploads(browser: Browser) -> Option<bool> {
    browser.rights.with(|rights| rights.map(|rights| rights.contains(permission::ADD)))
}

/// [`takes_uploads`] outside of effects, where an unknown right is taken for granted: the server decides.
fn may_take_uploads(browser: Browser) -> bool {
    browser.rights.with_untracked(|rights| rights.is_none_or(|rights| rights.contains(permission::ADD)))
}

/// The buttons, or why there are none.
#[component]
pub fn UploadButtons(
    /// How they look, in the style sheet.
    class: &'static str,
    /// How the first one looks.
    first: &'static str,
) -> AnyView {
    let (browser, prefs, toasts): (_, _, Toasts) = (Browser::get(), Prefs::get(), expect_context());
    let why = Callback::new(move |()| {
        toasts.show(Tone::Good, prefs.lang.get_untracked().words().read_only_why.to_owned(), None);
    });
    (move || {
        takes_uploads(browser).map(|takes| match takes {
            true => view! {
                <Button label=prefs.text(|words| words.upload) icon="upload" class=first
                    press=Callback::new(|()| pick(FILES_ID)) />
                <Button label=prefs.text(|words| words.upload_folder) icon="upload-folder" class
                    press=Callback::new(|()| pick(FOLDER_ID)) />
            }
            .into_any(),
            false => view! { <Button label=prefs.text(|words| words.read_only) class press=why /> }.into_any(),
        })
    })
    .into_any()
}

/// The button of the bar at the foot of a phone.
#[component]
pub fn UploadTab() -> impl IntoView {
    let (browser, prefs) = (Browser::get(), Prefs::get());
    view! {
        <Show when=move || takes_uploads(browser) == Some(true)>
            <Button label=prefs.text(|words| words.upload) icon="upload" class="tab"
                press=Callback::new(|()| pick(FILES_ID)) />
        </Show>
    }
}

/// The pickers, what catches drops and pastes anywhere on the page, and what says where a drop goes.
#[component]
pub fn UploadEntry() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let over = RwSignal::new(None::<VPath>);
    let here = move || uploads.browser.folder.get_untracked();
    let mark = StoredValue::new_local(None::<Element>);
    let unmark = move || {
        if let Some(element) = mark.try_update_value(Option::take).flatten() {
            let _ = element.class_list().remove_1(RECEIVING);
        }
    };
    let leave = move || {
        unmark();
        over.set(None);
    };
    let allowed = move || may_take_uploads(uploads.browser);
    window_event_listener(ev::dragover, move |event: DragEvent| {
        let Some(data) = files_of(&event) else { return };
        event.prevent_default();
        data.set_drop_effect(if allowed() { "copy" } else { "none" });
        let (element, folder) = receiver(&event).map_or((None, here()), |(element, folder)| (Some(element), folder));
        if mark.with_value(|marked| *marked != element) {
            unmark();
            if let Some(element) = &element {
                let _ = element.class_list().add_1(RECEIVING);
            }
            mark.set_value(element);
        }
        if over.with_untracked(|over| over.as_ref() != Some(&folder)) {
            over.set(Some(folder));
        }
    });
    window_event_listener(ev::dragleave, move |event: DragEvent| {
        // Between two elements of the page there is always one that is entered.
        if event.related_target().is_none() {
            leave();
        }
    });
    window_event_listener(ev::drop, move |event: DragEvent| {
        let Some(data) = files_of(&event) else { return };
        event.prevent_default();
        let folder = receiver(&event).map_or_else(here, |(_, folder)| folder);
        let on_panel = closest(&event, ".uploads").is_some();
        leave();
        if let Some(carried) = file_sources::carried(&data).filter(|_| allowed()) {
            uploads.read_and_send(folder, carried, on_panel);
        }
    });
    window_event_listener(ev::paste, move |event: ClipboardEvent| _ = uploads.paste(&event));
    window_event_listener(ev::online, move |_| uploads.set_online(true));
    window_event_listener(ev::offline, move |_| uploads.set_online(false));
    window_event_listener(ev::beforeunload, move |event: web_sys::BeforeUnloadEvent| {
        if uploads.would_lose() {
            event.prevent_default();
            event.set_return_value("1");
        }
    });
    window_event_listener_untyped("pagehide", move |_| uploads.release());
    let picker = move |id: &'static str, folders: bool, anywhere: bool| {
        let attach = move |input: HtmlInputElement| {
            if folders {
                // It has no attribute of its own in the standard.
                let _ = input.set_attribute("webkitdirectory", "");
            }
            file_sources::on_change(&input, move |gathered: Gathered| uploads.send(here(), gathered, anywhere));
        };
        let node = NodeRef::<leptos::html::Input>::new();
        node.on_load(attach);
        view! { <input type="file" id=id multiple hidden node_ref=node aria-hidden="true" tabindex="-1" /> }
    };
    let hint = move || {
        over.get().map(|folder| {
            let text = match takes_uploads(uploads.browser) {
                Some(false) => prefs.words().drop_read_only.to_owned(),
                _ => {
                    let own = printable(folder.name());
                    let name = if own.is_empty() { prefs.words().home.to_owned() } else { own };
                    fill(prefs.words().drop_here, &[("name", &name)])
                }
            };
            view! {
                <div class="drop-frame" aria-hidden="true">
                    <p class="drop-hint"><Icon name="upload" /><span>{text}</span></p>
                </div>
            }
        })
    };
    view! {
        {picker(FILES_ID, false, false)}
        {picker(FOLDER_ID, true, false)}
        {picker(AGAIN_ID, false, true)}
        {hint}
    }
}

impl Uploads {
    /// Takes the files of a paste into the folder in sight; false where there are none, or none are allowed.
    pub fn paste(self, event: &ClipboardEvent) -> bool {
        let Some(carried) = event.clipboard_data().as_ref().and_then(file_sources::carried) else { return false };
        let allowed = may_take_uploads(self.browser);
        if allowed {
            event.prevent_default();
            self.read_and_send(self.browser.folder.get_untracked(), carried, false);
        }
        allowed
    }

    fn read_and_send(self, folder: VPath, carried: Carried, anywhere: bool) {
        self.reading.set(Some(0));
        spawn_local(async move {
            let gathered = carried.read(move |files| self.reading.set(Some(files))).await;
            self.reading.set(None);
            self.send(folder, gathered, anywhere);
        });
    }
}

/// What is dragged, where it has files in it. Rows of the list have none.
fn files_of(event: &DragEvent) -> Option<DataTransfer> {
    event.data_transfer().filter(file_sources::has_files)
}

fn closest(event: &DragEvent, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// The folder under the pointer, other than the one in sight: a row of the list, or a link to a folder.
fn receiver(event: &DragEvent) -> Option<(Element, VPath)> {
    if let Some(row) = closest(event, ".row") {
        let link = row.query_selector("a.name:not([target])").ok().flatten()?;
        return Some((row, folder_behind(&link)?));
    }
    let link = closest(event, "a[href]")?;
    let folder = folder_behind(&link)?;
    Some((link, folder))
}

/// The folder that a link of the page leads to.
fn folder_behind(link: &Element) -> Option<VPath> {
    let href = link.get_attribute("href")?;
    match href.strip_prefix('?') {
        Some(query) => folder_of(query).ok(),
        None => (Some(href) == window().location().pathname().ok()).then(VPath::root),
    }
}
