//! Runs the program in a temporary folder, and reads its output and the files that it writes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::test_server::TestServer;

/// A folder with a key file, in which the program runs against one server.
pub(crate) struct Shell {
    pub(crate) folder: TempDir,
    pub(crate) server: String,
    pub(crate) with_key: bool,
}

/// The result of a run.
pub(crate) struct CommandResult {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Shell {
    pub(crate) fn at(server: &TestServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), format!("{}\n", server.key)).unwrap();
        Self { folder, server: server.tcp.to_string(), with_key: true }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
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

    pub(crate) fn run(&self, args: &[&str]) -> CommandResult {
        CommandResult::from(self.command(args).output().unwrap())
    }

    /// Runs the program, and expects the exit code.
    #[track_caller]
    pub(crate) fn expect_exit(&self, args: &[&str], code: i32) -> CommandResult {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    pub(crate) fn start(&self, args: &[&str]) -> ChildProcess {
        ChildProcess(self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Serves a folder, and waits for the address of the file server, which the commands use from then on.
    pub(crate) fn serve(&mut self, folder: &str) -> ChildProcess {
        let addresses = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"];
        let mut server = self.start(&[&["serve", folder, "--json", "--log", "error"], &addresses[..]].concat());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses: Value = serde_json::from_str(&line).unwrap();
        self.server = addresses["tcp"].as_str().unwrap().to_owned();
        server
    }

    /// The content of each file below a folder, by path. For a link, its target.
    pub(crate) fn tree(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.path(name), &self.path(name), &mut found);
        found
    }
}

impl From<Output> for CommandResult {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl CommandResult {
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn summary(&self) -> Value {
        self.json().last().unwrap()["summary"].clone()
    }
}

/// A process that is killed at the end of its test.
pub(crate) struct ChildProcess(pub(crate) Child);

impl ChildProcess {
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn end(mut self) -> CommandResult {
        let (out, err) = (self.0.stdout.take().unwrap(), self.0.stderr.take().unwrap());
        let read = |mut pipe: Box<dyn std::io::Read>| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        };
        let (out, err) = (read(Box::new(out)), read(Box::new(err)));
        CommandResult { code: self.0.wait().unwrap().code().unwrap_or(-1), out, err }
    }
}

impl Drop for ChildProcess {
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

pub(crate) fn names(tree: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    tree.keys().map(|path| path.to_string_lossy().replace('\\', "/")).collect()
}

/// Bytes that differ between all positions of a file.
pub(crate) fn pattern(length: usize, seed: u32) -> Vec<u8> {
    (0..length as u32).map(|index| ((index / 7) ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// Waits for a condition on a child process. Panics after a time that suffices on every machine.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
