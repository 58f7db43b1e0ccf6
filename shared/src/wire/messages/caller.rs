//! The caller of a request, and its two forms: the present one, whose scope is a tree of grants, and that of earlier
//! versions, whose scope is a list of roots of which the request names one. Both are read, also from records; the present
//! one is written. Its list of roots is empty, so that an earlier server answers `not_found`.

use minicbor::decode::Error as CborError;
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::bounds::{Bounded, check};
use crate::limits::{
    CLIENT_BYTES_MAX, PRINCIPAL_BYTES_MAX, SCOPE_GRANTS_MAX, SCOPE_PATHS_BYTES_MAX, SCOPE_ROOTS_MAX, TEXT_BYTES_MAX,
};
use crate::path::VPath;
use crate::rights::Rights;
use crate::scope::Scope;

/// The caller of a request, for authorisation and logs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caller {
    /// What the caller may do.
    pub scope: Scope,
    /// How long the caller waits for the first frame of the answer, in milliseconds. `None` for no limit.
    pub deadline_ms: Option<u32>,
    /// An id that connects log lines of gateway and file server.
    pub trace_id: Option<String>,
    /// The account, if any. It owns its uploads and jobs: other callers cannot see or cancel them.
    pub principal: Option<String>,
    /// The client that a gateway speaks for, made of its address, such as `203.0.113.7` or `2001:db8:1:200::/56`. What is
    /// scarce is shared fairly among clients of one principal; a client owns nothing. At most [`CLIENT_BYTES_MAX`] bytes.
    pub client: Option<String>,
}

impl Bounded for Caller {
    fn check_bounds(&self) -> Result<(), &'static str> {
        let Scope { base, grants } = &self.scope;
        check(grants.len() <= SCOPE_GRANTS_MAX, "too many grants in the scope")?;
        let paths = grants.iter().map(|grant| &grant.at).chain([base]);
        let bytes: usize = paths.map(|path| path.as_bytes().len()).sum();
        check(bytes <= SCOPE_PATHS_BYTES_MAX, "the paths of the scope are too long")?;
        check(self.trace_id.as_ref().is_none_or(|id| id.len() <= TEXT_BYTES_MAX), "the trace id is too long")?;
        let named = |name: &String| name.len() <= PRINCIPAL_BYTES_MAX;
        check(self.principal.as_ref().is_none_or(named), "the principal is too long")?;
        check(self.client.as_ref().is_none_or(|name| name.len() <= CLIENT_BYTES_MAX), "the client's name is too long")
    }
}

/// The fields of a caller as they are written.
#[derive(Encode)]
#[cbor(map)]
struct Written<'c> {
    #[n(0)]
    scope: WrittenScope<'c>,
    #[n(1)]
    root: u16,
    #[n(2)]
    deadline_ms: Option<u32>,
    #[n(3)]
    trace_id: Option<&'c str>,
    #[n(4)]
    principal: Option<&'c str>,
    #[n(7)]
    client: Option<&'c str>,
}

#[derive(Encode)]
#[cbor(map)]
struct WrittenScope<'c> {
    /// Of the earlier form: none.
    #[n(0)]
    roots: [u8; 0],
    #[n(1)]
    tree: &'c Scope,
}

/// The fields of a caller as they are read.
#[derive(Decode)]
#[cbor(map)]
struct Read {
    #[n(0)]
    scope: ReadScope,
    /// Of the earlier form.
    #[n(1)]
    root: u16,
    #[n(2)]
    deadline_ms: Option<u32>,
    #[n(3)]
    trace_id: Option<String>,
    #[n(4)]
    principal: Option<String>,
    #[n(7)]
    client: Option<String>,
}

#[derive(Decode)]
#[cbor(map)]
struct ReadScope {
    #[n(0)]
    roots: Vec<Root>,
    #[n(1)]
    tree: Option<Scope>,
}

/// One folder of the earlier form, with the rights below it. The paths of a request that names it are relative to it.
#[derive(Decode)]
#[cbor(map)]
struct Root {
    #[n(1)]
    folder: VPath,
    #[n(2)]
    rights: Rights,
}

