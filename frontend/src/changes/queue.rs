//! Standing in line: what is asked for while the server has not answered yet is not lost, it waits for its turn.

use js_sys::{Function, Promise};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::model::Origin;
use super::model::scheduler::{Needs, Touched, Turns};

/// A line of those who wait for their turn.
#[derive(Clone, Copy)]
pub(super) struct Line(RwSignal<Turns<Function>, LocalStorage>);

/// A place in the line, which is left when this is dropped.
pub(super) struct Turn {
    id: u32,
    line: Line,
    coming: Promise,
}

impl Line {
    pub(super) fn new() -> Self {
        Self(RwSignal::new_local(Turns::default()))
    }

    /// Stands in line at once; none where too many wait already.
    pub(super) fn join(self, origin: Origin, needs: Needs) -> Option<Turn> {
        let mut wake = None;
        let coming = Promise::new(&mut |resolve, _| wake = Some(resolve));
        let id = self.0.try_update(|turns| turns.join(origin, needs, wake?)).flatten()?;
        self.call();
        Some(Turn { id, line: self, coming })
    }

    /// True if there will be more to take back, or to do again, once all this is done.
    pub(super) fn promises(self, more: Origin) -> bool {
        self.0.with(|turns| turns.promises(more))
    }

    fn call(self) {
        while let Some(wake) = self.0.try_update(Turns::call).flatten() {
            // A promise that is kept calls nobody before this has ended.
            let _ = wake.call0(&JsValue::UNDEFINED);
        }
    }
}

impl Turn {
    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the turn comes.
    pub(super) async fn come(&self) {
        // The promise is only ever resolved.
        let _ = JsFuture::from(self.coming.clone()).await;
    }

    /// It has to do with no more than this; the others need not wait.
    pub(super) fn narrow(&self, touched: Touched) {
        self.line.0.update(|turns| turns.narrow(self.id, touched));
        self.line.call();
    }

    /// Answers at any later time whether the turn has yet to come.
    pub(super) fn still_waits(&self) -> impl Fn() -> bool + use<> {
        let (id, line) = (self.id, self.line);
        move || line.0.try_with_untracked(|turns| turns.is_waiting(id)).unwrap_or(false)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.line.0.try_update(|turns| turns.leave(self.id)).is_some() {
            self.line.call();
        }
    }
}
