//! Changes, the jobs that carry them out, the trash, and what happens in a folder.

use std::time::Duration;

use shared::wire::{CancelJob, ChangeRequest, FrameKind, JobStatus, ListTrash, TrashPage, Watch};
use shared::{Change, Event, EventId, Job, JobId, VPath};

use super::connection::Reply;
use super::pool::{ConnectionClass, Lease};
use super::{Caller, Client, ClientError};

/// What happens in a folder, for as long as this lives.
pub struct Watcher {
    lease: Lease,
    first: Option<Event>,
}

impl Client {
    /// Changes what is there, and waits at most `wait` for the end. Asked again with the same key, the answer is the
    /// same job.
    pub async fn change(
        &self,
        caller: &Caller,
        key: JobId,
        change: Change,
        wait: Duration,
    ) -> Result<Job, ClientError> {
        let request = ChangeRequest { caller: caller.clone(), key, change, wait_ms: milliseconds(wait) };
        let (lease, reply) = self.start(ConnectionClass::Bulk, FrameKind::Change, &request).await?;
        whole(lease.all_messages(reply, FrameKind::Job).await?)
    }

    /// How a change stands, as soon as it is newer than `seen`, but after `wait` at the latest.
    pub async fn job(&self, caller: &Caller, job: JobId, seen: u64, wait: Duration) -> Result<Job, ClientError> {
        let request = JobStatus { caller: caller.clone(), job: Some(job), seen, wait_ms: milliseconds(wait) };
        let (lease, reply) = self.start(ConnectionClass::Bulk, FrameKind::JobStatus, &request).await?;
        whole(lease.all_messages(reply, FrameKind::Job).await?)
    }

    /// The caller's changes of late, newest first, without outcomes.
    pub async fn jobs(&self, caller: &Caller) -> Result<Vec<Job>, ClientError> {
        let request = JobStatus { caller: caller.clone(), job: None, seen: 0, wait_ms: 0 };
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::JobStatus, &request).await?;
        lease.all_messages(reply, FrameKind::Job).await
    }

    /// Stops a change after the entry that it is at.
    pub async fn cancel_job(&self, caller: &Caller, job: JobId) -> Result<Job, ClientError> {
        let request = CancelJob { caller: caller.clone(), job };
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::CancelJob, &request).await?;
        whole(lease.all_messages(reply, FrameKind::Job).await?)
    }

    /// One page of the trash, newest first.
    pub async fn list_trash(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<TrashPage, ClientError> {
        let request = ListTrash { caller: caller.clone(), cursor: cursor.map(str::to_owned), limit };
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::ListTrash, &request).await?;
        let mut whole = TrashPage::default();
        for page in lease.all_messages::<TrashPage>(reply, FrameKind::TrashPage).await? {
            whole.items.extend(page.items);
            whole.total = page.total.or(whole.total);
            whole.next_cursor = page.next_cursor;
        }
        Ok(whole)
    }

    /// What happens in a folder from now on, or from after `after` where that is still known.
    pub async fn watch(&self, caller: &Caller, folder: &VPath, after: Option<EventId>) -> Result<Watcher, ClientError> {
        let request = Watch { caller: caller.clone(), folder: folder.clone(), after };
        let (lease, reply) = self.start(ConnectionClass::Watching, FrameKind::Watch, &request).await?;
        match reply {
            Reply::Frame(frame) => {
                let first = lease.message(&frame, FrameKind::Event)?;
                Ok(Watcher { lease, first: Some(first) })
            }
            Reply::End(error) => Err(lease.end(error)),
        }
    }
}

impl Watcher {
    /// The next event; waits for as long as nothing happens.
    ///
    /// # Errors
    /// Once it has failed the watch is over.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        if let Some(event) = self.first.take() {
            return Ok(event);
        }
        match self.lease.reply().await? {
            Reply::Frame(frame) => self.lease.message(&frame, FrameKind::Event),
            Reply::End(error) => Err(error.map_or_else(
                || ClientError::new(shared::ErrorCode::Disconnected, "the watch is over"),
                ClientError::from,
            )),
        }
    }
}

/// The job of an answer, whose outcomes may come in parts.
fn whole(parts: Vec<Job>) -> Result<Job, ClientError> {
    let joined = parts.into_iter().reduce(|mut job, part| {
        job.outcomes.extend(part.outcomes);
        job
    });
    joined.ok_or_else(|| ClientError::new(shared::ErrorCode::Protocol, "an answer without the job"))
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
