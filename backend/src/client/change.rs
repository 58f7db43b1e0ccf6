//! Changes, the jobs that run them, the trash, and events of a folder.

use std::time::Duration;

use shared::wire::{Caller, CancelJob, ChangeRequest, FrameKind, JobStatus, ListTrash, TrashPage, Watch};
use shared::{Change, Event, EventId, Job, JobId, VPath};

use super::calls::Client;
use super::connection::Reply;
use super::error::ClientError;
use super::lease::Lease;
use super::pool_config::ConnectionClass;

/// The events of a folder. Dropping it ends the watch.
pub struct FolderEvents {
    lease: Lease,
    first: Option<Event>,
}

impl Client {
    /// Starts a change, and waits at most `wait` for its end. A second call with the same key returns the first job.
    pub async fn change(
        &self,
        caller: &Caller,
        key: JobId,
        change: Change,
        wait: Duration,
    ) -> Result<Job, ClientError> {
        let request = ChangeRequest { caller: caller.clone(), key, change, wait_ms: milliseconds(wait) };
        let (lease, reply) = self.start(ConnectionClass::Changing, caller, FrameKind::Change, &request).await?;
        join(lease.all_messages(reply, FrameKind::Job).await?)
    }

    /// The state of a job, as soon as its version is above `seen`, at the latest after `wait`.
    pub async fn job(&self, caller: &Caller, job: JobId, seen: u64, wait: Duration) -> Result<Job, ClientError> {
        let request = JobStatus { caller: caller.clone(), job: Some(job), seen, wait_ms: milliseconds(wait) };
        let (lease, reply) = self.start(ConnectionClass::Waiting, caller, FrameKind::JobStatus, &request).await?;
        join(lease.all_messages(reply, FrameKind::Job).await?)
    }

    /// The caller's jobs, without outcomes: those that have not ended, then the newest.
    pub async fn jobs(&self, caller: &Caller) -> Result<Vec<Job>, ClientError> {
        let request = JobStatus { caller: caller.clone(), job: None, seen: 0, wait_ms: 0 };
        let (lease, reply) = self.start(ConnectionClass::Metadata, caller, FrameKind::JobStatus, &request).await?;
        lease.all_messages(reply, FrameKind::Job).await
    }

    /// Cancels a job after its present entry.
    pub async fn cancel_job(&self, caller: &Caller, job: JobId) -> Result<Job, ClientError> {
        let request = CancelJob { caller: caller.clone(), job };
        let (lease, reply) = self.start(ConnectionClass::Metadata, caller, FrameKind::CancelJob, &request).await?;
        join(lease.all_messages(reply, FrameKind::Job).await?)
    }

    /// One page of the trash, newest first.
    pub async fn list_trash(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<TrashPage, ClientError> {
        let request = ListTrash { caller: caller.clone(), cursor: cursor.map(str::to_owned), limit };
        let (lease, reply) = self.start(ConnectionClass::Metadata, caller, FrameKind::ListTrash, &request).await?;
        let mut page = TrashPage::default();
        for part in lease.all_messages::<TrashPage>(reply, FrameKind::TrashPage).await? {
            page.items.extend(part.items);
            page.total = part.total.or(page.total);
            page.next_cursor = part.next_cursor;
        }
        Ok(page)
    }

    /// The events of a folder from now on, or after the event `after` if the server still has it.
    pub async fn watch(
        &self,
        caller: &Caller,
        folder: &VPath,
        after: Option<EventId>,
    ) -> Result<FolderEvents, ClientError> {
        let request = Watch { caller: caller.clone(), folder: folder.clone(), after };
        let (lease, reply) = self.start(ConnectionClass::Watching, caller, FrameKind::Watch, &request).await?;
        match reply {
            Reply::Frame(frame) => {
                let first = lease.message(&frame, FrameKind::Event)?;
                Ok(FolderEvents { lease, first: Some(first) })
            }
            Reply::End(error) => Err(lease.end(error)),
        }
    }
}

impl FolderEvents {
    /// Waits for the next event.
    ///
    /// # Errors
    /// The reason why the watch has ended.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        if let Some(event) = self.first.take() {
            return Ok(event);
        }
        match self.lease.reply().await? {
            Reply::Frame(frame) => self.lease.message(&frame, FrameKind::Event),
            Reply::End(error) => Err(error.map_or_else(
                || ClientError::new(shared::ErrorCode::Disconnected, "the watch has ended"),
                ClientError::from,
            )),
        }
    }
}

/// Joins the parts of a job, whose outcomes may arrive in several messages.
fn join(parts: Vec<Job>) -> Result<Job, ClientError> {
    let joined = parts.into_iter().reduce(|mut job, part| {
        job.outcomes.extend(part.outcomes);
        job
    });
    joined.ok_or_else(|| ClientError::new(shared::ErrorCode::Protocol, "an answer without a job"))
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
