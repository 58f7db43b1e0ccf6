//! A statement with its name.

/// A statement of the accounts. Only the constants of [`super`] exist.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sql {
    pub(in crate::accounts::store) name: &'static str,
    pub(in crate::accounts::store) text: &'static str,
}

impl Sql {
    /// A statement with its name.
    pub(super) const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// Its name, in the log and where it refuses a batch.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The text.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// The numbers of its parameters, in the order of their first use.
    pub fn parameters(self) -> Vec<usize> {
        let mut numbers = Vec::new();
        for part in self.text.split('$').skip(1) {
            let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
            if let Ok(number) = digits.parse()
                && !numbers.contains(&number)
            {
                numbers.push(number);
            }
        }
        numbers
    }
}

/// Declares the statements of a subject, and `ALL` of them.
macro_rules! statements {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: Sql = Sql::new(stringify!($name), $text);)*

        /// Every statement of this subject.
        pub(super) const ALL: &[Sql] = &[$($name),*];
    };
}
pub(super) use statements;
