//! Local names of files, and the names of their unfinished parts. Pure.

use std::ffi::{OsStr, OsString};

use sha2::{Digest, Sha256};
use shared::hex;

const PART: &str = ".passerelle-part";
const MARK: &str = ".passerelle-mark";

/// The longest name on common file systems, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Why a name cannot be used locally.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NameError {
    /// It is the name of an unfinished download.
    Reserved,
    /// The operating system does not accept it, or gives it another meaning.
    #[cfg_attr(unix, expect(dead_code, reason = "Unix takes every name"))]
    System,
}

impl NameError {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Reserved => "has the name of an unfinished download",
            Self::System => "the name is not valid on this system",
        }
    }
}

/// The local name of an entry with that name on the server: the same bytes, or an error.
pub(super) fn local_name(name: &[u8]) -> Result<OsString, NameError> {
    if is_unfinished(name) { Err(NameError::Reserved) } else { system_name(name) }
}

#[cfg(unix)]
fn system_name(name: &[u8]) -> Result<OsString, NameError> {
    use std::os::unix::ffi::OsStringExt;
    Ok(OsString::from_vec(name.to_vec()))
}

#[cfg(not(unix))]
fn system_name(name: &[u8]) -> Result<OsString, NameError> {
    let name = str::from_utf8(name).ok().filter(|name| shared::windows_name::is_literal(name));
    name.map(OsString::from).ok_or(NameError::System)
}

/// True for the name of a part or a mark.
pub(super) fn is_unfinished(name: &[u8]) -> bool {
    name.starts_with(b".") && (name.ends_with(PART.as_bytes()) || name.ends_with(MARK.as_bytes()))
}

/// The names of a file's part and of its resume mark, until the file is complete.
pub(super) fn unfinished(name: &OsStr) -> (OsString, OsString) {
    let long = name.len() + 1 + PART.len().max(MARK.len()) > NAME_BYTES_MAX;
    let stem = if long { OsString::from(digest(name)) } else { name.to_owned() };
    let with = |suffix: &str| {
        let mut name = OsString::from(".");
        name.push(&stem);
        name.push(suffix);
        name
    };
    (with(PART), with(MARK))
}

/// The name of the part that the mark of that name describes. `None` if it is not the name of a mark.
pub(super) fn part_of_mark(mark: &OsStr) -> Option<OsString> {
    let stem = mark.to_str()?.strip_suffix(MARK)?;
    Some(format!("{stem}{PART}").into())
}

fn digest(name: &OsStr) -> String {
    let digest = Sha256::digest(name.as_encoded_bytes());
    hex::encode(&digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_unfinished_files_are_reserved_and_distinct() {
        let (part, mark) = unfinished(OsStr::new("a b.txt"));
        assert_eq!(
            (part.to_str(), mark.to_str()),
            (Some(".a b.txt.passerelle-part"), Some(".a b.txt.passerelle-mark"))
        );
        for name in ["x".repeat(238), "x".repeat(239), "x".repeat(255)] {
            let (part, mark) = unfinished(OsStr::new(&name));
            assert!(part.len() <= NAME_BYTES_MAX && part != mark);
            assert_eq!(local_name(part.as_encoded_bytes()), Err(NameError::Reserved));
            assert_eq!(local_name(mark.as_encoded_bytes()), Err(NameError::Reserved));
        }
        assert_ne!(unfinished(OsStr::new(&"x".repeat(255))).0, unfinished(OsStr::new(&"y".repeat(255))).0);
        assert!(local_name(b"a.passerelle-part").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn local_names_have_the_same_bytes() {
        for name in [&b"latin\xe9"[..], b"a\\b", b"c:", b"line\nfeed", b"NUL"] {
            assert_eq!(local_name(name).unwrap().as_encoded_bytes(), name);
        }
    }
}
