//! The paths that a request selects for an archive, and the archive's file name. Pure.

use shared::limits::{ARCHIVE_PATHS_MAX, FRAME_CONTROL_BYTES_MAX, WALK_PATHS_MAX};
use shared::{ErrorCode, VPath};

use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::{Query, bad_parameter};

/// The part of a message that paths may fill, in bytes; the rest is for the caller.
const BATCH_BYTES: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// Encoding overhead of a path in a message, at most, in bytes.
const PATH_OVERHEAD_BYTES: usize = 8;
/// Longest file name of an archive, in bytes, on common file systems.
const NAME_BYTES_MAX: usize = 255;

/// The selected paths, none of which contains another.
pub(crate) struct Selection {
    paths: Vec<VPath>,
    /// The paths that are left out, with everything inside them: sorted by segments, and none contains another.
    except: Vec<VPath>,
    /// The file name under which the archive is saved.
    pub name: String,
}

impl Selection {
    /// Reads the parameters `path` (one or more), `except` (any number) and `name`. `whole` is the name of an archive of the root.
    pub(crate) fn read(query: &Query, whole: &str) -> Result<Self, ErrorResponse> {
        let name = query.once("name")?.filter(|name| !name.is_empty()).map(str::to_owned);
        let paths = query.all("path").map(VPath::parse).collect::<Result<Vec<_>, _>>()?;
        let mut except = outermost(query.all("except").map(VPath::parse).collect::<Result<_, _>>()?);
        match paths.len().max(except.len()) {
            _ if paths.is_empty() => return Err(bad_parameter("path", "is missing")),
            ..=ARCHIVE_PATHS_MAX => {}
            _ => {
                let sentence = format!("One archive may contain at most {ARCHIVE_PATHS_MAX} selected paths.");
                return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
            }
        }
        let paths = outermost(paths);
        except.sort_by(|left, right| left.segments().cmp(right.segments()));
        let name = with_ending(name.unwrap_or_else(|| name_of(&paths, whole)));
        Ok(Self { paths, except, name })
    }

    /// True unless the entry, or a folder above it, is left out.
    pub(crate) fn includes(&self, path: &VPath) -> bool {
        // Sorted by segments, everything inside a path follows it before any other one does.
        let after = self.except.partition_point(|except| except.segments().le(path.segments()));
        after.checked_sub(1).is_none_or(|last| self.except[last].strip_prefix_of(path).is_none())
    }

    pub(crate) fn paths(&self) -> Vec<VPath> {
        self.paths.clone()
    }

    /// The paths in batches that fit one WALK message.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &[VPath]> {
        let mut rest = &self.paths[..];
        std::iter::from_fn(move || {
            let mut bytes = 0;
            let fits = rest.iter().take(WALK_PATHS_MAX).take_while(|path| {
                bytes += path.as_bytes().len() + PATH_OVERHEAD_BYTES;
                bytes <= BATCH_BYTES
            });
            // A single path is far shorter than a message.
            let count = fits.count().max(1).min(rest.len());
            let (now, later) = rest.split_at(count);
            rest = later;
            (!now.is_empty()).then_some(now)
        })
    }
}

/// Removes duplicates and paths within other paths, and keeps the order.
fn outermost(paths: Vec<VPath>) -> Vec<VPath> {
    let mut order: Vec<usize> = (0..paths.len()).collect();
    // Sorted by segments, everything below a folder follows it directly; the first of equal paths is kept.
    order.sort_by(|&left, &right| paths[left].segments().cmp(paths[right].segments()).then(left.cmp(&right)));
    let mut kept = vec![false; paths.len()];
    let mut last: Option<&VPath> = None;
    for index in order {
        if last.is_none_or(|last| last.strip_prefix_of(&paths[index]).is_none()) {
            kept[index] = true;
            last = Some(&paths[index]);
        }
    }
    paths.into_iter().zip(kept).filter_map(|(path, kept)| kept.then_some(path)).collect()
}

/// A single entry names the archive; several are named after their common folder.
fn name_of(paths: &[VPath], whole: &str) -> String {
    let named = match paths {
        [only] => only.clone(),
        several => common_folder(several),
    };
    if named.is_root() { whole.to_owned() } else { named.display_name().into_owned() }
}

fn common_folder(paths: &[VPath]) -> VPath {
    let mut common = paths.first().and_then(VPath::parent).unwrap_or_default();
    for path in paths {
        while common.strip_prefix_of(path).is_none() {
            common = common.parent().unwrap_or_default();
        }
    }
    common
}

fn with_ending(mut name: String) -> String {
    const ENDING: &str = ".zip";
    let stem_bytes_max = NAME_BYTES_MAX - ENDING.len();
    if name.len() > stem_bytes_max {
        name.truncate(name.floor_char_boundary(stem_bytes_max));
    }
    let has_ending = name.len() > ENDING.len() && name.to_ascii_lowercase().ends_with(ENDING);
    if has_ending { name } else { name + ENDING }
}

