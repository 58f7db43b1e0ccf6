//! What the server says about itself.

use leptos::prelude::*;
use shared::api::files::About;

use crate::env::prefs::Prefs;
use crate::printable::printable;

/// What the server says about itself.
#[derive(Clone, Copy)]
pub struct ServerInfo {
    /// The answer; `None` until it is here.
    pub about: RwSignal<Option<About>>,
}

/// What people call the served folder.
pub(crate) fn root_name() -> Signal<String> {
    let (prefs, server): (Prefs, ServerInfo) = (Prefs::get(), expect_context());
    Signal::derive(move || {
        let name = server.about.with(|about| about.as_ref().map(|about| printable(about.name.as_bytes())));
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| prefs.words().home.to_owned())
    })
}
