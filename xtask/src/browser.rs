//! Finds or installs Chromium, its headless shell, its driver, Firefox and node's packages for the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    child, packages,
    repo::{AtPath, Failure, Outcome, Repo},
};

/// Without these, Chromium refuses to run as root, or waits for hosts of its vendor.
const CHROMIUM_ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

const HEADLESS_SHELL: &str = "/usr/bin/chromium-headless-shell";

pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    /// Chromium without the code of its windows, in which the tests take a third less of the processor; Chromium itself
    /// where it is not installed.
    pub(crate) headless_shell: PathBuf,
    pub(crate) driver: PathBuf,
    pub(crate) firefox: PathBuf,
}

/// Chromium, its driver and Firefox: `CHROME`, `CHROMEDRIVER` and `FIREFOX` in the environment, then Debian's places, then
/// Debian's packages. A Chromium that `CHROME` names takes the place of the headless shell as well.
pub(crate) fn ensure(repo: &Repo) -> Outcome<Browser> {
    if find().is_none() {
        packages::install(repo, &["chromium", "chromium-driver", "firefox-esr"])?;
    }
    if first_file("CHROME", &[HEADLESS_SHELL]).is_none()
        && packages::install(repo, &["chromium-headless-shell"]).is_err()
    {
        println!("    the package chromium-headless-shell is missing: the tests take longer, in Chromium itself");
    }
    find().ok_or_else(|| {
        Failure("no browser appeared; set CHROME, CHROMEDRIVER and FIREFOX to where they are".to_owned())
    })
}

fn find() -> Option<Browser> {
    let chromium = first_file("CHROME", &["/usr/bin/chromium"])?;
    let headless_shell = first_file("CHROME", &[HEADLESS_SHELL]).unwrap_or_else(|| chromium.clone());
    let driver = first_file("CHROMEDRIVER", &["/usr/bin/chromedriver"])?;
    let firefox = first_file("FIREFOX", &["/usr/bin/firefox-esr", "/usr/bin/firefox"])?;
    Some(Browser { chromium, headless_shell, driver, firefox })
}

fn first_file(variable: &str, usual: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.into_iter().chain(usual.iter().map(PathBuf::from)).find(|path| path.is_file())
}

/// Installs the packages of `e2e/package-lock.json` unless they are newer than it.
pub(crate) fn ensure_node_packages(repo: &Repo) -> Outcome<()> {
    if child::output(repo.program("npm").arg("--version")).is_none() {
        packages::install(repo, &["nodejs", "npm"])?;
    }
    let installed = repo.path("e2e/node_modules/.package-lock.json");
    if is_newer(&installed, &repo.path("e2e/package-lock.json")) {
        return Ok(());
    }
    let mut npm = repo.program("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(repo.path("e2e"));
    // The tests use the system's Chromium.
    npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    child::must(repo, "npm ci in e2e", &mut npm, "see the lines above; `cd e2e && npm ci` runs it alone")
}

/// Writes `target/webdriver.json`, by which the page's test runner starts Chromium.
pub(crate) fn webdriver_settings(repo: &Repo, browser: &Browser) -> Outcome<PathBuf> {
    let arguments: Vec<String> = CHROMIUM_ARGUMENTS.iter().map(|argument| format!("{argument:?}")).collect();
    let text = format!(
        "{{\"goog:chromeOptions\": {{\"binary\": {:?}, \"args\": [{}]}}}}\n",
        browser.chromium.to_string_lossy(),
        arguments.join(", ")
    );
    let path = repo.target("webdriver.json");
    fs::write(&path, text).at(&path)?;
    Ok(path)
}

fn is_newer(path: &Path, than: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    matches!((time(path), time(than)), (Some(path), Some(than)) if path >= than)
}
