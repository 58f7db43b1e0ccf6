//! Uploads by a simulated user: by tus, by PUT, and by `passerelle put`.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use xtask::repo::{AtPath, Failure, Outcome};

use super::client::{Request, Response};
use super::cluster::lock;
use super::content::Content;
use super::user::{AbandonedUpload, SimulatedUser, unexpected};

/// Below, at, and beyond the size after which the server syncs (8 MiB).
const SIZES: &[usize] = &[0, 1, 4 << 10, 100_003, (1 << 20) + 3, 9 << 20, 20 << 20];
const OLD_SIZES: &[usize] = &[0, 10, 70_000];
const CHUNKS: &[usize] = &[70_001, 1 << 20, 6 << 20, 32 << 20];
/// After which `passerelle put` counts as hanging.
const PUT_TIME_MAX: Duration = Duration::from_secs(120);

impl SimulatedUser {
    /// Prepares an upload of a new file or of a new version: its path, the old content and the new content.
    fn prepare(&mut self) -> Outcome<(String, Option<Content>, Content)> {
        let path = self.fresh_path();
        let old = if self.random.once_in(2) { Some(self.plant(&path, OLD_SIZES)?) } else { None };
        let new = Content::random(&mut self.random, SIZES);
        Ok((path, old, new))
    }

    /// Uploads by tus in chunks of random size. After an interruption the server's offset is where it continues.
    pub(crate) fn upload_by_tus(&mut self) -> Outcome<()> {
        let (path, old, new) = self.prepare()?;
        let conflict = if old.is_some() { "replace" } else { "fail" };
        let metadata = format!("path {},conflict {}", BASE64_STANDARD.encode(&path), BASE64_STANDARD.encode(conflict));
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
            let cut_after = self.random_cut(end - acknowledged);
            everything_sent |= end == bytes.len();
            let mut patch = patch(&address, acknowledged).body(&bytes[acknowledged..end]);
            patch.cut_after = cut_after;
            acknowledged = match self.try_ask(&patch) {
                Some(response) if response.status == 204 => {
                    let offset = offset(&response)?;
                    if offset != end {
                        return Err(Failure(format!("{path}: {offset} acknowledged of {end}")));
                    }
                    offset
                }
                // 409 and 423 are expected: the offset differs, or the interrupted request still holds the upload.
                Some(response) if !matches!(response.status, 409 | 423) => return Err(unexpected("PATCH", &response)),
                _ => self.offset_of(&address, acknowledged, bytes.len())?,
            };
            let versions = [old, Some(new)];
            self.check_whole(&path, if everything_sent { &versions } else { &versions[..1] })?;
            if abandons && acknowledged + 1 < bytes.len() {
                self.abandoned.push(AbandonedUpload { address, acknowledged, content: new });
                return Ok(());
            }
        }
        // An interrupted last PATCH may have stored all bytes and not published the file, so it is repeated.
        let last = self.ask(&patch(&address, bytes.len()))?;
        if last.status != 204 {
            return Err(unexpected("the last PATCH", &last));
        }
        self.check_replaced(&path, old, new)?;
        self.check_arrived(&path, new)
    }

    /// The offset that the server reports, which must not be below the acknowledged one.
    fn offset_of(&mut self, address: &str, acknowledged: usize, length: usize) -> Outcome<usize> {
        let response = self.ask(&tus_request("HEAD", address.into()))?;
        if response.status != 200 {
            return Err(Failure(format!(
                "an upload with {acknowledged} bytes acknowledged is missing: {}",
                response.status
            )));
        }
        let offset = offset(&response)?;
        if offset < acknowledged || offset > length {
            return Err(Failure(format!(
                "{acknowledged} of {length} bytes were acknowledged, and the offset is {offset}"
            )));
        }
        Ok(offset)
    }

    /// Appends one byte to each abandoned upload, which shows that none has lost acknowledged bytes.
    pub(crate) fn extend_abandoned(&mut self) -> Outcome<()> {
        for AbandonedUpload { address, acknowledged, content } in &self.abandoned.clone() {
            let offset = self.offset_of(address, *acknowledged, content.length)?;
            let bytes = content.bytes();
            let Some(byte) = bytes.get(offset..offset + 1).filter(|_| offset + 1 < bytes.len()) else { continue };
            let response = self.ask(&patch(address, offset).body(byte))?;
            if response.status != 204 {
                return Err(unexpected("a byte for an abandoned upload", &response));
            }
        }
        Ok(())
    }

    /// Whether every abandoned upload has expired.
    pub(crate) fn abandoned_expired(&mut self) -> Outcome<bool> {
        for AbandonedUpload { address, .. } in &self.abandoned.clone() {
            if !matches!(self.ask(&tus_request("HEAD", address.clone()))?.status, 404 | 410) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Uploads by one PUT, which publishes the whole file or nothing.
    pub(crate) fn upload_by_put(&mut self) -> Outcome<()> {
        let (path, old, new) = self.prepare()?;
        let bytes = new.bytes();
        let mut request = Request::new("PUT", format!("/files/{path}")).body(&bytes);
        if old.is_none() {
            request = request.header("if-none-match", "*");
        }
        loop {
            let cut = Request { cut_after: self.random_cut(bytes.len()), ..request.clone() };
            let response = self.try_ask(&cut);
            let now = self.check_whole(&path, &[old, Some(new)])?;
            match response {
                Some(response) if matches!(response.status, 200 | 201 | 204) => break,
                // The previous request published the file, and its response was lost.
                Some(response) if response.status == 412 && now == Some(new) => break,
                Some(response) => return Err(unexpected("PUT", &response)),
                None => sleep(Duration::from_millis(10)),
            }
        }
        self.check_replaced(&path, old, new)?;
        self.check_arrived(&path, new)
    }

    /// Uploads by `passerelle put`, started again until it succeeds.
    pub(crate) fn upload_by_command(&mut self) -> Outcome<()> {
        let (path, old, new) = self.prepare()?;
        let source = self.cluster.beside(&path.replace('/', "-"));
        fs::write(&source, new.bytes()).at(&source)?;
        let conflict = if old.is_some() { "replace" } else { "fail" };
        let shown = source.to_string_lossy().into_owned();
        let started = Instant::now();
        loop {
            let client = self.cluster.client(&["put", &shown, &path, "--conflict", conflict, "--quiet", "--json"])?;
            let status = loop {
                if let Some(status) = lock(&client).try_wait().at(&source)? {
                    break status;
                }
                if started.elapsed() > PUT_TIME_MAX {
                    let _ = lock(&client).kill();
                    return Err(Failure(format!("`put` of {path} takes longer than {PUT_TIME_MAX:?}")));
                }
                sleep(Duration::from_millis(3));
            };
            self.cluster.forget_client(&client);
            self.check_whole(&path, &[old, Some(new)])?;
            match status.code() {
                Some(0) => break,
                // Killed, or out of retries because servers were killed.
                None | Some(5) => self.was_interrupted(),
                Some(code) => {
                    let log = self.cluster.beside("client.log");
                    return Err(Failure(format!("`put` of {path} ended with {code}; see {}", log.display())));
                }
            }
        }
        fs::remove_file(&source).at(&source)?;
        self.check_replaced(&path, old, new)?;
        self.check_arrived(&path, new)
    }

    /// Sometimes a place within the body at which the client closes the connection.
    fn random_cut(&mut self, length: usize) -> Option<usize> {
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

fn offset(response: &Response) -> Outcome<usize> {
    let offset = response.header("upload-offset").and_then(|offset| offset.parse().ok());
    offset.ok_or_else(|| unexpected("a response without Upload-Offset", response))
}
