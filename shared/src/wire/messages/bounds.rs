//! [`Bounded`]: bounds of requests that decoding does not check. Each message states its own beside its fields.

/// A message with bounds beyond its encoding.
pub trait Bounded {
    /// Checks the bounds, before the request is carried out.
    ///
    /// # Errors
    /// A sentence that names the violated bound.
    fn check_bounds(&self) -> Result<(), &'static str>;
}

/// `Err` with the sentence, unless the bound holds.
pub(super) fn check(holds: bool, sentence: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(sentence) }
}
