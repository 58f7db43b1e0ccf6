//! Names that a user types: what makes one invalid, which part a rename selects, and how a text field shows a name with
//! characters that the field cannot hold.

use shared::limits::NAME_BYTES_MAX;

/// Why a name is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The name is empty.
    Empty,
    /// The name contains a slash or a NUL.
    Slash,
    /// The name is `.` or `..`.
    Dots,
    /// The name is longer than `NAME_BYTES_MAX`.
    TooLong,
    /// An entry of the folder has this name.
    Taken,
}

/// Checks a name without regard to its folder.
///
/// # Errors
/// Any [`NameError`] except `Taken`.
pub fn validate(name: &[u8]) -> Result<(), NameError> {
    match name {
        b"" => Err(NameError::Empty),
        b"." | b".." => Err(NameError::Dots),
        _ if name.iter().any(|byte| matches!(byte, b'/' | 0)) => Err(NameError::Slash),
        _ if name.len() > NAME_BYTES_MAX => Err(NameError::TooLong),
        _ => Ok(()),
    }
}

/// Length of a name without its extension, in UTF-16 code units, which is how a text field counts its selection.
pub fn stem_units(text: &str, folder: bool) -> usize {
    let stem = match text.rfind('.') {
        // A name whose only dot comes first has no extension (`.profile`).
        Some(dot) if dot > 0 && !folder => &text[..dot],
        _ => text,
    };
    stem.encode_utf16().count()
}

/// The text that a single-line field shows for `name`: `↵` stands for a line break.
pub fn to_field(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace('\n', "↵")
}

/// The name for the text of a field that started with `before`. An unedited text gives the bytes of `before`, even if
/// they are not UTF-8. `↵` stands for a line break if `before` has one.
pub fn from_field(text: &str, before: &[u8]) -> Vec<u8> {
    if text == to_field(before) {
        return before.to_vec();
    }
    match before.contains(&b'\n') {
        true => text.replace('↵', "\n").into_bytes(),
        false => text.as_bytes().to_vec(),
    }
}

/// The first of `base`, `base (2)`, `base (3)` … that is not taken.
pub fn free_name(base: &str, taken: impl Fn(&[u8]) -> bool) -> String {
    let numbered = |number: u32| if number == 1 { base.to_owned() } else { format!("{base} ({number})") };
    // With a thousand names taken, suggest `base`: the field shows that it exists.
    (1..1_000).map(numbered).find(|name| !taken(name.as_bytes())).unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validate_refuses_names_that_no_file_system_accepts() {
        assert_eq!(validate(b""), Err(NameError::Empty));
        assert_eq!(validate(b".."), Err(NameError::Dots));
        assert_eq!(validate(b"a/b"), Err(NameError::Slash));
        assert_eq!(validate(b"a\0b"), Err(NameError::Slash));
        assert_eq!(validate(&"é".repeat(128).into_bytes()), Err(NameError::TooLong));
        for fine in [&b"..."[..], b"a\nb", b"back\\slash", b"latin\xe9", b" "] {
            assert_eq!(validate(fine), Ok(()));
        }
    }

    #[test]
    fn stem_units_exclude_the_extension() {
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
    fn characters_that_a_field_cannot_hold_survive_a_round_trip() {
        assert_eq!(to_field(b"two\nlines"), "two↵lines");
        assert_eq!(from_field("two↵lines", b"two\nlines"), b"two\nlines");
        assert_eq!(from_field("2↵lines", b"two\nlines"), b"2\nlines");
        assert_eq!(from_field("a↵b", b"x"), "a↵b".as_bytes());
        assert_eq!(from_field(&to_field(b"latin\xe9"), b"latin\xe9"), b"latin\xe9", "not edited");
    }

    #[test]
    fn free_name_takes_the_first_unused_number() {
        let taken = |name: &[u8]| [&b"New"[..], b"New (2)"].contains(&name);
        assert_eq!(free_name("New", taken), "New (3)");
        assert_eq!(free_name("Other", taken), "Other");
    }
}
