//! The input of files: buttons with their pickers, drops on the page or on a folder, pastes.

#![cfg(target_arch = "wasm32")]

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Element, HtmlElement, HtmlInputElement};

use super::controller::Uploads;
use super::file_sources::{self, FoundFiles, TransferredItems};
use crate::env::address::{folder_of, is_trash};
use crate::env::dialog_is_open;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::folder::model::permission;
use crate::i18n::fill;
use crate::printable::printable;
use crate::ui::button::Button;
use crate::ui::icon::Icon;
use crate::ui::toast::{Toasts, Tone};

const FILES_ID: &str = "upload-files";
const FOLDER_ID: &str = "upload-folder";
/// Id of the picker for the files of unfinished uploads.
pub(super) const MISSING_FILES_ID: &str = "upload-again";
/// CSS class of the element whose folder would receive a drop.
const RECEIVING_CLASS: &str = "receiving";

/// Opens a picker by its id.
pub(super) fn open(id: &str) {
    if let Some(input) = document().get_element_by_id(id) {
        input.unchecked_ref::<HtmlElement>().click();
    }
}

/// Opens the picker for files to upload into the current folder.
pub fn choose_files() {
    open(FILES_ID);
}

/// Opens the picker for a folder to upload into the current one.
pub fn choose_folder() {
    open(FOLDER_ID);
}

/// True if the user may upload into the current folder. `None` while the rights are unknown; reactive.
fn accepts_uploads(browser: FileBrowser) -> Option<bool> {
    browser.rights.with(|rights| rights.map(|rights| rights.contains(permission::ADD)))
}

/// True unless the current folder is not on the screen or behind a dialog, or the user may not upload into it. If the server does not tell
/// the rights, it decides.
fn may_upload(browser: FileBrowser) -> bool {
    !dialog_is_open()
        && browser.shows_folder()
        && browser.rights.with_untracked(|rights| rights.is_none_or(|rights| rights.contains(permission::ADD)))
}

/// The upload buttons, or a button that explains why there are none.
#[component]
pub fn UploadButtons(
    /// CSS class of the buttons.
    class: &'static str,
    /// CSS class of the first button.
    first: &'static str,
) -> AnyView {
    let (browser, prefs, toasts): (_, _, Toasts) = (FileBrowser::get(), Prefs::get(), expect_context());
    let why = Callback::new(move |()| {
        toasts.show(Tone::Notice, prefs.lang.get_untracked().words().read_only_why.to_owned(), None);
    });
    (move || {
        accepts_uploads(browser).map(|accepts| match accepts {
            true => view! {
                <Button label=prefs.text(|words| words.upload) icon="upload" class=first
                    press=Callback::new(|()| open(FILES_ID)) />
                <Button label=prefs.text(|words| words.upload_folder) icon="upload-folder" class
                    press=Callback::new(|()| open(FOLDER_ID)) />
            }
            .into_any(),
            false => view! { <Button label=prefs.text(|words| words.read_only) class press=why /> }.into_any(),
        })
    })
    .into_any()
}

/// The upload button of the bottom bar on a phone.
#[component]
pub fn UploadTab() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    view! {
        <Show when=move || accepts_uploads(browser) == Some(true)>
            <Button label=prefs.text(|words| words.upload) icon="upload" class="tab"
                press=Callback::new(|()| open(FILES_ID)) />
        </Show>
    }
}

