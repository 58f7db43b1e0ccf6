//! From names of the server to names of this machine, and the names of files that are not complete yet. Pure.

use shared::hex;
use std::ffi::{OsStr, OsString};

use sha2::{Digest, Sha256};

const PART: &str = ".passerelle-part";
const MARK: &str = ".passerelle-mark";

/// Longest name on the file systems that people have, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Why a name cannot be had here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unfit {
    /// It is what this program calls a file that is not complete.
    Ours,
    /// The operating system does not take it for what it says.
    #[cfg_attr(unix, expect(dead_code, reason = "Unix takes every name"))]
    System,
}

impl Unfit {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Ours => "left out: it has the name of an unfinished download",
            Self::System => "this system has no such names",
        }
    }
}

/// The name here of what has that name on the server.
pub(super) fn local_name(name: &[u8]) -> Result<OsString, Unfit> {
    if is_ours(name) { Err(Unfit::Ours) } else { system_name(name) }
}

#[cfg(unix)]
fn system_name(name: &[u8]) -> Result<OsString, Unfit> {
    use std::os::unix::ffi::OsStringExt;
    Ok(OsString::from_vec(name.to_vec()))
}

#[cfg(not(unix))]
fn system_name(name: &[u8]) -> Result<OsString, Unfit> {
    let name = str::from_utf8(name).ok().filter(|name| is_plain(name));
    name.map(OsString::from).ok_or(Unfit::System)
}

/// True for a name that Windows takes for one entry of its folder and nothing else: no drive, stream, device, nothing
/// that it would cut or refuse.
#[cfg_attr(unix, cfg(test))]
fn is_plain(name: &str) -> bool {
    let refused = |character: char| character < ' ' || r#"<>:"/\|?*"#.contains(character);
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).is_some_and(|rest| {
        let mut rest = rest.chars();
        matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    let device = matches!(&*stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | "clock$") || numbered;
    !name.is_empty() && !name.ends_with(['.', ' ']) && !name.contains(refused) && !device
}

fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b".") && (name.ends_with(PART.as_bytes()) || name.ends_with(MARK.as_bytes()))
}

/// The names that a file of that name has while it is not complete: of its bytes, and of the note on them.
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

fn digest(name: &OsStr) -> String {
    let digest = Sha256::digest(name.as_encoded_bytes());
    hex::encode(&digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_have_names_that_nothing_else_gets() {
        let (part, mark) = unfinished(OsStr::new("a b.txt"));
        assert_eq!(
            (part.to_str(), mark.to_str()),
            (Some(".a b.txt.passerelle-part"), Some(".a b.txt.passerelle-mark"))
        );
        for name in ["x".repeat(238), "x".repeat(239), "x".repeat(255)] {
            let (part, mark) = unfinished(OsStr::new(&name));
            assert!(part.len() <= NAME_BYTES_MAX && part != mark);
            assert_eq!(local_name(part.as_encoded_bytes()), Err(Unfit::Ours));
            assert_eq!(local_name(mark.as_encoded_bytes()), Err(Unfit::Ours));
        }
        assert_ne!(unfinished(OsStr::new(&"x".repeat(255))).0, unfinished(OsStr::new(&"y".repeat(255))).0);
        assert!(local_name(b"a.passerelle-part").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn names_are_kept_byte_for_byte() {
        for name in [&b"latin\xe9"[..], b"a\\b", b"c:", b"line\nfeed", b"NUL"] {
            assert_eq!(local_name(name).unwrap().as_encoded_bytes(), name);
        }
    }

    #[test]
    fn windows_gets_only_names_that_it_takes_literally() {
        for name in ["a", ".profile", "comet", "com10", "é ß", "a.b.c"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["a.", "a ", "a:b", "c:", "a\\b", "NUL", "nul.txt", "nul .txt", "Com1", "com¹.x", "CONIN$", "a?"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
