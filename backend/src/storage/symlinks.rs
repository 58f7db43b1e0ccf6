//! The policy for symbolic links, shared by the backends. Pure: no file is touched.

use shared::{ErrorCode, Link, VPath};

use super::StorageError;

/// Most links that one walk follows before they count as a loop; the limit of Linux (path_resolution(7)).
pub(super) const LINKS_MAX: usize = 40;

/// Why a path does not resolve to an entry.
#[derive(Debug)]
pub(super) enum ResolveError {
    /// A reason that has nothing to do with links.
    Refused(StorageError),
    /// A link leads out of the root.
    Escapes,
    /// A link leads to nothing, or in a loop.
    Broken(&'static str),
}

impl ResolveError {
    /// Classifies the failure of a step: a missing entry breaks the link that the step comes from.
    pub(super) fn at(step: &PathStep, error: StorageError) -> Self {
        match error.code {
            ErrorCode::NotFound | ErrorCode::NotFolder | ErrorCode::BadPath | ErrorCode::NameTooLong
                if step.of_link =>
            {
                Self::Broken("a link leads to nothing")
            }
            _ => Self::Refused(error),
        }
    }

    /// How a listing shows the link that does not resolve.
    pub(super) fn link(&self) -> Link {
        match self {
            Self::Escapes => Link::Escapes,
            Self::Refused(_) | Self::Broken(_) => Link::Broken,
        }
    }
}

impl From<ResolveError> for StorageError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Refused(error) => error,
            ResolveError::Escapes => Self::new(ErrorCode::LinkEscapes, "a link leads out of the root"),
            ResolveError::Broken(context) => Self::new(ErrorCode::LinkBroken, context),
        }
    }
}

/// The steps of a path that are not taken yet. Following a link puts the steps of its target first.
#[derive(Debug)]
pub(super) struct PathWalk {
    /// In reverse: the next step is the last one.
    steps: Vec<PathStep>,
    links_followed: usize,
}

/// One step of a [`PathWalk`].
#[derive(Debug)]
pub(super) struct PathStep {
    /// A name; empty, `.` or `..` only in the target of a link.
    pub(super) name: Box<[u8]>,
    of_link: bool,
}

impl PathWalk {
    /// The steps of a path.
    pub(super) fn along(path: &VPath) -> Self {
        let steps = path.segments().rev().map(|name| PathStep { name: name.into(), of_link: false }).collect();
        Self { steps, links_followed: 0 }
    }

    /// The steps of a link's target.
    pub(super) fn of_link(target: &[u8]) -> Self {
        let mut walk = Self { steps: Vec::new(), links_followed: 1 };
        walk.push(target);
        walk
    }

    /// Inserts the steps of a link's target before the remaining ones.
    ///
    /// # Errors
    /// [`ResolveError::Broken`] after [`LINKS_MAX`] links.
    pub(super) fn follow(&mut self, target: &[u8]) -> Result<(), ResolveError> {
        self.links_followed += 1;
        if self.links_followed > LINKS_MAX {
            return Err(ResolveError::Broken("links lead in a loop"));
        }
        self.push(target);
        Ok(())
    }

    /// Takes the next step; `None` at the end of the path.
    pub(super) fn next_step(&mut self) -> Option<PathStep> {
        self.steps.pop()
    }

    fn push(&mut self, target: &[u8]) {
        let names = target.rsplit(|&byte| byte == b'/');
        self.steps.extend(names.map(|name| PathStep { name: name.into(), of_link: true }));
    }
}

/// An absolute target relative to `root`, the root folder's own absolute path; `None` if it leads out. Compares segment
/// by segment, because `/share2` is not inside `/share`.
pub(super) fn below_root(root: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut rest = plain_segments(target);
    for segment in plain_segments(root) {
        if rest.next() != Some(segment) {
            return None;
        }
    }
    Some(rest.collect::<Vec<_>>().join(&b'/'))
}

/// Converts a target that is relative to the root into one that is relative to the folder with these path segments.
pub(super) fn relative_to<'a>(folder: impl Iterator<Item = &'a [u8]>, target: &[u8]) -> Vec<u8> {
    let folder: Vec<_> = folder.collect();
    let target: Vec<_> = plain_segments(target).collect();
    let common = folder.iter().zip(&target).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n(b"..".as_slice(), folder.len() - common);
    let segments: Vec<_> = up.chain(target[common..].iter().copied()).collect();
    if segments.is_empty() { b".".to_vec() } else { segments.join(&b'/') }
}

fn plain_segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|segment| !matches!(*segment, b"" | b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_target_is_inside_the_root_by_segments() {
        let below = |root: &str, target: &str| {
            below_root(root.as_bytes(), target.as_bytes()).map(|rest| String::from_utf8(rest).unwrap())
        };
        assert_eq!(below("/share", "/share/a/b").as_deref(), Some("a/b"));
        assert_eq!(below("/share", "//share/./a/").as_deref(), Some("a"));
        assert_eq!(below("/share", "/share").as_deref(), Some(""));
        assert_eq!(below("/", "/etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(below("/share", "/share/../etc").as_deref(), Some("../etc"));
        assert_eq!(below("/share", "/share2/a"), None);
        assert_eq!(below("/share", "/shar"), None);
        assert_eq!(below("/share", "/etc/../share/a"), None);
        assert_eq!(below("/share/x", "/share"), None);
    }

    #[test]
    fn a_target_is_made_relative_to_its_folder() {
        let relative = |folder: &str, target: &str| {
            let folder = VPath::parse(folder).unwrap();
            String::from_utf8(relative_to(folder.segments(), target.as_bytes())).unwrap()
        };
        assert_eq!(relative("", "a/b"), "a/b");
        assert_eq!(relative("", ""), ".");
        assert_eq!(relative("a/b", "a/c"), "../c");
        assert_eq!(relative("a/b", ""), "../..");
        assert_eq!(relative("a/b", "a/b"), ".");
        assert_eq!(relative("a/b", "x"), "../../x");
    }
}
