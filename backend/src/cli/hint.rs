//! What to type instead of an option of another file server. Pure.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

const LISTEN: &str = "Browsers connect to --http ADDRESS:PORT. For every network: --http :8080 --anonymous read";
const WRITE: &str = "--anonymous write lets visitors change files.";
const ACCOUNTS: &str = "There are no accounts in this version: let a proxy in front ask for a password.";
const FOLDER: &str = "The folder is named without an option: passerelle serve DIR";
const CODE: &str =
    "A terminal shows the QR code by itself, where other devices can connect: --http :8080 --anonymous read";
const TITLE: &str = "--name TEXT names the folder on the page.";
const CORS: &str = "--cors ORIGIN names a site whose pages may use this server.";

/// Options of dufs, miniserve, File Browser, copyparty, Caddy and Python's `http.server`.
const OPTIONS: &[(&[&str], &str)] = &[
    (&["-b", "--bind", "--bind-address", "--address", "--addr", "-l", "--listen", "--ip"], LISTEN),
    (&["-i", "--interface", "--interfaces"], LISTEN),
    (&["-A", "--allow-all", "--allow-upload", "--allow-delete", "-w", "--write", "--writable"], WRITE),
    (&["-u", "--upload", "--upload-files", "-o", "--overwrite-files", "-U", "--mkdir"], WRITE),
    (&["-a", "--auth", "--user", "--username", "--password"], ACCOUNTS),
    (&["-d", "--dir", "--directory", "-r", "--root", "--path"], FOLDER),
    (&["-q", "--qr", "--qrcode"], CODE),
    (&["-t", "--title"], TITLE),
    (&["--enable-cors"], CORS),
];

/// A line to print after the error. `is_folder` says whether a text is the path of a folder.
pub fn hint(error: &Error, subcommand: Option<&str>, is_folder: impl Fn(&str) -> bool) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument if matches!(subcommand, Some("serve" | "gateway")) => {
            option_hint(text(ContextKind::InvalidArg)?).map(str::to_owned)
        }
        ErrorKind::InvalidSubcommand => {
            let typed = text(ContextKind::InvalidSubcommand)?;
            is_folder(typed).then(|| format!("To serve this folder: passerelle serve {typed}"))
        }
        _ => None,
    }
}

fn option_hint(option: &str) -> Option<&'static str> {
    let bare = option.split('=').next()?;
    OPTIONS.iter().find(|(names, _)| names.contains(&bare)).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
        let subcommand = line.split(' ').nth(1);
        assert_eq!(hint(&error, subcommand, |path| path == "/srv").as_deref(), expected, "{line}: {error}");
    }

    #[test]
    fn options_of_other_file_servers_lead_to_those_of_this_one() {
        check("passerelle serve -p 5000 -b 0.0.0.0 /srv", Some(LISTEN));
        check("passerelle serve --bind=0.0.0.0", Some(LISTEN));
        check("passerelle serve -i 0.0.0.0", Some(LISTEN));
        check("passerelle serve --listen :80", Some(LISTEN));
        check("passerelle serve -A", Some(WRITE));
        check("passerelle serve --upload-files", Some(WRITE));
        check("passerelle serve -a admin:admin@/:rw", Some(ACCOUNTS));
        check("passerelle serve --root /srv", Some(FOLDER));
        check("passerelle serve -q", Some(CODE));
        check("passerelle serve --title Files", Some(TITLE));
        check("passerelle serve --nonsense", None);
        check("passerelle ls -u", None);
        check("passerelle /srv", Some("To serve this folder: passerelle serve /srv"));
        check("passerelle /nope", None);
    }

    #[test]
    fn addresses_and_ports_are_taken_as_people_type_them() {
        let typed = "passerelle serve /srv --http localhost:8080 --http :81 --http 82,[::1]:83";
        assert!(Cli::try_parse_from(typed.split(' ')).is_ok());
        for line in ["passerelle serve -p 8080", "passerelle serve --port 8080 /srv", "passerelle serve --port=0"] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        let error = Cli::try_parse_from(["passerelle", "serve", "--http", "here"]).unwrap_err().to_string();
        assert!(error.contains("Expected ADDRESS:PORT, such as 127.0.0.1:9320."), "{error}");
    }
}
