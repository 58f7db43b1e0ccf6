//! Addresses to listen on, as people type them: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `:8080`, `8080`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};

use super::error::ConfigError;

/// An address as typed, with or without a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenAddress {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Host {
    /// Only a port is given: this machine.
    Unnamed,
    /// `:8080` or `*:8080`: every address of this machine.
    Every,
    /// Both loopback addresses, because browsers try both for this name.
    Localhost,
    Ip(IpAddr),
    /// A name to look up at the start.
    Name(String),
}

/// Sockets to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    /// One address.
    Address(SocketAddr),
    /// 127.0.0.1 and, where the system has IPv6, ::1.
    Localhost(u16),
    /// Every IPv4 address and, where the system has IPv6, every IPv6 address.
    Every(u16),
}

impl Binding {
    /// Whether only this machine can connect.
    pub fn is_local(self) -> bool {
        match self {
            Self::Address(address) => address.ip().to_canonical().is_loopback(),
            Self::Localhost(_) => true,
            Self::Every(_) => false,
        }
    }

    /// The address to open first; it fails if it cannot be opened.
    pub fn first(self) -> SocketAddr {
        match self {
            Self::Address(address) => address,
            Self::Localhost(port) => (Ipv4Addr::LOCALHOST, port).into(),
            Self::Every(port) => (Ipv4Addr::UNSPECIFIED, port).into(),
        }
    }

    /// The IPv6 address to open besides, on the port of the first one.
    pub fn second(self) -> Option<Ipv6Addr> {
        match self {
            Self::Address(_) => None,
            Self::Localhost(_) => Some(Ipv6Addr::LOCALHOST),
            Self::Every(_) => Some(Ipv6Addr::UNSPECIFIED),
        }
    }
}

impl ListenAddress {
    /// Whether the text names a port.
    pub fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// The address with another port.
    pub fn with_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// The sockets to open. Looks names up, which may block.
    ///
    /// # Errors
    /// [`ConfigError::UnknownName`].
    pub fn bindings(&self, port_default: u16) -> Result<Vec<Binding>, ConfigError> {
        let port = self.port.unwrap_or(port_default);
        Ok(match &self.host {
            Host::Unnamed => vec![Binding::Address((Ipv4Addr::LOCALHOST, port).into())],
            Host::Every => vec![Binding::Every(port)],
            Host::Localhost => vec![Binding::Localhost(port)],
            Host::Ip(ip) => vec![Binding::Address((*ip, port).into())],
            Host::Name(name) => {
                let unknown = |source| ConfigError::UnknownName { name: name.clone(), source };
                let mut found: Vec<_> = (&**name, port).to_socket_addrs().map_err(unknown)?.collect();
                found.sort_unstable();
                found.dedup();
                found.into_iter().map(Binding::Address).collect()
            }
        })
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip()), port: Some(address.port()) }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Unnamed => {}
            Host::Every => f.write_str(if self.port.is_some() { "" } else { "*" })?,
            Host::Localhost => f.write_str("localhost")?,
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]")?,
            Host::Ip(ip) => write!(f, "{ip}")?,
            Host::Name(name) => f.write_str(name)?,
        }
        match (&self.host, self.port) {
            (Host::Unnamed, Some(port)) => write!(f, "{port}"),
            (_, Some(port)) => write!(f, ":{port}"),
            (_, None) => Ok(()),
        }
    }
}

/// The text is no address to listen on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Expected ADDRESS:PORT, such as 127.0.0.1:9320.")]
pub struct ListenAddressError;

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self { host: Host::Unnamed, port: Some(port) });
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self { host: Host::Ip(ip), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| ListenAddressError)?)),
            None => (text, None),
        };
        let host = match host {
            "" if port.is_some() => Host::Every,
            "*" => Host::Every,
            name if name.eq_ignore_ascii_case("localhost") => Host::Localhost,
            // Without a port, a word is more likely a mistake than a name.
            name if port.is_some() && is_name(name) => Host::Name(name.to_owned()),
            _ => return Err(ListenAddressError),
        };
        Ok(Self { host, port })
    }
}

/// RFC 1123 §2.1, with underscores, which some networks use. Digits and dots alone would be an incomplete address.
fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.bytes().all(legal) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One address or a list of them, in the configuration file.
///
/// # Errors
/// Those of the parser, for another type or an address that is none.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<ListenAddress>>, D::Error> {
    struct OneOrMore;
    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Option<Vec<ListenAddress>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address in quotes, or a list of them")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            text.parse().map(|address| Some(vec![address])).map_err(E::custom)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut addresses = Vec::new();
            while let Some(address) = list.next_element()? {
                addresses.push(address);
            }
            if addresses.is_empty() { Err(A::Error::custom("the list is empty")) } else { Ok(Some(addresses)) }
        }
    }
    deserializer.deserialize_any(OneOrMore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let bindings = text.parse::<ListenAddress>().unwrap().bindings(8080).unwrap();
        let shown: Vec<_> = bindings
            .into_iter()
            .map(|binding| {
                let second = binding.second().map(|ip| format!(" [{ip}]")).unwrap_or_default();
                format!("{}{second}{}", binding.first(), if binding.is_local() { "" } else { " reachable" })
            })
            .collect();
        assert_eq!(shown.join(", "), expected, "{text}");
    }

    #[test]
    fn addresses_are_taken_as_people_type_them() {
        check("127.0.0.1:9320", "127.0.0.1:9320");
        check("[::1]:8080", "[::1]:8080");
        check("::1", "[::1]:8080");
        check("[::1]", "[::1]:8080");
        check("127.0.0.2", "127.0.0.2:8080");
        check("8081", "127.0.0.1:8081");
        check("0", "127.0.0.1:0");
        check("localhost", "127.0.0.1:8080 [::1]");
        check("LocalHost:81", "127.0.0.1:81 [::1]");
        check(":8080", "0.0.0.0:8080 [::] reachable");
        check("*", "0.0.0.0:8080 [::] reachable");
        check("*:81", "0.0.0.0:81 [::] reachable");
        check("0.0.0.0", "0.0.0.0:8080 reachable");
        check("0.0.0.0:81", "0.0.0.0:81 reachable");
        check("[::]:81", "[::]:81 reachable");
        check("192.168.1.5:81", "192.168.1.5:81 reachable");
        check("[::ffff:127.0.0.1]:81", "[::ffff:127.0.0.1]:81");
    }

    #[test]
    fn what_is_no_address_says_what_is_expected() {
        for text in
            ["", ":", "here", "here:", ":port", "a:b", "65536", "1.2.3:80", "http://localhost:80", "[::1:80", "a b:1"]
        {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert_eq!(error.to_string(), "Expected ADDRESS:PORT, such as 127.0.0.1:9320.", "{text}");
        }
    }

    #[test]
    fn a_name_is_looked_up() {
        let named = "files.example.org:80".parse::<ListenAddress>().unwrap();
        assert_eq!((named.host, named.port), (Host::Name("files.example.org".into()), Some(80)));
        let unknown = ListenAddress { host: Host::Name("passerelle.invalid".into()), port: None };
        assert!(matches!(unknown.bindings(1), Err(ConfigError::UnknownName { .. })));
    }

    #[test]
    fn an_address_reads_back() {
        for text in ["127.0.0.1:9320", "[::1]:80", "[::1]", "8080", ":8080", "*", "localhost:1", "localhost", "a.b:1"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }
}
