//! The information that the server gives about itself.

use leptos::prelude::*;
use shared::api::files::About;

use crate::env::prefs::Prefs;
use crate::printable::printable;

/// The information that the server gives about itself.
#[derive(Clone, Copy)]
pub struct ServerInfo {
    /// The answer of the server; `None` until it arrives.
    pub about: RwSignal<Option<About>>,
}

/// The display name of the served folder.
pub(crate) fn root_name() -> Signal<String> {
    let (prefs, server): (Prefs, ServerInfo) = (Prefs::get(), expect_context());
    Signal::derive(move || {
        let name = server.about.with(|about| about.as_ref().map(|about| printable(about.name.as_bytes())));
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| prefs.words().home.to_owned())
    })
}
