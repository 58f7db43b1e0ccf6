//! What the page says, in English and in French: tables of constants, and the few rules that plurals and sizes need.
//! Numbers and dates are the browser's to format.

use crate::failure::Reason;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// French, with « vous ».
    Fr,
}

impl Lang {
    /// Every language, in the order of the switch.
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// The language tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// What the language calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Fr => "Français",
        }
    }

    /// The language of a tag such as `fr-CA`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| lang.tag().eq_ignore_ascii_case(primary))
    }

    /// What the page says in it.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Fr => &FR,
        }
    }
}

/// A sentence that counts, for each plural category that the two languages have. `{n}` is the number.
#[derive(Debug)]
pub struct Counted {
    one: &'static str,
    /// French says "un million *de* fichiers".
    many: &'static str,
    other: &'static str,
}

impl Counted {
    /// The form for a category of `Intl.PluralRules`.
    pub fn form(&self, category: &str) -> &'static str {
        match category {
            "one" => self.one,
            "many" => self.many,
            _ => self.other,
        }
    }
}

/// What happened, and what to do about it.
#[derive(Debug)]
pub struct Explained {
    /// In a few words.
    pub title: &'static str,
    /// In a sentence or two.
    pub advice: &'static str,
}

/// Puts values where `{key}` stands.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() + 24);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((key, after)) = after.split_once('}') else { break };
        text.push_str(values.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A size as a number and its unit: three digits or so, in powers of a thousand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    /// The number.
    pub value: f64,
    /// Which of [`Words::units`].
    pub unit: usize,
    /// How many digits after the decimal sign it deserves.
    pub decimals: u8,
}

/// Scales a number of bytes for people.
pub fn scale(bytes: u64) -> Scaled {
    let (mut value, mut unit) = (bytes as f64, 0);
    // 999.95 would be shown as 1000.0 of the smaller unit.
    while value >= 999.5 && unit < EN.units.len() - 1 {
        value /= 1_000.0;
        unit += 1;
    }
    Scaled { value, unit, decimals: if unit > 0 && value < 99.95 { 1 } else { 0 } }
}

macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty = $en:expr, $fr:expr;)*) => {
        /// Everything that the page says.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub struct Words { $($(#[doc = $doc])* pub $name: $kind,)* }
        const EN: Words = Words { $($name: $en,)* };
        const FR: Words = Words { $($name: $fr,)* };
    };
}

const fn counted(one: &'static str, many: &'static str, other: &'static str) -> Counted {
    Counted { one, many, other }
}

const fn explained(title: &'static str, advice: &'static str) -> Explained {
    Explained { title, advice }
}

