//! Live updates: follows the changes that others make in the folder on the screen, while the page is visible. The browser
//! reconnects by itself after a lost connection; after a refusal [`Live`] reconnects, with growing waits.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use shared::{ErrorCode, EventKind, VPath};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::VisibilityState;

use super::model::Edit;
use super::state::{FileBrowser, Phase};
use crate::failure::{Failure, backoff_milliseconds};
use crate::net::events::EventStream;

/// Failures in a row after which the page says that live updates are off: fewer are a moment without network.
const FAILURES_SHOWN_MIN: u32 = 3;

/// The state of live updates.
#[derive(Clone, Copy)]
pub struct Live {
    /// Live updates do not work at the moment; the page keeps trying.
    pub failing: RwSignal<bool>,
    browser: FileBrowser,
    stream: StoredValue<Option<EventStream>, LocalStorage>,
    /// Edits that arrived since the last frame.
    pending: StoredValue<Vec<Edit>>,
    failures: StoredValue<u32>,
    /// Notified to open the stream once more.
    reopen: Trigger,
}

impl Live {
    /// Provides live updates, and follows the folder on the screen from now on.
    pub fn provide(browser: FileBrowser) -> Self {
        let live = Self {
            failing: RwSignal::new(false),
            browser,
            stream: StoredValue::new_local(None),
            pending: StoredValue::new(Vec::new()),
            failures: StoredValue::new(0),
            reopen: Trigger::new(),
        };
        provide_context(live);
        let visible = page_visibility();
        let followed = Memo::new(move |_| {
            let follows = visible.get() && !browser.in_trash.get() && !matches!(browser.phase.get(), Phase::Failed(_));
            follows.then(|| browser.folder.get())
        });
        Effect::new(move |_| {
            live.reopen.track();
            live.open(followed.get());
        });
        live
    }

    fn open(self, folder: Option<VPath>) {
        // The former stream closes first: a browser has few connections to one server.
        self.stream.set_value(None);
        self.pending.set_value(Vec::new());
        let Some(folder) = folder else { return };
        let of = folder.clone();
        self.stream.set_value(EventStream::open(&folder, move |event| self.receive(&of, event), move || self.failed()));
    }

    fn receive(self, folder: &VPath, event: EventKind) {
        self.failures.set_value(0);
        if self.failing.get_untracked() {
            self.failing.set(false);
        }
        match event {
            // A change between reading the folder and watching it is in neither.
            EventKind::Ready => self.browser.revalidate(),
            EventKind::Resync => self.browser.refresh(),
            EventKind::Present { entry } => self.queue(folder, Edit::Present(entry)),
            EventKind::Absent { path } => self.queue(folder, Edit::absent(path.name())),
            EventKind::Gone => {
                let gone = Failure::Refused { code: ErrorCode::NotFound, status: 404, request_id: String::new() };
                self.browser.fail(gone);
            }
        }
    }

    /// Collects edits until the next frame, so that the list changes once a frame however many events arrive.
    fn queue(self, folder: &VPath, edit: Edit) {
        let first = self.pending.with_value(Vec::is_empty);
        self.pending.update_value(|pending| pending.push(edit));
        if first {
            let folder = folder.clone();
            request_animation_frame(move || {
                let edits = self.pending.try_update_value(std::mem::take).unwrap_or_default();
                self.browser.receive(&folder, edits);
            });
        }
    }

    fn failed(self) {
        let failures = self.failures.get_value();
        self.failures.set_value(failures + 1);
        if failures + 1 >= FAILURES_SHOWN_MIN {
            self.failing.set(true);
        }
        let closed = self.stream.with_value(|stream| stream.as_ref().is_some_and(EventStream::is_closed));
        if closed {
            let wait = Duration::from_millis(u64::from(backoff_milliseconds(failures)));
            set_timeout(move || self.reopen.notify(), wait);
        }
    }
}

/// True while the tab is in front.
fn page_visibility() -> RwSignal<bool> {
    let is_visible = || document().visibility_state() == VisibilityState::Visible;
    let visible = RwSignal::new(is_visible());
    let update = Closure::<dyn FnMut()>::new(move || visible.set(is_visible()));
    // Only the name of an unknown event fails. The listener lives as long as the page.
    let _ = document().add_event_listener_with_callback("visibilitychange", update.as_ref().unchecked_ref());
    update.forget();
    visible
}
