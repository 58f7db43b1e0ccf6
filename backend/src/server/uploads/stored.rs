//! The answers to STOREs with a key. A client that repeats a STORE because its answer was lost gets the first answer,
//! which names the file that was replaced. They end with the process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use shared::limits::{STORED_ANSWERS_MAX, STORED_ANSWERS_OF_ONE_MAX, UPLOAD_UNRECORDED_TIME};
use shared::wire::{Failure, Stage, Upload};
use shared::{ErrorCode, JobId};

use crate::server::authority::Owner;
use crate::server::error::RequestError;
use crate::server::records::uploads::UploadRecord;

/// Who has keys and answers of its own: an owner, and of callers without an account each client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Storer {
    owner: Owner,
    client: Option<String>,
}

type Key = (Storer, JobId);

/// The answers, each for [`UPLOAD_UNRECORDED_TIME`].
#[derive(Default)]
pub(super) struct StoredAnswers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The number of the last one.
    last: u64,
    by_number: BTreeMap<u64, (Instant, Key)>,
    by_key: HashMap<Key, (u64, Arc<Answered>)>,
    /// The numbers of each.
    of_one: HashMap<Storer, BTreeSet<u64>>,
}

/// A STORE, and the answer once it has succeeded.
struct Answered {
    stage: Stage,
    blake3: Vec<u8>,
    /// Locked while the file is stored: an equal request at the same time waits for its answer.
    progress: Mutex<Progress>,
}

#[derive(Default)]
enum Progress {
    #[default]
    Begun,
    /// Its key is free again.
    Failed,
    Stored(Box<Upload>),
}

impl StoredAnswers {
    /// Answers an earlier STORE with the key of this one, or else calls `store`. What has failed keeps no key. `record` is
    /// the upload that the file would be, and `blake3` the digest of the bytes.
    ///
    /// # Errors
    /// [`ErrorCode::KeyReused`] if the earlier one had other fields or other bytes; of `store`.
    pub(super) fn answer(
        &self,
        record: &UploadRecord,
        blake3: &[u8],
        store: impl FnOnce() -> Result<Upload, RequestError>,
    ) -> Result<Upload, RequestError> {
        let stage = &record.request;
        let Some(key) = stage.key else { return store() };
        let client = record.owner.returning_client(record.client.as_deref()).map(String::from);
        let key = (Storer { owner: record.owner.clone(), client }, key);
        loop {
            let known = self.enter(&key, stage, blake3);
            if known.stage != *stage || known.blake3 != blake3 {
                return Err(Failure::new(ErrorCode::KeyReused, "the key was used for another file").into());
            }
            let mut progress = known.progress.lock().unwrap_or_else(PoisonError::into_inner);
            match &*progress {
                Progress::Stored(answer) => return Ok(Upload::clone(answer)),
                // The request that this one has waited for: the next one with the key begins anew.
                Progress::Failed => {}
                Progress::Begun => {
                    let stored = store();
                    *progress =
                        stored.as_ref().map_or(Progress::Failed, |answer| Progress::Stored(Box::new(answer.clone())));
                    if stored.is_err() {
                        self.kept().forget_failed(&key, &known);
                    }
                    return stored;
                }
            }
        }
    }

    fn enter(&self, key: &Key, stage: &Stage, blake3: &[u8]) -> Arc<Answered> {
        let mut kept = self.kept();
        kept.forget_expired();
        if let Some((_, known)) = kept.by_key.get(key) {
            return Arc::clone(known);
        }
        kept.make_room_for(&key.0);
        let new = Answered { stage: stage.clone(), blake3: blake3.to_vec(), progress: Mutex::default() };
        kept.add(key, Arc::new(new))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, key: &Key, new: Arc<Answered>) -> Arc<Answered> {
        self.last += 1;
        self.by_number.insert(self.last, (Instant::now(), key.clone()));
        self.by_key.insert(key.clone(), (self.last, Arc::clone(&new)));
        self.of_one.entry(key.0.clone()).or_default().insert(self.last);
        new
    }

    fn forget_expired(&mut self) {
        while let Some((&number, (begun, _))) = self.by_number.first_key_value() {
            if begun.elapsed() < UPLOAD_UNRECORDED_TIME {
                break;
            }
            self.forget(number);
        }
    }

    /// Forgets the oldest answer of this storer if it has as many as it may. Otherwise, if there are too many in all,
    /// forgets the oldest answer of the storer that has most.
    fn make_room_for(&mut self, storer: &Storer) {
        let own = self.of_one.get(storer).filter(|numbers| numbers.len() >= STORED_ANSWERS_OF_ONE_MAX);
        let largest = || self.of_one.values().max_by_key(|numbers| numbers.len());
        let too_many = || (self.by_number.len() >= STORED_ANSWERS_MAX).then(largest).flatten();
        if let Some(&oldest) = own.or_else(too_many).and_then(BTreeSet::first) {
            self.forget(oldest);
        }
    }

    /// Forgets a STORE that has failed, unless another one has its key by now.
    fn forget_failed(&mut self, key: &Key, failed: &Arc<Answered>) {
        if let Some((number, known)) = self.by_key.get(key)
            && Arc::ptr_eq(known, failed)
        {
            self.forget(*number);
        }
    }

