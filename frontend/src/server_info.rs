//! The information that the server gives about itself.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::files::{About, ReadAbout};

use crate::env::prefs::Prefs;
use crate::net::api::call;
use crate::printable::printable;

/// The information that the server gives about itself.
#[derive(Clone, Copy)]
pub struct ServerInfo {
    /// The answer of the server; `None` until it arrives.
    pub about: RwSignal<Option<About>>,
}

impl ServerInfo {
    /// Provides the information to the components, empty until [`Self::load`].
    pub fn provide() -> Self {
        let server = Self { about: RwSignal::new(None) };
        provide_context(server);
        server
    }

    /// The information that [`Self::provide`] provided.
    pub fn get() -> Self {
        expect_context()
    }

    /// Reads the information. Nothing depends on it, so a failure shows no message.
    pub fn load(self) {
        spawn_local(async move {
            if let Ok(about) = call(&ReadAbout {}, None).await {
                self.about.set(Some(about));
            }
        });
    }

    /// The display name of the served folder, in the present language.
    pub fn root_name(self) -> Signal<String> {
        let prefs = Prefs::get();
        Signal::derive(move || self.about.with(named_root).unwrap_or_else(|| prefs.words().home.to_owned()))
    }

    /// The name that the server gives its folder; `None` if it is unknown or empty.
    pub fn named_root_untracked(self) -> Option<String> {
        self.about.with_untracked(named_root)
    }
}

fn named_root(about: &Option<About>) -> Option<String> {
    about.as_ref().map(|about| printable(about.name.as_bytes())).filter(|name| !name.is_empty())
}
