//! The parts of a name: the one that may be cut where it does not fit, and the one that may not. Pure.

/// Names of at most so many characters fit nearly everywhere, and stay in one piece.
const CHARACTERS_IN_ONE_MAX: usize = 16;
/// Longest extension that is kept, in bytes with its dot.
const EXTENSION_BYTES_MAX: usize = 12;

/// The name without its extension, and the extension with its dot; the second part is empty for a short name, one
/// without an extension, and one with a long extension.
pub fn parts(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        // A name whose only dot comes first has no extension (`.profile`).
        Some(dot)
            if dot > 0
                && name.len() - dot <= EXTENSION_BYTES_MAX
                && name.chars().nth(CHARACTERS_IN_ONE_MAX).is_some() =>
        {
            name.split_at(dot)
        }
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_extension_apart() {
        assert_eq!(parts("a.txt"), ("a.txt", ""));
        assert_eq!(parts("Annual report of the board 2025.xlsx"), ("Annual report of the board 2025", ".xlsx"));
        assert_eq!(parts(".a-long-name-of-settings"), (".a-long-name-of-settings", ""));
        assert_eq!(parts("version 1. of the long text of all"), ("version 1. of the long text of all", ""));
        assert_eq!(parts("ééééééééééééééééé.é"), ("ééééééééééééééééé", ".é"));
    }
}
