//! The settings: language, theme, and what server this is.

use leptos::prelude::*;

use crate::app::Server;
use crate::env::prefs::{Prefs, Theme};
use crate::i18n::{Lang, fill};
use crate::ui::dialog::{Choice, Dialog};

/// The dialog.
#[component]
pub(crate) fn Settings(open: RwSignal<bool>) -> impl IntoView {
    let (prefs, server): (Prefs, Server) = (Prefs::get(), expect_context());
    let langs = Lang::ALL.into_iter().map(|lang| (lang, Signal::stored(lang.name()))).collect::<Vec<_>>();
    let themes = vec![
        (Theme::System, prefs.text(|words| words.theme_system)),
        (Theme::Light, prefs.text(|words| words.theme_light)),
        (Theme::Dark, prefs.text(|words| words.theme_dark)),
    ];
    let about = move || {
        let version = server.about.with(|about| about.as_ref().map(|about| about.version.clone()))?;
        Some(fill(prefs.words().version, &[("version", &version)]))
    };
    let read_only = move || server.about.with(|about| about.as_ref().is_some_and(|about| !about.writable));
    view! {
        <Dialog open title=prefs.text(|words| words.settings) class="settings">
            <Choice legend=prefs.text(|words| words.language) name="language" options=langs.clone()
                value=prefs.lang choose=Callback::new(move |lang| prefs.choose_lang(lang)) />
            <Choice legend=prefs.text(|words| words.theme) name="theme" options=themes.clone()
                value=prefs.theme choose=Callback::new(move |theme| prefs.choose_theme(theme)) />
            <footer class="about">
                <p>{about}</p>
                <Show when=read_only>
                    <p>
                        <strong>{prefs.text(|words| words.read_only)}</strong>
                        " – "
                        {prefs.text(|words| words.read_only_why)}
                    </p>
                </Show>
            </footer>
        </Dialog>
    }
}
