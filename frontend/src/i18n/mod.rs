//! The texts of the page, in English and in French: a table of constants in [`words`], with templates and plurals.
//! Numbers and dates are formatted by the browser.

mod lang;
mod reasons;
mod text;
mod words;

pub use lang::Lang;
pub use text::{Counted, Explained, fill};
pub use words::Words;
