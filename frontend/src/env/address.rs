//! The page's own address: the query that names a folder (`?path=…`) or the trash, and the text of a sort order. Pure.
//!
//! The page has no router: a query and the browser's history are enough, add no code, and work on any static host and
//! under any sub-path.

use shared::path::PathError;
use shared::{Direction, Order, SortKey, VPath};

/// The folder that a query (`location.search`) names. The value is the path's own percent-encoding and is parsed as such:
/// the browser's query parser would replace bytes that are not UTF-8 by U+FFFD. An encoded slash is a slash, since no name
/// contains one, and other programs encode it in a query.
pub fn folder_of(query: &str) -> Result<VPath, PathError> {
    let query = query.strip_prefix('?').unwrap_or(query);
    let path = query.split('&').find_map(|pair| pair.strip_prefix("path=")).unwrap_or("");
    let path = path.replace("%2F", "/").replace("%2f", "/");
    VPath::parse(path.strip_suffix('/').filter(|inner| !inner.is_empty()).unwrap_or(&path))
}

/// The query that names the trash.
pub const TRASH: &str = "?view=trash";

/// True for a query that names the trash.
pub fn is_trash(query: &str) -> bool {
    query.strip_prefix('?').unwrap_or(query).split('&').any(|pair| pair == "view=trash")
}

/// The query that names a folder; `None` for the root, which needs no query.
pub fn query_of(folder: &VPath) -> Option<String> {
    (!folder.is_root()).then(|| {
        // A query may contain a slash (RFC 3986 §3.4).
        format!("?path={folder}")
    })
}

/// A sort order as in a query of the API, which is also how it is stored.
pub fn order_text(order: Order) -> String {
    let key = match order.key {
        SortKey::Name => "name",
        SortKey::Size => "size",
        SortKey::Modified => "modified",
    };
    let direction = match order.direction {
        Direction::Ascending => "asc",
        Direction::Descending => "desc",
    };
    format!("sort={key}&order={direction}")
}

/// Parses [`order_text`].
pub fn order_of(text: &str) -> Option<Order> {
    let (key, direction) = text.strip_prefix("sort=")?.split_once("&order=")?;
    let key = match key {
        "name" => SortKey::Name,
        "size" => SortKey::Size,
        "modified" => SortKey::Modified,
        _ => return None,
    };
    let direction = match direction {
        "asc" => Direction::Ascending,
        "desc" => Direction::Descending,
        _ => return None,
    };
    Some(Order { key, direction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_of_reads_back_query_of() {
        for text in ["", "a", "a/b%20c", "latin%E9/x%26y%3F%23"] {
            let folder = VPath::parse(text).unwrap();
            assert_eq!(folder_of(query_of(&folder).as_deref().unwrap_or("")).unwrap(), folder);
        }
        assert_eq!(folder_of("?x=1&path=a/b/").unwrap().encoded(), "a/b");
        assert_eq!(folder_of("?path=/").unwrap(), VPath::root());
        assert_eq!(folder_of("?path=Projects%2Fsite").unwrap().encoded(), "Projects/site");
        assert_eq!(folder_of("?path=%2fa%2Fb%20c%2f&x=1").unwrap().encoded(), "a/b%20c");
        assert_eq!(folder_of("?path=a%2F..%2Fb"), Err(PathError::DotSegment));
        assert_eq!(folder_of("?path=a/../b"), Err(PathError::DotSegment));
    }

    #[test]
    fn is_trash_knows_the_query_of_the_trash() {
        assert!(is_trash(TRASH) && is_trash("?x=1&view=trash"));
        assert!(!is_trash("?path=view=trash") && !is_trash(""));
    }

    #[test]
    fn order_of_reads_back_order_text() {
        for key in [SortKey::Name, SortKey::Size, SortKey::Modified] {
            for direction in [Direction::Ascending, Direction::Descending] {
                let order = Order { key, direction };
                assert_eq!(order_of(&order_text(order)), Some(order));
            }
        }
        assert_eq!(order_of("sort=colour&order=asc"), None);
    }
}
