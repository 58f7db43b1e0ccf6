//! Paths of the repository, commands that run in it, and the error type of all commands.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

/// One sentence that says what failed and what to do about it.
#[derive(Debug)]
pub struct Failure(pub String);

pub type Outcome<T> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Adds the path to an input or output error, which does not contain it.
pub trait AtPath<T> {
    fn at(self, path: &Path) -> Outcome<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{}: {error}", path.display())))
    }
}

pub struct Repo {
    pub root: PathBuf,
}

impl Repo {
    /// The repository that this program was compiled in.
    pub fn here() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: manifest.parent().unwrap_or(manifest).to_path_buf() }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    pub fn target(&self, below: &str) -> PathBuf {
        self.root.join("target").join(below)
    }

    /// A program that runs at the root of the repository, with `target/tools/bin` first on its `PATH`.
    ///
    /// `CARGO_TARGET_DIR` is set: a user's own setting would put binaries where later steps do not look.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(&self.root).env("PATH", self.search_path()).env("CARGO_TARGET_DIR", self.target(""));
        command
    }

    /// Cargo by its name on `PATH`, so that rustup selects the pinned toolchain.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.program("cargo");
        command.args(arguments);
        command
    }

    /// A cargo run that leaves the processor to those that [`Repo::cargo`] starts.
    pub fn cargo_behind(&self, arguments: &[&str]) -> Command {
        if cfg!(unix) {
            let mut command = self.program("nice");
            command.args(["-n", "2", "cargo"]).args(arguments);
            command
        } else {
            self.cargo(arguments)
        }
    }

    pub fn search_path(&self) -> OsString {
        let own = self.target("tools/bin");
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(own).chain(std::env::split_paths(&inherited));
        // A folder with a colon in its name cannot be in `PATH`; then the inherited one is used.
        std::env::join_paths(folders).unwrap_or(inherited)
    }
}
