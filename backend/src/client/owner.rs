//! As whom a caller shares the connections to a file server. Pure.

use shared::wire::{Caller, PRINCIPAL_UNKNOWN};

use crate::admission::Who;

/// The owner of what a request of this caller takes: the principal, if it is known, or else the client.
pub(super) fn owner(caller: &Caller) -> Who {
    match (&caller.principal, &caller.client) {
        (Some(principal), _) if principal != PRINCIPAL_UNKNOWN => Who::principal(principal.as_bytes()),
        (_, Some(client)) => Who::client(client),
        (_, None) => Who::one(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_principal_counts_before_its_client() {
        let caller = |principal: Option<&str>, client: Option<&str>| {
            let [principal, client] = [principal, client].map(|text| text.map(str::to_owned));
            owner(&Caller { principal, client, ..Caller::default() })
        };
        let unknown = Some(PRINCIPAL_UNKNOWN);
        assert_eq!(caller(Some("ada"), Some("192.0.2.1")), caller(Some("ada"), Some("192.0.2.2")));
        assert_eq!(caller(unknown, Some("192.0.2.1")), caller(None, Some("192.0.2.1")));
        assert_ne!(caller(unknown, Some("192.0.2.1")), caller(unknown, Some("192.0.2.2")));
        assert_eq!(caller(unknown, None), Who::one());
    }
}
