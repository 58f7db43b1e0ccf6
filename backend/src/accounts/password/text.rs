//! A password in clear, and what may be chosen as one.

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::super::name::Name;
use super::common::COMMON;

/// Fewest bytes of a password that is chosen.
pub const PASSWORD_BYTES_MIN: usize = 10;
/// Most bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Why a password is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// Fewer bytes than [`PASSWORD_BYTES_MIN`].
    #[error("a password has at least {PASSWORD_BYTES_MIN} bytes")]
    Short,
    /// More bytes than [`PASSWORD_BYTES_MAX`].
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    Long,
    /// One of those that are tried first.
    #[error("this password is among the commonest")]
    Common,
    /// It is the name of the account, repeated or with a few more characters.
    #[error("a password is not the name of the account")]
    OwnName,
}

/// A password in clear, in composed letters (NFC): keyboards of different systems send one word in two forms.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// A password that a client sends to be compared.
    ///
    /// # Errors
    /// [`PasswordError::Long`].
    pub fn sent(text: &str) -> Result<Self, PasswordError> {
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::Long);
        }
        Ok(Self(ComposingNormalizerBorrowed::new_nfc().normalize(text).into()))
    }

    /// A password that is chosen for the account of a name. There are no rules of composition (NIST SP 800-63B §5.1.1.2).
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn chosen(text: &str, name: &Name) -> Result<Self, PasswordError> {
        let password = Self::sent(text)?;
        let lower = password.0.to_lowercase();
        if password.0.len() < PASSWORD_BYTES_MIN {
            Err(PasswordError::Short)
        } else if COMMON.contains(&lower.as_str()) || has_one_character(&lower) {
            Err(PasswordError::Common)
        } else if lower.replace(name.as_str(), "").len() < PASSWORD_BYTES_MIN / 2 && lower.contains(name.as_str()) {
            Err(PasswordError::OwnName)
        } else {
            Ok(password)
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Without the password.
impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

fn has_one_character(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_not_the_first_that_are_tried() {
        let ada = Name::parse("ada.lovelace").unwrap();
        for (text, expected) in [
            ("correct horse", Ok(())),
            ("qx7!pw zzz", Ok(())),
            ("ada.lovelace and the engine", Ok(())),
            ("short", Err(PasswordError::Short)),
            ("aaaaaaaaaaaaaaa", Err(PasswordError::Common)),
            ("1234567890", Err(PasswordError::Common)),
            ("QwertyUiop", Err(PasswordError::Common)),
            ("ada.lovelace", Err(PasswordError::OwnName)),
            ("Ada.Lovelace1", Err(PasswordError::OwnName)),
            ("ada.lovelaceada.lovelace", Err(PasswordError::OwnName)),
            (&*"x1".repeat(513), Err(PasswordError::Long)),
        ] {
            assert_eq!(Password::chosen(text, &ada).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        assert_eq!(Password::sent("pâté de foie"), Password::sent("pa\u{302}te\u{301} de foie"));
        assert_eq!(format!("{:?}", Password::sent("secret").unwrap()), "Password");
    }
}
