//! The user's preferences: language and theme. The browser's own settings count until the user chooses; the choice is
//! stored. The start script in `index.html` applies both before the first paint, from the same keys.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::{format, storage};
use crate::i18n::{Counted, Lang, Words};

const LANG: &str = "passerelle.lang";
const THEME: &str = "passerelle.theme";

/// The colour theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The theme of the system.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The user's preferences.
#[derive(Clone, Copy)]
pub struct Prefs {
    /// The language.
    pub lang: RwSignal<Lang>,
    /// The theme.
    pub theme: RwSignal<Theme>,
}

impl Theme {
    /// Every theme, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The name in the storage and in the style sheet.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Prefs {
    /// Reads the stored preferences and provides them to the components.
    pub fn provide() -> Self {
        let lang = storage::get(LANG).and_then(|tag| Lang::of_tag(&tag)).unwrap_or_else(browser_lang);
        let name = storage::get(THEME).unwrap_or_default();
        let theme = Theme::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or_default();
        let prefs = Self { lang: RwSignal::new(lang), theme: RwSignal::new(theme) };
        provide_context(prefs);
        Effect::new(move |_| set_root_attribute("lang", prefs.lang.get().tag()));
        Effect::new(move |_| set_root_attribute("data-theme", prefs.theme.get().name()));
        prefs
    }

    /// The preferences that [`Self::provide`] provided.
    pub fn get() -> Self {
        expect_context()
    }

    /// The texts in the present language.
    pub fn words(self) -> &'static Words {
        self.lang.get().words()
    }

    /// One text, in the present language.
    pub fn text(self, choose: fn(&'static Words) -> &'static str) -> Signal<&'static str> {
        Signal::derive(move || choose(self.words()))
    }

    /// Sets and stores the language.
    pub fn choose_lang(self, lang: Lang) {
        storage::set(LANG, Some(lang.tag()));
        self.lang.set(lang);
    }

    /// Sets and stores the theme.
    pub fn choose_theme(self, theme: Theme) {
        storage::set(THEME, (theme != Theme::System).then(|| theme.name()));
        self.theme.set(theme);
    }

    /// A number, in the present language.
    pub fn number(self, value: usize) -> String {
        format::number(self.lang.get(), value)
    }

    /// A number of bytes with its unit, in the present language.
    pub fn size(self, bytes: u64) -> String {
        format::size(self.lang.get(), bytes)
    }

    /// A sentence in the plural form of `count`, in the present language.
    pub fn counted(self, choose: fn(&'static Words) -> &'static Counted, count: usize) -> String {
        let lang = self.lang.get();
        format::counted(lang, choose(lang.words()), count)
    }
}

fn browser_lang() -> Lang {
    let languages = window().navigator().languages();
    languages.iter().find_map(|tag| Lang::of_tag(&tag.as_string()?)).unwrap_or_default()
}

fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Both names are valid, so this cannot fail.
        let _ = root.set_attribute(name, value);
    }
}
