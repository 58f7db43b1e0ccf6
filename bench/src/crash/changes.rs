//! Changes by a simulated user. Each has an idempotency key, is requested again until it is done, and must happen once.

use std::fs;

use super::client::Request;
use super::content::Content;
use super::user::{SimulatedUser, unexpected};
use xtask::repo::{Failure, Outcome};

const SIZES: &[usize] = &[0, 5, 60_000];
/// The largest takes long enough to be interrupted.
const COPIED_SIZES: &[usize] = &[100, 700_000, 5 << 20];
const COPIED_FILES: usize = 6;

impl SimulatedUser {
    pub(crate) fn make_folder(&mut self) -> Outcome<()> {
        let path = self.fresh_path();
        // A second folder of this name would be refused, so the change cannot succeed twice.
        self.change(&format!(r#"{{"action":"make_folder","paths":["{path}/deep"]}}"#))?;
        self.expected.insert(path.clone(), None);
        self.expected.insert(format!("{path}/deep"), None);
        let there = self.cluster.served(&path).join("deep").is_dir();
        if there { Ok(()) } else { Err(Failure(format!("{path}/deep is missing"))) }
    }

    pub(crate) fn rename(&mut self) -> Outcome<()> {
        let (from, to) = (self.fresh_path(), self.fresh_target()?);
        let content = self.plant(&from, SIZES)?;
        self.change(&format!(r#"{{"action":"move","items":[{{"from":"{from}","to":"{to}"}}]}}"#))?;
        self.check_missing(&from)?;
        self.check_arrived(&to, content)
    }

    /// A copy under a free name would take a second name if it happened twice.
    pub(crate) fn copy(&mut self) -> Outcome<()> {
        let (from, to) = (self.fresh_path(), self.fresh_path());
        let content = self.plant(&from, COPIED_SIZES)?;
        self.plant(&to, SIZES)?;
        let pair = format!(r#"{{"from":"{from}","to":"{to}"}}"#);
        self.change(&format!(r#"{{"action":"copy","items":[{pair}],"conflict":"keep_both"}}"#))?;
        self.check_whole(&format!("{to} (3)"), &[None])?;
        self.check_whole(&format!("{to} (2)"), &[Some(content)])?;
        self.expected.insert(format!("{to} (2)"), Some(content));
        Ok(())
    }

    pub(crate) fn copy_folder(&mut self) -> Outcome<()> {
        let (from, to) = (self.fresh_path(), self.fresh_target()?);
        self.expected.insert(from.clone(), None);
        self.expected.insert(to.clone(), None);
        for number in 0..COPIED_FILES {
            let content = self.plant(&format!("{from}/{number}"), COPIED_SIZES)?;
            self.expected.insert(format!("{to}/{number}"), Some(content));
        }
        self.change(&format!(r#"{{"action":"copy","items":[{{"from":"{from}","to":"{to}"}}]}}"#))?;
        Ok(())
    }

    /// Moves a file to the trash, and half of the time restores it.
    pub(crate) fn trash(&mut self) -> Outcome<()> {
        let path = self.fresh_path();
        let content = self.plant(&path, SIZES)?;
        let trashed = self.change(&format!(r#"{{"action":"trash","items":[{{"path":"{path}"}}]}}"#))?;
        self.check_whole(&path, &[None])?;
        let id = trashed.ok_or_else(|| Failure("the response to the trash change has no id".into()))?;
        self.check_trash(&path, 1)?;
        if self.random.once_in(2) {
            return self.check_missing(&path);
        }
        self.change(&format!(r#"{{"action":"restore","items":[{{"id":"{id}"}}]}}"#))?;
        self.check_trash(&path, 0)?;
        self.check_arrived(&path, content)
    }

    pub(crate) fn delete(&mut self) -> Outcome<()> {
        let path = self.fresh_path();
        self.plant(&path, SIZES)?;
        self.change(&format!(r#"{{"action":"delete","items":[{{"path":"{path}"}}]}}"#))?;
        self.check_trash(&path, 0)?;
        self.check_missing(&path)
    }

    /// Requests a change until its job is over, and once more after that. Returns the id of a trashed item.
    fn change(&mut self, change: &str) -> Outcome<Option<String>> {
        let key = self.random.key();
        let request = || {
            Request::new("POST", "/api/v1/changes")
                .header("content-type", "application/json")
                .header("idempotency-key", key.clone())
                .body(change.as_bytes())
        };
        let mut response = self.ask(&request())?;
        while response.member("state").as_deref() == Some("running") {
            response = self.ask(&Request::new("GET", format!("/api/v1/jobs/{key}?seen=0&wait=50")))?;
        }
        let again = self.ask(&request())?;
        for response in [&response, &again] {
            let done = response.status == 200 && response.member("state").as_deref() == Some("done");
            if !done || response.member("result").as_deref() != Some("done") {
                return Err(unexpected(change, response));
            }
        }
        if again.member("trash") != response.member("trash") {
            return Err(unexpected("another response than to the first request", &again));
        }
        Ok(response.member("trash"))
    }

    fn check_missing(&mut self, path: &str) -> Outcome<()> {
        self.expected.remove(path);
        self.check_whole(path, &[None::<Content>]).map(|_| ())
    }

    /// The trash holds exactly `times` items that were at `path`.
    fn check_trash(&mut self, path: &str, times: usize) -> Outcome<()> {
        let found = self.trash_ids(path)?.len();
        if found == times { Ok(()) } else { Err(Failure(format!("{path} is in the trash {found} times, not {times}"))) }
    }

    /// The trash keeps the file that an upload has replaced. A repeated PUT may have replaced its own file as well.
    pub(crate) fn check_replaced(&mut self, path: &str, old: Option<Content>, new: Content) -> Outcome<()> {
        let Some(old) = old else { return self.check_trash(path, 0) };
        // `passerelle put` skips a file whose bytes are there already, as those of two empty files are.
        let mut found = old.bytes() == new.bytes();
        for id in self.trash_ids(path)? {
            let places = self.cluster.private_folders().into_iter().map(|folder| folder.join("replaced").join(&id));
            let Some(bytes) = places.filter_map(|place| fs::read(place).ok()).next() else {
                return Err(Failure(format!("the trash lists {id} for {path}, which is not on the disk")));
            };
            found |= bytes == old.bytes();
            if bytes != old.bytes() && bytes != new.bytes() {
                return Err(Failure(format!("{path} is torn in the trash: {} bytes as {id}", bytes.len())));
            }
        }
        if found { Ok(()) } else { Err(Failure(format!("{path} was replaced, and the trash does not keep it"))) }
    }

    /// The ids of the items that were at `path`.
    fn trash_ids(&mut self, path: &str) -> Outcome<Vec<String>> {
        let named = format!("\"path\":\"{path}\"");
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
            let page = self.ask(&Request::new("GET", format!("/api/v1/trash{query}")))?;
            if page.status != 200 {
                return Err(unexpected("the trash", &page));
            }
            let text = page.text();
            let items = text.split("{\"id\":\"").skip(1).filter(|item| item.contains(&named));
            found.extend(items.filter_map(|item| Some(item.split_once('"')?.0.to_owned())));
            cursor = page.member("next_cursor");
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }
}
