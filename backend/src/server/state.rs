//! What all connections of a file server share.

use std::sync::Arc;

use shared::limits::{DATA_BYTES_MAX, DATA_BYTES_MIN};

use super::admissions::Admissions;
use super::config::ServerConfig;
use super::health::Health;
use super::jobs::registry::Jobs;
use super::kept_files::KeptFiles;
use super::keys::{Keys, ServerKey};
use super::list::snapshots::Snapshots;
use super::readings::Readings;
use super::records::database::Database;
use super::records::digest_cache::DigestCache;
use super::uploads::registry::Uploads;
use super::watch::watches::Watches;
use crate::admission::Figures;
use crate::storage::Storage;
use crate::transfer_budget::TransferBudget;

/// A file server: its storage, its keys and its state.
pub struct Server {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) keys: Keys,
    pub(super) admissions: Admissions,
    pub(super) snapshots: Snapshots,
    pub(super) digests: Arc<DigestCache>,
    /// The files that are being read for their digests.
    pub(super) readings: Arc<Readings>,
    pub(super) uploads: Arc<Uploads>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) watches: Arc<Watches>,
    pub(super) records: Option<Arc<Database>>,
    pub(super) health: Health,
    /// The memory budget of running uploads.
    pub(super) transfer_budget: TransferBudget,
    pub(super) config: ServerConfig,
}

impl Server {
    /// A server over `storage` for clients that hold one of `keys`. Without
    /// `records` the server is read-only: requests that change something get
    /// [`ErrorCode::ReadOnly`](shared::ErrorCode::ReadOnly).
    pub fn new(
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        keys: impl IntoIterator<Item = impl Into<ServerKey>>,
        mut config: ServerConfig,
    ) -> Arc<Self> {
        config.data_bytes_max = config.data_bytes_max.clamp(DATA_BYTES_MIN, DATA_BYTES_MAX);
        let keys = Keys::new(keys.into_iter().map(Into::into));
        let admissions = Admissions::new(&config);
        let snapshots = Snapshots::new(config.snapshot_bytes_max, config.snapshot_time);
        let digests = Arc::new(DigestCache::new(records.clone()));
        let places = admissions.files_read.clone();
        let readings = Arc::new(Readings::new(Arc::clone(&digests), places, config.reading_turn()));
        let kept = Arc::new(KeptFiles::new(config.trash_bytes_max));
        let uploads = Uploads::new(
            Arc::clone(&storage),
            records.clone(),
            Arc::clone(&digests),
            Arc::clone(&kept),
            &admissions,
            &config,
        );
        let uploads = Arc::new(uploads);
        let watches = Arc::new(Watches::new(Arc::clone(&storage), &admissions));
        let jobs = Arc::new(Jobs::new(Arc::clone(&storage), records.clone(), kept, &admissions));
        let transfer_budget = TransferBudget::new(config.transfer_bytes_max);
        let health = Health::new(Arc::clone(&storage), records.clone(), config.health_time);
        Arc::new(Self {
            health,
            storage,
            keys,
            admissions,
            snapshots,
            digests,
            readings,
            uploads,
            jobs,
            watches,
            records,
            transfer_budget,
            config,
        })
    }

    /// Replaces the keys that may be removed while the server runs: those of [`ServerKey::removable`]. The connections of
    /// a key that is not among them any more, or that has changed, end. A key that the server was made with goes before
    /// one with the same id.
    pub fn replace_keys(&self, keys: Vec<ServerKey>) {
        self.keys.replace(keys);
    }

    /// What clients hold at present of what they share, by a name for metrics.
    pub fn admission_figures(&self) -> Vec<(&'static str, Figures)> {
        self.admissions.figures()
    }
}
