//! The forms of text in the table: templates, plurals, explanations.

/// Defines a table of texts: a struct with a field for each text, and its two constants, English and French. A text
/// without one of the languages does not compile.
macro_rules! table {
    ($table:ident, $english:ident, $french:ident;
     $($(#[doc = $doc:literal])* $name:ident: $kind:ty = $en:expr, $fr:expr;)*) => {
        /// The texts of one subject in one language.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub struct $table { $($(#[doc = $doc])* pub $name: $kind,)* }
        pub(super) const $english: $table = $table { $($name: $en,)* };
        pub(super) const $french: $table = $table { $($name: $fr,)* };
    };
}

pub(super) use table;

pub(super) const fn counted(one: &'static str, many: &'static str, other: &'static str) -> Counted {
    Counted { one, many, other }
}

pub(super) const fn explained(title: &'static str, advice: &'static str) -> Explained {
    Explained { title, advice }
}

/// A sentence with a number, `{n}`, in each plural category of the two languages (Unicode CLDR).
#[derive(Debug)]
pub struct Counted {
    pub(super) one: &'static str,
    /// French: "un million *de* fichiers".
    pub(super) many: &'static str,
    pub(super) other: &'static str,
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

/// A sentence for each kind of change that undo or redo repeats.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Repeated {
    pub made: &'static str,
    pub renamed: &'static str,
    pub moved: &'static str,
    pub copied: &'static str,
    pub trashed: &'static str,
    pub deleted: &'static str,
    pub restored: &'static str,
    pub replaced: &'static str,
}

/// What happened, and what the user can do about it.
#[derive(Debug)]
pub struct Explained {
    /// In a few words.
    pub title: &'static str,
    /// In a sentence or two.
    pub advice: &'static str,
}

impl Explained {
    /// Both in one line of text.
    pub fn sentences(&self) -> String {
        format!("{}. {}", self.title, self.advice)
    }
}

/// Replaces each `{key}` in a template by its value; by nothing if there is none.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_does_not_replace_keys_within_values() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "2")]), "{b} and 2");
        assert_eq!(fill("none", &[]), "none");
        assert_eq!(fill("{unknown}!", &[]), "!");
    }
}
