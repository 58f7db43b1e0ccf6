//! Names of people and groups, and the name under which others see a person.

use std::fmt;

use shared::characters::is_unprintable;

use super::store::Value;

/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 32;
/// Longest shown name, in bytes.
pub const SHOWN_BYTES_MAX: usize = 128;

/// Why a name is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// No name, or one that is too long.
    #[error("a name has 1 to {NAME_BYTES_MAX} characters")]
    Length,
    /// A character that names do not have.
    #[error(
        "a name has the letters a to z, digits, dots, hyphens and underscores, and begins with a letter or a digit"
    )]
    Character,
    /// Windows leaves a dot at the end of a folder's name out, so that the folder would be another person's.
    #[error("a name does not end with a dot")]
    Dot,
    /// A shown name that is empty, too long, or has characters that are not printed.
    #[error("the shown name has 1 to {SHOWN_BYTES_MAX} bytes, all of them printable")]
    Shown,
}

/// The name by which a person signs in, or of a group: `[a-z0-9][a-z0-9._-]{0,31}`, without a dot at the end. It can be
/// the name of a folder on every system.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(Box<str>);

impl Name {
    /// Parses a name.
    ///
    /// # Errors
    /// [`NameError::Length`], [`NameError::Character`] and [`NameError::Dot`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_later = |byte: u8| is_first(byte) || b"._-".contains(&byte);
        match text.as_bytes() {
            [] => Err(NameError::Length),
            bytes if bytes.len() > NAME_BYTES_MAX => Err(NameError::Length),
            [first, later @ ..] if !is_first(*first) || !later.iter().copied().all(is_later) => {
                Err(NameError::Character)
            }
            [.., b'.'] => Err(NameError::Dot),
            _ => Ok(Self(text.into())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&Name> for Value {
    fn from(name: &Name) -> Self {
        name.as_str().into()
    }
}

/// The name under which others see a person, or of a space: any printable text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ShownName(Box<str>);

impl ShownName {
    /// Parses a shown name; white space around it is left out.
    ///
    /// # Errors
    /// [`NameError::Shown`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let is_printable = !text.chars().any(|c| c.is_control() || is_unprintable(c));
        let has_length = (1..=SHOWN_BYTES_MAX).contains(&text.len());
        if is_printable && has_length { Ok(Self(text.into())) } else { Err(NameError::Shown) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Name> for ShownName {
    fn from(name: &Name) -> Self {
        Self(name.0.clone())
    }
}

impl From<&ShownName> for Value {
    fn from(name: &ShownName) -> Self {
        name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_names_of_folders_everywhere() {
        for name in ["a", "0", "ada", "ada.lovelace", "a-b_c.d", &"a".repeat(32)] {
            assert_eq!(Name::parse(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for (name, error) in [
            ("", NameError::Length),
            (&*"a".repeat(33), NameError::Length),
            ("Ada", NameError::Character),
            (".hidden", NameError::Character),
            ("-rf", NameError::Character),
            ("..", NameError::Character),
            ("a/../b", NameError::Character),
            ("a\\b", NameError::Character),
            ("a\0", NameError::Character),
            ("é", NameError::Character),
            ("ada lovelace", NameError::Character),
            ("ada.", NameError::Dot),
        ] {
            assert_eq!(Name::parse(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn shown_names_have_no_control_characters_and_no_reversed_text() {
        assert_eq!(
            ShownName::parse(" Ada Lovelace é 漢 ").map(|name| name.as_str().to_owned()),
            Ok("Ada Lovelace é 漢".into())
        );
        for text in ["", "  ", "a\nb", "a\u{202e}b", "a\u{7}", &"é".repeat(65)] {
            assert_eq!(ShownName::parse(text), Err(NameError::Shown), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_one_segment_of_a_path(text in "\\PC{0,40}|[a-z0-9._-]{0,40}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert!(shared::path::is_name(name.as_str().as_bytes()));
                prop_assert!(!shared::windows_name::is_cut_off(name.as_str()));
                prop_assert_eq!(name.as_str(), text.to_lowercase());
            }
        }
    }
}