#[cfg(test)]
mod tests {
    use shared::path::encode_segment;

    use super::*;

    fn choose(paths: &[&str], name: Option<&str>) -> Result<Selection, ErrorResponse> {
        let mut text =
            paths.iter().map(|path| format!("path={}&", encode_segment(path.as_bytes()))).collect::<String>();
        text.extend(name.map(|name| format!("name={}", encode_segment(name.as_bytes()))));
        Selection::read(&Query::parse(&text)?, "Files")
    }

    #[track_caller]
    fn check(paths: &[&str], name: Option<&str>, kept: &[&str], named: &str) {
        let selection = choose(paths, name).unwrap();
        let found: Vec<_> = selection.paths().iter().map(VPath::encoded).collect();
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>(), selection.name.as_str()),
            (kept.to_vec(), named)
        );
    }

    #[test]
    fn the_name_comes_from_the_selection() {
        check(&["docs"], None, &["docs"], "docs.zip");
        check(&["a/docs"], None, &["a/docs"], "docs.zip");
        check(&["a/notes.txt"], None, &["a/notes.txt"], "notes.txt.zip");
        check(&["a/old.zip"], None, &["a/old.zip"], "old.zip");
        check(&[""], None, &[""], "Files.zip");
        check(&["a/x", "a/y"], None, &["a/x", "a/y"], "a.zip");
        check(&["a/b/x", "a/c"], None, &["a/b/x", "a/c"], "a.zip");
        check(&["x", "y"], None, &["x", "y"], "Files.zip");
        check(&["x"], Some("Holiday"), &["x"], "Holiday.zip");
        check(&["x"], Some("Holiday.ZIP"), &["x"], "Holiday.ZIP");
        check(&["x"], Some(""), &["x"], "x.zip");
        assert_eq!(choose(&["x"], Some(&"é".repeat(300))).unwrap().name.len(), 254);
    }

    #[test]
    fn nested_and_repeated_paths_are_removed() {
        check(&["b", "a/b", "a", "b", "a/c"], None, &["b", "a"], "Files.zip");
        check(&["x", "", "y"], None, &[""], "Files.zip");
        check(&["share2", "share", "share/a"], None, &["share2", "share"], "Files.zip");
    }

    #[test]
    fn includes_leaves_out_the_excepted_paths_and_what_is_inside() {
        let query = Query::parse("path=docs&except=docs%2Fold&except=docs%2Fa%2520b").unwrap();
        let selection = Selection::read(&query, "Files").unwrap();
        let check = |path: &str, expected: bool| {
            assert_eq!(selection.includes(&VPath::parse(path).unwrap()), expected, "{path}");
        };
        check("docs", true);
        check("docs/older", true);
        check("docs/old", false);
        check("docs/old/deep/file", false);
        check("docs/a%20b", false);
        assert_eq!(selection.name, "docs.zip");
        let many = "&except=a".repeat(ARCHIVE_PATHS_MAX + 1);
        let query = format!("path=docs{many}");
        assert!(Selection::read(&Query::parse(&query).unwrap(), "Files").is_ok(), "the same path again counts once");
        assert!(Selection::read(&Query::parse("path=docs&except=..").unwrap(), "Files").is_err());
    }

    #[test]
    fn bad_and_too_many_paths_are_refused() {
        let code = |paths: &[&str]| choose(paths, None).err().map(|error| error.code);
        assert_eq!(code(&[]), Some(ErrorCode::BadRequest));
        assert_eq!(code(&["../etc"]), Some(ErrorCode::BadPath));
        assert_eq!(code(&["a/%2e%2e/b"]), Some(ErrorCode::BadPath));
        assert_eq!(code(&["a%00"]), Some(ErrorCode::BadPath));
        assert_eq!(code(&vec!["a"; ARCHIVE_PATHS_MAX + 1]), Some(ErrorCode::TooLarge));
    }

    #[test]
    fn batches_fit_a_message() {
        let long = "x".repeat(1000);
        let paths: Vec<_> = (0..3000).map(|index| format!("{long}{index}")).collect();
        let selection = choose(&paths.iter().map(String::as_str).collect::<Vec<_>>(), None).unwrap();
        let batches: Vec<_> = selection.batches().collect();
        assert!(batches.iter().all(|batch| batch.len() == 32 || batch.len() == 24));
        assert_eq!(batches.concat(), selection.paths());
        let paths: Vec<_> = (0..2500).map(|index| index.to_string()).collect();
        let selection = choose(&paths.iter().map(String::as_str).collect::<Vec<_>>(), None).unwrap();
        assert_eq!(selection.batches().map(<[VPath]>::len).collect::<Vec<_>>(), [1024, 1024, 452]);
    }
}
