//! `Entry`: the metadata of one file or folder. The storage makes it from the metadata of the operating system; file
//! server, gateway and page use it unchanged.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex;
use crate::path::VPath;

/// One entry of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Entry {
    /// The path, relative to the root of the request.
    #[cfg_attr(feature = "wire", n(0))]
    pub path: VPath,
    /// The kind. For a link whose target is inside the root, the kind of the target.
    #[cfg_attr(feature = "wire", n(1))]
    pub kind: Kind,
    /// Size of a file in bytes. 0 for other kinds.
    #[cfg_attr(feature = "wire", n(2))]
    pub size: u64,
    /// The modification time (POSIX `st_mtime`): when the content last changed, or the time that a program or an upload
    /// has set.
    #[cfg_attr(feature = "wire", n(3))]
    pub modified: Timestamp,
    /// Whether a file's owner may execute it (POSIX `S_IXUSR`). False on systems without that permission.
    #[cfg_attr(feature = "wire", n(4))]
    pub executable: bool,
    /// `Some` for a symbolic link.
    #[cfg_attr(feature = "wire", n(5))]
    pub link: Option<Link>,
    /// The entity tag of this version. `None` if the storage cannot read the metadata of a link's target.
    #[cfg_attr(feature = "wire", n(6))]
    pub etag: Option<ETag>,
}

/// The kind of an entry.
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
    /// A device, socket or FIFO, or a link without a target inside the root. It is listed but never opened.
    #[cfg_attr(feature = "wire", n(2))]
    Other,
}

/// Where the target of a symbolic link is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum Link {
    /// Inside the root. Has the link's text, relative to the folder of the link.
    #[cfg_attr(feature = "wire", n(0))]
    Inside(#[cfg_attr(feature = "wire", cbor(n(0), with = "minicbor::bytes"))] Vec<u8>),
    /// Outside the root. The text is kept secret.
    #[cfg_attr(feature = "wire", n(1))]
    Escapes,
    /// The target does not exist, or the links form a loop.
    #[cfg_attr(feature = "wire", n(2))]
    Broken,
}

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z. Moments outside the years 1677 to 2262 are clamped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(transparent))]
pub struct Timestamp(#[cfg_attr(feature = "wire", n(0))] pub i64);

/// A strong entity tag (RFC 9110 §8.8.3): changes whenever the file's bytes may have changed, and only then. Opaque;
/// its text is 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ETag(pub [u8; 16]);

impl Entry {
    /// The last segment of the path as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn display_name(&self) -> Cow<'_, str> {
        self.path.display_name()
    }

    /// True for a folder, or a link to one inside the root.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// True for a file, or a link to one inside the root.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }
}

impl Link {
    /// The name in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Inside(_) => "inside",
            Self::Escapes => "escapes",
            Self::Broken => "broken",
        }
    }
}

impl Timestamp {
    /// From seconds and nanoseconds, as in POSIX `struct timespec`.
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
    /// Parses 32 hexadecimal digits, without quotes.
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

/// The JSON form. `name` is for display, `path` is for URLs.
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
    /// JSON has neither a link's text nor fractions of a millisecond.
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
    fn json_matches_the_api_document() {
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
