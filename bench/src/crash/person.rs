//! Somebody who works while servers die: asks again, knows what must be there, and says when it is not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::{Answer, Request};
use super::random::{Content, Random};
use super::uploads::Abandoned;
use super::world::World;
use xtask::repo::{Failure, Outcome};

/// How long a server that was killed may take to be there again.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN: Duration = Duration::from_millis(10);

/// What was done, by kind: how often, and how often something was killed meanwhile.
pub(super) type Counts = BTreeMap<&'static str, (u64, u64)>;

pub(super) struct Person {
    pub(super) world: Arc<World>,
    pub(super) random: Random,
    /// The folder that is this one's alone.
    home: String,
    names: u64,
    /// What must be there, by path; nothing else may be. None for a folder.
    pub(super) expected: BTreeMap<String, Option<Content>>,
    pub(super) counts: Counts,
    /// Uploads that were begun and left.
    pub(super) abandoned: Vec<Abandoned>,
    interrupted: bool,
}

impl Person {
    pub(super) fn new(world: Arc<World>, number: u64, seed: u64) -> Self {
        Self {
            world,
            random: Random::seeded(seed ^ number.wrapping_mul(0x51_7cc1_b727_220a)),
            home: format!("person{number}"),
            names: 0,
            expected: BTreeMap::new(),
            counts: Counts::new(),
            abandoned: Vec::new(),
            interrupted: false,
        }
    }

    /// Does something, and remembers whether it was interrupted.
    pub(super) fn counted(&mut self, kind: &'static str, work: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<()> {
        self.interrupted = false;
        work(self).map_err(|Failure(sentence)| Failure(format!("{kind}: {sentence}")))?;
        let (done, interrupted) = self.counts.entry(kind).or_default();
        *done += 1;
        *interrupted += u64::from(self.interrupted);
        Ok(())
    }

    pub(super) fn interrupted_ever(&self) -> u64 {
        self.counts.values().map(|(_, interrupted)| interrupted).sum()
    }

    /// Somebody died.
    pub(super) fn was_interrupted(&mut self) {
        self.interrupted = true;
    }

    /// A name that was never used, in this one's folder.
    pub(super) fn fresh(&mut self) -> String {
        self.names += 1;
        self.expected.entry(self.home.clone()).or_insert(None);
        format!("{}/{}", self.home, self.names)
    }

    /// Puts a file there by the disk, and expects it from now on.
    pub(super) fn plant(&mut self, path: &str, sizes: &[usize]) -> Outcome<Content> {
        let content = self.random.content(sizes);
        self.world.plant(path, content)?;
        self.expected.insert(path.to_owned(), Some(content));
        Ok(content)
    }

    /// Asks once; none where somebody died meanwhile.
    pub(super) fn try_ask(&mut self, request: &Request<'_>) -> Option<Answer> {
        match request.send(self.world.http) {
            Ok(answer) if !is_away(answer.status) => Some(answer),
            _ => {
                self.interrupted = true;
                None
            }
        }
    }

    /// Asks until there is an answer.
    pub(super) fn ask(&mut self, request: &Request<'_>) -> Outcome<Answer> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(answer) = self.try_ask(request) {
                return Ok(answer);
            }
            sleep(BETWEEN);
        }
        Err(Failure(format!("{} {}: no answer in {PATIENCE:?}", request.method, request.target)))
    }

    /// What is there now, which must be one of these versions, whole.
    pub(super) fn whole(&self, path: &str, versions: &[Option<Content>]) -> Outcome<Option<Content>> {
        let found = match fs::read(self.world.served(path)) {
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

    /// The file is there, as the gateway has it, too.
    pub(super) fn arrived(&mut self, path: &str, content: Content) -> Outcome<()> {
        self.whole(path, &[Some(content)])?;
        let answer = self.ask(&Request::new("GET", format!("/files/{path}")))?;
        if answer.status != 200 || answer.body != content.bytes() {
            return Err(Failure(format!("GET {path}: {} with {} bytes", answer.status, answer.body.len())));
        }
        self.expected.insert(path.to_owned(), Some(content));
        Ok(())
    }
}

/// A gateway that lost its file server says so.
fn is_away(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// The refusal as a sentence.
pub(super) fn unexpected(what: &str, answer: &Answer) -> Failure {
    Failure(format!("{what}: {} {}", answer.status, answer.text()))
}
