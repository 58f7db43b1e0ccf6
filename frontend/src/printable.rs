//! Display names. A file name is bytes of any origin, so invalid UTF-8, line breaks and characters that change the reading
//! direction are replaced by visible signs. Pure.

use shared::characters::{is_bidi_control, is_line_separator};

/// The display name of a raw name.
pub fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(visible).collect()
}

fn visible(character: char) -> char {
    match character {
        '\n' => '↵',
        '\t' => '⇥',
        // Other control characters, line separators, and the characters that display `gpj.exe` as `exe.jpg`.
        _ if character.is_control() || is_line_separator(character) || is_bidi_control(character) => {
            char::REPLACEMENT_CHARACTER
        }
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_shown_as_a_sign() {
        assert_eq!(printable("été 🎉.txt".as_bytes()), "été 🎉.txt");
        assert_eq!(printable(b"two\nlines\t\x7f"), "two↵lines⇥\u{fffd}");
        assert_eq!(printable(b"latin\xe9"), "latin\u{fffd}");
        assert_eq!(printable("a\u{202e}gpj.exe".as_bytes()), "a\u{fffd}gpj.exe");
        assert_eq!(printable(b"<b>&amp;"), "<b>&amp;");
    }
}