    fn forget(&mut self, number: u64) {
        let Some((_, key)) = self.by_number.remove(&number) else { return };
        self.by_key.remove(&key);
        if let Some(numbers) = self.of_one.get_mut(&key.0) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.of_one.remove(&key.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::{Caller, PRINCIPAL_UNKNOWN};
    use shared::{Timestamp, UploadId, VPath};

    use super::*;

    /// The upload of a client without an account.
    fn visitor(client: &str, key: u16) -> UploadRecord {
        of(&format!("\x01{PRINCIPAL_UNKNOWN}\0"), Some(client), key)
    }

    fn of(owner: &str, client: Option<&str>, key: u16) -> UploadRecord {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&key.to_le_bytes());
        let caller = Caller { client: client.map(String::from), ..Caller::default() };
        let stage = Stage { caller, key: Some(JobId(id)), ..Stage::default() };
        UploadRecord::new(UploadId([0; 16]), Owner(owner.into()), stage, Timestamp(0), Timestamp(0))
    }

    fn stored(number: u8) -> Upload {
        let moment = Timestamp(0);
        UploadRecord::new(UploadId([number; 16]), Owner(Vec::new()), Stage::default(), moment, moment).describe()
    }

    fn done(number: u8) -> impl FnOnce() -> Result<Upload, RequestError> {
        move || Ok(stored(number))
    }

    fn fail() -> Result<Upload, RequestError> {
        Err(ErrorCode::NoSpace.into())
    }

    #[test]
    fn a_key_has_one_answer() {
        let answers = StoredAnswers::default();
        let ada = || of("\x01ada\0", None, 0);
        assert!(answers.answer(&ada(), b"a", fail).is_err());
        assert_eq!(answers.answer(&ada(), b"a", done(1)).unwrap(), stored(1));
        assert_eq!(answers.answer(&ada(), b"a", fail).unwrap(), stored(1));
        assert!(answers.answer(&ada(), b"b", done(2)).is_err());
        assert_eq!(answers.answer(&of("\x01bob\0", None, 0), b"b", done(2)).unwrap(), stored(2));
    }

    #[test]
    fn a_store_that_failed_keeps_no_key() {
        let answers = StoredAnswers::default();
        let record = of("\x01ada\0", None, 0);
        assert!(answers.answer(&record, b"a", fail).is_err());
        let target = Some(VPath::parse("elsewhere").unwrap());
        let corrected = UploadRecord { request: Stage { target, ..record.request.clone() }, ..record.clone() };
        assert_eq!(answers.answer(&corrected, b"b", done(1)).unwrap(), stored(1));
        assert!(answers.answer(&record, b"a", done(2)).is_err());
    }

    #[test]
    fn visitors_have_keys_of_their_own() {
        let answers = StoredAnswers::default();
        assert_eq!(answers.answer(&visitor("192.0.2.1", 0), b"a", done(1)).unwrap(), stored(1));
        assert_eq!(answers.answer(&visitor("192.0.2.2", 0), b"a", done(2)).unwrap(), stored(2));
        assert_eq!(answers.answer(&visitor("192.0.2.1", 0), b"a", fail).unwrap(), stored(1));
    }

    /// Behind a proxy that hides them, where each request has another text.
    #[test]
    fn visitors_without_addresses_have_one_key() {
        let answers = StoredAnswers::default();
        assert_eq!(answers.answer(&visitor("0123456789abcdef", 0), b"a", done(1)).unwrap(), stored(1));
        assert_eq!(answers.answer(&visitor("fedcba9876543210", 0), b"a", fail).unwrap(), stored(1));
        assert_eq!(answers.answer(&visitor("2001:db8:1:200::/56", 0), b"a", done(2)).unwrap(), stored(2));
    }

    #[test]
    fn the_answers_of_one_push_out_no_others() {
        let answers = StoredAnswers::default();
        let few = [of("\x01ada\0", None, 0), visitor("192.0.2.1", 0)];
        for record in &few {
            answers.answer(record, b"a", done(1)).unwrap();
        }
        for key in (0..=u16::MAX).take(STORED_ANSWERS_OF_ONE_MAX + 1) {
            answers.answer(&visitor("192.0.2.2", key), b"a", done(2)).unwrap();
        }
        assert_eq!(answers.kept().by_key.len(), STORED_ANSWERS_OF_ONE_MAX + few.len());
        // Many clients: the answers of those with most go first.
        for key in 0..STORED_ANSWERS_MAX {
            let client = format!("198.51.100.{}", key % 100);
            answers.answer(&visitor(&client, (key / 100) as u16), b"a", done(3)).unwrap();
        }
        let kept = answers.kept();
        assert_eq!((kept.by_key.len(), kept.by_number.len()), (STORED_ANSWERS_MAX, STORED_ANSWERS_MAX));
        drop(kept);
        for record in &few {
            assert_eq!(answers.answer(record, b"a", fail).unwrap(), stored(1));
        }
    }
}
