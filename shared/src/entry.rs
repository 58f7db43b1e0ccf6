//! `Entry`: what is known of one file or folder. Foreign metadata becomes an `Entry` once, in the storage; the same
//! type travels through the file server and the gateway to the rows of the page.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex;
use crate::path::VPath;

/// One file, folder or other thing in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Entry {
    /// Where it is, relative to the root that the request named.
    #[cfg_attr(feature = "wire", n(0))]
    pub path: VPath,
    /// What it is; for a link that stays inside the root, what the link leads to.
    #[cfg_attr(feature = "wire", n(1))]
    pub kind: Kind,
    /// Length of a file's content in bytes; 0 for everything else.
    #[cfg_attr(feature = "wire", n(2))]
    pub size: u64,
    /// When the content last changed.
    #[cfg_attr(feature = "wire", n(3))]
    pub modified: Timestamp,
    /// A file whose owner may execute it (POSIX `S_IXUSR`); false where the system has no such mark.
    #[cfg_attr(feature = "wire", n(4))]
    pub executable: bool,
    /// Set for a symbolic link.
    #[cfg_attr(feature = "wire", n(5))]
    pub link: Option<Link>,
    /// The validator of this state of the file; none where the storage has none (a link that escapes).
    #[cfg_attr(feature = "wire", n(6))]
    pub etag: Option<ETag>,
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum Kind {
    /// A regular file.
    #[cfg_attr(feature = "wire", n(0))]
    File,
    /// A folder.
    #[cfg_attr(feature = "wire", n(1))]
    Folder,
    /// Anything else: never opened, only shown.
    #[cfg_attr(feature = "wire", n(2))]
    Other,
}

/// Where a symbolic link leads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum Link {
    /// To a place inside the root. The target's bytes are relative to the link's own folder.
    #[cfg_attr(feature = "wire", n(0))]
    Inside(#[cfg_attr(feature = "wire", cbor(n(0), with = "minicbor::bytes"))] Vec<u8>),
    /// Out of the root; the target is not told.
    #[cfg_attr(feature = "wire", n(1))]
    Escapes,
    /// To nothing, or in circles.
    #[cfg_attr(feature = "wire", n(2))]
    Broken,
}

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z; years 1677 to 2262, clamped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(transparent))]
pub struct Timestamp(#[cfg_attr(feature = "wire", n(0))] pub i64);

/// A strong validator (RFC 9110 §8.8.1): it changes whenever the file's bytes may have, and never because more became
/// known of the file. Opaque; its text is 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ETag(pub [u8; 16]);

impl Entry {
    /// The last segment of the path for people to read: what is not UTF-8 shows as U+FFFD.
    pub fn display_name(&self) -> Cow<'_, str> {
        self.path.display_name()
    }

    /// True for a folder, or a link that leads to one inside the root.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// True for a file whose bytes can be asked for.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }
}

impl Link {
    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Inside(_) => "inside",
            Self::Escapes => "escapes",
            Self::Broken => "broken",
        }
    }
}

impl Timestamp {
    /// From whole seconds and nanoseconds, as POSIX `struct timespec` has them.
    pub fn from_parts(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds)))
    }

    /// From milliseconds since 1970.
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// Whole milliseconds since 1970, rounded down.
    pub fn milliseconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// The nanoseconds after [`Timestamp::seconds`].
    pub fn subsecond_nanoseconds(self) -> u32 {
        // A remainder by 10^9 is never negative and always fits.
        self.0.rem_euclid(1_000_000_000) as u32
    }
}

impl ETag {
    /// Reads the 32 hexadecimal digits, without quotes.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode_array(text.as_bytes()).map(Self)
    }

    /// As an HTTP field value: the digits in quotes.
    pub fn quoted(&self) -> String {
        let mut text = String::with_capacity(34);
        text.push('"');
        text.extend(hex::digits(&self.0).map(char::from));
        text.push('"');
        text
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ETag({self})")
    }
}

/// The JSON form. `name` is for people, `path` is what names the entry in a URL.
#[derive(Serialize, Deserialize)]
struct Json<'a> {
    name: Cow<'a, str>,
    path: Cow<'a, VPath>,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Milliseconds since 1970.
    modified: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<Cow<'a, str>>,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json {
            name: self.display_name(),
            path: Cow::Borrowed(&self.path),
            kind: self.kind,
            size: self.is_file().then_some(self.size),
            modified: self.modified.milliseconds(),
            executable: self.executable,
            link: self.link.as_ref().map(|link| Cow::Borrowed(link.word())),
            etag: self.etag.map(|etag| Cow::Owned(etag.to_string())),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    /// A link's target and the part of a moment below a millisecond do not survive JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let link = match json.link.as_deref() {
            None => None,
            Some("inside") => Some(Link::Inside(Vec::new())),
            Some("escapes") => Some(Link::Escapes),
            Some(_) => Some(Link::Broken),
        };
        Ok(Self {
            path: json.path.into_owned(),
            kind: json.kind,
            size: json.size.unwrap_or(0),
            modified: Timestamp::from_milliseconds(json.modified),
            executable: json.executable,
            link,
            etag: json.etag.as_deref().and_then(ETag::parse),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_the_api_document_says() {
        let entry = Entry {
            path: VPath::from_bytes(b"docs/latin\xe9.txt".as_slice()).unwrap(),
            kind: Kind::File,
            size: 7,
            modified: Timestamp(1_700_000_000_123_456_789),
            executable: false,
            link: None,
            etag: Some(ETag([0xab; 16])),
        };
        let json = serde_json::to_string(&entry).unwrap();
        let expected = "{\"name\":\"latin\u{fffd}.txt\",\"path\":\"docs/latin%E9.txt\",\"kind\":\"file\",\"size\":7,\
             \"modified\":1700000000123,\"etag\":\"abababababababababababababababab\"}";
        assert_eq!(json, expected);
        let back: Entry = serde_json::from_str(&json).unwrap();
        assert_eq!(back, Entry { modified: Timestamp::from_milliseconds(1_700_000_000_123), ..entry });
    }

    #[test]
    fn moments_before_1970_round_down() {
        let moment = Timestamp::from_parts(-2, 500_000_000);
        assert_eq!((moment.seconds(), moment.subsecond_nanoseconds()), (-2, 500_000_000));
        assert_eq!(moment.milliseconds(), -1500);
        assert_eq!(Timestamp::from_parts(i64::MAX, 0).0, i64::MAX);
    }

    #[test]
    fn an_etag_reads_back() {
        let etag = ETag([0x0f; 16]);
        assert_eq!(ETag::parse(&etag.to_string()), Some(etag));
        assert_eq!(ETag::parse("+123"), None);
        assert_eq!(ETag::parse(&"+".repeat(32)), None);
    }
}
