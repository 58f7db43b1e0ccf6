//! Names for a second copy beside an existing entry. Pure.

use shared::VPath;

use super::checks::NAME_BYTES_MAX;

/// The path to try as the `attempt`th where both entries are to be kept: `name (2).ext`, `name (3).ext`. A name that
/// would become too long loses the end of its stem. `None` for the root, and if the extension leaves no room.
pub fn numbered_name(path: &VPath, attempt: u32) -> Option<VPath> {
    let name = path.name();
    // A name that begins with its only dot has no extension (`.profile`).
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let number = format!(" ({attempt})");
    let room = NAME_BYTES_MAX.checked_sub(number.len() + extension.len())?;
    let mut end = stem.len().min(room);
    // Cut between characters of UTF-8, whose continuation bytes begin with the bits 10.
    while end > 0 && end < stem.len() && stem[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let name = [&stem[..end], number.as_bytes(), extension].concat();
    path.parent()?.join(&name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_name_keeps_its_extension_and_fits() {
        let numbered = |text: &str| numbered_name(&VPath::parse(text).unwrap(), 2).map(|path| path.encoded());
        assert_eq!(numbered("a/report.pdf").as_deref(), Some("a/report%20%282%29.pdf"));
        assert_eq!(numbered(".profile").as_deref(), Some(".profile%20%282%29"));
        assert_eq!(numbered("folder").as_deref(), Some("folder%20%282%29"));
        let long = VPath::from_bytes([b"\xc3\xa9".repeat(125), b".txt".to_vec()].concat()).unwrap();
        let path = numbered_name(&long, 10).unwrap();
        assert!(path.name().len() <= NAME_BYTES_MAX && str::from_utf8(path.name()).is_ok());
    }
}
