//! Limits on guessing passwords. Pure: the caller says what time it is.
//!
//! A limit makes attempts wait and locks no account: a browser that was signed in before has a bucket of its own, which
//! attempts from elsewhere do not touch (OWASP Authentication Cheat Sheet, "Account Lockout"; device cookies).

mod bucket;
mod buckets;
mod wait;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::name::Name;
use bucket::Rate;
use buckets::Buckets;
pub use wait::Wait;

/// Attempts from one address: ten at once, then one in 30 seconds.
const ADDRESS: Rate = Rate { burst: 10, interval: Duration::from_secs(30) };
/// Attempts at one account from unknown browsers: twenty at once, then one a minute.
const ACCOUNT: Rate = Rate { burst: 20, interval: Duration::from_secs(60) };
/// Attempts from one browser that was signed in to the account before: ten at once, then one in 30 seconds.
const DEVICE: Rate = Rate { burst: 10, interval: Duration::from_secs(30) };
/// Most buckets of each kind.
pub const BUCKETS_MAX: usize = 64 << 10;

/// Who tries to sign in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Attempt {
    /// A browser with a valid device cookie of the account, by the random part of the cookie.
    Known([u8; 16]),
    /// Any other client.
    Unknown {
        /// Where it comes from. `None` for clients that share an address with all others, behind an unknown proxy.
        address: Option<IpAddr>,
        /// The account, whether it exists or not; `None` for a text that cannot be a name.
        account: Option<Name>,
    },
}

/// The buckets of attempts. Times are those of a clock that only rises.
#[derive(Debug)]
pub struct Throttle {
    addresses: Buckets<IpAddr>,
    accounts: Buckets<Name>,
    devices: Buckets<[u8; 16]>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            addresses: Buckets::new(ADDRESS, BUCKETS_MAX),
            accounts: Buckets::new(ACCOUNT, BUCKETS_MAX),
            devices: Buckets::new(DEVICE, BUCKETS_MAX),
        }
    }
}

impl Throttle {
    /// Counts an attempt before its password is looked at, so that many at once do not pass together.
    ///
    /// # Errors
    /// [`Wait`]; nothing is counted then.
    pub fn take(&mut self, attempt: &Attempt, now: Duration) -> Result<(), Wait> {
        match attempt {
            Attempt::Known(device) => {
                self.devices.check(device, now)?;
                self.devices.take(device, now);
            }
            Attempt::Unknown { address, account } => {
                let address = address.map(network);
                address.iter().try_for_each(|address| self.addresses.check(address, now))?;
                account.iter().try_for_each(|account| self.accounts.check(account, now))?;
                address.iter().for_each(|address| self.addresses.take(address, now));
                account.iter().for_each(|account| self.accounts.take(account, now));
            }
        }
        Ok(())
    }

    /// Takes the count of an attempt back, because its password was right.
    pub fn give_back(&mut self, attempt: &Attempt) {
        match attempt {
            Attempt::Known(device) => self.devices.give_back(device),
            Attempt::Unknown { address, account } => {
                address.iter().for_each(|address| self.addresses.give_back(&network(*address)));
                account.iter().for_each(|account| self.accounts.give_back(account));
            }
        }
    }
}

/// The network of one subscriber: an IPv4 address, or 64 bits of an IPv6 address (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn unknown(address: &str, account: &str) -> Attempt {
        Attempt::Unknown { address: Some(address.parse().unwrap()), account: Some(Name::parse(account).unwrap()) }
    }

    #[test]
    fn an_address_waits_after_ten_failures_whatever_the_accounts_are() {
        let mut throttle = Throttle::default();
        for index in 0..10 {
            assert_eq!(throttle.take(&unknown("192.0.2.1", &format!("a{index}")), NOW), Ok(()));
        }
        assert_eq!(throttle.take(&unknown("192.0.2.1", "other"), NOW), Err(Wait(Duration::from_secs(30))));
        assert_eq!(throttle.take(&unknown("::ffff:192.0.2.1", "other"), NOW), Err(Wait(Duration::from_secs(30))));
        assert_eq!(throttle.take(&unknown("192.0.2.2", "other"), NOW), Ok(()));
        let later = NOW + Duration::from_secs(30);
        assert_eq!(throttle.take(&unknown("192.0.2.1", "other"), later), Ok(()));
        assert_eq!(throttle.take(&unknown("192.0.2.1", "other"), later), Err(Wait(Duration::from_secs(30))));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let mut throttle = Throttle::default();
        for index in 0..10 {
            let attempt = unknown(&format!("2001:db8:0:1::{index:x}"), &format!("a{index}"));
            assert_eq!(throttle.take(&attempt, NOW), Ok(()));
        }
        assert!(throttle.take(&unknown("2001:db8:0:1:ffff::", "x"), NOW).is_err());
        assert!(throttle.take(&unknown("2001:db8:0:2::", "x"), NOW).is_ok());
    }

    #[test]
    fn attempts_at_a_name_never_keep_out_a_browser_that_was_signed_in() {
        let mut throttle = Throttle::default();
        for index in 0..200 {
            let _ = throttle.take(&unknown(&format!("192.0.2.{index}"), "ada"), NOW);
        }
        assert_eq!(throttle.take(&unknown("198.51.100.1", "ada"), NOW), Err(Wait(Duration::from_secs(60))));
        let owner = Attempt::Known([7; 16]);
        for _ in 0..10 {
            assert_eq!(throttle.take(&owner, NOW), Ok(()));
        }
        assert!(throttle.take(&owner, NOW).is_err());
        // A browser whose attempts are used up does not use up those of others.
        assert_eq!(throttle.take(&Attempt::Known([8; 16]), NOW), Ok(()));
    }

    #[test]
    fn attempts_that_succeed_do_not_count() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            for attempt in [unknown("192.0.2.1", "ada"), Attempt::Known([7; 16])] {
                assert_eq!(throttle.take(&attempt, NOW), Ok(()));
                throttle.give_back(&attempt);
            }
        }
    }

    #[test]
    fn a_refused_attempt_counts_nowhere() {
        let mut throttle = Throttle::default();
        while throttle.take(&unknown("192.0.2.1", "ada"), NOW).is_ok() {}
        for _ in 0..100 {
            assert!(throttle.take(&unknown("192.0.2.1", "eve"), NOW).is_err());
        }
        for index in 0..20 {
            assert_eq!(throttle.take(&unknown(&format!("198.51.100.{index}"), "eve"), NOW), Ok(()));
        }
        assert!(throttle.take(&unknown("198.51.100.77", "eve"), NOW).is_err());
    }
}
