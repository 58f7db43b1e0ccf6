//! The preconditions of a request that changes a file (RFC 9110 §13). Where possible they become a condition that the
//! file server checks at the moment of the change, without a race. Only conditions that it cannot express are evaluated
//! against the file's metadata first, and then against the state that was seen. Pure.

use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use shared::{Conflict, ETag, Entry};

use super::conditional::{EntityTags, date, tags};

/// The state that the target must have when the change happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TargetState {
    /// Any state, or nothing at the target.
    Any,
    /// Nothing at the target.
    Absent,
    /// An entry in one of these states; in any state if the list is empty.
    Present(Vec<ETag>),
}

/// The conditions of a request that changes a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Preconditions {
    if_match: Option<EntityTags>,
    if_none_match: Option<EntityTags>,
    if_unmodified_since: Option<i64>,
}

/// A condition is false whatever the state of the file server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConditionFails;

impl Preconditions {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let if_match = tags(headers, IF_MATCH);
        Self {
            // An entity tag takes precedence over a date (RFC 9110 §13.1.4).
            if_unmodified_since: if if_match.is_none() { date(headers, IF_UNMODIFIED_SINCE) } else { None },
            if_none_match: tags(headers, IF_NONE_MATCH),
            if_match,
        }
    }

    /// The required state, where it follows from the headers alone; `None` where the file's metadata is needed.
    pub(crate) fn direct(&self) -> Option<Result<TargetState, ConditionFails>> {
        match (&self.if_match, &self.if_none_match, self.if_unmodified_since) {
            (None, None, None) => Some(Ok(TargetState::Any)),
            (None, Some(EntityTags::Any), None) => Some(Ok(TargetState::Absent)),
            (Some(tags), None, None) => Some(present(tags)),
            _ => None,
        }
    }

    /// The required state, given the entry that is there, in the order of RFC 9110 §13.2.2.
    pub(crate) fn decide(&self, there: Option<&Entry>) -> Result<TargetState, ConditionFails> {
        let Some(entry) = there else {
            return match (&self.if_match, &self.if_none_match) {
                (Some(_), _) => Err(ConditionFails),
                (None, Some(_)) => Ok(TargetState::Absent),
                // A file that does not exist has no date to compare with (RFC 9110 §13.1.4).
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
            // None of the tags is one of this server, so no state matches.
            none if none.is_empty() => Err(ConditionFails),
            etags => Ok(TargetState::Present(etags)),
        },
    }
}

impl TargetState {
    /// The conflict rule and the expected states of an upload; `conflict` where the request has no conditions.
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
    fn conditions_that_the_file_server_checks_need_no_metadata() {
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
    fn an_empty_list_is_not_the_wildcard() {
        direct(&[(IF_MATCH, "")], Some(Err(ConditionFails)));
        direct(&[(IF_MATCH, "\"of another server\"")], Some(Err(ConditionFails)));
        // A weak validator never matches strongly (RFC 9110 §8.8.3.2).
        direct(&[(IF_MATCH, &format!("W/{TAG}"))], Some(Err(ConditionFails)));
    }

    #[test]
    fn a_file_that_was_looked_at_must_stay_in_that_state() {
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
    fn an_upload_replaces_nothing_where_nothing_may_be() {
        assert_eq!(TargetState::Absent.for_upload(Conflict::Replace), (Conflict::Fail, None));
        assert_eq!(TargetState::Any.for_upload(Conflict::KeepBoth), (Conflict::KeepBoth, None));
        assert_eq!(TargetState::Present(Vec::new()).for_upload(Conflict::Fail), (Conflict::Replace, Some(Vec::new())));
    }
}
