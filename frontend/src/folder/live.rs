//! Live updates: what others do in the folder on the screen shows by itself, while somebody looks. The browser's own
//! `EventSource` reconnects and says where it stood; where the server refuses, waits grow.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use serde_json::from_str;
use shared::{ErrorCode, Happening, VPath};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Event, EventSource, MessageEvent, VisibilityState};

use crate::failure::{Failure, backoff_milliseconds};
use crate::folder::model::Edit;
use crate::folder::{Browser, Phase};
use crate::net::api::events_url;

/// So many failures in a row are worth a word.
const FAILURES_SHOWN_MIN: u32 = 3;

/// Whether changes by others show by themselves.
#[derive(Clone, Copy)]
pub struct Live {
    /// They do not, and the page keeps trying.
    pub failing: RwSignal<bool>,
    browser: Browser,
    stream: StoredValue<Option<Stream>, LocalStorage>,
    /// What came since the last frame.
    waiting: StoredValue<Vec<Edit>>,
    tries: StoredValue<u32>,
    /// Counts up to open the stream once more.
    again: RwSignal<u32>,
}

/// A stream of events, which ends with this.
struct Stream {
    source: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(Event)>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl Live {
    /// Follows the folder on the screen from now on.
    pub fn provide(browser: Browser) -> Self {
        let live = Self {
            failing: RwSignal::new(false),
            browser,
            stream: StoredValue::new_local(None),
            waiting: StoredValue::new(Vec::new()),
            tries: StoredValue::new(0),
            again: RwSignal::new(0),
        };
        provide_context(live);
        let visible = RwSignal::new(is_visible());
        let look = Closure::<dyn FnMut()>::new(move || visible.set(is_visible()));
        // It fails only for a name that is no event's. The page listens for as long as it is there.
        let _ = document().add_event_listener_with_callback("visibilitychange", look.as_ref().unchecked_ref());
        look.forget();
        let wanted = Memo::new(move |_| {
            let watched = visible.get() && !browser.in_trash.get() && !matches!(browser.phase.get(), Phase::Failed(_));
            watched.then(|| browser.folder.get())
        });
        Effect::new(move |_| {
            live.again.track();
            live.open(wanted.get());
        });
        live
    }

    fn open(self, folder: Option<VPath>) {
        // The one before ends first: a browser has few connections to a server.
        self.stream.set_value(None);
        self.waiting.set_value(Vec::new());
        let Some(folder) = folder else { return };
        let Ok(source) = EventSource::new(&events_url(&folder)) else { return };
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let happening = event.data().as_string().and_then(|text| from_str::<Happening>(&text).ok());
            if let Some(happening) = happening {
                self.take(&folder, happening);
            }
        });
        let error = Closure::<dyn FnMut(Event)>::new(move |_: Event| self.failed());
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        source.set_onerror(Some(error.as_ref().unchecked_ref()));
        self.stream.set_value(Some(Stream { source, _message: message, _error: error }));
    }

    fn take(self, folder: &VPath, happening: Happening) {
        self.tries.set_value(0);
        if self.failing.get_untracked() {
            self.failing.set(false);
        }
        match happening {
            // What happened between reading the folder and watching it is in neither.
            Happening::Ready => self.browser.check(),
            Happening::Resync => self.browser.refresh(),
            Happening::Present { entry } => self.queue(folder, Edit::Present(entry)),
            Happening::Absent { path } => self.queue(folder, Edit::absent(path.name())),
            Happening::Gone => {
                let gone = Failure::Refused { code: ErrorCode::NotFound, status: 404, request_id: String::new() };
                self.browser.phase.set(Phase::Failed(gone));
            }
        }
    }

    /// However many events come, the list changes once a frame.
    fn queue(self, folder: &VPath, edit: Edit) {
        let first = self.waiting.with_value(Vec::is_empty);
        self.waiting.update_value(|waiting| waiting.push(edit));
        if first {
            let folder = folder.clone();
            request_animation_frame(move || {
                let edits = self.waiting.try_update_value(std::mem::take).unwrap_or_default();
                self.browser.hear(&folder, edits);
            });
        }
    }

    fn failed(self) {
        let tries = self.tries.get_value();
        self.tries.set_value(tries + 1);
        if tries + 1 >= FAILURES_SHOWN_MIN {
            self.failing.set(true);
        }
        let closed = self.stream.with_value(|stream| {
            stream.as_ref().is_some_and(|stream| stream.source.ready_state() == EventSource::CLOSED)
        });
        if closed {
            let wait = Duration::from_millis(u64::from(backoff_milliseconds(tries)));
            set_timeout(move || self.again.update(|again| *again += 1), wait);
        }
    }
}

fn is_visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}
