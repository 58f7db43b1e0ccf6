//! The order between the effect of a request and its cancellation: an END with a failure means that no effect follows.

use std::sync::{Arc, OnceLock};

use shared::ErrorCode;

use crate::storage::StorageError;

/// Decides which comes first: the effect of a request, which a blocking thread begins, or its end by CANCEL, by its
/// deadline or with its connection. The first one excludes the other.
#[derive(Clone, Default)]
pub(in crate::server) struct EffectGate {
    /// Whether the effect has begun; unset until either of both.
    begun: Arc<OnceLock<bool>>,
}

impl EffectGate {
    /// Begins the effect. Further calls succeed, too.
    ///
    /// # Errors
    /// [`ErrorCode::Canceled`] after [`EffectGate::close`].
    pub(in crate::server) fn begin(&self) -> Result<(), StorageError> {
        if *self.begun.get_or_init(|| true) {
            Ok(())
        } else {
            Err(StorageError::new(ErrorCode::Canceled, "the request ended before its effect began"))
        }
    }

    /// Excludes the effect; false if it has begun.
    pub(super) fn close(&self) -> bool {
        !*self.begun.get_or_init(|| false)
    }
}

/// Closes the gate when it is dropped, as the request is at the end of its connection.
pub(super) struct CloseOnDrop<'a>(pub(super) &'a EffectGate);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_excludes_the_other() {
        let gate = EffectGate::default();
        assert!(gate.begin().is_ok());
        assert!(!gate.close());
        assert!(gate.begin().is_ok());
        let gate = EffectGate::default();
        drop(CloseOnDrop(&gate));
        assert_eq!(gate.begin().unwrap_err().code, ErrorCode::Canceled);
        assert!(gate.close());
    }
}
