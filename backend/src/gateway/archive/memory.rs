//! The memory of an archive: its manifest, while it is made and while it is sent.

use shared::ErrorCode;

use crate::admission::{Admission, Permit, Refusal, Who};
use crate::gateway::http::problem::ErrorResponse;

/// The share of one archive. Small archives are made however slow their readers are, and only the largest ones compete.
pub(crate) struct Memory {
    permit: Permit,
}

impl Memory {
    /// Memory is taken in steps, so that few entries of a walk need the lock of the budget.
    const STEP_BYTES: usize = 1 << 20;
    /// What the smallest archive takes besides its manifest: the pieces that it joins and the files that it awaits.
    const LEAST_BYTES: usize = 256 << 10;

    /// # Errors
    /// [`ErrorCode::TooManyRequests`] if the client, or all together, have as much as they may.
    pub(crate) fn reserve(budget: &Admission, who: Who) -> Result<Self, ErrorResponse> {
        let permit = budget.try_take(who, Self::LEAST_BYTES as u64).map_err(too_many)?;
        Ok(Self { permit })
    }

    /// Holds memory for a manifest of so many bytes, at least.
    ///
    /// # Errors
    /// As [`Memory::reserve`]; what is held stays the same.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ErrorResponse> {
        let needed = (Self::LEAST_BYTES + bytes) as u64;
        if needed <= self.permit.amount() {
            return Ok(());
        }
        let stepped = needed.next_multiple_of(Self::STEP_BYTES as u64);
        // Near a bound there may be room for what is needed and not for a whole step.
        let amount = if self.permit.may_hold(stepped) { stepped } else { needed };
        self.permit.resize(amount).map_err(too_many)
    }

    /// Holds memory for a manifest of so many bytes, which is complete.
    pub(crate) fn settle(&mut self, bytes: usize) {
        // Giving back does not fail.
        let _ = self.permit.resize(self.permit.amount().min((Self::LEAST_BYTES + bytes) as u64));
    }
}

fn too_many(refusal: Refusal) -> ErrorResponse {
    let (sentence, french) = match refusal {
        Refusal::OwnShare | Refusal::TooLarge => (
            "Archives for your address already use all the memory they may. Try again once they have ended.",
            "Les archives demandées depuis votre adresse occupent déjà toute la mémoire permise. Réessayez quand elles \
             seront terminées.",
        ),
        Refusal::AllTaken => (
            "The server has reached its limit of archives. Try again in a moment.",
            "Le serveur prépare déjà trop d’archives. Réessayez dans un instant.",
        ),
    };
    ErrorResponse::because(ErrorCode::TooManyRequests, sentence).in_french(french)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Bounds;

    #[test]
    fn one_client_leaves_memory_to_the_others() {
        let budget = Admission::new(Bounds { all: 8 << 20, one: 4 << 20, waiting_one: 0, waiting_all: 0 });
        let mut first = Memory::reserve(&budget, Who::client("a")).unwrap_or_else(|_| panic!("refused"));
        assert!(first.grow(3 << 20).is_ok());
        assert_eq!(budget.figures().held, 4 << 20);
        assert!(Memory::reserve(&budget, Who::client("a")).is_err());
        assert!(Memory::reserve(&budget, Who::client("b")).is_ok());
        assert_eq!(budget.figures().refused, 1);
        // Less than a step is left.
        assert!(first.grow((4 << 20) - Memory::LEAST_BYTES).is_ok());
        assert_eq!(budget.figures().refused, 1);
        assert!(first.grow(4 << 20).is_err());
        assert_eq!(budget.figures().refused, 2);
        first.settle(1 << 20);
        assert_eq!(budget.figures().held, (1 << 20) + Memory::LEAST_BYTES as u64);
        drop(first);
        assert_eq!(budget.figures().held, 0);
    }
}
