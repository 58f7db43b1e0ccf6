//! Names as people may safely read them. A name is bytes that anybody may have chosen: what is not text, what would
//! break the line and what would turn the reading direction around is shown as a sign instead.

/// The name for the screen.
pub fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(visible).collect()
}

fn visible(character: char) -> char {
    match character {
        '\n' => '↵',
        '\t' => '⇥',
        // Other controls, line separators, and the marks that let `gpj.exe` read as `exe.jpg`.
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
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
