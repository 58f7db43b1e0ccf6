//! The repository's chores, each a command of `cargo xtask`. Knows how to build, check and start things; never what they do.

#[cfg(target_os = "linux")]
mod bench;
mod browser;
mod child;
mod ci;
mod counts;
mod crash;
mod dev;
mod dist;
mod fingerprint;
mod fuzz;
#[cfg(target_os = "linux")]
mod measure;
mod precompress;
mod repo;
mod run;
mod sample;
mod spa;
mod steps;
mod suites;
mod tidy;
mod tools;

use std::process::ExitCode;

use repo::{Failure, Outcome, Repo};

const HELP: &str = "\
cargo xtask COMMAND

  run [DIR] [-- FLAGS]  build everything and serve DIR (default: a sample folder) with writing allowed
  test                  every test: host, browser, end to end
  ci                    formatting, lints, tidy, licences, documentation, fuzzing, then every test
  dev [DIR]             the server, and the page with hot reload on http://127.0.0.1:8081
  crash [--seed N] [--count N] [--program PATH]
                        kill servers and clients while they work until N (default 500) pieces of work were interrupted
  bench [--row NAME]… [--quick] [--write] [--program PATH]
                        this server beside nginx, dufs, miniserve and copyparty, whichever are installed
  dist                  the binary to hand out, at target/dist/passerelle
  fuzz [SECONDS]        each fuzz target for SECONDS (default 60)
  tidy                  who may import whom, and other habits of the source tree
  setup                 only install what the other commands need

docs/TESTING.md says which tests exist and how to run one of them.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
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
        "run" => run::run(&repo, rest),
        "test" => suites::test(&repo),
        "ci" => ci::ci(&repo),
        "dev" => dev::dev(&repo, rest),
        #[cfg(target_os = "linux")]
        "bench" => bench::bench(&repo, rest),
        "crash" => crash::crash(&repo, rest),
        "dist" => dist::dist(&repo),
        "fuzz" => fuzz::fuzz(&repo, rest),
        "tidy" => tidy::tidy(&repo),
        "setup" => suites::set_up_only(&repo),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Failure(format!("there is no command `{other}`; `cargo xtask help` lists them"))),
    }
}
