//! What people change while servers die. Each change has a key, is asked for again with it until it is done, and must
//! have happened once.

use std::fs;

use super::client::Request;
use super::person::{Person, unexpected};
use super::random::Content;
use xtask::repo::{AtPath, Failure, Outcome};

const SIZES: &[usize] = &[0, 5, 60_000];
/// Large enough to be interrupted in the midst.
const COPIED_SIZES: &[usize] = &[100, 700_000, 5 << 20];
const COPIED_FILES: usize = 6;
/// Larger files are looked at once, not after each round to come.
const KEPT_BYTES_MAX: usize = 128 << 10;

impl Person {
    pub(super) fn make_folder(&mut self) -> Outcome<()> {
        let path = self.fresh();
        // A second one of that name would be refused: done twice, it would not be done.
        self.done(&format!(r#"{{"action":"make_folder","paths":["{path}/deep"]}}"#))?;
        self.expected.insert(path.clone(), None);
        self.expected.insert(format!("{path}/deep"), None);
        let there = self.world.served(&path).join("deep").is_dir();
        if there { Ok(()) } else { Err(Failure(format!("{path}/deep is not there"))) }
    }

    pub(super) fn rename(&mut self) -> Outcome<()> {
        let (from, to) = (self.fresh(), self.fresh());
        let content = self.plant(&from, SIZES)?;
        self.done(&format!(r#"{{"action":"move","items":[{{"from":"{from}","to":"{to}"}}]}}"#))?;
        self.gone(&from)?;
        self.arrived(&to, content)
    }

    /// A copy that chooses a free name chooses another one each time that it is made.
    pub(super) fn copy(&mut self) -> Outcome<()> {
        let (from, to) = (self.fresh(), self.fresh());
        let content = self.plant(&from, COPIED_SIZES)?;
        self.plant(&to, SIZES)?;
        let pair = format!(r#"{{"from":"{from}","to":"{to}"}}"#);
        self.done(&format!(r#"{{"action":"copy","items":[{pair}],"conflict":"keep_both"}}"#))?;
        self.whole(&format!("{to} (3)"), &[None])?;
        self.whole(&format!("{to} (2)"), &[Some(content)])?;
        self.expected.insert(format!("{to} (2)"), Some(content));
        Ok(())
    }

    pub(super) fn copy_folder(&mut self) -> Outcome<()> {
        let (from, to) = (self.fresh(), self.fresh());
        self.expected.insert(from.clone(), None);
        self.expected.insert(to.clone(), None);
        for number in 0..COPIED_FILES {
            let content = self.plant(&format!("{from}/{number}"), COPIED_SIZES)?;
            self.expected.insert(format!("{to}/{number}"), Some(content));
        }
        self.done(&format!(r#"{{"action":"copy","items":[{{"from":"{from}","to":"{to}"}}]}}"#))?;
        Ok(())
    }

    /// Into the trash, and half of the time back.
    pub(super) fn trash(&mut self) -> Outcome<()> {
        let path = self.fresh();
        let content = self.plant(&path, SIZES)?;
        let trashed = self.done(&format!(r#"{{"action":"trash","items":[{{"path":"{path}"}}]}}"#))?;
        self.whole(&path, &[None])?;
        let id = trashed.ok_or_else(|| Failure("something is in the trash, and nobody says under which id".into()))?;
        self.in_trash(&path, 1)?;
        if self.random.once_in(2) {
            return self.gone(&path);
        }
        self.done(&format!(r#"{{"action":"restore","items":[{{"id":"{id}"}}]}}"#))?;
        self.in_trash(&path, 0)?;
        self.arrived(&path, content)
    }

    pub(super) fn delete(&mut self) -> Outcome<()> {
        let path = self.fresh();
        self.plant(&path, SIZES)?;
        self.done(&format!(r#"{{"action":"delete","items":[{{"path":"{path}"}}]}}"#))?;
        self.in_trash(&path, 0)?;
        self.gone(&path)
    }

    /// Asks for a change until its job is over, and once more after that. Hands back the trashed item's id.
    fn done(&mut self, change: &str) -> Outcome<Option<String>> {
        let key = self.random.key();
        let request = || {
            Request::new("POST", "/api/v1/changes")
                .header("content-type", "application/json")
                .header("idempotency-key", key.clone())
                .body(change.as_bytes())
        };
        let mut answer = self.ask(&request())?;
        while answer.member("state").as_deref() == Some("running") {
            answer = self.ask(&Request::new("GET", format!("/api/v1/jobs/{key}?seen=0&wait=50")))?;
        }
        let again = self.ask(&request())?;
        for answer in [&answer, &again] {
            let done = answer.status == 200 && answer.member("state").as_deref() == Some("done");
            if !done || answer.member("result").as_deref() != Some("done") {
                return Err(unexpected(change, answer));
            }
        }
        if again.member("trash") != answer.member("trash") {
            return Err(unexpected("another answer than the first time", &again));
        }
        Ok(answer.member("trash"))
    }

    fn gone(&mut self, path: &str) -> Outcome<()> {
        self.expected.remove(path);
        self.whole(path, &[None::<Content>]).map(|_| ())
    }

    /// How often something that was at `path` is in the trash.
    fn in_trash(&mut self, path: &str, times: usize) -> Outcome<()> {
        let named = format!("\"path\":\"{path}\"");
        let (mut found, mut cursor) = (0, None);
        loop {
            let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
            let page = self.ask(&Request::new("GET", format!("/api/v1/trash{query}")))?;
            if page.status != 200 {
                return Err(unexpected("the trash", &page));
            }
            found += page.text().matches(&named).count();
            cursor = page.member("next_cursor");
            if cursor.is_none() {
                break;
            }
        }
        if found == times { Ok(()) } else { Err(Failure(format!("{path} is in the trash {found} times, not {times}"))) }
    }

    /// Nothing but what is expected is there, and everything that is, is whole.
    pub(super) fn everything_is_there(&self) -> Outcome<()> {
        for (path, content) in &self.expected {
            let place = self.world.served(path);
            match content {
                Some(content) => drop(self.whole(path, &[Some(*content)])?),
                None if place.is_dir() => {}
                None => return Err(Failure(format!("the folder {path} is not there"))),
            }
        }
        let Some(home) = self.expected.keys().next() else { return Ok(()) };
        self.nothing_else(home)
    }

    /// Takes large files away by the disk once they were looked at, so that every look takes as long as the one before.
    pub(super) fn clear_large(&mut self) -> Outcome<()> {
        let is_large = |content: &Option<Content>| content.is_some_and(|content| content.length > KEPT_BYTES_MAX);
        for (path, _) in self.expected.extract_if(.., |_, content| is_large(content)) {
            let place = self.world.served(&path);
            fs::remove_file(&place).at(&place)?;
        }
        Ok(())
    }

    fn nothing_else(&self, folder: &str) -> Outcome<()> {
        let place = self.world.served(folder);
        for entry in fs::read_dir(&place).at(&place)? {
            let entry = entry.at(&place)?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !self.expected.contains_key(&path) {
                return Err(Failure(format!("{path} is there, and nobody made it")));
            }
            if entry.path().is_dir() {
                self.nothing_else(&path)?;
            }
        }
        Ok(())
    }
}
