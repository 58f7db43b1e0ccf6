//! What is written down of a change and of its items.

use shared::change::Progress;
use shared::wire::ChangeRequest;
use shared::{Job, JobId, JobState, Outcome, TrashId, VPath};

use crate::server::authority::Owner;

/// A change.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct JobRecord {
    /// In the order of their beginnings; 0 before it is written down.
    pub number: i64,
    /// Whose.
    pub owner: Owner,
    /// By which key its client knows it.
    pub id: JobId,
    /// How it stands.
    pub state: JobState,
    /// Counts up at each step.
    pub version: u64,
    /// How far it is.
    pub progress: Progress,
    /// From what the ids of what it puts into the trash are made.
    pub seed: [u8; 16],
    /// Its client cancelled it.
    pub canceled: bool,
    /// What was asked for, with the scope of then.
    pub request: ChangeRequest,
}

/// One item of a change.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct Step {
    /// Its place in the request.
    pub item: usize,
    /// The path in the storage that it was about to give, where it chose one.
    pub target: Option<Vec<u8>>,
    /// What became of it; none while it is begun.
    pub outcome: Option<Outcome>,
}

impl JobRecord {
    /// As its client is told, without outcomes.
    pub(in crate::server) fn describe(&self) -> Job {
        let Self { id, state, version, progress, .. } = self.clone();
        Job { id, state, version, progress, outcomes: Vec::new() }
    }

    /// The id under which item number `item` puts what stands at `path` into the trash: the same after a restart, so
    /// that it is found again, and nobody else's to guess.
    pub(in crate::server) fn trash_id(&self, item: usize, path: &VPath) -> TrashId {
        let mut hash = blake3::Hasher::new_derive_key("passerelle 2026 trash id");
        hash.update(&self.seed).update(&(item as u64).to_le_bytes()).update(path.as_bytes());
        let mut id = [0; 16];
        hash.finalize_xof().fill(&mut id);
        TrashId(id)
    }
}
