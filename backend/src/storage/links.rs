//! What symbolic links come to: the policy that the backends share, as pure functions. No file is touched here.

use shared::{ErrorCode, Link, VPath};

use super::StorageError;

/// How many links one walk follows before they count as a circle; Linux's own number.
pub(super) const LINKS_MAX: usize = 40;

/// Why a walk did not arrive.
#[derive(Debug)]
pub(super) enum Lost {
    /// For a reason that has nothing to do with links.
    Refused(StorageError),
    /// A link leads out of the root.
    Escapes,
    /// A link leads to nothing, or in circles.
    Broken(&'static str),
}

impl Lost {
    /// What a failed step comes to: where a link made the step, the link is to blame.
    pub(super) fn at(step: &Step, error: StorageError) -> Self {
        match error.code {
            ErrorCode::NotFound | ErrorCode::NotFolder | ErrorCode::BadPath if step.of_link => {
                Self::Broken("a link leads to nothing")
            }
            _ => Self::Refused(error),
        }
    }

    /// How the link at whose end this happened is shown.
    pub(super) fn link(&self) -> Link {
        match self {
            Self::Escapes => Link::Escapes,
            Self::Refused(_) | Self::Broken(_) => Link::Broken,
        }
    }
}

impl From<Lost> for StorageError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Refused(error) => error,
            Lost::Escapes => Self::new(ErrorCode::LinkEscapes, "a link leads out of the root"),
            Lost::Broken(context) => Self::new(ErrorCode::LinkEscapes, context),
        }
    }
}

/// The steps that a walk still has before it.
#[derive(Debug)]
pub(super) struct Trail {
    /// The next step is the last one.
    steps: Vec<Step>,
    links_followed: usize,
}

/// One step of a walk.
#[derive(Debug)]
pub(super) struct Step {
    /// A name; empty, `.` or `..` only where a link made it.
    pub(super) name: Box<[u8]>,
    of_link: bool,
}

impl Trail {
    /// Along a path.
    pub(super) fn along(path: &VPath) -> Self {
        let steps = path.segments().rev().map(|name| Step { name: name.into(), of_link: false }).collect();
        Self { steps, links_followed: 0 }
    }

    /// Along a link's target and nothing else.
    pub(super) fn of_link(target: &[u8]) -> Self {
        let mut trail = Self { steps: Vec::new(), links_followed: 1 };
        trail.push(target);
        trail
    }

    /// Puts a link's target before what is left.
    pub(super) fn follow(&mut self, target: &[u8]) -> Result<(), Lost> {
        self.links_followed += 1;
        if self.links_followed > LINKS_MAX {
            return Err(Lost::Broken("links lead in circles"));
        }
        self.push(target);
        Ok(())
    }

    /// The next step, if there is one.
    pub(super) fn step(&mut self) -> Option<Step> {
        self.steps.pop()
    }

    fn push(&mut self, target: &[u8]) {
        let names = target.rsplit(|&byte| byte == b'/');
        self.steps.extend(names.map(|name| Step { name: name.into(), of_link: true }));
    }
}

/// Where an absolute target leads, seen from the root folder whose own absolute path is `root`; none if it leads out.
/// Compared segment by segment, for `/share2` does not lie in `/share`.
pub(super) fn below_root(root: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut rest = plain_segments(target);
    for segment in plain_segments(root) {
        if rest.next() != Some(segment) {
            return None;
        }
    }
    Some(rest.collect::<Vec<_>>().join(&b'/'))
}

/// `target`, which is seen from the root, seen from the folder whose path has these segments.
pub(super) fn seen_from<'a>(folder: impl Iterator<Item = &'a [u8]>, target: &[u8]) -> Vec<u8> {
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
    fn an_absolute_target_is_inside_by_segments() {
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
    fn a_target_is_seen_from_its_folder() {
        let seen = |folder: &str, target: &str| {
            let folder = VPath::parse(folder).unwrap();
            String::from_utf8(seen_from(folder.segments(), target.as_bytes())).unwrap()
        };
        assert_eq!(seen("", "a/b"), "a/b");
        assert_eq!(seen("", ""), ".");
        assert_eq!(seen("a/b", "a/c"), "../c");
        assert_eq!(seen("a/b", ""), "../..");
        assert_eq!(seen("a/b", "a/b"), ".");
        assert_eq!(seen("a/b", "x"), "../../x");
    }
}
