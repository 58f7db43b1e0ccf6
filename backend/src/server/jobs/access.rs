//! Which jobs a caller may see and cancel: its own, and of those the ones whose changes its rights still allow at their
//! paths. Pure.

use shared::wire::Caller;
use shared::{Change, Conflict, Entry, ErrorCode, Outcome, Rights, Scope, VPath};

use crate::admission::Who;
use crate::server::authority::Owner;
use crate::server::peer::Peer;

/// A caller's access to jobs.
#[derive(Clone, Debug)]
pub(super) struct JobAccess {
    pub(super) owner: Owner,
    /// The client that the gateway names.
    pub(super) client: Option<String>,
    /// What the caller may do, within the rights of the key that the request came over.
    scope: Scope,
}

impl JobAccess {
    /// The access of a caller.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with neither CREATE nor DELETE, of which every change needs one; as [`Owner::of`].
    pub(super) fn of(caller: &Caller, peer: &Peer) -> Result<Self, ErrorCode> {
        let owner = Owner::of(caller, peer)?;
        if caller.scope.rights_anywhere().intersects(Rights::CREATE.union(Rights::DELETE)) {
            Ok(Self { owner, client: caller.client.clone(), scope: caller.scope.clone() })
        } else {
            Err(ErrorCode::Forbidden)
        }
    }

    /// Whose share of what is scarce its requests take.
    pub(super) fn who(&self) -> Who {
        self.owner.who(self.client.as_deref())
    }

    /// Refuses a job whose change the caller may request at no path. Each item is checked where it is run.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub(super) fn check(&self, change: &Change) -> Result<(), ErrorCode> {
        let rights = self.scope.rights_anywhere();
        if rights.contains(change.rights_needed()) { Ok(()) } else { Err(ErrorCode::Forbidden) }
    }

    /// Whether the caller sees a job without a look at its items: it has the rights at its base, or the same grants as the
    /// caller that began the job.
    pub(super) fn sees_at_once(&self, begun_by: &Scope, change: &Change) -> bool {
        self.scope.rights_everywhere().contains(change.rights_needed()) || self.scope == *begun_by
    }

    /// Whether the caller sees a job: at each path of its items it has what the change needs there. A path at which the
    /// caller that began the job did not have that does not count: the item failed, and its outcome tells nothing of the
    /// path. Takes a look at every grant for each item.
    pub(super) fn sees(&self, begun_by: &Scope, change: &Change) -> bool {
        if self.sees_at_once(begun_by, change) {
            return true;
        }
        let (at_source, at_target) = (change.rights_at_source(), change.rights_at_target());
        let keeps = |wanted, path: &VPath| {
            self.scope.rights_at(path).contains(wanted) || !begun_by.rights_at(path).contains(wanted)
        };
        let may = |wanted, asked: &VPath| begun_by.base.join_path(asked).is_ok_and(|path| keeps(wanted, &path));
        // Where an item of the trash was, the request does not say: it was at one of the paths with these rights.
        let may_everywhere = |wanted| reached(begun_by).all(|path| keeps(wanted, path));
        match change {
            Change::MakeFolder { paths, .. } => paths.iter().all(|path| may(at_target, path)),
            Change::Move { items, .. } | Change::Copy { items, .. } => {
                items.iter().all(|item| may(at_source, &item.from) && may(at_target, &item.to))
            }
            Change::Trash { items } | Change::Delete { items } => items.iter().all(|item| may(at_source, &item.path)),
            Change::Restore { items, .. } => {
                let goes_back = items.iter().any(|item| item.to.is_none());
                let both = at_source.union(at_target);
                may_everywhere(at_source)
                    && (!goes_back || may_everywhere(both))
                    && items.iter().filter_map(|item| item.to.as_ref()).all(|to| may(at_target, to))
            }
            Change::Purge { .. } => may_everywhere(at_source),
        }
    }

    /// [`JobAccess::sees`], else the answer for a job that does not exist.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; as [`JobAccess::check`].
    pub(super) fn look(&self, begun_by: &Scope, change: &Change) -> Result<(), ErrorCode> {
        self.check(change)?;
        if self.sees(begun_by, change) { Ok(()) } else { Err(ErrorCode::NotFound) }
    }

    /// The outcomes as the caller sees them: an entry beside a target may be where it may not list.
    pub(super) fn shown(&self, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        if self.scope.rights_everywhere().contains(Rights::LIST) {
            return outcomes;
        }
        let rights_at = |asked: &VPath| self.scope.base.join_path(asked).map(|path| self.scope.rights_at(&path));
        let is_listed = |entry: &Entry| rights_at(&entry.path).is_ok_and(|rights| rights.contains(Rights::LIST));
        let is_reached = |path: &VPath| rights_at(path).is_ok_and(|rights| rights != Rights::NONE);
        let show = |outcome| match outcome {
            Outcome::Done { entry, trash, replaced, left_out } => {
                Outcome::Done { entry: entry.filter(is_listed), trash, replaced, left_out }
            }
            Outcome::Failed { code, path, message, incomplete } => {
                Outcome::Failed { code, path: path.filter(is_reached), message, incomplete }
            }
            Outcome::Skipped => Outcome::Skipped,
        };
        outcomes.into_iter().map(show).collect()
    }
}

