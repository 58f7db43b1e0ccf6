//! What clients share in the file server, with its bounds.

use std::thread::available_parallelism;

use shared::limits::{
    FILES_READ_MAX, FILES_READ_OF_ONE_MAX, FILES_READ_WAITING_MAX, FILES_READ_WAITING_OF_ONE_MAX,
    FOLDERS_READ_OF_PROCESSOR, FOLDERS_READ_OWNER_PART, JOBS_MAX, JOBS_OF_ONE_MAX, JOBS_RECORDED_AT_A_TIME_MAX,
    JOBS_RECORDED_AT_A_TIME_OF_ONE_MAX, LISTED_OWNER_PART, LONG_JOBS_AT_A_TIME_MAX, LONG_JOBS_AT_A_TIME_OF_ONE_MAX,
    SHORT_JOBS_AT_A_TIME_MAX, SHORT_JOBS_AT_A_TIME_OF_ONE_MAX, STORED_BYTES_MAX, STORED_BYTES_OF_ONE_MAX,
    STORES_WAITING_MAX, STORES_WAITING_OF_ONE_MAX, TRASHES_READ_MAX, TRASHES_READ_OF_ONE_MAX, UPLOAD_STEPS_MAX,
    UPLOAD_STEPS_OF_ONE_MAX, WATCHES_MAX, WATCHES_OF_ONE_MAX,
};

use super::config::ServerConfig;
use crate::admission::{Admission, Bounds, Figures};

/// What requests share, whatever connection they come by. One lock is held at a time.
#[derive(Clone, Debug)]
pub(super) struct Admissions {
    /// Files that are read as a whole, each on a blocking thread.
    pub(super) files_read: Admission,
    /// Threads that list or walk folders, each for one batch of an answer, or look up jobs: a slow reader holds none.
    pub(super) folders_read: Admission,
    /// Threads that list the trash, which has no bound for the number of its items: folders do not wait for them.
    pub(super) trashes_read: Admission,
    /// Memory of folders that are being listed or walked, in bytes.
    pub(super) listed_bytes: Admission,
    /// Jobs that have begun and not ended.
    pub(super) jobs: Admission,
    /// Jobs that are being recorded, before they begin.
    pub(super) recorded_jobs: Admission,
    /// Jobs that copy or remove trees at present.
    pub(super) long_jobs: Admission,
    /// Jobs that take one step for each item at present.
    pub(super) short_jobs: Admission,
    /// Threads that work on uploads, each for one step: to begin, store, settle, publish or give up one.
    pub(super) upload_steps: Admission,
    /// Memory of files that arrive by STORE, in bytes.
    pub(super) stored_bytes: Admission,
    /// Watched folders.
    pub(super) watches: Admission,
}

impl Admissions {
    pub(super) fn new(config: &ServerConfig) -> Self {
        let listed = config.listed_bytes_max;
        let processors = available_parallelism().map_or(1, |count| count.get() as u64);
        let folders = processors * FOLDERS_READ_OF_PROCESSOR;
        let running = |all, one| Admission::new(Bounds { all, one, waiting_one: 0, waiting_all: 0 });
        Self {
            files_read: Admission::new(Bounds {
                all: FILES_READ_MAX,
                one: FILES_READ_OF_ONE_MAX,
                waiting_one: FILES_READ_WAITING_OF_ONE_MAX,
                waiting_all: FILES_READ_WAITING_MAX,
            }),
            // What waits for these was accepted as a request of its connection.
            folders_read: running(folders, folders / FOLDERS_READ_OWNER_PART),
            trashes_read: running(TRASHES_READ_MAX, TRASHES_READ_OF_ONE_MAX),
            listed_bytes: Admission::leaving_room(Bounds {
                all: listed,
                one: listed / LISTED_OWNER_PART,
                waiting_one: 0,
                waiting_all: 0,
            }),
            jobs: running(JOBS_MAX, JOBS_OF_ONE_MAX),
            // What waits for these was accepted as a request of its connection.
            recorded_jobs: running(JOBS_RECORDED_AT_A_TIME_MAX, JOBS_RECORDED_AT_A_TIME_OF_ONE_MAX),
            // What waits for these was accepted as a job.
            long_jobs: running(LONG_JOBS_AT_A_TIME_MAX, LONG_JOBS_AT_A_TIME_OF_ONE_MAX),
            short_jobs: running(SHORT_JOBS_AT_A_TIME_MAX, SHORT_JOBS_AT_A_TIME_OF_ONE_MAX),
            // What waits for these was accepted as a request of its connection, or as an upload.
            upload_steps: running(UPLOAD_STEPS_MAX, UPLOAD_STEPS_OF_ONE_MAX),
            stored_bytes: Admission::new(Bounds {
                all: STORED_BYTES_MAX,
                one: STORED_BYTES_OF_ONE_MAX,
                waiting_one: STORES_WAITING_OF_ONE_MAX,
                waiting_all: STORES_WAITING_MAX,
            }),
            watches: running(WATCHES_MAX, WATCHES_OF_ONE_MAX),
        }
    }

    /// What is held of each at present, by a name for metrics.
    pub(super) fn figures(&self) -> Vec<(&'static str, Figures)> {
        let Self {
            files_read,
            folders_read,
            trashes_read,
            listed_bytes,
            jobs,
            recorded_jobs,
            long_jobs,
            short_jobs,
            upload_steps,
            stored_bytes,
            watches,
        } = self;
        let all = [
            ("files_read", files_read),
            ("folders_read", folders_read),
            ("trashes_read", trashes_read),
            ("listed_bytes", listed_bytes),
            ("jobs", jobs),
            ("recorded_jobs", recorded_jobs),
            ("long_jobs", long_jobs),
            ("short_jobs", short_jobs),
            ("upload_steps", upload_steps),
            ("stored_bytes", stored_bytes),
            ("watches", watches),
        ];
        all.map(|(name, admission)| (name, admission.figures())).into()
    }
}
