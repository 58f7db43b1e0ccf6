//! The client verbs: the real program against a file server in this process, and once against `passerelle serve`.

mod changes;
mod get;
mod looking;
mod lost_answers;
mod put;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::test_server::TestServer;

/// A folder with a key file, in which the program runs against one server.
pub(super) struct Shell {
    pub(super) folder: TempDir,
    pub(super) server: String,
    pub(super) with_key: bool,
}

/// The result of a run.
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Shell {
    pub(super) fn at(server: &TestServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), format!("{}\n", server.key)).unwrap();
        Self { folder, server: server.tcp.to_string(), with_key: true }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backend"));
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null());
        for name in ["PASSERELLE_KEY", "PASSERELLE_SERVER", "PASSERELLE_STATE", "PASSERELLE_CONFIG", "PASSERELLE_LOG"] {
            command.env_remove(name);
        }
        let home = self.folder.path();
        command.env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("APPDATA", home.join("state"));
        if !self.server.is_empty() {
            command.env("PASSERELLE_SERVER", &self.server);
        }
        if self.with_key {
            command.env("PASSERELLE_KEY", self.path("key"));
        }
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Runs the program, and expects the exit code.
    #[track_caller]
    pub(super) fn ends(&self, args: &[&str], code: i32) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    pub(super) fn start(&self, args: &[&str]) -> Running {
        Running(self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The content of each file below a folder, by path. For a link, its target.
    pub(super) fn tree(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.path(name), &self.path(name), &mut found);
        found
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    pub(super) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    pub(super) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) fn summary(&self) -> Value {
        self.json().last().unwrap()["summary"].clone()
    }
}

/// A process that is killed at the end of its test.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(super) fn end(mut self) -> Ran {
        let (out, err) = (self.0.stdout.take().unwrap(), self.0.stderr.take().unwrap());
        let read = |mut pipe: Box<dyn std::io::Read>| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        };
        let (out, err) = (read(Box::new(out)), read(Box::new(err)));
        Ran { code: self.0.wait().unwrap().code().unwrap_or(-1), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn collect(base: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let inner = path.strip_prefix(base).unwrap().to_owned();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_symlink() {
            found.insert(inner, fs::read_link(&path).unwrap().as_os_str().as_encoded_bytes().to_vec());
        } else if kind.is_dir() {
            collect(base, &path, found);
        } else {
            found.insert(inner, fs::read(&path).unwrap());
        }
    }
}

pub(super) fn names(tree: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    tree.keys().map(|path| path.to_string_lossy().replace('\\', "/")).collect()
}

/// Bytes that differ between all positions of a file.
pub(super) fn pattern(length: usize, seed: u32) -> Vec<u8> {
    (0..length as u32).map(|index| ((index / 7) ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// Waits for a condition on a child process. Panics after a time that suffices on every machine.
#[track_caller]
pub(super) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
