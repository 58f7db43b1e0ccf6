//! Who holds a share. Pure.

use std::net::{IpAddr, Ipv6Addr};

/// The owner of shares. It decides fairness alone, never what may be seen or done. A hash of its name: owners are
/// compared and stored on paths that do not allocate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who([u8; 16]);

impl Who {
    /// A principal.
    pub fn principal(name: &[u8]) -> Self {
        Self::named(b'p', name)
    }

    /// A client of the gateway, by the text that the gateway made of its address.
    pub fn client(text: &str) -> Self {
        Self::named(b'c', text.as_bytes())
    }

    /// The peer of a connection, by [`client_of`] its address.
    pub fn peer(address: IpAddr) -> Self {
        Self::client(&client_of(address))
    }

    /// All peers that a listener does not tell apart.
    pub fn one() -> Self {
        Self::named(b'1', &[])
    }

    /// A number for the owner that does not tell its name.
    pub fn number(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    fn named(kind: u8, name: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("passerelle 2026 owner of an admission");
        hasher.update(&[kind]).update(name);
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(hash)
    }
}

/// The bits of an IPv6 address that tell clients apart. Providers delegate at least that much to one customer (RFC 6177
/// §2, RIPE-690 §4.2), who chooses the rest.
const IPV6_PREFIX_BITS: u32 = 56;

/// The client that an address stands for, as a text of at most 32 bytes: the address of IPv4, the /56 of IPv6.
pub fn client_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> IPV6_PREFIX_BITS));
            format!("{network}/{IPV6_PREFIX_BITS}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_is_an_address_or_a_network() {
        let check = |address: &str, expected| assert_eq!(client_of(address.parse().unwrap()), expected, "{address}");
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1::/56");
        check("2001:db8:1:2ff:3:4:5:6", "2001:db8:1:200::/56");
        check("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ff00::/56");
        assert!(client_of("ffff:ffff:ffff:ffff::1".parse().unwrap()).len() <= 32);
    }

    #[test]
    fn owners_of_another_kind_differ() {
        assert_eq!(Who::client("::/56"), Who::peer("::5".parse().unwrap()));
        assert_ne!(Who::client("ada"), Who::principal(b"ada"));
        assert_ne!(Who::one(), Who::principal(b""));
    }
}
