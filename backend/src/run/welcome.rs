//! What a server says on a terminal when it starts: what it serves, whether it can be changed, its addresses, and how
//! to stop it. Pure.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use shared::characters::is_unprintable;

/// What visitors of the page may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Permission {
    /// They may change files.
    Write,
    /// They may look and download, because of `--anonymous`.
    Read,
    /// The operating system does not let this user change the folder.
    ReadOnlyFolder,
}

/// A server that has started.
pub(super) struct Welcome {
    /// What it serves, as people know it: a folder, or the address of a file server.
    pub(super) served: String,
    /// `None` if it serves no page.
    pub(super) permission: Option<Permission>,
    pub(super) encrypted: bool,
    /// The addresses for browsers.
    pub(super) http: Vec<SocketAddr>,
    /// Names of the server besides, which a certificate is made for.
    pub(super) hosts: Vec<String>,
    /// Addresses of this machine in its networks, the most likely one first.
    pub(super) networks: Vec<Ipv4Addr>,
    /// Addresses for the commands.
    pub(super) framed: Vec<String>,
}

impl Welcome {
    /// The text, with a QR code where other devices can connect. `coloured` says that the terminal knows colours, which
    /// make the code readable on every background.
    pub(super) fn text(&self, coloured: bool) -> String {
        let mut text = format!("\n  Passerelle serves {}{}\n", printable(&self.served), self.permission_words());
        let (here, elsewhere) = (self.of_this_machine(), self.of_the_network());
        push_addresses(&mut text, "This machine", &here);
        push_addresses(&mut text, "Local network", &elsewhere);
        if let Some(code) = elsewhere.first().and_then(|address| qr_code(address, coloured)) {
            let _ = writeln!(text, "\n{code}");
        } else if !here.is_empty() && self.http.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            text.push_str("\n  Other devices cannot connect. To let them in: --http :8080 --anonymous read\n");
        }
        let framed: Vec<_> = self.framed.iter().map(|address| printable(address)).collect();
        push_addresses(&mut text, "For commands", &framed);
        text.push_str("\n  Press Ctrl-C to stop.\n\n");
        text
    }

    fn permission_words(&self) -> &'static str {
        match self.permission {
            None => ".",
            Some(Permission::Write) => ".\n  Visitors can change files.",
            Some(Permission::Read) => {
                ".\n  Visitors can look and download. To let them change files: --anonymous write"
            }
            Some(Permission::ReadOnlyFolder) => {
                ".\n  Visitors can look and download: this user has no right to change the folder."
            }
        }
    }

    fn of_this_machine(&self) -> Vec<String> {
        let local = self.http.iter().filter(|address| {
            let ip = address.ip().to_canonical();
            ip.is_loopback() || ip.is_unspecified()
        });
        let ports = local.map(|address| match address.ip() {
            // The name works for both families.
            ip if ip.is_unspecified() => format!("localhost:{}", address.port()),
            _ => address.to_string(),
        });
        self.urls(ports)
    }

    fn of_the_network(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut named = false;
        for address in self.http.iter().filter(|address| !address.ip().to_canonical().is_loopback()) {
            let port = address.port();
            if self.encrypted && !named {
                // A certificate is of a name: with the address, browsers would warn.
                let with_port =
                    |host: &String| if host.contains(':') { host.clone() } else { format!("{host}:{port}") };
                found.extend(self.hosts.iter().filter(|host| *host != "*").map(with_port));
                named = true;
            }
            match address.ip() {
                ip if !ip.is_unspecified() => found.push(address.to_string()),
                _ => found.extend(self.networks.iter().map(|ip| SocketAddr::new(IpAddr::V4(*ip), port).to_string())),
            }
        }
        self.urls(found.into_iter())
    }

    fn urls(&self, authorities: impl Iterator<Item = String>) -> Vec<String> {
        let scheme = if self.encrypted { "https" } else { "http" };
        let mut urls: Vec<String> = Vec::new();
        for url in authorities.map(|authority| format!("{scheme}://{authority}/")) {
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        urls
    }
}