/// The hidden pickers, the listeners of the window for drops and pastes, and the hint that names the target of a drop.
#[component]
pub fn UploadPickers() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let drop_folder = RwSignal::new(None::<VPath>);
    let current_folder = move || uploads.browser.folder.get_untracked();
    let marked = StoredValue::new_local(None::<Element>);
    let unmark = move || {
        if let Some(element) = marked.try_update_value(Option::take).flatten() {
            let _ = element.class_list().remove_1(RECEIVING_CLASS);
        }
    };
    let leave = move || {
        unmark();
        drop_folder.set(None);
    };
    let allowed = move || may_upload(uploads.browser);
    window_event_listener(ev::dragover, move |event: DragEvent| {
        let Some(data) = files_of(&event) else { return };
        event.prevent_default();
        data.set_drop_effect(if allowed() { "copy" } else { "none" });
        if dialog_is_open() {
            return;
        }
        let (element, folder) =
            drop_receiver(&event).map_or((None, current_folder()), |(element, folder)| (Some(element), folder));
        if marked.with_value(|marked| *marked != element) {
            unmark();
            if let Some(element) = &element {
                let _ = element.class_list().add_1(RECEIVING_CLASS);
            }
            marked.set_value(element);
        }
        if drop_folder.with_untracked(|current| current.as_ref() != Some(&folder)) {
            drop_folder.set(Some(folder));
        }
    });
    window_event_listener(ev::dragleave, move |event: DragEvent| {
        // Between elements of the page, `relatedTarget` is the element that the pointer enters.
        if event.related_target().is_none() {
            leave();
        }
    });
    window_event_listener(ev::drop, move |event: DragEvent| {
        let Some(data) = files_of(&event) else { return };
        event.prevent_default();
        let folder = drop_receiver(&event).map_or_else(current_folder, |(_, folder)| folder);
        let on_panel = closest(&event, ".uploads").is_some();
        leave();
        if let Some(items) = file_sources::take_items(&data).filter(|_| allowed()) {
            uploads.read_and_add(folder, items, on_panel);
        }
    });
    window_event_listener(ev::paste, move |event: ClipboardEvent| _ = uploads.paste(&event));
    window_event_listener(ev::online, move |_| uploads.set_online(true));
    window_event_listener(ev::offline, move |_| uploads.set_online(false));
    window_event_listener(ev::beforeunload, move |event: web_sys::BeforeUnloadEvent| {
        if uploads.is_busy() {
            event.prevent_default();
            event.set_return_value("1");
        }
    });
    window_event_listener_untyped("pagehide", move |_| uploads.leave_to_other_tabs());
    let picker = move |id: &'static str, folders: bool, any_folder: bool| {
        let attach = move |input: HtmlInputElement| {
            if folders {
                // No standard attribute selects folders.
                let _ = input.set_attribute("webkitdirectory", "");
            }
            file_sources::on_change(&input, move |found: FoundFiles| {
                uploads.add_files(current_folder(), found, any_folder);
            });
        };
        let node = NodeRef::<leptos::html::Input>::new();
        node.on_load(attach);
        view! { <input type="file" id=id multiple hidden node_ref=node aria-hidden="true" tabindex="-1" /> }
    };
    let hint = move || {
        drop_folder.get().map(|folder| {
            let text = match accepts_uploads(uploads.browser) {
                Some(false) => prefs.words().drop_read_only.to_owned(),
                _ => {
                    let name = printable(folder.name());
                    let name = if name.is_empty() { prefs.words().home.to_owned() } else { name };
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
        {picker(MISSING_FILES_ID, false, true)}
        {hint}
    }
}

impl Uploads {
    /// Handles a paste: uploads its files into the current folder. Returns `false` without files or permission.
    pub fn paste(self, event: &ClipboardEvent) -> bool {
        let Some(items) = event.clipboard_data().as_ref().and_then(file_sources::take_items) else { return false };
        let allowed = may_upload(self.browser);
        if allowed {
            event.prevent_default();
            self.read_and_add(self.browser.folder.get_untracked(), items, false);
        }
        allowed
    }

    /// Reads dropped or pasted items, which takes a while for folders, and uploads the files.
    fn read_and_add(self, folder: VPath, items: TransferredItems, any_folder: bool) {
        self.reading.set(Some(0));
        spawn_local(async move {
            let found = items.read(move |files| self.reading.set(Some(files))).await;
            self.reading.set(None);
            self.add_files(folder, found, any_folder);
        });
    }
}

/// The data of a drag with files; a drag of rows has none.
fn files_of(event: &DragEvent) -> Option<DataTransfer> {
    event.data_transfer().filter(file_sources::has_files)
}

fn closest(event: &DragEvent, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// The element under the pointer that stands for a folder, a row or a link, and the folder.
fn drop_receiver(event: &DragEvent) -> Option<(Element, VPath)> {
    if let Some(row) = closest(event, ".row") {
        let link = row.query_selector("a.name:not([target])").ok().flatten()?;
        return Some((row, folder_of_link(&link)?));
    }
    let link = closest(event, "a[href]")?;
    let folder = folder_of_link(&link)?;
    Some((link, folder))
}

/// The folder that a link opens.
fn folder_of_link(link: &Element) -> Option<VPath> {
    let href = link.get_attribute("href")?;
    match href.strip_prefix('?') {
        // Files of the system cannot be put into the trash.
        Some(query) if is_trash(query) => None,
        Some(query) => folder_of(query).ok(),
        None => (Some(href) == window().location().pathname().ok()).then(VPath::root),
    }
}
