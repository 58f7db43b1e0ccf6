//! [`ClientAddress`]: the client that a request comes from, behind trusted proxies as well, and as whom it shares what is
//! scarce. Pure.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;

use super::proxy_range::ProxyRange;
use crate::admission::{Who, client_of};

/// The addresses that proxies write: the client's first, each proxy's own peer behind it. No standard; RFC 7239 §1.1
/// describes it.
const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Most addresses that are read from the right: no request passes more proxies.
const HOPS_MAX: usize = 16;

/// The client that a request comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientAddress {
    /// The client's own address, as far as trusted proxies tell it.
    pub(crate) ip: IpAddr,
    /// The name by which the file server shares fairly among clients.
    pub(crate) name: Arc<str>,
    /// The owner of what the request takes.
    pub(crate) who: Who,
}

/// How a request came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Forwarded {
    /// From its peer.
    Directly,
    /// By trusted proxies, from this client.
    For(IpAddr),
    /// By a peer of a private network that forwards and is no trusted proxy: all its clients count as one.
    Together,
    /// By a program of this machine that is no trusted proxy: its address says nothing about the client.
    Hidden,
}

impl ClientAddress {
    /// The client at an address.
    pub(crate) fn at(ip: IpAddr) -> Self {
        let name = client_of(ip);
        Self { ip: ip.to_canonical(), who: Who::client(&name), name: name.into() }
    }

    /// A client whose address is unknown: it has nothing in common with that of any other request, by its `id`.
    pub(crate) fn hidden(peer: SocketAddr, id: &str) -> Self {
        Self { ip: peer.ip().to_canonical(), name: id.into(), who: Who::client(id) }
    }
}

impl Forwarded {
    /// How a request with these headers came from `peer`. `X-Forwarded-For` counts from a trusted peer only. It is read
    /// from the right to the first address that is not trusted, because a client may invent what is left of that.
    pub(crate) fn of(peer: SocketAddr, headers: &HeaderMap, trusted: &[ProxyRange]) -> Self {
        let peer = peer.ip().to_canonical();
        if !headers.contains_key(X_FORWARDED_FOR) {
            return Self::Directly;
        }
        if !is_trusted(trusted, peer) {
            return match peer {
                _ if peer.is_loopback() => Self::Hidden,
                _ if is_private(peer) => Self::Together,
                _ => Self::Directly,
            };
        }
        let mut client = None;
        // No trusted proxy writes what is not an address, so that ends the list.
        for address in forwarded_addresses(headers).take(HOPS_MAX).map_while(|address| address) {
            client = Some(address);
            if !is_trusted(trusted, address) {
                break;
            }
        }
        client.map_or(Self::Directly, Self::For)
    }
}

/// Whether the address is that of a trusted proxy.
pub(crate) fn is_trusted(trusted: &[ProxyRange], address: IpAddr) -> bool {
    trusted.iter().any(|range| range.contains(address))
}

/// Whether the address belongs to a private network (RFC 1918, RFC 4193), as those of proxies mostly do.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// The addresses of the header, the last one first; `None` for what is no address.
fn forwarded_addresses(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let addresses = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    addresses.map(|address| parse(str::from_utf8(address).ok()?.trim_matches([' ', '\t'])))
}

