//! `dev`: the server, and `trunk serve` with the page, which it rebuilds and reloads at each change.

use std::{
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::Duration,
};

use crate::{
    child,
    repo::{Failure, Outcome, Repo},
    sample,
    steps::Steps,
    trunk,
};

/// The address to which the proxies of `Trunk.toml` lead.
const GATEWAY: &str = "127.0.0.1:8080";
const PAGE: &str = "http://127.0.0.1:8081";
const POLL_TIME: Duration = Duration::from_millis(200);

pub(crate) fn dev(repo: &Repo, folder: Option<PathBuf>) -> Outcome<()> {
    let folder = match folder {
        Some(folder) => folder,
        None => sample::ensure(repo)?,
    };
    let mut steps = Steps::start();
    steps.step("Looking for the tools");
    trunk::ensure(repo)?;

    steps.step("Building the server");
    let mut build = repo.cargo(&["build", "--package", "backend"]);
    child::must(repo, "building the server", &mut build, "fix the errors above and start the command again")?;

    steps.step(&format!("Serving {}; the page is on {PAGE}; ctrl-C stops both", folder.display()));
    let mut server = Command::new(repo.target("debug/backend"));
    server.arg("serve").arg(folder).args(["--http", GATEWAY, "--anonymous", "write"]);
    let mut server = Running::start("the server", &mut server)?;
    let mut page = Running::start("trunk", &mut trunk::command(repo, &["serve"]))?;
    loop {
        server.must_run()?;
        page.must_run()?;
        thread::sleep(POLL_TIME);
    }
}

/// A child process that is killed when this is dropped.
struct Running {
    name: &'static str,
    child: Child,
}

impl Running {
    fn start(name: &'static str, command: &mut Command) -> Outcome<Self> {
        let child = command.spawn().map_err(|error| Failure(format!("{name} did not start: {error}")))?;
        Ok(Self { name, child })
    }

    fn must_run(&mut self) -> Outcome<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Failure(format!("{} ended with {status}; its output is above", self.name))),
            Err(error) => Err(Failure(format!("{}: {error}", self.name))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
