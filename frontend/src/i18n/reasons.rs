//! The explanations of failures.

use super::text::Explained;
use super::words::Words;
use crate::failure::Reason;

impl Words {
    /// The explanation of a failure.
    pub fn explain(&self, reason: Reason) -> &Explained {
        match reason {
            Reason::Forbidden => &self.forbidden,
            Reason::Missing => &self.missing,
            Reason::NotFolder => &self.not_folder,
            Reason::NotServed => &self.not_served,
            Reason::TooLarge => &self.too_large,
            Reason::ProxyLimit => &self.proxy_limit,
            Reason::BadAddress => &self.bad_address,
            Reason::Busy => &self.busy,
            Reason::Unreachable => &self.unreachable,
            Reason::Broken => &self.broken,
            Reason::Taken => &self.name_exists,
            Reason::NoParent => &self.parent_missing,
            Reason::IntoItself => &self.into_itself,
            Reason::ChangedSince => &self.changed_since,
            Reason::BadName => &self.bad_name,
            Reason::NoSpace => &self.server_full,
            Reason::CannotWrite => &self.cannot_write,
            Reason::Expired => &self.expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lang::Lang;
    use super::*;

    #[test]
    fn explain_has_a_title_and_advice_for_failures() {
        for lang in Lang::ALL {
            for reason in [Reason::Forbidden, Reason::Missing, Reason::TooLarge, Reason::Unreachable, Reason::Broken] {
                let words = lang.words().explain(reason);
                assert!(words.title.len() > 5 && words.advice.len() > 20);
            }
        }
    }
}
