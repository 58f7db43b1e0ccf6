//! What the conditions of a request that changes a file come to (RFC 9110 §13): mostly something that the file server
//! holds against the file in the moment of the change, so that nobody slips in between; only conditions that it has no
//! words for are held against a look at the file first, and then against the state that was seen. Pure.

use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use shared::{Conflict, ETag, Entry};

use super::conditional::{EntityTags, date, tags};

/// What must be true of the target when the change happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TargetState {
    /// Nothing.
    Any,
    /// Nothing is there.
    Absent,
    /// Something is there, in one of these states; in any, where the list is empty.
    Present(Vec<ETag>),
}

/// The conditions of one request that changes a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Preconditions {
    if_match: Option<EntityTags>,
    if_none_match: Option<EntityTags>,
    if_unmodified_since: Option<i64>,
}

/// A condition does not hold, whatever is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConditionFails;

impl Preconditions {
    /// From the headers.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let if_match = tags(headers, IF_MATCH);
        Self {
            // A date is not looked at where there is a tag (RFC 9110 §13.1.4).
            if_unmodified_since: if if_match.is_none() { date(headers, IF_UNMODIFIED_SINCE) } else { None },
            if_none_match: tags(headers, IF_NONE_MATCH),
            if_match,
        }
    }

    /// Without a look at the file; none where it must be looked at.
    pub(crate) fn direct(&self) -> Option<Result<TargetState, ConditionFails>> {
        match (&self.if_match, &self.if_none_match, self.if_unmodified_since) {
            (None, None, None) => Some(Ok(TargetState::Any)),
            (None, Some(EntityTags::Any), None) => Some(Ok(TargetState::Absent)),
            (Some(tags), None, None) => Some(present(tags)),
            _ => None,
        }
    }

    /// With a look at what is there, in the order of RFC 9110 §13.2.2.
    pub(crate) fn decide(&self, there: Option<&Entry>) -> Result<TargetState, ConditionFails> {
        let Some(entry) = there else {
            return match (&self.if_match, &self.if_none_match) {
                (Some(_), _) => Err(ConditionFails),
                (None, Some(_)) => Ok(TargetState::Absent),
                // What is not there has no date to be held against (RFC 9110 §13.1.4).
                (None, None) => Ok(TargetState::Any),
            };
        };
        let matches = self.if_match.as_ref().is_none_or(|tags| tags.match_strongly(entry.etag));
        let later = self.if_unmodified_since.is_some_and(|date| entry.modified.seconds() > date);
        let known = self.if_none_match.as_ref().is_some_and(|tags| tags.match_weakly(entry.etag));
        if !matches || later || known {
            return Err(ConditionFails);
        }
        Ok(TargetState::Present(entry.etag.into_iter().collect()))
    }
}

fn present(tags: &EntityTags) -> Result<TargetState, ConditionFails> {
    match tags {
        EntityTags::Any => Ok(TargetState::Present(Vec::new())),
        EntityTags::Listed(tags) => match tags.iter().filter_map(|tag| tag.strong()).collect::<Vec<_>>() {
            // No state of any file has such a validator.
            none if none.is_empty() => Err(ConditionFails),
            etags => Ok(TargetState::Present(etags)),
        },
    }
}