/// The paths below the base of a scope at which its rights grow. Rights that it has somewhere, it has at one of them.
fn reached(scope: &Scope) -> impl Iterator<Item = &VPath> {
    scope.grants.iter().filter_map(|grant| {
        if grant.at.contains(&scope.base) {
            Some(&scope.base)
        } else {
            Some(&grant.at).filter(|at| scope.base.contains(at))
        }
    })
}

/// The rights that a change uses at its paths. Links lead its paths to where the caller has all of them, because what is
/// checked at the path before is not checked again at the end of a link.
pub(super) fn used_rights(change: &Change, scope: &Scope) -> Rights {
    let moves = matches!(change, Change::Move { .. } | Change::Restore { .. });
    let needed = if moves { rights_to_take(change.rights_needed(), scope) } else { change.rights_needed() };
    let replace = if change.conflict() == Conflict::Replace { Rights::REPLACE } else { Rights::NONE };
    needed.union(scope.rights_anywhere().intersection(replace))
}

/// The rights at a source from which a change with this need there takes an entry away. The entry becomes no more readable
/// by that, wherever the caller may read: at the target or below it, at the end of a link, or beside a name that is taken.
pub(super) fn rights_to_take(needed: Rights, scope: &Scope) -> Rights {
    needed.union(scope.rights_anywhere().intersection(Rights::READ_ONLY))
}

#[cfg(test)]
mod tests {
    use shared::Grant;
    use shared::TrashId;
    use shared::change::{PathPair, RestoreItem};

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn scope(grants: &[(&str, Rights)]) -> Scope {
        let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
        Scope { base: path("base"), grants }
    }

    fn access(grants: &[(&str, Rights)]) -> JobAccess {
        JobAccess { owner: Owner(Vec::new()), client: None, scope: scope(grants) }
    }

    #[test]
    fn a_job_is_seen_with_what_it_needs_at_each_path() {
        let begun_by = scope(&[("base/a", Rights::ALL), ("base/b", Rights::ALL)]);
        let item = PathPair { from: path("a/x"), to: path("b/y"), if_etag: None };
        let moved = Change::Move { items: vec![item], conflict: Conflict::Fail };
        let back = |to: Option<&str>| Change::Restore {
            items: vec![RestoreItem { id: TrashId([0; 16]), to: to.map(path) }],
            conflict: Conflict::Fail,
        };
        let all = [moved, back(None), back(Some("b/y")), Change::Purge { ids: None }];
        for (grants, expected) in [
            (&[("", Rights::ALL)][..], [true; 4]),
            (&[("base/b", Rights::ALL), ("base/a", Rights::ALL)], [true; 4]),
            (&[("base/a/x", Rights::DELETE), ("base/b", Rights::ADD)], [true, false, false, false]),
            (&[("base/a", Rights::TRASH), ("base/b", Rights::ALL)], [true, false, true, true]),
            (&[("base/a", Rights::TRASH), ("base/b", Rights::TRASH)], [false, false, false, true]),
            (&[("base/a", Rights::ALL)], [false; 4]),
            (&[("base/b", Rights::ALL), ("base/c", Rights::ALL)], [false; 4]),
        ] {
            let seen = all.each_ref().map(|change| access(grants).sees(&begun_by, change));
            assert_eq!(seen, expected, "{grants:?}");
        }
    }

    #[test]
    fn what_the_beginner_had_no_rights_for_hides_no_job() {
        let begun_by = scope(&[("base/a", Rights::ALL)]);
        let made = Change::MakeFolder { paths: vec![path("a/x"), path("b/x")], existing_ok: false };
        assert!(access(&[("base/a", Rights::ADD)]).sees(&begun_by, &made));
        assert!(!access(&[("base/b", Rights::ADD)]).sees(&begun_by, &made));
    }
}
