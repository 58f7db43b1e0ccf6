//! The addresses of this machine in its local networks, for people who open the page on another device.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use if_addrs::{IfAddr, Interface};

/// Prefixes of interfaces between this machine and its own containers and virtual machines: no other device is there.
const VIRTUAL: &[&str] = &["docker", "br-", "veth", "virbr", "vmnet", "cni", "flannel", "cali", "podman"];

/// The IPv4 addresses of this machine that other devices can reach, the one of the default route first. Empty if they
/// cannot be read.
pub(super) fn of_networks() -> Vec<Ipv4Addr> {
    select(if_addrs::get_if_addrs().unwrap_or_default(), default_route())
}

fn select(interfaces: Vec<Interface>, default_route: Option<Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut found: Vec<_> = interfaces.iter().filter_map(reachable).collect();
    found.sort_unstable();
    found.dedup();
    found.sort_by_key(|ip| Some(*ip) != default_route);
    found
}

fn reachable(interface: &Interface) -> Option<Ipv4Addr> {
    let IfAddr::V4(address) = &interface.addr else { return None };
    let ip = address.ip;
    let local = ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
    let virtual_interface = VIRTUAL.iter().any(|prefix| interface.name.starts_with(prefix));
    (!local && !virtual_interface).then_some(ip)
}

/// The address from which this machine would send to the internet. Connecting a UDP socket sends nothing.
fn default_route() -> Option<Ipv4Addr> {
    /// For documentation (RFC 5737), so that no host has it.
    const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::Ifv4Addr;

    use super::*;

    #[test]
    fn addresses_that_other_devices_reach_are_selected_with_the_default_route_first() {
        let ips = [
            ("lo", "127.0.0.1"),
            ("eth0", "10.0.0.5"),
            ("wlan0", "192.168.1.5"),
            ("docker0", "172.17.0.1"),
            ("eth1", "169.254.7.7"),
        ];
        let interface = |(name, ip): (&str, &str)| {
            // A value of the library, some of whose fields exist on some systems only.
            let mut interface = if_addrs::get_if_addrs().unwrap().remove(0);
            interface.name = name.into();
            let (ip, netmask) = (ip.parse().unwrap(), Ipv4Addr::new(255, 255, 255, 0));
            interface.addr = IfAddr::V4(Ifv4Addr { ip, netmask, prefixlen: 24, broadcast: None });
            interface
        };
        let interfaces = ips.into_iter().map(interface).collect();
        let selected = select(interfaces, Some(Ipv4Addr::new(192, 168, 1, 5)));
        assert_eq!(selected, [Ipv4Addr::new(192, 168, 1, 5), Ipv4Addr::new(10, 0, 0, 5)]);
    }
}
