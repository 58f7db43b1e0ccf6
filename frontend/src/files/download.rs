//! Saving what is selected: a file as it is, several or a folder as one archive. Whether it will work is asked first, so
//! that a refusal becomes a sentence here and does not take the person away from the page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use shared::path::encode_segment;
use wasm_bindgen::JsCast;
use web_sys::{AbortController, HtmlAnchorElement, HtmlElement, HtmlFormElement, HtmlInputElement};

use crate::failure::Failure;
use crate::folder::Browser;
use crate::i18n::fill;
use crate::net::api::{Probed, probe, probe_form};
use crate::net::urls::{archive_url, download_url};
use crate::printable::printable;
use crate::server_info::ServerInfo;
use crate::ui::toast::Tone;

/// Servers and proxies take addresses of this length without a thought; longer choices go into a form.
const ADDRESS_CHARACTERS_MAX: usize = 4_000;

/// What to save.
enum Wanted {
    /// One address.
    Address(String),
    /// A form with a `path` for each.
    Form(Vec<VPath>),
}

/// Saves what is selected.
pub(crate) fn download(browser: Browser, server: ServerInfo) {
    let words = browser.prefs.lang.get_untracked().words();
    let selection = browser.selection.get_untracked();
    let listing =
        browser.listing.with_untracked(|listing| (listing.folder.clone(), listing.total(), listing.rows.len()));
    let (folder, total, here) = listing;
    let everything = selection.len() == total;
    if !everything && selection.iter().any(|row| row >= here) {
        browser.toasts.show(Tone::Good, words.wait_for_rows.to_owned(), None);
        return;
    }
    let paths: Vec<_> = match everything && total > 1 {
        true => vec![(folder.clone(), true)],
        false => selection.iter().filter_map(|row| openable(browser, row)).collect(),
    };
    let zip_name = |path: &VPath| {
        let own = printable(path.name());
        let root = || server.about.with_untracked(|about| about.as_ref().map(|about| printable(about.name.as_bytes())));
        let name = if own.is_empty() { root().unwrap_or_else(|| words.home.to_owned()) } else { own };
        format!("{name}.zip")
    };
    match &paths[..] {
        [] => {
            browser.toasts.show(Tone::Bad, format!("{}. {}", words.not_served.title, words.not_served.advice), None);
        }
        [(path, false)] => start(browser, Wanted::Address(download_url(path)), printable(path.name())),
        [(path, true)] => start(browser, archive(vec![path.clone()]), zip_name(path)),
        _ => start(browser, archive(paths.into_iter().map(|(path, _)| path).collect()), zip_name(&folder)),
    }
}

/// The path of a row that can be read, and whether it is a folder.
fn openable(browser: Browser, row: usize) -> Option<(VPath, bool)> {
    let path = browser.path_of(row)?;
    browser
        .listing
        .with_untracked(|listing| listing.rows.get(row).filter(|row| row.opens()).map(|row| (path, row.is_folder())))
}

fn archive(paths: Vec<VPath>) -> Wanted {
    let length: usize = paths.iter().map(|path| path.encoded().len() + "&path=".len()).sum();
    if length > ADDRESS_CHARACTERS_MAX {
        return Wanted::Form(paths);
    }
    Wanted::Address(format!("{}?{}", archive_url(), form_text(&paths)))
}

/// The paths as a query or a form has them. A path's own percent signs are data here, and so encoded once more.
fn form_text(paths: &[VPath]) -> String {
    let fields: Vec<_> =
        paths.iter().map(|path| format!("path={}", encode_segment(path.encoded().as_bytes()))).collect();
    fields.join("&")
}

fn start(browser: Browser, wanted: Wanted, name: String) {
    let toasts = browser.toasts;
    let words = browser.prefs.lang.get_untracked().words();
    let Ok(controller) = AbortController::new() else { return };
    let signal = controller.signal();
    let controller = StoredValue::new_local(controller);
    let cancel = Callback::new(move |()| controller.with_value(AbortController::abort));
    let busy = toasts.show(Tone::Busy, fill(words.preparing, &[("name", &name)]), Some(cancel));
    spawn_local(async move {
        let probed = match &wanted {
            Wanted::Address(address) => probe(address, Some(&signal)).await,
            Wanted::Form(paths) => probe_form(&archive_url(), &form_text(paths)).await,
        };
        toasts.dismiss(busy);
        match probed {
            Err(Failure::Aborted) => {}
            Err(failure) => {
                let why = words.explain(failure.reason());
                let why = format!("{}. {}", why.title, why.advice);
                toasts.show(Tone::Bad, fill(words.download_failed, &[("name", &name), ("why", &why)]), None);
            }
            Ok(Probed { size }) => {
                hand_over(&wanted);
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

/// From here on it is the browser's download: it shows the progress, and resumes.
fn hand_over(wanted: &Wanted) {
    let Some(body) = document().body() else { return };
    match wanted {
        Wanted::Address(address) => {
            let Some(link) = make::<HtmlAnchorElement>("a") else { return };
            link.set_href(address);
            link.set_download("");
            in_page(&body, &link, || link.click());
        }
        Wanted::Form(paths) => {
            let Some(form) = make::<HtmlFormElement>("form") else { return };
            form.set_method("post");
            form.set_action(&archive_url());
            for path in paths {
                let Some(field) = make::<HtmlInputElement>("input") else { return };
                field.set_type("hidden");
                field.set_name("path");
                field.set_value(&path.encoded());
                let _ = form.append_child(&field);
            }
            in_page(&body, &form, || _ = form.submit());
        }
    }
}

fn make<T: JsCast>(tag: &str) -> Option<T> {
    document().create_element(tag).ok()?.dyn_into().ok()
}

/// Browsers follow only what is in the document.
fn in_page(body: &HtmlElement, element: &HtmlElement, act: impl FnOnce()) {
    element.set_hidden(true);
    if body.append_child(element).is_ok() {
        act();
        element.remove();
    }
}
