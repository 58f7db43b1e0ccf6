//! A key of the state directory: its secret, and what a client with it may do. Pure.

use std::fmt;
use std::str::FromStr;

use shared::limits::TEXT_BYTES_MAX;
use shared::{Rights, VPath};

use crate::wire::{Key, KeyError};

/// A key that opens the file server of a state directory. Its text, which [`fmt::Display`] gives and [`FromStr`] reads, is
/// the line of the key, and a line for each of the others: `name`, `rights`, `folder`, `gateway` and `ends`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyEntry {
    /// The key.
    pub key: Key,
    /// What people call it; may be empty.
    pub name: String,
    /// The most rights of a client with it.
    pub rights: Rights,
    /// The folder in which they hold.
    pub folder: VPath,
    /// Whether a client with it is a gateway, which asks for others.
    pub is_gateway: bool,
    /// From when on it opens nothing, in seconds since 1970; `None` for no end.
    pub ends: Option<i64>,
}

/// Why a text is no key with what it allows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyEntryError {
    /// The first line is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A line that is unknown, given twice or malformed. It may take something away, so the key opens nothing.
    #[error("line {0} is unknown, malformed or given twice")]
    Line(usize),
    /// Without rights it would open nothing.
    #[error("the line `rights` is missing")]
    NoRights,
}

impl KeyEntry {
    /// Whether the key opens the server at `now`, in seconds since 1970.
    pub fn is_valid(&self, now: i64) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

/// Whether a text may be the name of a key: one line that a terminal shows as it is.
pub fn is_key_name(name: &str) -> bool {
    name.len() <= TEXT_BYTES_MAX && name.trim() == name && !name.chars().any(char::is_control)
}

impl fmt::Display for KeyEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.key)?;
        if !self.name.is_empty() {
            writeln!(formatter, "name {}", self.name)?;
        }
        writeln!(formatter, "rights {}", self.rights)?;
        if !self.folder.is_root() {
            writeln!(formatter, "folder {}", self.folder.encoded())?;
        }
        if self.is_gateway {
            writeln!(formatter, "gateway")?;
        }
        self.ends.map_or(Ok(()), |ends| writeln!(formatter, "ends {ends}"))
    }
}

impl FromStr for KeyEntry {
    type Err = KeyEntryError;

    fn from_str(text: &str) -> Result<Self, KeyEntryError> {
        let mut lines = text.lines();
        let key = lines.next().unwrap_or_default().parse()?;
        let (mut name, mut rights, mut folder, mut gateway, mut ends) = (None, None, None, None, None);
        for (index, line) in lines.enumerate() {
            let refused = KeyEntryError::Line(index + 2);
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            let before = match word {
                "name" if is_key_name(value) => name.replace(value.to_owned()).is_some(),
                "rights" => rights.replace(parse_rights(value).ok_or(refused)?).is_some(),
                "folder" => folder.replace(VPath::parse(value).map_err(|_| refused)?).is_some(),
                "gateway" if value.is_empty() => gateway.replace(()).is_some(),
                "ends" => ends.replace(value.parse().map_err(|_| refused)?).is_some(),
                _ => true,
            };
            if before {
                return Err(KeyEntryError::Line(index + 2));
            }
        }
        Ok(Self {
            key,
            name: name.unwrap_or_default(),
            rights: rights.ok_or(KeyEntryError::NoRights)?,
            folder: folder.unwrap_or_default(),
            is_gateway: gateway.is_some(),
            ends,
        })
    }
}

/// Rights whose names are all known.
fn parse_rights(text: &str) -> Option<Rights> {
    let rights = Rights::parse(text);
    (rights != Rights::NONE && rights.to_string() == text).then_some(rights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> KeyEntry {
        KeyEntry {
            key: Key::generate().unwrap(),
            name: "old phone".into(),
            rights: Rights::READ_ONLY,
            folder: VPath::parse("home/ada%20b").unwrap(),
            is_gateway: true,
            ends: Some(1_800_000_000),
        }
    }

    #[test]
    fn an_entry_reads_back_from_its_text() {
        let plain = KeyEntry { name: String::new(), folder: VPath::root(), is_gateway: false, ends: None, ..entry() };
        for entry in [entry(), plain] {
            assert_eq!(entry.to_string().parse().as_ref(), Ok(&entry));
        }
    }

    #[test]
    fn a_line_that_is_not_understood_makes_the_text_no_entry() {
        let key = entry().key;
        let parse = |lines: &str| format!("{key}\n{lines}").parse::<KeyEntry>();
        assert!(parse("rights read").is_ok());
        assert_eq!(parse("name a"), Err(KeyEntryError::NoRights));
        for line in [
            "rights",
            "rights fly",
            "rights read fly",
            "rights read list",
            "folder a//b",
            "folder ../a",
            "gateway no",
            "ends soon",
            "hours 9-17",
            "name a\tb",
            "rights list",
        ] {
            assert_eq!(parse(&format!("rights list\n{line}")), Err(KeyEntryError::Line(3)), "{line}");
        }
        assert_eq!("passerelle-key-1 a\nrights read".parse::<KeyEntry>(), Err(KeyError::Malformed.into()));
        assert_eq!("".parse::<KeyEntry>(), Err(KeyError::Malformed.into()));
    }

    #[test]
    fn a_key_opens_nothing_from_its_end_on() {
        let entry = entry();
        assert!(entry.is_valid(1_799_999_999) && !entry.is_valid(1_800_000_000));
        assert!(KeyEntry { ends: None, ..entry }.is_valid(i64::MAX));
    }
}
