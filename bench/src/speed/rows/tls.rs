//! A large download by TLS. curl is the client of both servers, so that decryption costs the same for both.

use std::{path::Path, process::Command};

use super::{
    super::{
        fixture::Fixture,
        results::Results,
        table::{Better, Reading, Table},
    },
    downloads::GIGABYTE,
};
use crate::measure::{
    data::BIG,
    peers::{Peer, ServerOptions},
    server::Server,
};
use xtask::{
    child,
    repo::{Failure, Outcome},
};

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

pub(crate) fn download(fixture: &Fixture) -> Outcome<Results> {
    let home = fixture.data.empty("tls")?;
    let (certificate, key) = (home.join("certificate.pem"), home.join("key.pem"));
    if !certify(&certificate, &key) || child::output(Command::new("curl").arg("--version")).is_none() {
        println!("    skipped: openssl and curl are needed");
        return Ok(Results::default());
    }
    let options = ServerOptions { tls: Some((&certificate, &key)), ..ServerOptions::default() };
    let bytes = fixture.data.size.big_bytes;
    let sides = fixture.each(&[Peer::Ours, Peer::Nginx], options, |peer, server| {
        let (first_byte, whole) = fetch(server, &peer.file(BIG), bytes)?;
        let work = bytes as f64 / GIGABYTE;
        Ok(Reading { value: work / whole, work, first_byte: Some(first_byte * 1e3), ..Reading::default() })
    })?;
    let mut table = Table {
        title: format!("{} MiB by TLS 1.3, one connection", bytes >> 20),
        unit: "GB/s",
        better: Better::Higher,
        cpu_unit: Some(("s CPU per GB", 1.0)),
        sides,
        verdicts: Vec::new(),
        notes: vec![format!("{CIPHER}, with curl and HTTP/1.1; the time includes the handshake.")],
    };
    table.goal_against("one large download by TLS", &[(Peer::Nginx, 0.9)]);
    Ok(Results::table(table))
}

fn certify(certificate: &Path, key: &Path) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]);
    openssl.arg("-keyout").arg(key).arg("-out").arg(certificate);
    child::output(&mut openssl).is_some()
}

/// Seconds to the first byte and to the last, both from the start of the connection.
fn fetch(server: &Server, target: &str, bytes: u64) -> Outcome<(f64, f64)> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--http1.1", "--tlsv1.3", "--tls13-ciphers", CIPHER, "--output", "/dev/null"]);
    curl.args(["--write-out", "%{http_code} %{size_download} %{time_starttransfer} %{time_total}"]);
    curl.arg(format!("https://{}{target}", server.address));
    let output = child::output(&mut curl).unwrap_or_default();
    parse(&output, bytes).ok_or_else(|| Failure(format!("curl did not get the file whole: {output}")))
}

fn parse(output: &str, bytes: u64) -> Option<(f64, f64)> {
    let mut words = output.split(' ');
    let whole = words.next()? == "200" && words.next()?.parse() == Ok(bytes);
    let times = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    whole.then_some(times)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn parse_refuses_an_incomplete_download() {
        assert_eq!(parse("200 10 0.5 1.5", 10), Some((0.5, 1.5)));
        assert_eq!(parse("200 9 0.5 1.5", 10), None);
        assert_eq!(parse("503 10 0.5 1.5", 10), None);
        assert_eq!(parse("", 10), None);
    }
}
