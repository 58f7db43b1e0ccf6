//! [`ProxyWarnings`]: what the log says, once each, of proxies that are not named.

use std::sync::atomic::{AtomicBool, Ordering};

use super::client_address::Forwarded;

/// Which warnings have been given. They are apart, because any client of a private network can provoke the one about
/// joined clients.
#[derive(Default)]
pub(super) struct ProxyWarnings {
    hidden: AtomicBool,
    joined: AtomicBool,
}

impl ProxyWarnings {
    /// The warning about a request that came so, unless it has been given.
    pub(super) fn first(&self, how: &Forwarded) -> Option<&'static str> {
        let (given, warning) = match how {
            Forwarded::Hidden => (
                &self.hidden,
                "a proxy on this machine hides its clients, so none of them has a bound of its own; \
                 name the proxy with --trusted-proxy",
            ),
            Forwarded::Together => {
                (&self.joined, "all clients of a proxy count as one client; name the proxy with --trusted-proxy")
            }
            Forwarded::Directly | Forwarded::For(_) => return None,
        };
        (!given.swap(true, Ordering::Relaxed)).then_some(warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_is_given_once_whatever_the_other_one_was() {
        for order in [[Forwarded::Hidden, Forwarded::Together], [Forwarded::Together, Forwarded::Hidden]] {
            let warnings = ProxyWarnings::default();
            assert_eq!(warnings.first(&Forwarded::Directly), None);
            let given = order.each_ref().map(|how| warnings.first(how).unwrap());
            assert_ne!(given[0], given[1]);
            assert_eq!(order.each_ref().map(|how| warnings.first(how)), [None, None]);
        }
    }
}
