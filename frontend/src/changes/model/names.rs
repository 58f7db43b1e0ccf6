//! Names that a person types: what is wrong with one, what of it is the stem, and how a name that holds what a field
//! cannot show is shown in one all the same.

use shared::limits::NAME_BYTES_MAX;

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// There is none.
    Empty,
    /// It has a slash in it, or a NUL.
    Slash,
    /// It is `.` or `..`.
    Dots,
    /// It is longer than file systems take.
    TooLong,
    /// Something here has it already.
    Taken,
}

/// Says what is wrong with a name, whatever the folder.
pub fn check(name: &[u8]) -> Result<(), NameFault> {
    match name {
        b"" => Err(NameFault::Empty),
        b"." | b".." => Err(NameFault::Dots),
        _ if name.iter().any(|byte| matches!(byte, b'/' | 0)) => Err(NameFault::Slash),
        _ if name.len() > NAME_BYTES_MAX => Err(NameFault::TooLong),
        _ => Ok(()),
    }
}

/// How much of a name a rename selects, in UTF-16 units as a field counts: all but the extension.
pub fn stem_units(text: &str, folder: bool) -> usize {
    let stem = match text.rfind('.') {
        // What begins with its only dot has no extension (`.profile`).
        Some(dot) if dot > 0 && !folder => &text[..dot],
        _ => text,
    };
    stem.encode_utf16().count()
}

/// A name as a field of one line shows it: a line break is shown as a sign.
pub fn to_field(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace('\n', "↵")
}

/// The name that was typed in the place of `before`. What was not touched keeps its very bytes, and the sign of a line
/// break is one again where there was one.
pub fn from_field(text: &str, before: &[u8]) -> Vec<u8> {
    if text == to_field(before) {
        return before.to_vec();
    }
    match before.contains(&b'\n') {
        true => text.replace('↵', "\n").into_bytes(),
        false => text.as_bytes().to_vec(),
    }
}

/// The first of `base`, `base (2)`, `base (3)` … that is free.
pub fn free_name(base: &str, taken: impl Fn(&[u8]) -> bool) -> String {
    let numbered = |number: u32| if number == 1 { base.to_owned() } else { format!("{base} ({number})") };
    // Where a thousand are taken, the server has the last word.
    (1..1_000).map(numbered).find(|name| !taken(name.as_bytes())).unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_system_takes_is_said_at_once() {
        assert_eq!(check(b""), Err(NameFault::Empty));
        assert_eq!(check(b".."), Err(NameFault::Dots));
        assert_eq!(check(b"a/b"), Err(NameFault::Slash));
        assert_eq!(check(b"a\0b"), Err(NameFault::Slash));
        assert_eq!(check(&"é".repeat(128).into_bytes()), Err(NameFault::TooLong));
        for fine in [&b"..."[..], b"a\nb", b"back\\slash", b"latin\xe9", b" "] {
            assert_eq!(check(fine), Ok(()));
        }
    }

    #[test]
    fn a_rename_selects_the_stem() {
        for (name, folder, expected) in [
            ("report.pdf", false, 6),
            ("archive.tar.gz", false, 11),
            (".profile", false, 8),
            ("Makefile", false, 8),
            ("v1.2", true, 4),
            ("🎉é.txt", false, 3),
        ] {
            assert_eq!(stem_units(name, folder), expected, "{name}");
        }
    }

    #[test]
    fn what_a_field_cannot_hold_comes_back() {
        assert_eq!(to_field(b"two\nlines"), "two↵lines");
        assert_eq!(from_field("two↵lines", b"two\nlines"), b"two\nlines");
        assert_eq!(from_field("2↵lines", b"two\nlines"), b"2\nlines");
        assert_eq!(from_field("a↵b", b"x"), "a↵b".as_bytes());
        assert_eq!(from_field(&to_field(b"latin\xe9"), b"latin\xe9"), b"latin\xe9", "untouched");
    }

    #[test]
    fn a_free_name_counts_up() {
        let taken = |name: &[u8]| [&b"New"[..], b"New (2)"].contains(&name);
        assert_eq!(free_name("New", taken), "New (3)");
        assert_eq!(free_name("Other", taken), "Other");
    }
}
