//! `dev`: the server, and beside it the page with hot reload. What one of them started, ctrl-C stops.

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
    tools,
};

/// `Trunk.toml` names the same address as where the bundler's proxy leads.
const GATEWAY: &str = "127.0.0.1:8080";
const PAGE: &str = "http://127.0.0.1:8081";
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn dev(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let folder = match arguments {
        [] => sample::ensure(repo)?,
        [folder] => PathBuf::from(folder),
        _ => return Err(Failure("say `cargo xtask dev [DIR]`".to_owned())),
    };
    let mut steps = Steps::start();
    steps.step("Looking for the tools");
    tools::ensure_wasm_target(repo)?;
    let missing = tools::missing(repo, vec![tools::wasm_bindgen(repo)?, tools::trunk()]);
    tools::install(repo, &missing)?;

    steps.step("Building the server");
    let mut build = repo.cargo(&["build", "--package", "backend"]);
    child::must(repo, "building the server", &mut build, "mend what the lines above name and start again")?;

    steps.step(&format!("Serving {}; the page is on {PAGE}; ctrl-C stops both", folder.display()));
    let mut server = Command::new(repo.target("debug/backend"));
    server.arg("serve").arg(folder).args(["--http", GATEWAY, "--anonymous", "write"]);
    let mut bundler = repo.program("trunk");
    bundler.arg("serve");
    let mut server = Running::start("the server", &mut server)?;
    let mut bundler = Running::start("the bundler", &mut bundler)?;
    loop {
        server.must_run()?;
        bundler.must_run()?;
        thread::sleep(LOOK_EVERY);
    }
}

/// A child that does not outlive us: dropped is stopped, by its process id, however the other one ended.
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
            Ok(Some(status)) => Err(Failure(format!("{} ended with {status}; its own words are above", self.name))),
            Err(error) => Err(Failure(format!("{}: {error}", self.name))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
