//! `run`: from a fresh clone to a served folder.

use std::{env, process::Command};

use crate::{
    args::RunArgs,
    program::{self, Https, Profile},
    repo::{Failure, Outcome, Repo},
    sample,
    steps::Steps,
};

const TLS_VARIABLES: &[&str] = &["PASSERELLE_CONFIG", "PASSERELLE_TLS_CERT", "PASSERELLE_TLS_KEY"];

pub(crate) fn run(repo: &Repo, args: RunArgs) -> Outcome<()> {
    let mut steps = Steps::start();
    let program = if args.release {
        program::build(repo, &mut steps, Profile::Release, Https::Included)?
    } else {
        program::build(repo, &mut steps, Profile::Quick, https(&args.server_flags))?
    };
    let folder = match args.folder {
        // The server runs in the folder of the caller: a relative path is one of the caller's.
        Some(folder) => folder,
        None => sample::ensure(repo)?,
    };
    steps.step(&format!("Serving {}; ctrl-C stops it", folder.display()));
    let mut server = Command::new(program);
    server.arg("serve").arg(folder).args(serve_flags(&args.server_flags));
    replace_process(server)
}

/// Included if a flag or the environment may set a certificate, as a configuration file does.
fn https(flags: &[String]) -> Https {
    let by_flag = flags.iter().any(|flag| flag.starts_with("--tls-") || flag.starts_with("--config"));
    let by_environment = TLS_VARIABLES.iter().any(|name| env::var_os(name).is_some());
    if by_flag || by_environment { Https::Included } else { Https::Absent }
}

/// The server's flags. Writing is allowed unless a flag says otherwise: trying the server out means changing files.
fn serve_flags(flags: &[String]) -> Vec<String> {
    let sets_rights = flags.iter().any(|flag| flag == "--anonymous" || flag.starts_with("--anonymous="));
    let defaults = if sets_rights { vec![] } else { vec!["--anonymous".to_owned(), "write".to_owned()] };
    defaults.into_iter().chain(flags.iter().cloned()).collect()
}

/// Signals then reach the server, and no parent of it stays behind.
#[cfg(unix)]
fn replace_process(mut server: Command) -> Outcome<()> {
    use std::os::unix::process::CommandExt;
    let error = server.exec();
    Err(Failure(format!("{}: {error}", server.get_program().to_string_lossy())))
}

#[cfg(not(unix))]
fn replace_process(mut server: Command) -> Outcome<()> {
    match server.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure(format!("the server ended with {status}"))),
        Err(error) => Err(Failure(format!("{}: {error}", server.get_program().to_string_lossy()))),
    }
}

#[cfg(test)]
mod tests {
    use super::{https, serve_flags};
    use crate::program::Https;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn https_is_included_where_a_certificate_may_be_set() {
        for flags in ["--tls-cert a --tls-key b", "--tls-cert=a", "--config passerelle.toml"] {
            assert_eq!(https(&words(flags)), Https::Included, "{flags}");
        }
        assert_eq!(https(&words("--http 127.0.0.1:9000")), Https::Absent);
    }

    #[test]
    fn writing_is_allowed_unless_a_flag_says_otherwise() {
        assert_eq!(serve_flags(&words("--json")), words("--anonymous write --json"));
        assert_eq!(serve_flags(&words("--anonymous read")), words("--anonymous read"));
        assert_eq!(serve_flags(&words("--anonymous=none")), words("--anonymous=none"));
    }
}
