//! Where an upload goes, what its caller may do there, and what the caller learns of it. Pure.

use shared::wire::{Caller, Stage, Upload};
use shared::{Entry, ErrorCode, Kind, Rights, Scope, VPath};

use super::decide::TargetCondition;
use crate::server::authority::authorise;
use crate::server::records::uploads::Destination;
use crate::storage::LinkScope;

impl Destination {
    /// The destination of a caller that wants a file at its path `asked`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] and [`ErrorCode::NotFound`] without CREATE and REPLACE there; [`ErrorCode::BadPath`].
    pub(super) fn of(caller: &Caller, asked: &VPath) -> Result<Self, ErrorCode> {
        let path = authorise(caller, Rights::CREATE, asked).or_else(|_| authorise(caller, Rights::REPLACE, asked))?;
        Ok(Self { path, scope: caller.scope.clone() })
    }

    /// The destination of an upload that `stage` began, for a caller that goes on with it. `None` for a part of another
    /// upload.
    ///
    /// # Errors
    /// As [`Destination::of`].
    pub(super) fn of_stage(caller: &Caller, stage: &Stage) -> Result<Option<Self>, ErrorCode> {
        stage.target.as_ref().map(|target| Self::of(caller, target)).transpose()
    }

    /// How far links lead on the way to the file: to where the caller has the rights that the upload uses, and CREATE if it
    /// makes parents. With LIST at the path, which the answer and the failures follow, also LIST.
    pub(super) fn links(&self, condition: &TargetCondition, stage: &Stage) -> LinkScope {
        let parents = if self.makes_parents(stage).is_some() { Rights::CREATE } else { Rights::NONE };
        let listed = self.rights().intersection(Rights::LIST);
        LinkScope::where_granted(&self.scope, condition.uses().union(parents).union(listed))
    }

    /// By which scope missing parents are made; `None` if they are not. In a drop box they always are: a refusal would
    /// tell that a folder is missing.
    pub(super) fn makes_parents(&self, stage: &Stage) -> Option<&Scope> {
        let rights = self.rights();
        let wanted = stage.make_parents || rights.is_drop();
        (wanted && rights.contains(Rights::CREATE)).then_some(&self.scope)
    }
}

/// An upload as a caller with this scope sees it: to a drop box it went as it was sent.
pub(super) fn shown(scope: &Scope, upload: Upload) -> Upload {
    let path = upload.target.as_ref().and_then(|target| scope.base.join_path(target).ok());
    if !path.is_some_and(|path| scope.rights_at(&path).is_drop()) {
        return upload;
    }
    let target = upload.target.clone().unwrap_or_default();
    let as_sent = |entry: Entry| Entry { path: target, kind: Kind::File, link: None, etag: None, ..entry };
    Upload { entry: upload.entry.map(as_sent), replaced: false, trash: None, similar: None, ..upload }
}

#[cfg(test)]
mod tests {
    use shared::{ETag, Grant, Timestamp, TrashId, UploadId};

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn caller(grants: &[(&str, Rights)]) -> Caller {
        let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
        Caller { scope: Scope { base: path("team"), grants }, ..Caller::default() }
    }

    #[test]
    fn a_file_is_made_or_replaced_where_that_is_granted() {
        let caller = caller(&[("team/a", Rights::ADD), ("team/b", Rights::REPLACE), ("team", Rights::READ_ONLY)]);
        let of = |asked| Destination::of(&caller, &path(asked)).map(|found| found.path.encoded());
        assert_eq!(of("a/x"), Ok("team/a/x".into()));
        assert_eq!(of("b/x"), Ok("team/b/x".into()));
        assert_eq!(of("c/x"), Err(ErrorCode::Forbidden));
        let stage = |make_parents| Stage { make_parents, ..Stage::default() };
        let at = Destination::of(&caller, &path("a/x")).unwrap();
        assert_eq!((at.makes_parents(&stage(true)).is_some(), at.makes_parents(&stage(false))), (true, None));
        assert_eq!(Destination::of(&caller, &path("b/x")).unwrap().makes_parents(&stage(true)), None);
    }

    #[test]
    fn a_drop_box_names_what_was_sent() {
        let sent = Some(path("in/a"));
        let entry = Entry {
            path: path("in/a (2)"),
            kind: Kind::File,
            size: 3,
            modified: Timestamp(7),
            executable: false,
            link: None,
            etag: Some(ETag([7; 16])),
        };
        let upload = Upload {
            id: UploadId([1; 16]),
            offset: 3,
            length: Some(3),
            target: sent.clone(),
            metadata: String::new(),
            expires: Timestamp(9),
            entry: Some(entry.clone()),
            digests: None,
            replaced: true,
            skipped: false,
            parts: Vec::new(),
            similar: Some(path("in/A")),
            trash: Some(TrashId([1; 16])),
            refused: None,
        };
        let seen = shown(&caller(&[("team/in", Rights::CREATE)]).scope, upload.clone());
        assert_eq!(seen.entry, Some(Entry { path: path("in/a"), etag: None, ..entry }));
        assert_eq!((seen.replaced, seen.trash, seen.similar), (false, None, None));
        let open = caller(&[("team", Rights::ADD)]);
        assert_eq!(shown(&open.scope, upload.clone()), upload);
        let dropped = Destination::of(&caller(&[("team/in", Rights::CREATE)]), &path("in/a")).unwrap();
        assert!(dropped.makes_parents(&Stage::default()).is_some());
    }
}
