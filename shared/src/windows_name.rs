//! Which names Windows takes literally. Pure, so it is compiled and tested on every system.

/// Device names, in lower case.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];
/// Devices followed by one digit, also a superscript one.
const NUMBERED_DEVICES: &[&str] = &["com", "lpt"];

/// True for a name that stands for one entry of its directory and nothing else: no drive, no stream (`a:b`), no device,
/// no dot or space at the end, which Windows would cut off, no reserved character.
pub fn is_literal(name: &str) -> bool {
    !name.is_empty() && !is_cut_off(name) && !name.contains(is_reserved) && !is_device(name)
}

/// True for a character that no name on Windows contains.
pub fn is_reserved(character: char) -> bool {
    character < ' ' || r#"<>:"/\|?*"#.contains(character)
}

/// True if Windows leaves out the last character of the name.
pub fn is_cut_off(name: &str) -> bool {
    name.ends_with(['.', ' '])
}

/// True for the name of a device, which Windows finds in every directory and with every extension.
pub fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_lowercase();
    let numbered = |device: &str| {
        let mut rest = stem.strip_prefix(device).unwrap_or_default().chars();
        matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    DEVICES.contains(&&*stem) || NUMBERED_DEVICES.iter().any(|device| numbered(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_names_pass() {
        for name in ["a", "a.txt", ".profile", "comet", "com", "com10", "nulls", "é ß", "a.b.c", "aux2"] {
            assert!(is_literal(name), "{name}");
        }
        let refused = [
            "", "a.", "a ", "..", "a:b", "c:", "a\\b", "a/b", "NUL", "nul.txt", "nul .txt", "Com1", "com¹.x", "LPT9",
            "con", "CONIN$", "a\u{1}", "a?", "*", "<", "\"",
        ];
        for name in refused {
            assert!(!is_literal(name), "{name}");
        }
    }
}
