//! The caller of each request.

use super::call::Request;
use super::caller::Caller;
use super::changing::{CancelJob, ChangeRequest, JobStatus, ListTrash};
use super::reading::{Digest, Get, Health, List, Stat, Walk, Watch};
use super::uploading::{Abort, Commit, Put, Stage, Store, UploadStatus};

macro_rules! requests {
    ($($request:ty),+ $(,)?) => {
        $(impl Request for $request {
            fn caller(&self) -> &Caller {
                &self.caller
            }

            fn caller_mut(&mut self) -> &mut Caller {
                &mut self.caller
            }
        })+
    };
}

requests!(
    List,
    Stat,
    Get,
    Walk,
    Digest,
    Watch,
    Health,
    Stage,
    Put,
    UploadStatus,
    Commit,
    Abort,
    ChangeRequest,
    JobStatus,
    CancelJob,
    ListTrash,
);

impl Request for Store {
    fn caller(&self) -> &Caller {
        &self.stage.caller
    }

    fn caller_mut(&mut self) -> &mut Caller {
        &mut self.stage.caller
    }
}
