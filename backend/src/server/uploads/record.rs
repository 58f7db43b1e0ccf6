//! What is known of an upload, as it is written down; and whose it is.

use shared::wire::{Caller, Stage, Upload};
use shared::{Digests, ErrorCode, JobId, Timestamp, UploadId, VPath};

/// Whose an upload or a change is: a principal below a root. Others do not see it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::server) struct Owner(pub Vec<u8>);

/// An upload.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct UploadRecord {
    /// Which.
    pub id: UploadId,
    /// Whose.
    pub owner: Owner,
    /// By which key its client finds it again.
    pub key: Option<JobId>,
    /// When it began.
    pub created: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// How many bytes there will be, as far as that is said.
    pub length: Option<u64>,
    /// How many survive a crash.
    pub durable: u64,
    /// The STAGE that began it, without its caller.
    pub request: Stage,
    /// The path in the storage that a COMMIT was about to give it.
    pub target: Option<Vec<u8>>,
    /// What its COMMIT answered.
    pub answer: Option<Upload>,
}

impl Owner {
    /// Whose what this caller begins is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a root that the scope does not have.
    pub(in crate::server) fn of(caller: &Caller) -> Result<Self, ErrorCode> {
        let root = caller.scope.roots.get(usize::from(caller.root)).ok_or(ErrorCode::NotFound)?;
        let mut bytes = vec![u8::from(caller.principal.is_some())];
        bytes.extend_from_slice(caller.principal.as_deref().unwrap_or_default().as_bytes());
        // No path has a NUL, so the last one in here stands between the two.
        bytes.push(0);
        bytes.extend_from_slice(root.folder.as_bytes());
        Ok(Self(bytes))
    }
}

impl UploadRecord {
    /// An upload that begins.
    pub(in crate::server) fn new(
        id: UploadId,
        owner: Owner,
        mut request: Stage,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        request.caller = Caller::default();
        let (key, length) = (request.key, request.length);
        Self { id, owner, key, created: now, expires, length, durable: 0, request, target: None, answer: None }
    }

    /// True where it is joined of others, and takes no bytes of its own.
    pub(in crate::server) fn is_joined(&self) -> bool {
        !self.request.parts.is_empty()
    }

    /// As its client is told.
    pub(in crate::server) fn describe(&self, digests: Option<Digests>) -> Upload {
        if let Some(answer) = &self.answer {
            return Upload { expires: self.expires, ..answer.clone() };
        }
        Upload {
            id: self.id,
            offset: if self.is_joined() { self.length.unwrap_or(0) } else { self.durable },
            length: self.length,
            target: self.request.target.clone(),
            metadata: self.request.metadata.clone(),
            expires: self.expires,
            entry: None,
            digests,
            replaced: false,
            skipped: false,
            parts: self.request.parts.clone(),
        }
    }

    /// The path that COMMIT was about to give it.
    pub(in crate::server) fn target_path(&self) -> Option<VPath> {
        self.target.as_deref().and_then(|bytes| VPath::from_bytes(bytes).ok())
    }
}

#[cfg(test)]
mod tests {
    use shared::{Rights, Scope};

    use super::*;

    #[test]
    fn owners_differ_by_principal_and_by_root() {
        let owner = |principal: Option<&str>, folder: &str| {
            let mut scope = Scope::whole(Rights::ALL);
            scope.roots[0].folder = VPath::parse(folder).unwrap();
            Owner::of(&Caller { scope, principal: principal.map(str::to_owned), ..Caller::default() }).unwrap()
        };
        let all = [
            owner(None, ""),
            owner(Some(""), ""),
            owner(Some("a"), ""),
            owner(Some("a"), "b"),
            owner(Some("a\0b"), ""),
            owner(Some(""), "a"),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other != one), "{index}");
        }
        assert_eq!(Owner::of(&Caller::default()), Err(ErrorCode::NotFound));
    }
}
