//! The name of Passerelle's own directory inside a served one. Pure.

use std::iter::repeat_n;

use shared::characters::is_default_ignorable;

/// An entry with this name is not listed and cannot be reached, at any depth.
pub const STATE_FOLDER_NAME: &[u8] = b".passerelle";

/// True for [`STATE_FOLDER_NAME`] and for every spelling that some file system treats as equal: letters of the other
/// case, the long and the sharp s, characters that are not displayed and that HFS+ and Linux skip (the flaw of CVE-2014-9390).
pub fn is_state_folder_name(name: &[u8]) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(STATE_FOLDER_NAME);
    }
    let Ok(text) = str::from_utf8(name) else { return false };
    let shown = text.chars().filter(|character| !is_default_ignorable(*character));
    let folded = shown.flat_map(|character| match character {
        'ſ' => repeat_n('s', 1),
        'ß' | 'ẞ' => repeat_n('s', 2),
        _ => repeat_n(character.to_ascii_lowercase(), 1),
    });
    folded.eq(STATE_FOLDER_NAME.iter().map(|byte| char::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_equal_spelling_of_the_state_folder_is_reserved() {
        for name in [
            ".passerelle",
            ".PASSERELLE",
            ".Passerelle",
            ".pa\u{17f}serelle",
            ".paßerelle",
            ".PA\u{1e9e}ERELLE",
            ".passe\u{200c}relle",
            "\u{feff}.passerelle",
        ] {
            assert!(is_state_folder_name(name.as_bytes()), "{name}");
        }
        for name in ["passerelle", ".passerelle2", ".passerell\u{e9}", ".passerelle ", ""] {
            assert!(!is_state_folder_name(name.as_bytes()), "{name}");
        }
        assert!(!is_state_folder_name(b".passerelle\xff"));
    }
}