/// An address, with or without a port and brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use shared::limits::CLIENT_BYTES_MAX;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (http::HeaderName::from_static(X_FORWARDED_FOR), line.parse().unwrap())).collect()
    }

    fn trusted() -> Vec<ProxyRange> {
        ["10.0.0.0/8", "127.0.0.1", "fd00::/16"].into_iter().map(|text| text.parse().unwrap()).collect()
    }

    fn of(peer: &str, lines: &[&str], trusted: &[ProxyRange]) -> Forwarded {
        Forwarded::of(SocketAddr::new(peer.parse().unwrap(), 1), &headers(lines), trusted)
    }

    #[track_caller]
    fn check(peer: &str, lines: &[&str], expected: &str) {
        assert_eq!(of(peer, lines, &trusted()), Forwarded::For(expected.parse().unwrap()), "{peer} {lines:?}");
    }

    #[test]
    fn header_of_a_trusted_peer_is_read_from_the_right() {
        check("127.0.0.1", &["203.0.113.7"], "203.0.113.7");
        check("10.1.1.1", &["1.1.1.1, 203.0.113.7"], "203.0.113.7");
        check("10.1.1.1", &["1.1.1.1, 203.0.113.7 ,10.2.2.2"], "203.0.113.7");
        check("10.1.1.1", &["1.1.1.1", "203.0.113.7,10.2.2.2"], "203.0.113.7");
        check("fd00::1", &["2001:db8::1"], "2001:db8::1");
        check("::ffff:10.1.1.1", &["::ffff:203.0.113.7"], "203.0.113.7");
        check("10.1.1.1", &["203.0.113.7:4711"], "203.0.113.7");
        check("10.1.1.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        check("10.1.1.1", &["[2001:db8::1]"], "2001:db8::1");
        // All are proxies: the first of them is the client.
        check("10.1.1.1", &["10.3.3.3, 10.2.2.2"], "10.3.3.3");
    }

    #[test]
    fn what_is_no_address_ends_the_list() {
        check("10.1.1.1", &["1.1.1.1, unknown, 10.2.2.2"], "10.2.2.2");
        check("10.1.1.1", &["1.1.1.1, , 10.2.2.2"], "10.2.2.2");
        let many = vec!["10.2.2.2"; 100].join(",");
        check("10.1.1.1", &[&format!("1.1.1.1,{many}")], "10.2.2.2");
        for nothing in ["_hidden", "", ",", "1.1.1.1,unknown"] {
            assert_eq!(of("10.1.1.1", &[nothing], &trusted()), Forwarded::Directly, "{nothing}");
        }
    }

    #[test]
    fn header_of_another_peer_does_not_count() {
        for (peer, lines) in [("203.0.113.9", &["1.1.1.1"][..]), ("11.0.0.1", &["1.1.1.1"]), ("127.0.0.2", &[])] {
            assert_eq!(of(peer, lines, &trusted()), Forwarded::Directly, "{peer}");
        }
    }

    #[test]
    fn a_peer_of_a_private_network_that_forwards_and_is_not_trusted_is_one_client() {
        for peer in ["172.18.0.1", "192.168.1.1", "fd01::1"] {
            assert_eq!(of(peer, &["203.0.113.7"], &[]), Forwarded::Together, "{peer}");
            assert_eq!(of(peer, &[], &[]), Forwarded::Directly, "{peer}");
        }
    }

    #[test]
    fn a_loopback_peer_that_forwards_and_is_not_trusted_hides_its_clients() {
        for peer in ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(of(peer, &["203.0.113.7"], &[]), Forwarded::Hidden, "{peer}");
        }
        assert_eq!(of("127.0.0.1", &[], &[]), Forwarded::Directly);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let (one, other) = (ClientAddress::hidden(peer, "1"), ClientAddress::hidden(peer, "2"));
        assert!(one.name != other.name && one.who != other.who && one.who != ClientAddress::at(peer.ip()).who);
    }

    #[test]
    fn one_ipv6_network_is_one_client() {
        let at = |ip: &str| ClientAddress::at(ip.parse().unwrap());
        let (one, same, other) = (at("2001:db8:1:200::9"), at("2001:db8:1:2ff:ffff::"), at("2001:db8:1:300::9"));
        assert_eq!((&*one.name, one.who), ("2001:db8:1:200::/56", same.who));
        assert_ne!(one.who, other.who);
        assert_eq!(at("::ffff:203.0.113.7"), at("203.0.113.7"));
    }

    /// One element of the header: mostly an address, with or without a port.
    fn element() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => any::<IpAddr>().prop_map(|ip| ip.to_string()),
            1 => any::<SocketAddr>().prop_map(|address| format!(" {address} ")),
            1 => Just("10.2.2.2".to_owned()),
            1 => "[^,]{0,60}",
        ]
    }

    proptest! {
        #[test]
        fn any_header_is_read(lines in proptest::collection::vec(proptest::collection::vec(element(), 1..4), 0..5)) {
            let lines: Vec<_> = lines.iter().map(|elements| elements.join(",")).collect();
            let values = lines.iter().filter_map(|line| HeaderValue::from_str(line).ok());
            let name = http::HeaderName::from_static(X_FORWARDED_FOR);
            let headers: HeaderMap = values.map(|value| (name.clone(), value)).collect();
            let last = headers.get_all(X_FORWARDED_FOR).iter().next_back().and_then(|line| line.to_str().ok());
            let last = last.and_then(|line| parse(line.rsplit(',').next()?.trim()));
            match Forwarded::of(SocketAddr::from(([10, 0, 0, 1], 1)), &headers, &trusted()) {
                Forwarded::For(ip) => {
                    prop_assert!(ClientAddress::at(ip).name.len() <= CLIENT_BYTES_MAX);
                    prop_assert!(lines.iter().any(|line| line.split(',').any(|text| parse(text.trim()) == Some(ip))));
                }
                other => {
                    prop_assert_eq!(other, Forwarded::Directly);
                    prop_assert_eq!(last, None);
                }
            }
        }
    }
}
