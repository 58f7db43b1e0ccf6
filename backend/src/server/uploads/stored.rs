//! The answers to STOREs with a key. A client that repeats a STORE because its answer was lost gets the first answer,
//! which names the file that was replaced. They end with the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use shared::limits::UPLOAD_UNRECORDED_TIME;
use shared::wire::{Failure, Stage, Upload};
use shared::{ErrorCode, JobId};

use crate::server::authority::Owner;
use crate::server::error::RequestError;

/// Most answers that are kept; the oldest ones go first.
const ANSWERS_MAX: usize = 1024;

type Key = (Owner, JobId);

/// The answers, each for [`UPLOAD_UNRECORDED_TIME`].
#[derive(Default)]
pub(super) struct StoredAnswers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_key: HashMap<Key, Arc<Answered>>,
    /// The oldest first.
    begun: VecDeque<(Instant, Key)>,
}

/// A STORE, and the answer once it has succeeded.
struct Answered {
    stage: Stage,
    blake3: Vec<u8>,
    /// Locked while the file is stored: an equal request at the same time waits for its answer.
    answer: Mutex<Option<Upload>>,
}

impl StoredAnswers {
    /// Answers an earlier STORE of the owner with this key, or else calls `store`. `blake3` is the digest of the bytes.
    ///
    /// # Errors
    /// [`ErrorCode::KeyReused`] if the earlier one had other fields or other bytes; of `store`.
    pub(super) fn answer(
        &self,
        owner: &Owner,
        stage: &Stage,
        blake3: &[u8],
        store: impl FnOnce() -> Result<Upload, RequestError>,
    ) -> Result<Upload, RequestError> {
        let Some(key) = stage.key else { return store() };
        let known = self.enter((owner.clone(), key), stage, blake3);
        if known.stage != *stage || known.blake3 != blake3 {
            return Err(Failure::new(ErrorCode::KeyReused, "the key was used for another file").into());
        }
        let mut answer = known.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*answer {
            return Ok(known.clone());
        }
        let stored = store()?;
        *answer = Some(stored.clone());
        Ok(stored)
    }

    fn enter(&self, key: Key, stage: &Stage, blake3: &[u8]) -> Arc<Answered> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_while(|oldest, _| oldest.elapsed() >= UPLOAD_UNRECORDED_TIME);
        if let Some(known) = kept.by_key.get(&key) {
            return Arc::clone(known);
        }
        kept.forget_while(|_, count| count >= ANSWERS_MAX);
        let new = Arc::new(Answered { stage: stage.clone(), blake3: blake3.to_vec(), answer: Mutex::default() });
        kept.by_key.insert(key.clone(), Arc::clone(&new));
        kept.begun.push_back((Instant::now(), key));
        new
    }
}

impl Kept {
    /// Forgets the oldest answer for as long as `is_past` tells so of the time when it began and of the number of answers.
    fn forget_while(&mut self, is_past: impl Fn(&Instant, usize) -> bool) {
        while self.begun.front().is_some_and(|(begun, _)| is_past(begun, self.begun.len())) {
            if let Some((_, oldest)) = self.begun.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{Timestamp, UploadId};

    use super::*;
    use crate::server::records::uploads::UploadRecord;

    #[test]
    fn a_key_has_one_answer_and_answers_are_bounded() {
        let answers = StoredAnswers::default();
        let owner = Owner(vec![0, 0]);
        let stage = |key: u16| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&key.to_le_bytes());
            Stage { key: Some(JobId(id)), ..Stage::default() }
        };
        let stored = |number: u8| {
            let (id, moment) = (UploadId([number; 16]), Timestamp(0));
            UploadRecord::new(id, Owner(Vec::new()), Stage::default(), moment, moment).describe()
        };
        let done = |number| move || Ok(stored(number));
        let fail = || Err(ErrorCode::NoSpace.into());
        // What has failed may be tried again.
        assert!(answers.answer(&owner, &stage(0), b"a", fail).is_err());
        assert_eq!(answers.answer(&owner, &stage(0), b"a", done(1)).unwrap(), stored(1));
        assert_eq!(answers.answer(&owner, &stage(0), b"a", fail).unwrap(), stored(1));
        assert!(answers.answer(&owner, &stage(0), b"b", done(2)).is_err());
        let other = Owner(vec![1, 0]);
        assert_eq!(answers.answer(&other, &stage(0), b"b", done(2)).unwrap(), stored(2));
        for key in (1..=u16::MAX).take(ANSWERS_MAX) {
            answers.answer(&owner, &stage(key), b"a", done(3)).unwrap();
        }
        assert!(answers.0.lock().unwrap().by_key.len() <= ANSWERS_MAX);
        assert_eq!(answers.answer(&owner, &stage(0), b"a", done(4)).unwrap(), stored(4));
    }
}
