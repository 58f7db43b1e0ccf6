//! What people upload while servers die: by tus, by PUT, and with `passerelle put`.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::{Answer, Request, base64};
use super::person::{Person, unexpected};
use super::random::Content;
use super::world::lock;
use xtask::repo::{AtPath, Failure, Outcome};

/// Below, at, and beyond what is synced at a time (8 MiB).
const SIZES: &[usize] = &[0, 1, 4 << 10, 100_003, (1 << 20) + 3, 9 << 20, 20 << 20];
const OLD_SIZES: &[usize] = &[0, 10, 70_000];
const CHUNKS: &[usize] = &[70_001, 1 << 20, 6 << 20, 32 << 20];
/// A client that needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// An upload that was begun and left.
#[derive(Clone)]
pub(super) struct Abandoned {
    address: String,
    acknowledged: usize,
    content: Content,
}

impl Person {
    /// A new file, or one in the place of an old one. Hands back the path, the old content and the new.
    fn prepare(&mut self) -> Outcome<(String, Option<Content>, Content)> {
        let path = self.fresh();
        let old = if self.random.once_in(2) { Some(self.plant(&path, OLD_SIZES)?) } else { None };
        let new = self.random.content(SIZES);
        Ok((path, old, new))
    }

    /// One upload by tus, in chunks of any size, gone on with wherever the server says that it stands.
    pub(super) fn tus(&mut self) -> Outcome<()> {
        let (path, old, new) = self.prepare()?;
        let conflict = if old.is_some() { "replace" } else { "fail" };
        let metadata = format!("path {},conflict {}", base64(path.as_bytes()), base64(conflict.as_bytes()));
        let key = self.random.key();
        let create = tus_request("POST", "/api/v1/uploads".into())
            .header("upload-length", new.length.to_string())
            .header("upload-metadata", metadata)
            .header("idempotency-key", key);
        let created = self.ask(&create)?;
        let location = created.header("location").filter(|_| created.status == 201);
        let location = location.ok_or_else(|| unexpected("creation", &created))?;
        let address = format!("/api/v1/uploads/{}", location.rsplit('/').next().unwrap_or_default());
        let abandons = self.random.once_in(8);
        let bytes = new.bytes();
        let mut acknowledged = 0;
        let mut everything_sent = bytes.is_empty();
        while acknowledged < bytes.len() {
            let end = bytes.len().min(acknowledged + self.random.pick(CHUNKS));
            let dies_after = self.dies(end - acknowledged);
            everything_sent |= end == bytes.len();
            let mut patch = patch(&address, acknowledged).body(&bytes[acknowledged..end]);
            patch.dies_after = dies_after;
            let standing = match self.try_ask(&patch) {
                Some(answer) if answer.status == 204 => {
                    let offset = offset(&answer)?;
                    if offset != end {
                        return Err(Failure(format!("{path}: {offset} acknowledged of {end}")));
                    }
                    offset
                }
                // Others than this: the upload is still held by the request before, or stands elsewhere.
                Some(answer) if !matches!(answer.status, 409 | 423) => return Err(unexpected("PATCH", &answer)),
                _ => self.stands(&address, acknowledged, bytes.len())?,
            };
            acknowledged = standing;
            let versions = [old, Some(new)];
            self.whole(&path, if everything_sent { &versions } else { &versions[..1] })?;
            if abandons && acknowledged + 1 < bytes.len() {
                self.abandoned.push(Abandoned { address, acknowledged, content: new });
                return Ok(());
            }
        }
        // The last bytes may have become durable without anybody hearing of the file: it is asked for once more.
        let last = self.ask(&patch(&address, bytes.len()))?;
        if last.status != 204 {
            return Err(unexpected("the last PATCH", &last));
        }
        self.arrived(&path, new)
    }

    /// Where an upload stands, which must not be before what was acknowledged.
    fn stands(&mut self, address: &str, acknowledged: usize, length: usize) -> Outcome<usize> {
        let answer = self.ask(&tus_request("HEAD", address.into()))?;
        if answer.status != 200 {
            return Err(Failure(format!(
                "an upload with {acknowledged} bytes acknowledged is gone: {}",
                answer.status
            )));
        }
        let offset = offset(&answer)?;
        if offset < acknowledged || offset > length {
            return Err(Failure(format!("{acknowledged} of {length} bytes were acknowledged, and {offset} are there")));
        }
        Ok(offset)
    }

