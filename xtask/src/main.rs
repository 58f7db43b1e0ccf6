//! `cargo xtask COMMAND`: builds, checks and starts what is in the repository.

mod args;
mod bench;
mod browser;
mod check;
mod ci;
mod compiler;
mod counts;
mod dev;
mod dist;
mod fingerprint;
mod fuzz;
#[cfg(target_os = "linux")]
mod macos;
mod packages;
mod page;
mod postgres;
mod program;
mod recap;
mod run;
mod sample;
mod steps;
mod test;
mod tidy;
mod tools;
mod trunk;
mod windows;

use std::process::ExitCode;

use xtask::{child, repo, stop};

use repo::{Failure, Outcome, Repo};

const HELP: &str = "\
cargo xtask COMMAND

  run [--release] [DIR] [-- FLAGS]
                        build everything and serve DIR (default: a sample folder) with writing allowed;
                        --release takes longer to build and serves faster
  test                  every test: host, browser, end to end
  check                 formatting, lints, tidy, licences, documentation
  ci                    all of `check`, fuzzing, then every test
  dev [DIR]             the server, and the page with hot reload on http://127.0.0.1:8081
  crash [--seed N] [--count N] [--program PATH] [--disk FOLDER]
                        kill servers and clients until N (default 500) operations were interrupted
  bench [--row NAME]… [--quick] [--write] [--micro] [--program PATH]
                        this server beside nginx, dufs, miniserve and copyparty, whichever are installed
  load [--only NAME]… [--quick] [--write] [--program PATH]
                        thousands of clients at once, slow ones and too many; fails where a bound is broken
  dist                  the program to hand out, at target/dist/passerelle
  windows               the server's crates for Windows: lints, and unit tests under Wine
  fuzz [SECONDS]        all fuzz targets at once for SECONDS (default 60)
  tidy                  imports between modules, and other rules of the source tree
  setup                 only install what the other commands need

docs/TESTING.md lists the tests and how to run one of them.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = stop::at_signals().and_then(|()| command(&arguments));
    stop::or_go_on();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Outcome<()> {
    let repo = Repo::here();
    let (name, rest) = arguments.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    match name {
        "run" => run::run(&repo, args::run(rest)?),
        "test" => test::test(&repo),
        "check" => check::check(&repo),
        "ci" => ci::ci(&repo),
        "dev" => dev::dev(&repo, args::dev(rest)?),
        "bench" if rest == ["--micro"] => bench::micro(&repo),
        "bench" => bench::run(&repo, "speed", rest),
        "load" | "crash" => bench::run(&repo, name, rest),
        "dist" => dist::dist(&repo),
        "windows" => windows::windows(&repo),
        "fuzz" => fuzz::fuzz(&repo, args::fuzz(rest)?),
        "tidy" => tidy::tidy(&repo),
        "setup" => test::set_up_only(&repo),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Failure(format!("there is no command `{other}`; `cargo xtask help` lists them"))),
    }
}
