//! What the page says, in English and in French: a table of constants in [`words`], and the few rules that plurals and
//! sizes need. Numbers and dates are the browser's to format.

mod words;

use crate::failure::Reason;
use words::{EN, FR};

pub use words::Words;

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
            Reason::Taken => &self.taken,
            Reason::NoParent => &self.no_parent,
            Reason::IntoItself => &self.into_itself,
            Reason::ChangedSince => &self.changed_since,
            Reason::BadName => &self.bad_name,
            Reason::NoSpace => &self.space_gone,
            Reason::CannotWrite => &self.cannot_write,
            Reason::Expired => &self.expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
