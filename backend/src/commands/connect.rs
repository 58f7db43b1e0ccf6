//! Reads address, key and paths from the command line, and makes the client.

use std::ffi::OsStr;
use std::time::Duration;

use percent_encoding::percent_encode_byte;
use shared::{Rights, Scope, VPath};
use tokio::time::timeout;

use super::failure::{Exit, Failure};
use crate::cli::ConnectArgs;
use crate::client::{Caller, Client, PoolConfig, ServerAddress, Target};
use crate::state::{StateError, key_of, read_key};
use crate::wire::{Key, connect_tcp, connect_unix};

const PORT_DEFAULT: &str = "5555";

/// How long to try to connect, when there is no key.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// A client, its caller, and the address of the server.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) caller: Caller,
    pub(super) address: String,
}

/// A client that may read. `connections_max` bounds its connections that read files. It connects at its first
/// request.
pub(super) async fn session(args: &ConnectArgs, connections_max: usize) -> Result<Session, Failure> {
    session_with(args, connections_max, Rights::READ_ONLY).await
}

/// A client that may also change files, as far as the key allows.
pub(super) async fn session_to_change(args: &ConnectArgs, connections_max: usize) -> Result<Session, Failure> {
    session_with(args, connections_max, Rights::ALL).await
}

async fn session_with(args: &ConnectArgs, connections_max: usize, rights: Rights) -> Result<Session, Failure> {
    let server = server_address(&args.server)?;
    let (address, key) = (server.to_string(), key(args, &server).await?);
    let caller = Caller { scope: Scope::whole(rights), ..Caller::default() };
    let config = PoolConfig { reading_connections_max: connections_max, ..PoolConfig::default() };
    let client = Client::new(Target { address: server, key }, config);
    Ok(Session { client, caller, address })
}

/// The address of the file server that the text names.
fn server_address(text: &str) -> Result<ServerAddress, Failure> {
    match ServerAddress::parse(text) {
        ServerAddress::Unix(path) => {
            let nowhere = |_| Failure::usage(format!("`{text}` has no path of a Unix socket: use unix:PATH"));
            Ok(ServerAddress::Unix(std::path::absolute(path).map_err(nowhere)?))
        }
        _ => Ok(ServerAddress::Tcp(host_port(text)?)),
    }
}

/// `host:port` of the typed text, which may lack the port or have the form that `passerelle serve` prints.
fn host_port(text: &str) -> Result<String, Failure> {
    let bare = text.strip_prefix("tcp://").unwrap_or(text).trim_end_matches('/');
    let host_end = bare.rfind(']').map_or(0, |end| end + 1);
    let port = bare[host_end..].rfind(':').map(|colon| &bare[host_end + colon + 1..]);
    let host = port.map_or(bare, |port| &bare[..bare.len() - port.len() - 1]);
    let plain = host_end > 0 || !host.contains(':');
    match port {
        _ if bare.contains("://") => Err(Failure::usage(format!(
            "`{text}` is a URL, not an address of a file server: use HOST:PORT of the framed protocol"
        ))),
        Some(port) if port.parse::<u16>().is_ok() && plain => {
            Ok(format!("{}:{port}", if host.is_empty() { "127.0.0.1" } else { host }))
        }
        None if !bare.is_empty() && plain => Ok(format!("{bare}:{PORT_DEFAULT}")),
        _ => Err(Failure::usage(format!("`{text}` is not HOST:PORT"))),
    }
}

/// The key that was named; otherwise the one that a server of this user recorded for the address.
async fn key(args: &ConnectArgs, server: &ServerAddress) -> Result<Key, Failure> {
    let error = match &args.key {
        Some(path) => match read_key(path) {
            Ok(key) => return Ok(key),
            Err(error) => error,
        },
        None => match key_of(&server.to_string()) {
            Ok(key) => return Ok(key),
            Err(error) => {
                check_listening(server).await?;
                error
            }
        },
    };
    let code = match error {
        StateError::NoKey(_) => "no_key",
        _ => "bad_key",
    };
    Err(Failure::new(Exit::Denied, code, error.to_string()))
}

/// Checks that a server listens. If not, that is a better message than the missing key.
async fn check_listening(server: &ServerAddress) -> Result<(), Failure> {
    let connecting = async {
        match server {
            ServerAddress::Tcp(address) => connect_tcp(address).await.map(drop),
            ServerAddress::Unix(path) => connect_unix(path).await.map(drop),
            ServerAddress::InProcess(_) => Ok(()),
        }
    };
    let reason = match timeout(PROBE_TIME, connecting).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "timeout".to_owned(),
    };
    let message = format!("the file server at {server} cannot be reached: {reason}");
    Err(Failure::new(Exit::Unreachable, shared::ErrorCode::Unreachable.name(), message))
}

/// The path of a typed text: percent-encoded or plain, with or without a slash at either end. On Unix it may have any
/// bytes, because shells complete names that are not UTF-8.
pub(super) fn path(text: &OsStr) -> Result<VPath, Failure> {
    let mut encoded = String::new();
    for chunk in text.as_encoded_bytes().utf8_chunks() {
        encoded.push_str(chunk.valid());
        encoded.extend(chunk.invalid().iter().map(|byte| percent_encode_byte(*byte)));
    }
    let bare = if encoded.len() > 1 { encoded.strip_suffix('/').unwrap_or(&encoded) } else { &encoded };
    VPath::parse(bare).map_err(|error| {
        let failure = Failure::from(error);
        Failure { message: format!("`{}`: {}", text.to_string_lossy().escape_debug(), failure.message), ..failure }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_lack_the_port_or_have_a_scheme() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(host_port(text).ok().as_deref(), expected, "{text}");
        check("127.0.0.1:5555", Some("127.0.0.1:5555"));
        check("tcp://127.0.0.1:41/", Some("127.0.0.1:41"));
        check("localhost", Some("localhost:5555"));
        check(":7000", Some("127.0.0.1:7000"));
        check("[::1]", Some("[::1]:5555"));
        check("[::1]:7", Some("[::1]:7"));
        check("::1", None);
        check("", None);
        check("host:port", None);
        check("http://127.0.0.1:8080", None);
    }

    #[test]
    fn an_address_may_be_a_unix_socket() {
        let parsed = |text: &str| server_address(text).map(|server| server.to_string()).ok();
        let here = std::path::absolute("run/socket").unwrap();
        assert_eq!(parsed("unix:run/socket"), Some(format!("unix:{}", here.display())));
        assert_eq!(parsed("unix:"), None);
        assert_eq!(parsed("localhost"), Some("localhost:5555".into()));
    }

    #[test]
    fn a_path_may_be_plain_or_encoded() {
        let check = |text: &str, expected: &[u8]| assert_eq!(path(OsStr::new(text)).unwrap().as_bytes(), expected);
        check("/", b"");
        check("docs/", b"docs");
        check("/my file.txt", b"my file.txt");
        check("my%20file.txt", b"my file.txt");
        assert_eq!(path(OsStr::new("100%")).unwrap_err().exit, Exit::Usage);
        assert_eq!(path(OsStr::new("a//")).unwrap_err().exit, Exit::Usage);
        assert_eq!(path(OsStr::new("../a")).unwrap_err().exit, Exit::Usage);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_may_be_any_bytes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(path(OsStr::from_bytes(b"latin\xe9/%41")).unwrap().as_bytes(), b"latin\xe9/A");
    }
}
