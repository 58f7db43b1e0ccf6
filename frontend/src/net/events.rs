//! The stream of a folder's changes.

#![cfg(target_arch = "wasm32")]

use serde_json::from_str;
use shared::VPath;
use shared::api::events::EventKind;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Event, EventSource, MessageEvent};

use super::urls::events_url;

/// An open stream; dropping it closes the connection.
///
/// It is web-sys' `EventSource`: gloo-net's reports no error while the browser reconnects, and the page has to show that.
pub struct EventStream {
    source: EventSource,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl EventStream {
    /// Opens the stream of a folder. `on_error` runs with each failed attempt to connect; `None` if the browser refuses.
    pub fn open(
        folder: &VPath,
        mut on_event: impl FnMut(EventKind) + 'static,
        mut on_error: impl FnMut() + 'static,
    ) -> Option<Self> {
        let source = EventSource::new(&events_url(folder)).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(event) = message.data().as_string().and_then(|text| from_str(&text).ok()) {
                on_event(event);
            }
        });
        let on_error = Closure::<dyn FnMut(Event)>::new(move |_: Event| on_error());
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self { source, _on_message: on_message, _on_error: on_error })
    }

    /// True once the browser has given up; while it reconnects by itself, this is false.
    pub fn is_closed(&self) -> bool {
        self.source.ready_state() == EventSource::CLOSED
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.source.close();
    }
}
