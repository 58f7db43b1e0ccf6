//! Answers that are whole in memory before they are sent. Each counts for its client until the connection has taken its
//! last byte, because a client that reads nothing keeps it as long as it likes.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Method;
use http_body::Body as _;
use shared::limits::PATH_BYTES_MAX;
use shared::{Change, ErrorCode, VPath};

use crate::admission::{Permit, Who};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::sliced_body::SlicedBody;
use crate::gateway::places::{self, Places};

/// Longest answer that is not counted, in bytes: most answers ask no admission.
const UNCOUNTED_BYTES: u64 = 16 << 10;
/// Estimated bytes of the outcome of an item without its paths.
const OUTCOME_BYTES: u64 = 256;
/// A path is percent-encoded in JSON: three characters for one byte.
const ENCODED_PART: u64 = 3;

/// Where the bytes of a whole answer are counted, as an extension of the response. Without it they are counted when
/// the answer is complete.
#[derive(Clone)]
pub(crate) enum AnswerMemory {
    /// They are a part of the program, which all answers share.
    Program,
    /// They were counted before the request had an effect.
    Taken(Arc<Permit>),
}

impl AnswerMemory {
    /// Takes memory for the outcomes of a change that has not begun; `None` if they are probably short. A change is not
    /// refused once it has had an effect, so a client that has all its memory begins none.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyRequests`] or [`ErrorCode::TooManyConnections`] if the client or all clients have too much.
    pub(crate) fn of_change(places: &Places, who: Who, change: &Change) -> Result<Option<Self>, ErrorResponse> {
        let (items, named) = (change.len() as u64, shared::wire::encode(change).len() as u64);
        // The paths of items of the trash are in the outcomes alone.
        let unnamed = if matches!(change, Change::Restore { .. }) { items * PATH_BYTES_MAX as u64 } else { 0 };
        let bytes = ENCODED_PART * (named + unnamed) + OUTCOME_BYTES * items;
        let taken = match bytes <= UNCOUNTED_BYTES {
            true => places.answers.fits(who, UNCOUNTED_BYTES).map(|()| None),
            false => places.answers.try_take(who, bytes).map(|permit| Some(Self::Taken(Arc::new(permit)))),
        };
        taken.map_err(|refusal| places::refused(places::reason(refusal, places.answers.figures())))
    }
}

/// The memory of an answer that grows by an entry with each effect of its request.
pub(crate) struct MemoryOfEntries<'a> {
    places: &'a Places,
    who: Who,
    /// Estimated length of the answer.
    bytes: u64,
    /// `None` while the answer is short.
    permit: Option<Permit>,
}

impl<'a> MemoryOfEntries<'a> {
    pub(crate) fn new(places: &'a Places, who: Who) -> Self {
        Self { places, who, bytes: 0, permit: None }
    }

    /// Takes memory for one more entry, and for one with a similar name, before the first of them is made.
    ///
    /// # Errors
    /// As [`AnswerMemory::of_change`].
    pub(crate) fn add(&mut self, path: &VPath) -> Result<(), ErrorResponse> {
        let bytes = self.bytes + 2 * (ENCODED_PART * path.as_bytes().len() as u64 + OUTCOME_BYTES);
        let answers = &self.places.answers;
        match &mut self.permit {
            Some(permit) => permit.resize(bytes),
            None if bytes <= UNCOUNTED_BYTES => Ok(()),
            None => answers.try_take(self.who, bytes).map(|permit| self.permit = Some(permit)),
        }
        .map_err(|refusal| places::refused(places::reason(refusal, answers.figures())))?;
        self.bytes = bytes;
        Ok(())
    }

    /// What the answer holds; `None` if it is short.
    pub(crate) fn into_memory(self) -> Option<AnswerMemory> {
        self.permit.map(|permit| AnswerMemory::Taken(Arc::new(permit)))
    }
}

