//! [`WholeBody`]: a form or JSON that is read as a whole, and the memory that it takes.

use shared::ErrorCode;

use super::problem::ErrorResponse;
use crate::admission::{Admission, Permit, Refusal, Who};

/// What a body takes without a share, in bytes. The number of requests bounds it, so that a short change is made while
/// other clients hold all shares.
const UNCOUNTED_BYTES: usize = 16 << 10;

/// The bytes that have arrived.
#[derive(Default)]
pub(crate) struct WholeBody {
    bytes: Vec<u8>,
    share: Option<Permit>,
}

impl WholeBody {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyRequests`] if bodies of the client, or of all together, take as much as they may.
    pub(super) fn push(&mut self, piece: &[u8], memory: &Admission, who: Who) -> Result<(), ErrorResponse> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let capacity = needed.next_power_of_two();
            self.hold(capacity, memory, who).map_err(too_many)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn hold(&mut self, capacity: usize, memory: &Admission, who: Who) -> Result<(), Refusal> {
        match &mut self.share {
            _ if capacity <= UNCOUNTED_BYTES => Ok(()),
            Some(share) => share.resize(capacity as u64),
            None => {
                self.share = Some(memory.try_take(who, capacity as u64)?);
                Ok(())
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, and the share to be kept while what was read from them is in use.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Option<Permit>) {
        (self.bytes, self.share)
    }
}

fn too_many(refusal: Refusal) -> ErrorResponse {
    let (sentence, french) = match refusal {
        Refusal::OwnShare | Refusal::TooLarge => (
            "Requests from your address already send as many bytes at a time as they may. Try again in a moment.",
            "Les requêtes de votre adresse envoient déjà le maximum d’octets à la fois. Réessayez dans un instant.",
        ),
        Refusal::AllTaken => (
            "The server receives as many bytes of requests at a time as it may. Try again in a moment.",
            "Le serveur reçoit déjà le maximum d’octets de requêtes à la fois. Réessayez dans un instant.",
        ),
    };
    ErrorResponse::because(ErrorCode::TooManyRequests, sentence).in_french(french)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Bounds;

    #[test]
    fn a_long_body_takes_its_share_piece_by_piece() {
        let memory = Admission::new(Bounds { all: 96 << 10, one: 64 << 10, waiting_one: 0, waiting_all: 0 });
        let (first, second) = (Who::client("a"), Who::client("b"));
        let mut long = WholeBody::default();
        assert!(long.push(&[1; UNCOUNTED_BYTES], &memory, first).is_ok());
        assert_eq!(memory.figures().held, 0);
        assert!(long.push(&[2; 20 << 10], &memory, first).is_ok());
        assert_eq!(memory.figures().held, 64 << 10);
        assert!(long.push(&[3; 32 << 10], &memory, first).is_err());
        assert_eq!((long.bytes().len(), memory.figures().held), (36 << 10, 64 << 10));
        let mut other = WholeBody::default();
        assert!(other.push(&[4; 20 << 10], &memory, second).is_ok());
        assert!(WholeBody::default().push(&[5; UNCOUNTED_BYTES + 1], &memory, second).is_err());
        assert!(WholeBody::default().push(&[6; UNCOUNTED_BYTES], &memory, second).is_ok());
        let (bytes, share) = long.into_parts();
        drop((bytes, other));
        assert_eq!(memory.figures().held, 64 << 10);
        drop(share);
        assert_eq!(memory.figures().held, 0);
    }
}