impl<C> Encode<C> for Caller {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let written = Written {
            scope: WrittenScope { roots: [], tree: &self.scope },
            root: 0,
            deadline_ms: self.deadline_ms,
            trace_id: self.trace_id.as_deref(),
            principal: self.principal.as_deref(),
            client: self.client.as_deref(),
        };
        written.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for Caller {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        let position = decoder.position();
        let Read { scope, root, deadline_ms, trace_id, principal, client } = Read::decode(decoder, context)?;
        if scope.roots.len() > SCOPE_ROOTS_MAX {
            return Err(CborError::message("too many roots in the scope").at(position));
        }
        let of_root = || {
            let root = scope.roots.into_iter().nth(root.into());
            root.map(|root| Scope::below(root.folder, root.rights)).unwrap_or_default()
        };
        let scope = scope.tree.unwrap_or_else(of_root);
        Ok(Self { scope, deadline_ms, trace_id, principal, client })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Grant;
    use crate::wire::{decode, encode};

    /// A caller of the earlier form: two roots, of which it names the second one.
    const EARLIER: &[u8] = b"\xa3\x00\xa1\x00\x82\
        \xa3\x00\x60\x01\x41a\x02\x03\
        \xa4\x00\x64docs\x01\x44docs\x02\x18\x1f\x03\x1a\x00\x0f\x42\x40\
        \x01\x01\x02\x19\x03\xe8";

    #[test]
    fn the_earlier_form_is_read_and_the_present_one_written() {
        let rights = Rights::ALL.intersection(decode::<Rights>(&[0x18, 0x1f]).unwrap());
        let scope = Scope::below(VPath::parse("docs").unwrap(), rights);
        let caller = Caller { scope, deadline_ms: Some(1000), ..Caller::default() };
        assert_eq!(decode::<Caller>(EARLIER).unwrap(), caller);
        let written = b"\xa3\x00\xa2\x00\x80\x01\xa2\x00\x44docs\x01\x81\xa2\x00\x44docs\x01\x18\x1f\
            \x01\x00\x02\x19\x03\xe8";
        assert_eq!(encode(&caller), written);
        assert_eq!(decode::<Caller>(written).unwrap(), caller);
    }

    #[test]
    fn a_root_that_the_earlier_form_does_not_have_grants_nothing() {
        let caller = decode::<Caller>(b"\xa2\x00\xa1\x00\x81\xa3\x00\x60\x01\x40\x02\x03\x01\x01").unwrap();
        assert_eq!(caller, Caller::default());
        assert_eq!(decode::<Caller>(b"\xa2\x00\xa1\x00\x80\x01\x00").unwrap(), Caller::default());
    }

    #[test]
    fn a_tree_goes_before_roots() {
        let both = b"\xa2\x00\xa2\x00\x81\xa3\x00\x60\x01\x40\x02\x18\x1f\x01\xa2\x00\x40\x01\x81\xa2\x00\x41a\x01\x01\x01\x00";
        let grants = vec![Grant { at: VPath::parse("a").unwrap(), rights: Rights::LIST }];
        assert_eq!(decode::<Caller>(both).unwrap().scope, Scope { base: VPath::root(), grants });
    }

    #[test]
    fn scopes_are_bounded() {
        let grant = |at: &str| Grant { at: VPath::parse(at).unwrap(), rights: Rights::READ };
        let bounded = |base: &str, grants: Vec<Grant>| {
            let scope = Scope { base: VPath::parse(base).unwrap(), grants };
            Caller { scope, ..Caller::default() }.check_bounds()
        };
        assert_eq!(bounded("", vec![grant("a"); SCOPE_GRANTS_MAX]), Ok(()));
        assert!(bounded("", vec![grant("a"); SCOPE_GRANTS_MAX + 1]).is_err());
        let half = "a".repeat(SCOPE_PATHS_BYTES_MAX / 8);
        assert_eq!(bounded(&half, vec![grant(&half); 7]), Ok(()));
        assert!(bounded(&half, vec![grant(&half); 8]).is_err());
        let many =
            [&[0xa2_u8, 0, 0xa1, 0, 0x98, 65][..], &b"\xa3\x00\x60\x01\x40\x02\x03".repeat(65), &[1, 0]].concat();
        assert!(decode::<Caller>(&many).is_err());
    }
}