words! {
    units: [&'static str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"], ["o", "ko", "Mo", "Go", "To", "Po"];
    /// Between a number and its unit, and within dates: never a line break.
    home: &'static str = "Files", "Fichiers";
    skip: &'static str = "Skip to the list", "Aller à la liste";
    places: &'static str = "Places", "Emplacements";
    menu: &'static str = "Places", "Emplacements";
    close: &'static str = "Close", "Fermer";
    up: &'static str = "Up", "Remonter";
    path: &'static str = "Path", "Chemin";
    hidden_folders: &'static str = "Folders in between", "Dossiers intermédiaires";
    files_in: &'static str = "Contents of {name}", "Contenu de {name}";
    name: &'static str = "Name", "Nom";
    size: &'static str = "Size", "Taille";
    modified: &'static str = "Modified", "Modifié";
    sort: &'static str = "Sort", "Trier";
    sort_by: &'static str = "Sort by", "Trier par";
    ascending: &'static str = "Ascending", "Croissant";
    descending: &'static str = "Descending", "Décroissant";
    refresh: &'static str = "Refresh", "Actualiser";
    refreshing: &'static str = "Refreshing…", "Actualisation…";
    loading: &'static str = "Loading…", "Chargement…";
    loading_rows: &'static str = "{n} of {total} loaded", "{n} sur {total} chargés";
    select_all: &'static str = "Select all", "Tout sélectionner";
    select_row: &'static str = "Select {name}", "Sélectionner {name}";
    clear_selection: &'static str = "Clear", "Désélectionner";
    download: &'static str = "Download", "Télécharger";
    open: &'static str = "Open", "Ouvrir";
    cancel: &'static str = "Cancel", "Annuler";
    items: Counted = counted("{n} item", "{n} items", "{n} items"),
        counted("{n} élément", "{n} d’éléments", "{n} éléments");
    selected: Counted =
        counted("{n} item selected", "{n} items selected", "{n} items selected"),
        counted("{n} élément sélectionné", "{n} d’éléments sélectionnés", "{n} éléments sélectionnés");
    matching: Counted = counted("{n} match", "{n} matches", "{n} matches"),
        counted("{n} résultat", "{n} de résultats", "{n} résultats");
    more_folders: Counted =
        counted("{n} more folder", "{n} more folders", "{n} more folders"),
        counted("{n} autre dossier", "{n} d’autres dossiers", "{n} autres dossiers");
    size_in_parentheses: &'static str = "({size})", "({size})";
    size_without_folders: &'static str = "({size} without the folders)", "({size} hors dossiers)";
    filter: &'static str = "Filter this folder", "Filtrer ce dossier";
    no_match: &'static str = "Nothing here matches “{text}”.",
        "Rien ici ne correspond à «\u{a0}{text}\u{a0}».";
    no_match_yet: &'static str = "Nothing matches “{text}” so far; the folder is still loading.",
        "Rien ne correspond encore à «\u{a0}{text}\u{a0}»\u{202f}; le dossier est en cours de chargement.";
    clear_filter: &'static str = "Clear the filter", "Effacer le filtre";
    empty: &'static str = "This folder is empty", "Ce dossier est vide";
    empty_advice: &'static str = "Files that are put into it on the server appear here.",
        "Les fichiers qui y sont déposés sur le serveur apparaissent ici.";
    folder: &'static str = "Folder", "Dossier";
    link: &'static str = "Link", "Lien";
    link_refused: &'static str = "Link that leads out of the served folder", "Lien qui mène hors du dossier servi";
    special: &'static str = "Special file, cannot be opened", "Fichier spécial, ne peut pas être ouvert";
    preparing: &'static str = "Preparing the download: {name}", "Préparation du téléchargement\u{a0}: {name}";
    started: &'static str = "Download started: {name} ({size})", "Téléchargement commencé\u{a0}: {name} ({size})";
    started_unsized: &'static str = "Download started: {name}", "Téléchargement commencé\u{a0}: {name}";
    download_failed: &'static str = "{name} was not downloaded. {why}", "{name} n’a pas été téléchargé. {why}";
    wait_for_rows: &'static str = "The selection is still loading. Try again in a moment.",
        "La sélection est en cours de chargement. Réessayez dans un instant.";
    retry: &'static str = "Retry", "Réessayer";
    go_parent: &'static str = "Go to the folder above", "Aller au dossier parent";
    go_home: &'static str = "Go to the start", "Aller au début";
    reference: &'static str = "Reference for the administrator: {id}", "Référence pour l’administrateur\u{a0}: {id}";
    offline: &'static str = "No connection to the server. What you see may be out of date.",
        "Pas de connexion au serveur. Ce que vous voyez n’est peut-être plus à jour.";
    retrying: &'static str = "Trying again automatically.", "Nouvel essai automatique.";
    read_only: &'static str = "Read-only", "Lecture seule";
    read_only_why: &'static str =
        "This server lets you look and download. To allow changes, whoever runs it starts it with “--anonymous write”.",
        "Ce serveur permet de consulter et de télécharger. Pour autoriser les modifications, la personne qui le gère le \
         démarre avec «\u{a0}--anonymous write\u{a0}».";
    settings: &'static str = "Settings", "Réglages";
    theme: &'static str = "Theme", "Thème";
    theme_system: &'static str = "System", "Système";
    theme_light: &'static str = "Light", "Clair";
    theme_dark: &'static str = "Dark", "Sombre";
    language: &'static str = "Language", "Langue";
    version: &'static str = "Passerelle {version}", "Passerelle {version}";
    shortcuts: &'static str = "Shortcuts", "Raccourcis";
    shortcuts_title: &'static str = "Keyboard shortcuts", "Raccourcis clavier";
    key_ctrl: &'static str = "Ctrl", "Ctrl";
    key_shift: &'static str = "Shift", "Maj";
    key_alt: &'static str = "Alt", "Alt";
    key_space: &'static str = "Space", "Espace";
    key_home: &'static str = "Home", "Début";
    key_end: &'static str = "End", "Fin";
    key_page_up: &'static str = "PgUp", "Pg préc.";
    key_page_down: &'static str = "PgDn", "Pg suiv.";
    key_enter: &'static str = "Enter", "Entrée";
    key_backspace: &'static str = "Backspace", "Retour arrière";
    key_escape: &'static str = "Esc", "Échap";
    key_letters: &'static str = "Letters", "Lettres";
    do_move: &'static str = "Move and select", "Se déplacer et sélectionner";
    do_extend: &'static str = "Extend the selection", "Étendre la sélection";
    do_pass: &'static str = "Move without selecting", "Se déplacer sans sélectionner";
    do_toggle: &'static str = "Select the row, or no longer", "Sélectionner la ligne, ou non";
    do_ends: &'static str = "First and last row", "Première et dernière ligne";
    do_pages: &'static str = "One screen up or down", "Un écran vers le haut ou le bas";
    do_open: &'static str = "Open", "Ouvrir";
    do_parent: &'static str = "Folder above", "Dossier parent";
    do_all: &'static str = "Select all", "Tout sélectionner";
    do_clear: &'static str = "Clear the selection", "Annuler la sélection";
    do_type: &'static str = "Go to the next name that starts so", "Aller au prochain nom qui commence ainsi";
    do_filter: &'static str = "Filter this folder", "Filtrer ce dossier";
    do_help: &'static str = "This list", "Cette liste";
    forbidden: Explained = explained(
        "You may not open this",
        "The server does not allow reading it. Ask whoever runs the server for access."
    ), explained(
        "Vous n’avez pas accès à cet emplacement",
        "Le serveur n’en autorise pas la lecture. Demandez l’accès à la personne qui gère le serveur."
    );
    missing: Explained = explained(
        "There is nothing here",
        "It may have been moved, renamed or deleted. Look for it in the folder above."
    ), explained(
        "Il n’y a rien ici",
        "L’élément a peut-être été déplacé, renommé ou supprimé. Cherchez-le dans le dossier parent."
    );
    not_folder: Explained = explained("This is a file", "It has no contents to list, but you can open or download it."),
        explained("Ceci est un fichier", "Il n’a pas de contenu à lister, mais vous pouvez l’ouvrir ou le télécharger.");
    not_served: Explained = explained(
        "This cannot be opened",
        "It is a link that leads out of the served folder, or not a regular file. The server never opens those."
    ), explained(
        "Ceci ne peut pas être ouvert",
        "C’est un lien qui mène hors du dossier servi, ou un fichier spécial. Le serveur ne les ouvre jamais."
    );
    too_large: Explained = explained(
        "This is too much at once",
        "It is more than the server gives in one go. Choose fewer items, or one folder at a time."
    ), explained(
        "C’est trop à la fois",
        "C’est plus que ce que le serveur donne en une fois. Choisissez moins d’éléments, ou un dossier à la fois."
    );
    bad_address: Explained = explained(
        "This address is not right",
        "It names no folder. Start again from the beginning."
    ), explained(
        "Cette adresse n’est pas correcte",
        "Elle ne désigne aucun dossier. Repartez du début."
    );
    busy: Explained = explained(
        "The server is busy",
        "It asks for a moment of patience. The page tries again by itself."
    ), explained(
        "Le serveur est occupé",
        "Il demande un peu de patience. La page réessaie d’elle-même."
    );
    unreachable: Explained = explained(
        "The server cannot be reached",
        "Check your connection and that the server is running. The page tries again by itself."
    ), explained(
        "Le serveur est injoignable",
        "Vérifiez votre connexion et que le serveur fonctionne. La page réessaie d’elle-même."
    );
    broken: Explained = explained(
        "The server failed",
        "Something went wrong on its side. Try again; if it happens again, tell whoever runs the server."
    ), explained(
        "Le serveur a rencontré un problème",
        "Le problème est de son côté. Réessayez\u{202f}; si cela se reproduit, prévenez la personne qui gère le serveur."
    );
}

impl Words {
    /// What to say of a failure.
    pub fn explain(&self, reason: Reason) -> &Explained {
        match reason {
            Reason::Forbidden => &self.forbidden,
            Reason::Missing => &self.missing,
            Reason::NotFolder => &self.not_folder,
            Reason::NotServed => &self.not_served,
            Reason::TooLarge => &self.too_large,
            Reason::BadAddress => &self.bad_address,
            Reason::Busy => &self.busy,
            Reason::Unreachable => &self.unreachable,
            Reason::Broken => &self.broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_about_three_digits() {
        let check = |bytes, value: f64, unit, decimals| {
            let scaled = scale(bytes);
            assert!((scaled.value - value).abs() < 1e-9, "{bytes}: {scaled:?}");
            assert_eq!((scaled.unit, scaled.decimals), (unit, decimals), "{bytes}");
        };
        check(0, 0.0, 0, 0);
        check(999, 999.0, 0, 0);
        check(1_000, 1.0, 1, 1);
        check(999_949, 1.0 - 51e-6, 2, 1);
        check(1_234_567, 1.234567, 2, 1);
        check(123_000_000, 123.0, 2, 0);
        check(u64::MAX, u64::MAX as f64 / 1e15, 5, 0);
    }

    #[test]
    fn templates_are_filled_once() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "2")]), "{b} and 2");
        assert_eq!(fill("none", &[]), "none");
        assert_eq!(fill("{unknown}!", &[]), "!");
    }

    #[test]
    fn tags_lead_to_languages() {
        assert_eq!(Lang::of_tag("fr-CA"), Some(Lang::Fr));
        assert_eq!(Lang::of_tag("EN"), Some(Lang::En));
        assert_eq!(Lang::of_tag("de"), None);
        assert_eq!(Lang::of_tag("fro"), None);
    }

    #[test]
    fn french_has_its_spaces() {
        // The table's own text, so that no sentence escapes.
        let table = format!("{FR:?}").replace("\\u{a0}", "\u{a0}").replace("\\u{202f}", "\u{202f}");
        let texts = table.split('"').skip(1).step_by(2);
        for text in texts {
            for (index, sign) in text.char_indices().filter(|(_, sign)| ";!?:»".contains(*sign)) {
                let before = text[..index].chars().next_back();
                let expected = if ":»".contains(sign) { '\u{a0}' } else { '\u{202f}' };
                assert_eq!(before, Some(expected), "{text}");
            }
            assert!(!text.contains("« "), "{text}");
            assert!(!text.contains('\''), "{text}");
        }
    }

    #[test]
    fn every_reason_has_words() {
        for lang in Lang::ALL {
            for reason in [Reason::Forbidden, Reason::Missing, Reason::TooLarge, Reason::Unreachable, Reason::Broken] {
                let words = lang.words().explain(reason);
                assert!(words.title.len() > 5 && words.advice.len() > 20);
            }
        }
    }
}
