//! Decides what to do about one entry, given the local one of that name. Pure.

use shared::{Entry, Timestamp, VPath};

/// The local entry that has the name of the downloaded one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Existing {
    Nothing,
    File { size: u64, modified: Timestamp },
    Folder,
    Link,
    Other,
}

/// What to do about a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Fetch,
    /// The local file is the same.
    Skip,
    /// Report a failure with this sentence.
    Refuse(&'static str),
}

/// Decides whether to download a file over `existing`.
pub(super) fn decide(existing: Existing, entry: &Entry, force: bool) -> Decision {
    match existing {
        Existing::Nothing => Decision::Fetch,
        Existing::File { size, modified } if size == entry.size && same_moment(modified, entry.modified) => {
            Decision::Skip
        }
        Existing::Folder => Decision::Refuse("a folder is in the way"),
        Existing::File { .. } | Existing::Link | Existing::Other if force => Decision::Fetch,
        Existing::File { .. } => Decision::Refuse("exists and differs; --force replaces it"),
        Existing::Link => Decision::Refuse("a link is in the way; --force replaces it"),
        Existing::Other => Decision::Refuse("a special file is in the way; --force replaces it"),
    }
}

/// True if `local` is `remote` in the precision of some file system: nanoseconds, 100 ns (Windows), microseconds,
/// milliseconds, seconds or 2 s (FAT).
fn same_moment(local: Timestamp, remote: Timestamp) -> bool {
    [1, 100, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000]
        .iter()
        .any(|grain| local.0 == remote.0.div_euclid(*grain).saturating_mul(*grain))
}

/// True if a link at `local` may be made: its target must be below one of `roots`, the downloaded sources. `..` is
/// allowed only at the start of the target, where it goes up through real folders: later it would go up from the target
/// of another link, which may be anywhere.
pub(super) fn link_stays_inside<'a>(local: &VPath, target: &[u8], mut roots: impl Iterator<Item = &'a VPath>) -> bool {
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
    roots.any(|root| root.strip_prefix_of(&here).is_some())
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
    fn a_file_of_the_same_size_and_time_is_skipped_and_another_needs_force() {
        let check = |existing, force, expected: &str| {
            let decision = format!("{:?}", decide(existing, &entry(), force));
            assert!(decision.starts_with(expected), "{existing:?} {decision}");
        };
        let file = |size, modified| Existing::File { size, modified: Timestamp(modified) };
        check(Existing::Nothing, false, "Fetch");
        for time in
            [1_700_000_001_123_456_789, 1_700_000_001_123_456_700, 1_700_000_001_000_000_000, 1_700_000_000_000_000_000]
        {
            check(file(5, time), false, "Skip");
            check(file(5, time), true, "Skip");
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
    fn a_link_must_lead_to_a_downloaded_entry() {
        let check = |local: &str, target: &str, roots: &[&str], expected| {
            let roots: Vec<_> = roots.iter().map(|root| VPath::parse(root).unwrap()).collect();
            let inside = link_stays_inside(&VPath::parse(local).unwrap(), target.as_bytes(), roots.iter());
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