/// The bytes of an answer, and its memory until they are dropped.
struct Counted {
    bytes: Bytes,
    _taken: Option<Arc<Permit>>,
    _rest: Permit,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Counts a whole answer for `who`, and sends it in slices, so that its request has its place until the client has taken
/// nearly all of it. Without memory for it, the answer to a request that can be repeated is refused: to one that changes
/// nothing, or to DELETE, which cancels a job. An answer that reports a change is sent in any case, and counts beyond the
/// bounds.
pub(crate) async fn count(places: &Places, who: Option<Who>, method: &Method, mut response: Response) -> Response {
    let memory = response.extensions_mut().remove::<AnswerMemory>();
    let whole = response.body().size_hint().exact().filter(|bytes| *bytes > UNCOUNTED_BYTES);
    let (Some(bytes), Some(who)) = (whole, who) else { return response };
    let mut taken = match memory {
        Some(AnswerMemory::Program) => return response,
        Some(AnswerMemory::Taken(permit)) => Some(permit),
        None => None,
    };
    if let Some(estimated) = taken.as_mut().and_then(Arc::get_mut)
        && bytes < estimated.amount()
    {
        // Giving back does not fail.
        let _ = estimated.resize(bytes);
    }
    let uncounted = bytes.saturating_sub(taken.as_ref().map_or(0, |permit| permit.amount()));
    let rest = match places.answers.try_take(who, uncounted.max(1)) {
        Ok(permit) => permit,
        Err(refusal) if method.is_safe() || *method == Method::DELETE => {
            return places::refused(places::reason(refusal, places.answers.figures())).into_response();
        }
        Err(_) => places.answers.hold(who, uncounted),
    };
    let (parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => {
            let bytes = Bytes::from_owner(Counted { bytes, _taken: taken, _rest: rest });
            Response::from_parts(parts, Body::new(SlicedBody::new(Body::from(bytes))))
        }
        Err(_) => ErrorResponse::new(ErrorCode::Internal).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use shared::change::RestoreItem;
    use shared::{Conflict, TrashId};

    use super::*;
    use crate::gateway::config::GatewayConfig;

    const LONG: usize = 100 << 10;

    fn places() -> Places {
        Places::new(&GatewayConfig::default())
    }

    fn held(places: &Places) -> u64 {
        places.answers.figures().held
    }

    async fn counted(places: &Places, method: &Method, response: impl IntoResponse) -> Response {
        count(places, Some(Who::client("a")), method, response.into_response()).await
    }

    fn folders(count: usize) -> Change {
        Change::MakeFolder { paths: vec![VPath::from_bytes(*b"folder").unwrap(); count], existing_ok: false }
    }

    #[tokio::test]
    async fn a_long_answer_counts_until_its_last_byte_is_dropped() {
        let places = places();
        let response = counted(&places, &Method::GET, vec![7; LONG]).await;
        assert_eq!(held(&places), LONG as u64);
        assert_eq!(response.body().size_hint().exact(), Some(LONG as u64));
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(&bytes[..], vec![7; LONG]);
        assert_eq!(held(&places), 0);
        drop(counted(&places, &Method::GET, vec![7; UNCOUNTED_BYTES as usize]).await);
        let mut shared = vec![7; LONG].into_response();
        shared.extensions_mut().insert(AnswerMemory::Program);
        let shared = counted(&places, &Method::GET, shared).await;
        assert_eq!(held(&places), 0);
        drop(shared);
    }

    #[tokio::test]
    async fn without_memory_an_answer_is_refused_unless_it_tells_of_a_change() {
        let places = places();
        let one = places.answers.figures().bounds.one;
        let all_of_one = places.answers.try_take(Who::client("a"), one).unwrap();
        let refused = counted(&places, &Method::GET, vec![7; LONG]).await;
        assert!(refused.extensions().get::<ErrorResponse>().is_some_and(|e| e.code == ErrorCode::TooManyRequests));
        let canceled = counted(&places, &Method::DELETE, vec![7; LONG]).await;
        assert!(canceled.extensions().get::<ErrorResponse>().is_some_and(|e| e.code == ErrorCode::TooManyRequests));
        let sent = counted(&places, &Method::POST, vec![7; LONG]).await;
        assert_eq!((sent.status(), sent.body().size_hint().exact()), (StatusCode::OK, Some(LONG as u64)));
        assert!(AnswerMemory::of_change(&places, Who::client("a"), &folders(1000)).is_err());
        assert!(AnswerMemory::of_change(&places, Who::client("a"), &folders(1)).is_err());
        assert!(AnswerMemory::of_change(&places, Who::client("b"), &folders(1)).unwrap().is_none());
        assert!(AnswerMemory::of_change(&places, Who::client("b"), &folders(1000)).unwrap().is_some());
        // What is sent all the same counts.
        assert_eq!(held(&places), one + LONG as u64);
        drop(sent);
        drop(all_of_one);
        assert_eq!(held(&places), 0);
    }

    #[tokio::test]
    async fn entries_count_before_they_are_made_once_the_answer_is_long() {
        let places = places();
        let path = VPath::from_bytes([b'a'; 200]).unwrap();
        let mut short = MemoryOfEntries::new(&places, Who::client("a"));
        short.add(&path).unwrap();
        assert!(short.into_memory().is_none());
        let mut memory = MemoryOfEntries::new(&places, Who::client("a"));
        let refused = (0..1_000_000).find_map(|count| memory.add(&path).err().map(|error| (count, error.code)));
        let (count, code) = refused.unwrap();
        assert_eq!(code, ErrorCode::TooManyRequests);
        let one = places.answers.figures().bounds.one;
        assert!(held(&places) <= one && count * 1200 <= one);
        drop(memory);
        assert_eq!(held(&places), 0);
    }

    #[tokio::test]
    async fn a_restore_counts_the_paths_of_its_items_until_its_answer_is_known() {
        let places = places();
        let items = (0..1000).map(|_| RestoreItem { id: TrashId([0; 16]), to: None }).collect();
        let restore = Change::Restore { items, conflict: Conflict::Fail };
        let memory = AnswerMemory::of_change(&places, Who::client("a"), &restore).unwrap().unwrap();
        assert!(held(&places) >= ENCODED_PART * 1000 * PATH_BYTES_MAX as u64);
        assert!(held(&places) <= places.answers.figures().bounds.one / 4);
        let mut response = vec![7; LONG].into_response();
        response.extensions_mut().insert(memory);
        let response = counted(&places, &Method::POST, response).await;
        assert!(held(&places) <= LONG as u64 + 1);
        drop(response);
        assert_eq!(held(&places), 0);
    }

    #[tokio::test]
    async fn an_answer_of_a_change_counts_more_than_was_estimated() {
        let places = places();
        let memory = AnswerMemory::of_change(&places, Who::client("a"), &folders(80)).unwrap().unwrap();
        let estimated = held(&places);
        assert!(estimated < LONG as u64);
        let mut response = vec![7; LONG].into_response();
        response.extensions_mut().insert(memory);
        let response = counted(&places, &Method::POST, response).await;
        assert_eq!(held(&places), LONG as u64);
        drop(response);
        assert_eq!(held(&places), 0);
    }
}
