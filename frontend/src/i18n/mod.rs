//! The texts of the page, in English and in French: tables of constants in [`words`] and [`failure_words`], with
//! templates and plurals. Numbers and dates are formatted by the browser.

mod failure_words;
mod failures;
mod lang;
mod text;
mod words;

pub use lang::Lang;
pub use text::{Counted, Explained, Repeated, fill};
pub use words::Words;
