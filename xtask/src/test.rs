//! `test`: every suite of tests, and one line that adds up their results.

use std::{ffi::OsStr, fs, num::NonZero, path::Path, process::Command, thread};

use crate::{
    browser::{self, Browser},
    compiler::Compiler,
    counts::Counts,
    fingerprint,
    page::{self, Bundler},
    postgres,
    repo::{AtPath, Outcome, Repo},
    steps::Steps,
    tools::{self, Tool},
    trunk,
};

pub(crate) fn test(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let outcome = set_up(repo, &mut steps, Vec::new(), Compiler::Rustc)
        .and_then(|browser| all(repo, &mut steps, &browser, Compiler::Rustc));
    steps.close(outcome)
}

pub(crate) fn set_up_only(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let browser = set_up(repo, &mut steps, Vec::new(), Compiler::Rustc)?;
    browser::webdriver_settings(repo, &browser).map(|_| ())
}

/// Installs the browser, node's packages, PostgreSQL and the tools, and builds the page that the program under test links.
pub(crate) fn set_up(repo: &Repo, steps: &mut Steps, more: Vec<Tool>, compiler: Compiler) -> Outcome<Browser> {
    steps.step("Looking for the browsers and the end-to-end tests' packages");
    let browser = browser::ensure(repo)?;
    browser::ensure_node_packages(repo)?;
    steps.step("Looking for PostgreSQL");
    postgres::ensure(repo)?;
    let mut wanted = vec![trunk::tool()];
    if has_browser_tests(repo)? {
        wanted.push(tools::wasm_bindgen(repo)?);
    }
    wanted.extend(more);
    let missing = tools::missing(repo, wanted);
    page::ensure(repo, steps, compiler, Bundler::of_tools(repo), vec![Box::new(|| tools::install(repo, &missing))])?;
    Ok(browser)
}

/// Runs every suite, whatever the outcome of those before it.
pub(crate) fn all(repo: &Repo, steps: &mut Steps, browser: &Browser, compiler: Compiler) -> Outcome<Counts> {
    let mut total = Counts::default();
    steps.step("Host tests");
    total += steps.suite(repo, "host tests", &mut compiler.of(host_tests(repo)))?;
    steps.step("Tests of the bundler and of xtask");
    total += steps.suite(repo, "tests of the tools", &mut compiler.of(tool_tests(repo)))?;
    if has_browser_tests(repo)? {
        steps.step("The page's own tests, in headless Chromium");
        total += steps.suite(repo, "page tests", &mut page_tests(repo, browser)?)?;
    }
    steps.step("trunk build");
    trunk::ensure(repo)?;
    // In release, because the page is compiled so already.
    let build = trunk::command(repo, &["build", "--release", "--locked", "--dist", "target/spa-trunk"]);
    total += steps.check(repo, "trunk build", &mut compiler.of(build))?;
    steps.step("End-to-end tests, in headless Chromium");
    total += steps.suite(repo, "end-to-end tests", &mut end_to_end_tests(repo, browser))?;
    steps.step("The main paths, in Firefox and the whole Chromium");
    let mut browsers = end_to_end_tests(repo, browser);
    browsers.args(["--config", "browsers.config.ts"]);
    browsers.env("FIREFOX", &browser.firefox).env("CHROME", &browser.chromium);
    total += steps.suite(repo, "tests of the browsers", &mut browsers)?;
    Ok(total)
}

/// The whole workspace: the page's pure modules have tests that need no browser. The tools have tests of their own profile.
fn host_tests(repo: &Repo) -> Command {
    let mut command = repo.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    command.args(["--exclude", "bundler", "--exclude", "xtask"]);
    // Most of the time a test waits for a socket, a disk or another process.
    let threads = 3 * thread::available_parallelism().map_or(1, NonZero::get);
    command.env("RUST_TEST_THREADS", threads.to_string());
    command
}

/// In the profile that these two are used in: their dependencies are compiled already.
fn tool_tests(repo: &Repo) -> Command {
    let mut command = repo.cargo(&["test", "--profile", "tool", "--locked", "--no-fail-fast"]);
    command.args(["--package", "bundler", "--package", "xtask"]);
    command
}

fn page_tests(repo: &Repo, browser: &Browser) -> Outcome<Command> {
    let mut command = repo.cargo(&["test", "--package", "frontend", "--target", tools::WASM_TARGET, "--locked"]);
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
        .env("CHROMEDRIVER", &browser.driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", browser::webdriver_settings(repo, browser)?);
    Ok(command)
}

/// Against the program that the host tests built, with the released page inside, and once with trunk's page in its place.
fn end_to_end_tests(repo: &Repo, browser: &Browser) -> Command {
    let mut command = repo.program("npx");
    command
        .args(["--no-install", "playwright", "test"])
        .current_dir(repo.path("e2e"))
        .env("PASSERELLE_BIN", repo.target("debug/passerelle"))
        .env("PASSERELLE_TRUNK_PAGE", repo.target("spa-trunk"))
        .env("CHROME", &browser.headless_shell);
    command
}

/// Whether a test of the page asks for a browser: without one, its runner counts nothing, which is a failure.
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
