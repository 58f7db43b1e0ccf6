//! [`ProxyRange`]: the addresses of a proxy, such as `172.18.0.0/16` (CIDR, RFC 4632 and RFC 4291 §2.3). Pure.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;

/// A range of addresses, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct ProxyRange(IpNet);

/// The text is neither an address nor a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an address, or a range such as 172.18.0.0/16")]
pub struct ProxyRangeError;

impl ProxyRange {
    /// Whether the address belongs to the range. An IPv4 address that is written as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for ProxyRange {
    type Err = ProxyRangeError;

    fn from_str(text: &str) -> Result<Self, ProxyRangeError> {
        let range = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical())));
        range.map(Self).map_err(|_| ProxyRangeError)
    }
}

impl TryFrom<String> for ProxyRange {
    type Error = ProxyRangeError;

    fn try_from(text: String) -> Result<Self, ProxyRangeError> {
        text.parse()
    }
}

impl fmt::Display for ProxyRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_addresses_with_its_first_bits() {
        let check = |range: &str, address: &str, expected| {
            let range: ProxyRange = range.parse().unwrap();
            assert_eq!(range.contains(address.parse().unwrap()), expected, "{range} {address}");
        };
        check("172.18.0.0/16", "172.18.255.1", true);
        check("172.18.0.0/16", "172.19.0.1", false);
        check("172.18.0.9/16", "172.18.0.1", true);
        check("127.0.0.1", "127.0.0.1", true);
        check("127.0.0.1", "127.0.0.2", false);
        check("127.0.0.1", "::ffff:127.0.0.1", true);
        check("fd00::/16", "fd00:1::1", true);
        check("fd00::/16", "fd01::1", false);
        check("::1", "::1", true);
        check("::1", "0.0.0.1", false);
        check("0.0.0.0/0", "::1", false);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "*", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "host/8", "fd00::/129", "10.0.0.0/8/8", "/8"] {
            assert_eq!(text.parse::<ProxyRange>(), Err(ProxyRangeError), "{text}");
        }
    }
}