impl TargetState {
    /// As an upload says it, where something else than `conflict` is not asked for.
    pub(crate) fn for_upload(self, conflict: Conflict) -> (Conflict, Option<Vec<ETag>>) {
        match self {
            Self::Any => (conflict, None),
            Self::Absent => (Conflict::Fail, None),
            Self::Present(etags) => (Conflict::Replace, Some(etags)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use shared::{Kind, Timestamp, VPath};

    use super::*;

    const TAG: &str = "\"abababababababababababababababab\"";
    const OTHER: &str = "\"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\"";
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

    fn read(fields: &[(HeaderName, &str)]) -> Preconditions {
        let field = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
        Preconditions::read(&fields.iter().map(field).collect())
    }

    fn entry(seconds: i64) -> Entry {
        Entry {
            path: VPath::parse("a").unwrap(),
            kind: Kind::File,
            size: 1,
            modified: Timestamp::from_parts(seconds, 999),
            executable: false,
            link: None,
            etag: Some(ETag([0xab; 16])),
        }
    }

    #[track_caller]
    fn direct(fields: &[(HeaderName, &str)], expected: Option<Result<TargetState, ConditionFails>>) {
        assert_eq!(read(fields).direct(), expected, "{fields:?}");
    }

    #[test]
    fn what_the_file_server_can_hold_itself() {
        direct(&[], Some(Ok(TargetState::Any)));
        direct(&[(IF_NONE_MATCH, "*")], Some(Ok(TargetState::Absent)));
        direct(&[(IF_MATCH, "*")], Some(Ok(TargetState::Present(Vec::new()))));
        direct(&[(IF_MATCH, TAG)], Some(Ok(TargetState::Present(vec![ETag([0xab; 16])]))));
        let two = format!("{TAG}, W/{OTHER}, {OTHER}");
        let both = vec![ETag([0xab; 16]), ETag([0xcd; 16])];
        direct(&[(IF_MATCH, &two)], Some(Ok(TargetState::Present(both))));
        direct(&[(IF_NONE_MATCH, TAG)], None);
        direct(&[(IF_UNMODIFIED_SINCE, DATE)], None);
        direct(&[(IF_MATCH, TAG), (IF_NONE_MATCH, "*")], None);
    }

    #[test]
    fn an_empty_list_is_no_star() {
        direct(&[(IF_MATCH, "")], Some(Err(ConditionFails)));
        direct(&[(IF_MATCH, "\"of another server\"")], Some(Err(ConditionFails)));
        // A weak validator never matches strongly (RFC 9110 §8.8.3.2).
        direct(&[(IF_MATCH, &format!("W/{TAG}"))], Some(Err(ConditionFails)));
    }

    #[test]
    fn what_is_looked_at_is_held_to_what_was_seen() {
        let seen = Ok(TargetState::Present(vec![ETag([0xab; 16])]));
        let decide = |fields: &[(HeaderName, &str)], entry: Option<&Entry>| read(fields).decide(entry);
        let (old, new) = (entry(1_700_000_000), entry(1_700_000_001));
        assert_eq!(decide(&[(IF_UNMODIFIED_SINCE, DATE)], Some(&old)), seen);
        assert_eq!(decide(&[(IF_UNMODIFIED_SINCE, DATE)], Some(&new)), Err(ConditionFails));
        assert_eq!(decide(&[(IF_UNMODIFIED_SINCE, DATE)], None), Ok(TargetState::Any));
        assert_eq!(decide(&[(IF_UNMODIFIED_SINCE, DATE), (IF_MATCH, TAG)], Some(&new)), seen);
        assert_eq!(decide(&[(IF_NONE_MATCH, OTHER)], Some(&old)), seen);
        assert_eq!(decide(&[(IF_NONE_MATCH, TAG)], Some(&old)), Err(ConditionFails));
        assert_eq!(decide(&[(IF_NONE_MATCH, "*")], Some(&old)), Err(ConditionFails));
        assert_eq!(decide(&[(IF_NONE_MATCH, TAG)], None), Ok(TargetState::Absent));
        assert_eq!(decide(&[(IF_MATCH, "*")], None), Err(ConditionFails));
        assert_eq!(decide(&[(IF_MATCH, "*")], Some(&old)), seen);
    }

    #[test]
    fn an_upload_never_replaces_what_must_not_be_there() {
        assert_eq!(TargetState::Absent.for_upload(Conflict::Replace), (Conflict::Fail, None));
        assert_eq!(TargetState::Any.for_upload(Conflict::KeepBoth), (Conflict::KeepBoth, None));
        assert_eq!(TargetState::Present(Vec::new()).for_upload(Conflict::Fail), (Conflict::Replace, Some(Vec::new())));
    }
}
