//! The addresses on standard output. Nothing else is printed there, so that a script can read them.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::listeners::FramedAddresses;

/// Prints the addresses that the process listens on: one per line, or as one JSON object.
pub(super) fn announce(json: bool, http: Option<String>, framed: Option<&FramedAddresses>) {
    let tcp = framed.and_then(|addresses| addresses.tcp).map(|address| address.to_string());
    let unix = framed.and_then(|addresses| addresses.unix.as_ref()).map(|path| path.display().to_string());
    if json {
        let named = [("http", http), ("tcp", tcp), ("unix", unix)];
        let addresses = named.into_iter().filter_map(|(name, address)| Some((name.to_owned(), address?.into())));
        print_line(&Value::Object(Map::from_iter(addresses)).to_string());
    } else {
        http.iter().for_each(|address| print_line(&format!("{address}/")));
        tcp.iter().for_each(|address| print_line(&format!("tcp://{address}")));
        unix.iter().for_each(|path| print_line(&format!("unix:{path}")));
    }
}

/// Errors are ignored: a server goes on when its standard output is closed.
fn print_line(line: &str) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