/// Without characters that a terminal obeys: the name of a folder may come from an archive of somewhere else.
fn printable(text: &str) -> String {
    text.chars().map(|it| if is_unprintable(it) { char::REPLACEMENT_CHARACTER } else { it }).collect()
}

fn push_addresses(text: &mut String, label: &str, addresses: &[String]) {
    for (index, address) in addresses.iter().enumerate() {
        let (space, label) = if index == 0 { ("\n", label) } else { ("", "") };
        let _ = writeln!(text, "{space}  {label:<15}{address}");
    }
}

/// The code as lines, two modules per row. `None` if the address is too long for a code.
fn qr_code(address: &str, coloured: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
    let lines = code.render::<Dense1x2>().quiet_zone(true).build();
    let line = |line: &str| if coloured { format!("  \x1b[30;107m{line}\x1b[0m") } else { format!("  {line}") };
    Some(lines.lines().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(http: &[&str]) -> Welcome {
        Welcome {
            served: "/srv/files".into(),
            permission: Some(Permission::Read),
            encrypted: false,
            http: http.iter().map(|address| address.parse().unwrap()).collect(),
            hosts: vec!["files.example.org".into()],
            networks: vec![Ipv4Addr::new(192, 168, 1, 5), Ipv4Addr::new(10, 0, 0, 5)],
            framed: vec!["127.0.0.1:5555".into()],
        }
    }

    #[test]
    fn a_server_of_this_machine_says_what_and_where_it_serves() {
        assert_eq!(
            welcome(&["127.0.0.1:8080"]).text(false),
            "
  Passerelle serves /srv/files.
  Visitors can look and download. To let them change files: --anonymous write

  This machine   http://127.0.0.1:8080/

  Other devices cannot connect. To let them in: --http :8080 --anonymous read

  For commands   127.0.0.1:5555

  Press Ctrl-C to stop.

"
        );
    }

    #[test]
    fn a_server_of_the_network_shows_its_addresses_and_a_code() {
        let text = Welcome { permission: Some(Permission::Write), ..welcome(&["0.0.0.0:80", "[::]:80"]) }.text(false);
        let addresses: Vec<_> = text.lines().filter(|line| line.contains("http")).map(str::trim).collect();
        assert_eq!(
            addresses,
            ["This machine   http://localhost:80/", "Local network  http://192.168.1.5:80/", "http://10.0.0.5:80/"]
        );
        assert!(text.contains("Visitors can change files.") && !text.contains("Other devices cannot"), "{text}");
        let code = qr_code("http://192.168.1.5:80/", false).unwrap();
        assert!(text.contains(&code) && code.lines().count() > 10, "{code}");
    }

    #[test]
    fn an_encrypted_server_shows_the_names_of_its_certificate_first() {
        let text = Welcome { encrypted: true, ..welcome(&["0.0.0.0:8443"]) }.text(true);
        assert!(text.contains("Local network  https://files.example.org:8443/"), "{text}");
        assert!(text.contains(&qr_code("https://files.example.org:8443/", true).unwrap()));
    }

    #[test]
    fn a_file_server_alone_has_no_page() {
        let text = Welcome { permission: None, http: Vec::new(), ..welcome(&[]) }.text(false);
        assert!(!text.contains("http") && text.contains("For commands   127.0.0.1:5555"), "{text}");
    }

    #[test]
    fn a_name_sends_no_command_to_the_terminal() {
        let served = "a\u{1b}[2Jb\n\u{202e}".to_owned();
        let text = Welcome { served, ..welcome(&["127.0.0.1:8080"]) }.text(false);
        assert!(text.contains("a\u{fffd}[2Jb\u{fffd}\u{fffd}."), "{text}");
    }

    #[test]
    fn a_server_that_others_reach_does_not_advise_to_let_them_in() {
        let text = Welcome { networks: Vec::new(), ..welcome(&["0.0.0.0:8080"]) }.text(false);
        assert!(!text.contains("Other devices cannot connect"), "{text}");
    }
}
