//! The screen without a list: grey bars while loading, an empty folder, a filter without a match, a failure.

use leptos::prelude::*;

use crate::env::prefs::Prefs;
use crate::failure::{Failure, Operation, Reason};
use crate::folder::model::permission;
use crate::folder::{FileBrowser, Phase};
use crate::i18n::fill;
use crate::links::FolderLink;
use crate::net::urls::{download_url, file_url};
use crate::ui::button::Button;
use crate::ui::icon::Icon;
use crate::ui::ids::PANEL_ID;
use crate::uploads::UploadButtons;

const SKELETON_ROWS: usize = 14;

/// Grey bars in place of the rows.
#[component]
pub(super) fn Skeleton() -> impl IntoView {
    view! {
        <div class="skeleton" aria-hidden="true">
            {(0..SKELETON_ROWS).map(|_| view! { <div class="skeleton-row"><i></i><i></i><i></i></div> }).collect_view()}
        </div>
    }
}

/// An empty folder.
#[component]
pub(super) fn Empty() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let advice = move || match browser.allows(permission::ADD) {
        true => prefs.words().empty_drop,
        false => prefs.words().empty_advice,
    };
    view! {
        <Panel art="empty">
            <h2>{prefs.text(|words| words.empty)}</h2>
            <p>{advice}</p>
            <div class="panel-actions">
                <UploadButtons class="button" first="button primary" />
                <GoParent class="button" />
            </div>
        </Panel>
    }
}

/// A filter that no name matches.
#[component]
pub(super) fn NoMatch() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let sentence = move || {
        let words = prefs.words();
        let complete = browser.listing.with(|listing| listing.is_complete());
        let sentence = if complete { words.no_match } else { words.no_match_yet };
        fill(sentence, &[("text", browser.filter.get().trim())])
    };
    let clear = Callback::new(move |()| {
        browser.filter_by(String::new());
        browser.focus_cursor();
    });
    view! {
        <Panel art="nomatch">
            <p role="status">{sentence}</p>
            <div class="panel-actions">
                <Button label=prefs.text(|words| words.clear_filter) class="button" press=clear />
            </div>
        </Panel>
    }
}

/// A failure: its reason, and what the user can do.
#[component]
pub(super) fn Failed(failure: Failure) -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let reason = failure.reason();
    let reference = failure.request_id().map(ToOwned::to_owned);
    let file = (reason == Reason::NotFolder).then(|| browser.folder.get_untracked());
    let refused = matches!(reason, Reason::Special | Reason::LinkEscapes | Reason::LinkBroken);
    let retries = !refused && !matches!(reason, Reason::NotFolder | Reason::BadPath);
    view! {
        <Panel art=if reason == Reason::NotFolder { "file" } else { "error" }>
            <div role="alert">
                <h2>{move || prefs.words().explain(reason, Operation::Open).title}</h2>
                <p>{move || prefs.words().explain(reason, Operation::Open).advice}</p>
            </div>
            {reference.map(|id| view! {
                <p class="reference">{move || fill(prefs.words().reference, &[("id", &id)])}</p>
            })}
            <div class="panel-actions">
                {retries.then(|| view! {
                    <Button label=prefs.text(|words| words.retry) class="button primary"
                        press=Callback::new(move |()| browser.refresh()) />
                })}
                {file.map(|file| view! {
                    <a class="button primary" href=download_url(&file)>{prefs.text(|words| words.download)}</a>
                    <a class="button" href=file_url(&file) target="_blank" rel="noopener">{prefs.text(|words| words.open)}</a>
                })}
                <GoParent class="button" />
                <GoHome />
            </div>
        </Panel>
    }
}

/// The frame of these states. It can take the focus, so that the keys for navigation work.
#[component]
fn Panel(art: &'static str, children: Children) -> AnyView {
    view! {
        <div class="panel" id=PANEL_ID tabindex="-1">
            <svg class="art" viewBox="0 0 160 120" aria-hidden="true"><use href=format!("#art-{art}")></use></svg>
            {children()}
        </div>
    }
    .into_any()
}

#[component]
fn GoParent(class: &'static str) -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    move || {
        let parent = browser.folder.with(|folder| folder.parent());
        parent.map(|folder| view! { <FolderLink folder class>{prefs.text(|words| words.go_parent)}</FolderLink> })
    }
}

#[component]
fn GoHome() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    move || {
        // The parent of a folder at the first level is the root itself.
        let deep = browser.folder.with(|folder| folder.segments().count() > 1);
        let home = shared::VPath::root();
        let needed =
            deep || matches!(browser.phase.get(), Phase::Failed(ref failure) if failure.reason() == Reason::BadPath);
        needed
            .then(|| view! { <FolderLink folder=home class="button">{prefs.text(|words| words.go_home)}</FolderLink> })
    }
}

/// The banner above a list that cannot be refreshed, because the server is out of reach.
#[component]
pub(super) fn OfflineBanner() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    view! {
        <div role="status">
            <Show when=move || browser.offline.get() && browser.phase.get() == Phase::Ready>
                <div class="banner">
                    <Icon name="offline" />
                    <p>{prefs.text(|words| words.offline)} " " {prefs.text(|words| words.retrying)}</p>
                    <Button label=prefs.text(|words| words.retry) class="button quiet"
                        press=Callback::new(move |()| browser.refresh()) />
                </div>
            </Show>
        </div>
    }
}
