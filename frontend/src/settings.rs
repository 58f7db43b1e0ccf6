//! The settings dialog: language, theme, and the version of the server.

use leptos::prelude::*;

use crate::env::prefs::{Prefs, Theme};
use crate::folder::FileBrowser;
use crate::i18n::{Lang, fill};
use crate::server_info::ServerInfo;
use crate::ui::dialog::{Choice, Dialog};

/// The settings dialog.
#[component]
pub(crate) fn Settings(open: RwSignal<bool>) -> impl IntoView {
    let (browser, prefs, server) = (FileBrowser::get(), Prefs::get(), ServerInfo::get());
    let langs: Vec<_> = Lang::ALL.into_iter().map(|lang| Signal::stored(lang.name())).collect();
    let lang = Signal::derive(move || Lang::ALL.iter().position(|lang| *lang == prefs.lang.get()).unwrap_or(0));
    let choose_lang = Callback::new(move |index: usize| prefs.choose_lang(Lang::ALL[index]));
    let themes = vec![
        prefs.text(|words| words.theme_system),
        prefs.text(|words| words.theme_light),
        prefs.text(|words| words.theme_dark),
    ];
    let theme = Signal::derive(move || Theme::ALL.iter().position(|theme| *theme == prefs.theme.get()).unwrap_or(0));
    let choose_theme = Callback::new(move |index: usize| prefs.choose_theme(Theme::ALL[index]));
    let about = move || {
        let version = server.about.with(|about| about.as_ref().map(|about| about.version.clone()))?;
        Some(fill(prefs.words().version, &[("version", &version)]))
    };
    view! {
        <Dialog open title=prefs.text(|words| words.settings) class="settings">
            <Choice legend=prefs.text(|words| words.language) name="language" options=langs.clone()
                value=lang choose=choose_lang />
            <Choice legend=prefs.text(|words| words.theme) name="theme" options=themes.clone()
                value=theme choose=choose_theme />
            <footer class="about">
                <p>{about}</p>
                <Show when=move || browser.is_read_only()>
                    <p>{prefs.text(|words| words.read_only_why)}</p>
                </Show>
            </footer>
        </Dialog>
    }
}
