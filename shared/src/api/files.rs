//! Listings, single entries, and information about the server.

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use crate::entry::{ETag, Entry};
use crate::order::{Direction, Order, SortKey};
use crate::path::{VPath, encode_segment};

/// `GET /list/<path>`: lists one page of a folder, as [`Folder`] or in [columns](crate::columns).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListFolder {
    /// The folder.
    pub path: VPath,
    /// The order of the entries.
    pub order: Order,
    /// Maximum number of entries in the answer. `None` for [`crate::limits::LIST_LIMIT_DEFAULT`].
    pub limit: Option<u32>,
    /// `next_cursor` of the previous page. `None` for the first page.
    pub cursor: Option<String>,
}

/// One page of a folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Folder {
    /// The folder.
    pub path: VPath,
    /// The entries of this page, sorted.
    pub entries: Vec<Entry>,
    /// The cursor of the next page. `None` on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// The number of entries of the whole folder.
    pub total: u64,
    /// The entity tag of the folder's listing in this order.
    #[serde(default)]
    pub etag: Option<ETag>,
}

/// The query parameters of [`ListFolder`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListQuery {
    /// `name`, `size` or `modified`.
    #[serde(default)]
    pub sort: SortKey,
    /// `asc` or `desc`.
    #[serde(default)]
    pub order: Direction,
    /// Maximum number of entries in the answer.
    #[serde(default)]
    pub limit: Option<u32>,
    /// The cursor of the page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `GET /stat/<path>`: reads one entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatEntry {
    /// The entry.
    pub path: VPath,
}

/// `GET /about`: describes the server and the caller's rights.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadAbout {}

/// The answer to [`ReadAbout`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct About {
    /// The server's version.
    pub version: String,
    /// The displayed name of the served folder.
    pub name: String,
    /// True if the caller may change files.
    pub writable: bool,
}

impl ListFolder {
    /// See [`Endpoint::target`].
    pub fn target(&self) -> String {
        let sort = match self.order.key {
            SortKey::Name => "name",
            SortKey::Size => "size",
            SortKey::Modified => "modified",
        };
        let order = match self.order.direction {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        };
        let mut target = format!("/list/{}?sort={sort}&order={order}", self.path);
        if let Some(limit) = self.limit {
            target.push_str(&format!("&limit={limit}"));
        }
        if let Some(cursor) = &self.cursor {
            target.push_str(&format!("&cursor={}", encode_segment(cursor.as_bytes())));
        }
        target
    }
}

impl Endpoint for StatEntry {
    type Answer = Entry;

    fn target(&self) -> String {
        format!("/stat/{}", self.path)
    }
}

impl Endpoint for ReadAbout {
    type Answer = About;

    fn target(&self) -> String {
        "/about".into()
    }
}

impl Serialize for ETag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ETag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an entity tag"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_encoded_once() {
        let list = ListFolder {
            path: VPath::parse("a%20b/%C3%A9").unwrap(),
            order: Order { key: SortKey::Size, direction: Direction::Descending },
            limit: Some(50),
            cursor: Some("1.2&x".into()),
        };
        assert_eq!(list.target(), "/list/a%20b/%C3%A9?sort=size&order=desc&limit=50&cursor=1.2%26x");
        assert_eq!(StatEntry { path: VPath::root() }.target(), "/stat/");
    }
}
