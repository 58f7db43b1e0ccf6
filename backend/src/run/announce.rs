//! The addresses on standard output: for a script, one per line or as one JSON object and nothing else; for a person at
//! a terminal, with what is served.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;

use serde_json::{Map, Value};

use super::addresses;
use super::listeners::FramedAddresses;
use super::welcome::{Permission, Welcome};
use crate::config::{LogFormat, ProcessConfig};

/// The page that a process serves.
pub(super) struct PageAddresses {
    pub(super) encrypted: bool,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) hosts: Vec<String>,
    pub(super) permission: Permission,
}

impl PageAddresses {
    /// Scheme, host and port of each address, without a slash at the end.
    fn urls(&self) -> impl Iterator<Item = String> {
        let scheme = if self.encrypted { "https" } else { "http" };
        self.addresses.iter().map(move |address| format!("{scheme}://{address}"))
    }
}

/// Prints what the process listens on.
pub(super) fn announce(
    process: &ProcessConfig,
    served: String,
    page: Option<PageAddresses>,
    framed: Option<&FramedAddresses>,
) {
    let tcp = framed.and_then(|addresses| addresses.tcp).map(|address| address.to_string());
    let unix = framed.and_then(|addresses| addresses.unix.as_ref()).map(|path| format!("unix:{}", path.display()));
    if process.json {
        print(&format!("{}\n", json(page.as_ref(), tcp, unix)));
    } else if io::stdout().is_terminal() && process.log_format == LogFormat::Text {
        let (permission, page) = (page.as_ref().map(|page| page.permission), page);
        let (encrypted, http, hosts) =
            page.map_or_else(Default::default, |page| (page.encrypted, page.addresses, page.hosts));
        let framed = tcp.into_iter().chain(unix).collect();
        let networks = addresses::of_networks();
        let welcome = Welcome { served, permission, encrypted, http, hosts, networks, framed };
        print(&welcome.text(std::env::var_os("NO_COLOR").is_none()));
    } else {
        let http = page.iter().flat_map(PageAddresses::urls).map(|url| format!("{url}/\n"));
        let tcp = tcp.iter().map(|address| format!("tcp://{address}\n"));
        print(&http.chain(tcp).chain(unix.iter().map(|address| format!("{address}\n"))).collect::<String>());
    }
}

/// `http` is the first address, for scripts that need one; `listening` has all.
fn json(page: Option<&PageAddresses>, tcp: Option<String>, unix: Option<String>) -> Value {
    let urls: Option<Vec<_>> = page.map(|page| page.urls().collect());
    let http = urls.as_ref().and_then(|urls| urls.first()).map(|url| Value::from(url.as_str()));
    let unix = unix.map(|address| address.strip_prefix("unix:").unwrap_or(&address).into());
    let named = [("http", http), ("listening", urls.map(Value::from)), ("tcp", tcp.map(Value::from)), ("unix", unix)];
    Value::Object(Map::from_iter(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))))
}

/// Errors are ignored: a server goes on when its standard output is closed.
fn print(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
