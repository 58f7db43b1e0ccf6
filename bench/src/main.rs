//! Drives the built server from outside: `speed` beside other servers, `load` with many clients, `crash` by killing it.

mod crash;
mod http;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod measure;
mod program;
mod random;
#[cfg(target_os = "linux")]
mod speed;

use std::{env, process::ExitCode};

use xtask::{
    repo::{Failure, Outcome, Repo},
    stop,
};

const USAGE: &str = "say `bench speed|load|crash`; `cargo xtask help` names their options";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = stop::at_signals().and_then(|()| command(&arguments));
    stop::or_go_on();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Outcome<()> {
    let repo = Repo::here();
    let (name, rest) = arguments.split_first().ok_or_else(|| Failure(USAGE.to_owned()))?;
    match name.as_str() {
        #[cfg(target_os = "linux")]
        "speed" => speed::run(&repo, rest),
        #[cfg(target_os = "linux")]
        "load" => load::run(&repo, rest),
        #[cfg(not(target_os = "linux"))]
        "speed" | "load" => Err(Failure(format!("`{name}` waits by epoll and reads /proc: it runs on Linux alone"))),
        "crash" => crash::run(&repo, rest),
        _ => Err(Failure(USAGE.to_owned())),
    }
}
