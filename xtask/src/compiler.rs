//! The compiler of the workspace's own crates. Dependencies are compiled by `rustc` in any case.

use std::process::Command;

/// `-D warnings`, as `cargo clippy` hands it to `clippy-driver`.
const WARNINGS_ARE_ERRORS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compiler {
    Rustc,
    /// Lints what it compiles; a warning is an error. `cargo clippy` would compile the dependencies of tests once more.
    Clippy,
}

impl Compiler {
    /// The command of cargo, which runs this compiler.
    pub(crate) fn of(self, mut command: Command) -> Command {
        if self == Self::Clippy {
            command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", WARNINGS_ARE_ERRORS);
        }
        command
    }
}
