//! What is done about one entry, given what is there already. Pure.

use shared::{Entry, Timestamp, VPath};

/// What stands at a file's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Existing {
    Nothing,
    File { size: u64, modified: Timestamp },
    Folder,
    Link,
    Other,
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Fetch,
    /// It is there already.
    Keep,
    /// With a sentence why.
    Refuse(&'static str),
}

/// Whether a file is to be downloaded to where that is.
pub(super) fn decide(existing: Existing, entry: &Entry, force: bool) -> Decision {
    match existing {
        Existing::Nothing => Decision::Fetch,
        Existing::File { size, modified } if size == entry.size && same_moment(modified, entry.modified) => {
            Decision::Keep
        }
        Existing::Folder => Decision::Refuse("a folder is in the way"),
        Existing::File { .. } | Existing::Link | Existing::Other if force => Decision::Fetch,
        Existing::File { .. } => Decision::Refuse("exists and differs; --force replaces it"),
        Existing::Link => Decision::Refuse("a link is in the way; --force replaces it"),
        Existing::Other => Decision::Refuse("something that is no file is in the way; --force replaces it"),
    }
}

/// True if `local` is what some file system makes of `remote`: they keep nanoseconds, 100 ns (Windows), microseconds,
/// milliseconds, seconds or 2 s (FAT).
fn same_moment(local: Timestamp, remote: Timestamp) -> bool {
    [1, 100, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000]
        .iter()
        .any(|grain| local.0 == remote.0.div_euclid(*grain).saturating_mul(*grain))
}

/// Whether a link at `local` may be made: its target must lie in what is downloaded too, each of which is below one of
/// `places`. `..` is allowed only at the start of the target, where it goes up through real folders: further on it
/// would go up from wherever another link leads, which may be anywhere.
pub(super) fn link_stays_inside<'a>(local: &VPath, target: &[u8], mut places: impl Iterator<Item = &'a VPath>) -> bool {
    let Some(mut here) = local.parent() else { return false };
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    let mut below = false;
    for segment in target.split(|&byte| byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." if below => return false,
            b".." => match here.parent() {
                Some(parent) => here = parent,
                None => return false,
            },
            name => match here.join(name) {
                Ok(inner) => {
                    here = inner;
                    below = true;
                }
                Err(_) => return false,
            },
        }
    }
    places.any(|place| place.strip_prefix_of(&here).is_some())
}

#[cfg(test)]
mod tests {
    use shared::Kind;

    use super::*;

    fn entry() -> Entry {
        Entry {
            path: VPath::parse("f").unwrap(),
            kind: Kind::File,
            size: 5,
            modified: Timestamp(1_700_000_001_123_456_789),
            executable: false,
            link: None,
            etag: None,
        }
    }

    #[test]
    fn only_what_is_the_same_is_kept_and_only_force_replaces() {
        let check = |existing, force, expected: &str| {
            let decision = format!("{:?}", decide(existing, &entry(), force));
            assert!(decision.starts_with(expected), "{existing:?} {decision}");
        };
        let file = |size, modified| Existing::File { size, modified: Timestamp(modified) };
        check(Existing::Nothing, false, "Fetch");
        for time in
            [1_700_000_001_123_456_789, 1_700_000_001_123_456_700, 1_700_000_001_000_000_000, 1_700_000_000_000_000_000]
        {
            check(file(5, time), false, "Keep");
            check(file(5, time), true, "Keep");
            check(file(6, time), false, "Refuse");
            check(file(6, time), true, "Fetch");
        }
        check(file(5, 1_700_000_001_123_456_788), false, "Refuse");
        check(file(5, 1_700_000_002_000_000_000), false, "Refuse");
        check(Existing::Folder, true, "Refuse");
        check(Existing::Link, false, "Refuse");
        check(Existing::Link, true, "Fetch");
    }

    #[test]
    fn links_lead_to_what_is_downloaded_or_are_not_made() {
        let check = |local: &str, target: &str, places: &[&str], expected| {
            let places: Vec<_> = places.iter().map(|place| VPath::parse(place).unwrap()).collect();
            let inside = link_stays_inside(&VPath::parse(local).unwrap(), target.as_bytes(), places.iter());
            assert_eq!(inside, expected, "{local} -> {target}");
        };
        check("l", "a", &[""], true);
        check("l", ".", &[""], true);
        check("l", "./a//b/", &[""], true);
        check("a/l", "../b", &[""], true);
        check("a/l", "../../b", &[""], false);
        check("l", "..", &[""], false);
        check("l", "/etc", &[""], false);
        check("l", "", &[""], false);
        check("l", "m/../b", &[""], false);
        check("docs/l", "../photos/x", &["docs"], false);
        check("docs/l", "../photos/x", &["docs", "photos"], true);
        check("docs/l", "../docs2/x", &["docs"], false);
        check("docs/l", "x", &["docs"], true);
    }
}
