//! `test`: every test suite there is, and one line that adds them all up.

use std::{ffi::OsStr, fs, path::Path, process::Command};

use crate::{
    browser::{self, Browser},
    counts::Counts,
    fingerprint,
    repo::{AtPath, Outcome, Repo},
    spa,
    steps::Steps,
    stop,
    tools::Tool,
};

pub(crate) fn test(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let outcome = set_up(repo, &mut steps, Vec::new()).and_then(|browser| all(repo, &mut steps, &browser));
    close(&steps, outcome)
}

pub(crate) fn set_up_only(repo: &Repo) -> Outcome<()> {
    set_up(repo, &mut Steps::start(), Vec::new()).map(|_| ())
}

/// Installs all that the tests need and builds the page, which the binary under test has inside.
pub(crate) fn set_up(repo: &Repo, steps: &mut Steps, more: Vec<Tool>) -> Outcome<Browser> {
    steps.step("Looking for Chromium and the end-to-end tests' packages");
    let browser = browser::ensure(repo)?;
    browser::ensure_node_packages(repo)?;
    spa::ensure(repo, steps, more)?;
    Ok(browser)
}

/// Runs every suite, whatever becomes of the ones before it.
pub(crate) fn all(repo: &Repo, steps: &mut Steps, browser: &Browser) -> Outcome<Counts> {
    let mut total = Counts::default();
    steps.step("Host tests");
    total += steps.suite(repo, "host tests", &mut host_tests(repo))?;
    if has_browser_tests(repo)? {
        steps.step("The page's own tests, in headless Chromium");
        total += steps.suite(repo, "page tests", &mut page_tests(repo, browser)?)?;
    }
    steps.step("End-to-end tests, in headless Chromium");
    total += steps.suite(repo, "end-to-end tests", &mut end_to_end_tests(repo, browser))?;
    Ok(total)
}

/// Prints the line that decides, as the last one, and fails unless it names no failure.
pub(crate) fn close(steps: &Steps, outcome: Outcome<Counts>) -> Outcome<()> {
    stop::or_go_on();
    steps.recap();
    let counts = outcome.unwrap_or_else(|failure| {
        eprintln!("xtask: {failure}");
        Counts::FAIL
    });
    if counts.skipped > 0 {
        println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    } else {
        println!("{} passed, {} failed", counts.passed, counts.failed);
    }
    if counts.failed > 0 { std::process::exit(1) } else { Ok(()) }
}

/// The page's pure modules have tests that need no browser, hence the whole workspace.
fn host_tests(repo: &Repo) -> Command {
    repo.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
}

fn page_tests(repo: &Repo, browser: &Browser) -> Outcome<Command> {
    let mut command = repo.cargo(&["test", "--package", "frontend", "--target", "wasm32-unknown-unknown", "--locked"]);
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
        .env("CHROMEDRIVER", &browser.driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", browser::webdriver_settings(repo, browser)?);
    Ok(command)
}

/// Against the binary that the host tests built, with the released page inside: nothing is compiled twice.
fn end_to_end_tests(repo: &Repo, browser: &Browser) -> Command {
    let mut command = repo.program("npx");
    command
        .args(["--no-install", "playwright", "test"])
        .current_dir(repo.path("e2e"))
        .env("PASSERELLE_BIN", repo.target("debug/passerelle"))
        .env("CHROME", &browser.chromium);
    command
}

/// Whether any test of the page asks for a browser; until one does, its runner would count nothing.
fn has_browser_tests(repo: &Repo) -> Outcome<bool> {
    let mut files = Vec::new();
    for folder in ["frontend/src", "frontend/tests"] {
        fingerprint::collect(&repo.path(folder), &mut files)?;
    }
    for file in files.iter().filter(|file| file.extension() == Some(OsStr::new("rs"))) {
        if mentions_browser_test(file)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn mentions_browser_test(file: &Path) -> Outcome<bool> {
    Ok(fs::read_to_string(file).at(file)?.contains("#[wasm_bindgen_test"))
}
