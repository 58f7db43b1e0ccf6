//! The policy for symbolic links, shared by the backends. Pure: no file is touched.

use std::borrow::Borrow;

use shared::{ErrorCode, Link, VPath};

use super::{LinkScope, StorageError, TrashItem};

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
    /// How many of the next names of the path belong to the folder of the [`LinkScope`], whose links are the
    /// administrator's.
    names_trusted: usize,
    /// Whether the present step, and the links that it leads through, belong to that folder.
    in_trusted: bool,
    is_confined: bool,
}

/// One step of a [`PathWalk`].
#[derive(Debug)]
pub(super) struct PathStep {
    /// A name; empty, `.` or `..` only in the target of a link.
    pub(super) name: Box<[u8]>,
    of_link: bool,
}

impl PathWalk {
    /// The steps of a path of a request, whose links lead no further than `scope`.
    pub(super) fn along(path: &VPath, scope: &LinkScope) -> Self {
        let steps = path.segments().rev().map(|name| PathStep { name: name.into(), of_link: false }).collect();
        let names_trusted = if scope.folder().contains(path) { scope.folder().segments().count() } else { 0 };
        Self { steps, links_followed: 0, names_trusted, in_trusted: false, is_confined: false }
    }

    /// The steps of a link's target.
    pub(super) fn of_link(target: &[u8]) -> Self {
        let mut walk =
            Self { steps: Vec::new(), links_followed: 1, names_trusted: 0, in_trusted: false, is_confined: true };
        walk.push(target);
        walk
    }

    /// Whether a link stood on the way whose target the [`LinkScope`] limits.
    pub(super) fn is_confined(&self) -> bool {
        self.is_confined
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
        self.is_confined |= !self.in_trusted;
        self.push(target);
        Ok(())
    }

    /// Takes the next step; `None` at the end of the path.
    pub(super) fn next_step(&mut self) -> Option<PathStep> {
        let step = self.steps.pop()?;
        if !step.of_link {
            self.in_trusted = self.names_trusted > 0;
            self.names_trusted = self.names_trusted.saturating_sub(1);
        }
        Some(step)
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

/// The target of a link as its caller sees it. `depth` is how many levels the link's folder lies below the caller's root;
/// a target that climbs above that root is replaced by the way from the folder to its `end`, which climbs no higher than it
/// must: the names of folders above the root are not shown.
pub(super) fn shown_target<'a>(
    depth: usize,
    folder: impl Iterator<Item = &'a [u8]>,
    target: Vec<u8>,
    end: &VPath,
) -> Vec<u8> {
    if climbs_above(depth, &target) { relative_to(folder, end.as_bytes()) } else { target }
}

/// An item of the trash under the path by which a request reaches it: `real` is the folder of its scope without links,
/// `links` the folder as the request names it. What lies outside stays as it is.
pub(super) fn item_as_asked(
    mut item: TrashItem,
    links: &LinkScope,
    real: Result<impl Borrow<LinkScope>, ResolveError>,
) -> TrashItem {
    let inner = real.ok().and_then(|real| real.borrow().folder().strip_prefix_of(&item.entry.path));
    if let Some(path) = inner.and_then(|inner| links.folder().join_path(&inner).ok()) {
        item.entry.path = path;
    }
    item
}

/// Whether the target of a link whose folder lies `depth` levels below a root leads above it, by its names alone.
pub fn climbs_above(depth: usize, target: &[u8]) -> bool {
    let below = plain_segments(target).try_fold(depth, |depth, name| match name {
        b".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    });
    below.is_none()
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
    fn a_target_that_climbs_above_the_root_is_shown_from_below_it() {
        let end = VPath::parse("home/ada/x").unwrap();
        let shown = |target: &str| {
            let folder = [b"home".as_slice(), b"ada", b"notes"].into_iter();
            String::from_utf8(shown_target(1, folder, target.into(), &end)).unwrap()
        };
        assert_eq!(shown("../x"), "../x");
        assert_eq!(shown("a/../../x"), "a/../../x");
        assert_eq!(shown("../../ada/x"), "../x");
        assert_eq!(shown("../../../home/ada/x"), "../x");
    }

    #[test]
    fn links_in_the_folder_of_the_scope_are_trusted() {
        let scope = LinkScope::below(VPath::parse("home").unwrap());
        let mut walk = PathWalk::along(&VPath::parse("home/a").unwrap(), &scope);
        assert_eq!(&*walk.next_step().unwrap().name, b"home");
        walk.follow(b"data/home").unwrap();
        assert!(walk.next_step().is_some() && walk.next_step().is_some() && !walk.is_confined());
        assert_eq!(&*walk.next_step().unwrap().name, b"a");
        walk.follow(b"b").unwrap();
        assert!(walk.is_confined());
        let mut outside = PathWalk::along(&VPath::parse("other").unwrap(), &scope);
        outside.next_step();
        outside.follow(b"b").unwrap();
        assert!(outside.is_confined());
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
