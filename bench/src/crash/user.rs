//! A simulated user: repeats each request until a response arrives, and knows which files must exist.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use xtask::repo::{AtPath, Failure, Outcome};

use super::client::{Request, Response};
use super::cluster::Cluster;
use super::content::Content;
use crate::random::Random;

/// How long a killed server may take to answer again.
const RETRY_TIME_MAX: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// Larger files are checked after one round only, so that every check takes about as long as the one before.
const KEPT_BYTES_MAX: usize = 128 << 10;

/// By kind of operation: how often it was done, and how often a process was killed meanwhile.
pub(crate) type Counts = BTreeMap<&'static str, (u64, u64)>;

/// An upload that its user does not continue.
#[derive(Clone)]
pub(crate) struct AbandonedUpload {
    pub(crate) address: String,
    pub(crate) acknowledged: usize,
    pub(crate) content: Content,
}

pub(crate) struct SimulatedUser {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) random: Random,
    /// The folders in which only this user works, one on each disk.
    homes: Vec<String>,
    names: u64,
    /// Exactly what must exist, by path; `None` for a folder.
    pub(crate) expected: BTreeMap<String, Option<Content>>,
    pub(crate) counts: Counts,
    pub(crate) abandoned: Vec<AbandonedUpload>,
    interrupted: bool,
}

impl SimulatedUser {
    pub(crate) fn new(cluster: Arc<Cluster>, number: u64, seed: u64) -> Self {
        let homes = cluster.work_folders().iter().map(|folder| format!("{folder}user{number}")).collect();
        Self {
            cluster,
            random: Random::seeded(seed ^ number.wrapping_mul(0x51_7cc1_b727_220a)),
            homes,
            names: 0,
            expected: BTreeMap::new(),
            counts: Counts::new(),
            abandoned: Vec::new(),
            interrupted: false,
        }
    }

    /// Runs one operation, and counts it with whether it was interrupted.
    pub(crate) fn counted(
        &mut self,
        kind: &'static str,
        operation: impl FnOnce(&mut Self) -> Outcome<()>,
    ) -> Outcome<()> {
        self.interrupted = false;
        operation(self).map_err(|Failure(sentence)| Failure(format!("{kind}: {sentence}")))?;
        let (done, interrupted) = self.counts.entry(kind).or_default();
        *done += 1;
        *interrupted += u64::from(self.interrupted);
        Ok(())
    }

    pub(crate) fn total_interrupted(&self) -> u64 {
        self.counts.values().map(|(_, interrupted)| interrupted).sum()
    }

    pub(crate) fn was_interrupted(&mut self) {
        self.interrupted = true;
    }

    /// An unused path in one of this user's folders.
    pub(crate) fn fresh_path(&mut self) -> String {
        self.names += 1;
        let home = self.homes[self.random.below(self.homes.len() as u64) as usize].clone();
        let path = format!("{home}/{}", self.names);
        self.expected.entry(home).or_insert(None);
        path
    }

    /// [`SimulatedUser::fresh_path`] in a folder that exists: a change that moves or copies does not make it.
    pub(crate) fn fresh_target(&mut self) -> Outcome<String> {
        let path = self.fresh_path();
        let place = self.cluster.served(&path);
        let home = place.parent().unwrap_or(&place);
        fs::create_dir_all(home).at(home)?;
        Ok(path)
    }

    /// Creates a file on the disk, past the server, and expects it from now on.
    pub(crate) fn plant(&mut self, path: &str, lengths: &[usize]) -> Outcome<Content> {
        let content = Content::random(&mut self.random, lengths);
        self.cluster.plant(path, content)?;
        self.expected.insert(path.to_owned(), Some(content));
        Ok(content)
    }

    /// Sends the request once. `None` means that it was interrupted.
    pub(crate) fn try_ask(&mut self, request: &Request<'_>) -> Option<Response> {
        match request.send(self.cluster.http) {
            Ok(response) if !is_unavailable(response.status) => Some(response),
            _ => {
                self.interrupted = true;
                None
            }
        }
    }

    /// Sends the request until a response arrives.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> Outcome<Response> {
        let started = Instant::now();
        while started.elapsed() < RETRY_TIME_MAX {
            if let Some(response) = self.try_ask(request) {
                return Ok(response);
            }
            sleep(RETRY_PAUSE);
        }
        Err(Failure(format!("{} {}: no response in {RETRY_TIME_MAX:?}", request.method, request.target)))
    }

    /// The version of the file that is on the disk; `None` for a missing file.
    ///
    /// # Errors
    /// The file is none of the versions, so it is torn.
    pub(crate) fn check_whole(&self, path: &str, versions: &[Option<Content>]) -> Outcome<Option<Content>> {
        let found = match fs::read(self.cluster.served(path)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure(format!("{path}: {error}"))),
        };
        for &version in versions {
            if version.map(Content::bytes) == found {
                return Ok(version);
            }
        }
        let lengths: Vec<_> = versions.iter().map(|version| version.map(|content| content.length)).collect();
        let length = found.map(|bytes| bytes.len());
        Err(Failure(format!("{path} is torn: {length:?} bytes that are none of the versions of {lengths:?} bytes")))
    }

    /// The file has the content on the disk and through the gateway, and is expected from now on.
    pub(crate) fn check_arrived(&mut self, path: &str, content: Content) -> Outcome<()> {
        self.check_whole(path, &[Some(content)])?;
        let response = self.ask(&Request::new("GET", format!("/files/{path}")))?;
        if response.status != 200 || response.body != content.bytes() {
            return Err(Failure(format!("GET {path}: {} with {} bytes", response.status, response.body.len())));
        }
        self.expected.insert(path.to_owned(), Some(content));
        Ok(())
    }

    /// Every expected file and folder exists and is whole, and nothing else exists.
    pub(crate) fn check_all_files(&self) -> Outcome<()> {
        for (path, content) in &self.expected {
            match content {
                Some(content) => drop(self.check_whole(path, &[Some(*content)])?),
                None if self.cluster.served(path).is_dir() => {}
                None => return Err(Failure(format!("the folder {path} is missing"))),
            }
        }
        let mut used = self.homes.iter().filter(|home| self.expected.contains_key(*home));
        used.try_for_each(|home| self.check_nothing_else(home))
    }

    fn check_nothing_else(&self, folder: &str) -> Outcome<()> {
        let place = self.cluster.served(folder);
        for entry in fs::read_dir(&place).at(&place)? {
            let entry = entry.at(&place)?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !self.expected.contains_key(&path) {
                return Err(Failure(format!("{path} exists although no operation made it")));
            }
            if entry.path().is_dir() {
                self.check_nothing_else(&path)?;
            }
        }
        Ok(())
    }

    /// Removes large files from the disk, past the server, once they were checked.
    pub(crate) fn remove_large_files(&mut self) -> Outcome<()> {
        let is_large = |content: &Option<Content>| content.is_some_and(|content| content.length > KEPT_BYTES_MAX);
        for (path, _) in self.expected.extract_if(.., |_, content| is_large(content)) {
            let place = self.cluster.served(&path);
            fs::remove_file(&place).at(&place)?;
        }
        Ok(())
    }
}

/// The gateway answers so while it has no file server.
fn is_unavailable(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// The failure that a response is not the expected one.
pub(crate) fn unexpected(what: &str, response: &Response) -> Failure {
    Failure(format!("{what}: {} {}", response.status, response.text()))
}
