//! Downloads of the selection: a file as it is, several files or a folder as one archive. A request before the download
//! checks that it will work, so that an error shows as a message and not as a page of its own.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use shared::limits::ARCHIVE_PATHS_MAX;
use shared::path::encode_segment;
use wasm_bindgen::JsCast;
use web_sys::{AbortController, HtmlAnchorElement, HtmlElement, HtmlFormElement, HtmlInputElement};

use crate::failure::{Failure, Operation, Reason};
use crate::folder::FileBrowser;
use crate::folder::model::{Listing, Selection};
use crate::i18n::{Words, fill};
use crate::net::api::{Probed, probe, probe_form};
use crate::net::urls::{archive_url, download_url};
use crate::printable::printable;
use crate::server_info::ServerInfo;
use crate::ui::toast::Tone;

/// Servers and proxies accept URLs of this length; more paths are sent as a form.
const URL_CHARACTERS_MAX: usize = 4_000;

/// What to download.
enum Source {
    /// A URL.
    Url(String),
    /// A form.
    Form(Fields),
}

/// The fields of a request for an archive.
type Fields = Vec<(&'static str, VPath)>;

/// Downloads the selection.
pub(crate) fn download(browser: FileBrowser, server: ServerInfo) {
    if !browser.shows_folder() {
        return;
    }
    let words = browser.prefs.lang.get_untracked().words();
    let folder = browser.listing.with_untracked(|listing| listing.folder.clone());
    if let Some(except) = all_but(browser) {
        let fields = std::iter::once(("path", folder.clone())).chain(except.into_iter().map(|path| ("except", path)));
        return start(browser, archive(fields.collect()), zip_name(&folder, server, words));
    }
    if browser.selection.with_untracked(Selection::len) > ARCHIVE_PATHS_MAX && !is_everything(browser) {
        browser.toasts.show(Tone::Bad, words.failures.too_many_selected.sentences(), None);
        return;
    }
    let Some(paths) = selected_paths(browser) else {
        browser.toasts.show(Tone::Notice, words.wait_for_rows.to_owned(), None);
        return;
    };
    match &paths[..] {
        [] => {
            if let Some((name, reason)) = refused_name(browser) {
                browser.toasts.show(Tone::Bad, words.failure(reason, Operation::Download, &name), None);
            }
        }
        [(path, false)] => start(browser, Source::Url(download_url(path)), printable(path.name())),
        [(path, true)] => start(browser, archive(vec![("path", path.clone())]), zip_name(path, server, words)),
        _ => {
            let name = zip_name(&folder, server, words);
            start(browser, archive(paths.into_iter().map(|(path, _)| ("path", path)).collect()), name);
        }
    }
}

/// The entries of the folder that are not selected, if those are the fewer and not too many: the archive is that of the
/// folder without them.
fn all_but(browser: FileBrowser) -> Option<Vec<VPath>> {
    browser.listing.with_untracked(|listing| {
        browser.selection.with_untracked(|selection| {
            let rest = listing.total().checked_sub(selection.len())?;
            let fewer = listing.is_complete() && (1..=ARCHIVE_PATHS_MAX).contains(&rest) && rest < selection.len();
            let rest = (0..listing.rows.len()).filter(|row| !selection.contains(*row));
            fewer.then(|| rest.filter_map(|row| listing.folder.join(listing.rows.name(row)?).ok()).collect())
        })
    })
}

fn is_everything(browser: FileBrowser) -> bool {
    let total = browser.listing.with_untracked(Listing::total);
    browser.selection.with_untracked(Selection::len) == total
}

/// The selected paths that can be read, each with whether it is a folder; the folder itself if everything is selected.
/// `None` if a selected row has yet to arrive.
fn selected_paths(browser: FileBrowser) -> Option<Vec<(VPath, bool)>> {
    let selection = browser.selection.get_untracked();
    let (folder, total, rows) =
        browser.listing.with_untracked(|listing| (listing.folder.clone(), listing.total(), listing.rows.len()));
    let everything = selection.len() == total;
    if everything && total > 1 {
        return Some(vec![(folder, true)]);
    }
    let arrived = everything || selection.iter().all(|row| row < rows);
    arrived.then(|| selection.iter().filter_map(|row| openable(browser, row)).collect())
}

/// The name of an archive after the folder; after the served folder for its root.
fn zip_name(folder: &VPath, server: ServerInfo, words: &Words) -> String {
    let name = match folder.is_root() {
        true => server.named_root_untracked().unwrap_or_else(|| words.home.to_owned()),
        false => printable(folder.name()),
    };
    format!("{name}.zip")
}

/// The path of a row, and whether it is a folder; `None` for a row that cannot be read.
fn openable(browser: FileBrowser, row: usize) -> Option<(VPath, bool)> {
    let path = browser.path_of(row)?;
    browser
        .listing
        .with_untracked(|listing| listing.rows.get(row).filter(|row| row.opens()).map(|row| (path, row.is_folder())))
}

/// The name of the first selected row, and why the server does not read it.
fn refused_name(browser: FileBrowser) -> Option<(String, Reason)> {
    let first = browser.selection.with_untracked(|selection| selection.iter().next())?;
    browser
        .listing
        .with_untracked(|listing| listing.rows.get(first).and_then(|row| Some((printable(row.name), row.refusal()?))))
}

fn archive(fields: Fields) -> Source {
    let length: usize = fields.iter().map(|(name, path)| name.len() + path.encoded().len() + "&=".len()).sum();
    if length > URL_CHARACTERS_MAX {
        return Source::Form(fields);
    }
    Source::Url(format!("{}?{}", archive_url(), form_text(&fields)))
}

/// The fields as `application/x-www-form-urlencoded`. The percent signs of a path are data there, so they are encoded too.
fn form_text(fields: &Fields) -> String {
    let fields = fields.iter().map(|(name, path)| format!("{name}={}", encode_segment(path.encoded().as_bytes())));
    fields.collect::<Vec<_>>().join("&")
}

fn start(browser: FileBrowser, source: Source, name: String) {
    let toasts = browser.toasts;
    let words = browser.prefs.lang.get_untracked().words();
    let Ok(controller) = AbortController::new() else { return };
    let signal = controller.signal();
    let cancel = toasts.keep(|| {
        let controller = StoredValue::new_local(controller);
        Callback::new(move |()| controller.with_value(AbortController::abort))
    });
    let busy = toasts.show(Tone::Busy, fill(words.preparing, &[("name", &name)]), Some(cancel));
    spawn_local(async move {
        let probed = match &source {
            Source::Url(url) => probe(url, Some(&signal)).await,
            Source::Form(fields) => probe_form(&archive_url(), &form_text(fields)).await,
        };
        toasts.dismiss(busy);
        match probed {
            Err(Failure::Aborted) => {}
            Err(failure) => {
                toasts.show(Tone::Bad, words.failure(failure.reason(), Operation::Download, &name), None);
            }
            Ok(Probed { size }) => {
                start_in_browser(&source);
                let text = match size {
                    Some(size) => {
                        let size = crate::env::format::size(browser.prefs.lang.get_untracked(), size);
                        fill(words.started, &[("name", &name), ("size", &size)])
                    }
                    None => fill(words.started_unsized, &[("name", &name)]),
                };
                toasts.show(Tone::Good, text, None);
            }
        }
    });
}

/// Starts the download in the browser, which shows its progress and resumes it.
fn start_in_browser(source: &Source) {
    let Some(body) = document().body() else { return };
    match source {
        Source::Url(url) => {
            let Some(link) = create::<HtmlAnchorElement>("a") else { return };
            link.set_href(url);
            link.set_download("");
            in_document(&body, &link, || link.click());
        }
        Source::Form(fields) => {
            let Some(form) = create::<HtmlFormElement>("form") else { return };
            form.set_method("post");
            form.set_action(&archive_url());
            for (name, path) in fields {
                let Some(field) = create::<HtmlInputElement>("input") else { return };
                field.set_type("hidden");
                field.set_name(name);
                field.set_value(&path.encoded());
                let _ = form.append_child(&field);
            }
            in_document(&body, &form, || _ = form.submit());
        }
    }
}

fn create<T: JsCast>(tag: &str) -> Option<T> {
    document().create_element(tag).ok()?.dyn_into().ok()
}

/// Runs `act` with the element in the document: browsers follow only links and forms that are part of it.
fn in_document(body: &HtmlElement, element: &HtmlElement, act: impl FnOnce()) {
    element.set_hidden(true);
    if body.append_child(element).is_ok() {
        act();
        element.remove();
    }
}
