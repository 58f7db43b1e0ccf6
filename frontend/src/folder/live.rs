//! Live updates: follows the changes that others make in the folder on the screen, while the page is visible. The browser
//! reconnects by itself after a lost connection; after a refusal [`Live`] reconnects, with growing waits.

#![cfg(target_arch = "wasm32")]

use std::collections::VecDeque;
use std::time::Duration;

use leptos::prelude::*;
use shared::{ErrorCode, EventKind, VPath};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::VisibilityState;

use super::model::Edit;
use super::state::{FileBrowser, Phase};
use crate::failure::{Failure, backoff_milliseconds};
use crate::net::events::{EventStream, Message};

/// Failures in a row after which the page says that live updates are off: fewer are a moment without network.
const FAILURES_SHOWN_MIN: u32 = 3;

/// Most messages that are read in a frame. A change of many entries sends more than a thousand at once, and to read those
/// takes longer than a frame.
const MESSAGES_PER_FRAME: usize = 400;

/// The messages that arrived and are not read yet.
#[derive(Default)]
struct Pending {
    folder: VPath,
    messages: VecDeque<Message>,
}

/// The state of live updates.
#[derive(Clone, Copy)]
pub struct Live {
    /// Live updates do not work at the moment; the page keeps trying.
    pub failing: RwSignal<bool>,
    browser: FileBrowser,
    stream: StoredValue<Option<EventStream>, LocalStorage>,
    pending: StoredValue<Pending, LocalStorage>,
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
            pending: StoredValue::new_local(Pending::default()),
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
        self.pending.set_value(Pending::default());
        let Some(folder) = folder else { return };
        let stream = EventStream::open(&folder, move |message| self.queue(message), move || self.failed());
        self.pending.update_value(|pending| pending.folder = folder);
        self.stream.set_value(stream);
    }

    /// Collects messages until the next frame, so that the list changes once a frame however many arrive.
    fn queue(self, message: Message) {
        let is_first = self.pending.try_update_value(|pending| {
            pending.messages.push_back(message);
            pending.messages.len() == 1
        });
        if is_first == Some(true) {
            request_animation_frame(move || self.read());
        }
    }

    /// Reads the first messages, and the others in the frames that follow.
    fn read(self) {
        let taken = self.pending.try_update_value(|pending| {
            let count = pending.messages.len().min(MESSAGES_PER_FRAME);
            (pending.folder.clone(), pending.messages.drain(..count).collect::<Vec<_>>(), pending.messages.is_empty())
        });
        let Some((folder, messages, is_last)) = taken else { return };
        if !is_last {
            request_animation_frame(move || self.read());
        }
        let mut edits = Vec::new();
        for event in messages.iter().filter_map(Message::event) {
            match event {
                EventKind::Present { entry } => edits.push(Edit::Present(entry)),
                EventKind::Absent { path } => edits.push(Edit::absent(path.name())),
                other => {
                    // What came before is older than what the browser reads now.
                    self.browser.receive(&folder, std::mem::take(&mut edits));
                    self.act_on(other);
                }
            }
        }
        if !messages.is_empty() {
            self.failures.set_value(0);
            if self.failing.get_untracked() {
                self.failing.set(false);
            }
        }
        self.browser.receive(&folder, edits);
    }

    /// Acts on an event about the folder itself.
    fn act_on(self, event: EventKind) {
        match event {
            // A change between reading the folder and watching it is in neither.
            EventKind::Ready => self.browser.revalidate(),
            EventKind::Resync => self.browser.refresh(),
            EventKind::Gone => {
                let gone = Failure::Refused { code: ErrorCode::NotFound, status: 404, request_id: String::new() };
                self.browser.fail(gone);
            }
            EventKind::Present { .. } | EventKind::Absent { .. } => {}
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
