//! The caller of any request.

use shared::wire::{Caller, FrameKind, RequestHead, StoreHead};

use crate::wire::Frame;

/// The caller of the request in a frame; `None` if it cannot be read, or in another frame than a request.
pub(in crate::server) fn caller_of(frame: &Frame) -> Option<Caller> {
    match frame.kind()? {
        FrameKind::Store => frame.message().ok().map(|store: StoreHead| store.stage.caller),
        _ => frame.message().ok().map(|request: RequestHead| request.caller),
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::{Abort, Get, JobStatus, Message, PutEnd, Stage, Stat, Store, encode};
    use shared::{JobId, UploadId, VPath};

    use super::*;

    #[test]
    fn every_request_has_its_caller_in_one_place() {
        let caller = Caller { trace_id: Some("t1".into()), principal: Some("ada".into()), ..Caller::default() };
        fn check<M: Message>(kind: FrameKind, message: &M, expected: Option<&Caller>) {
            assert_eq!(caller_of(&Frame::new(kind, 1, encode(message))).as_ref(), expected, "{kind:?}");
        }
        let named = || caller.clone();
        check(FrameKind::Stat, &Stat { caller: named(), path: VPath::root(), for_reading: None }, Some(&caller));
        check(FrameKind::Get, &Get { caller: named(), items: Vec::new(), pass_fd: None }, Some(&caller));
        check(FrameKind::Abort, &Abort { caller: named(), upload: UploadId([1; 16]) }, Some(&caller));
        let job = Some(JobId([1; 16]));
        check(FrameKind::JobStatus, &JobStatus { caller: named(), job, seen: 0, wait_ms: 0 }, Some(&caller));
        let stage = Stage { caller: named(), ..Stage::default() };
        check(FrameKind::Stage, &stage, Some(&caller));
        check(FrameKind::Store, &Store { stage, checksum: None }, Some(&caller));
        check(FrameKind::Stat, &PutEnd { broken: true }, None);
    }
}