    /// Adds one byte to each upload that was left, however long ago: none has lost what was acknowledged.
    pub(super) fn add_to_abandoned(&mut self) -> Outcome<()> {
        for Abandoned { address, acknowledged, content } in &self.abandoned.clone() {
            let standing = self.stands(address, *acknowledged, content.length)?;
            let bytes = content.bytes();
            let Some(byte) = bytes.get(standing..standing + 1).filter(|_| standing + 1 < bytes.len()) else { continue };
            let answer = self.ask(&patch(address, standing).body(byte))?;
            if answer.status != 204 {
                return Err(unexpected("a byte for an upload that was left", &answer));
            }
        }
        Ok(())
    }

    /// Whether each upload that was left has expired.
    pub(super) fn abandoned_are_gone(&mut self) -> Outcome<bool> {
        for Abandoned { address, .. } in &self.abandoned.clone() {
            if !matches!(self.ask(&tus_request("HEAD", address.clone()))?.status, 404 | 410) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One file by PUT: there or not there, never in between.
    pub(super) fn put(&mut self) -> Outcome<()> {
        let (path, old, new) = self.prepare()?;
        let bytes = new.bytes();
        let mut request = Request::new("PUT", format!("/files/{path}")).body(&bytes);
        if old.is_none() {
            request = request.header("if-none-match", "*");
        }
        loop {
            let dying = Request { dies_after: self.dies(bytes.len()), ..request.clone() };
            let answer = self.try_ask(&dying);
            let now = self.whole(&path, &[old, Some(new)])?;
            match answer {
                Some(answer) if matches!(answer.status, 200 | 201 | 204) => break,
                // The answer to the one before was lost, and what it brought is there.
                Some(answer) if answer.status == 412 && now == Some(new) => break,
                Some(answer) => return Err(unexpected("PUT", &answer)),
                None => sleep(Duration::from_millis(10)),
            }
        }
        self.arrived(&path, new)
    }

    /// `passerelle put`, given again until it is done.
    pub(super) fn command(&mut self) -> Outcome<()> {
        let (path, old, new) = self.prepare()?;
        let source = self.world.beside(&path.replace('/', "-"));
        fs::write(&source, new.bytes()).at(&source)?;
        let conflict = if old.is_some() { "replace" } else { "fail" };
        let shown = source.to_string_lossy().into_owned();
        let started = Instant::now();
        loop {
            let client = self.world.client(&["put", &shown, &path, "--conflict", conflict, "--quiet", "--json"])?;
            let status = loop {
                if let Some(status) = lock(&client).try_wait().at(&source)? {
                    break status;
                }
                if started.elapsed() > PATIENCE {
                    let _ = lock(&client).kill();
                    return Err(Failure(format!("`put` of {path} takes longer than {PATIENCE:?}")));
                }
                sleep(Duration::from_millis(3));
            };
            self.world.forget_client(&client);
            self.whole(&path, &[old, Some(new)])?;
            match status.code() {
                Some(0) => break,
                // Killed, or too many servers died for its patience.
                None | Some(5) => self.was_interrupted(),
                Some(code) => {
                    let log = self.world.beside("client.log");
                    return Err(Failure(format!("`put` of {path} ended with {code}; see {}", log.display())));
                }
            }
        }
        fs::remove_file(&source).at(&source)?;
        self.arrived(&path, new)
    }

    /// Now and then the client itself dies in the midst of a body.
    fn dies(&mut self, length: usize) -> Option<usize> {
        (length > 0 && self.random.once_in(6)).then(|| self.random.below(length as u64) as usize)
    }
}

fn tus_request<'a>(method: &'a str, target: String) -> Request<'a> {
    Request::new(method, target).header("tus-resumable", "1.0.0")
}

fn patch(address: &str, offset: usize) -> Request<'static> {
    tus_request("PATCH", address.into())
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", offset.to_string())
}

fn offset(answer: &Answer) -> Outcome<usize> {
    let offset = answer.header("upload-offset").and_then(|offset| offset.parse().ok());
    offset.ok_or_else(|| unexpected("an answer without Upload-Offset", answer))
}
