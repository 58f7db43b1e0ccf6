//! Numbers, sizes, dates and plurals in the user's language, by the browser's `Intl`. Its formatters are expensive to
//! create and cheap to use, so each is created once, when it is first used: all of them at once take longer than a frame.

#![cfg(target_arch = "wasm32")]

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use js_sys::Intl::{DateTimeFormat, NumberFormat, PluralRules};
use js_sys::{Array, Date, Function, Object, Reflect};
use shared::size::scale;
use wasm_bindgen::JsValue;

use crate::i18n::{Counted, Lang, fill};

struct Formats {
    lang: Lang,
    locales: Array,
    whole: OnceCell<Function>,
    tenths: OnceCell<Function>,
    date: OnceCell<Function>,
    full: OnceCell<Function>,
    plural: OnceCell<PluralRules>,
}

thread_local! {
    static FORMATS: RefCell<Option<Rc<Formats>>> = const { RefCell::new(None) };
}

/// Creates the formatter of whole numbers before one is needed: the first formatter of all takes the browser most of a
/// frame, because it loads the tables of the language.
pub fn prepare(lang: Lang) {
    formats(lang).whole();
}

/// A whole number.
pub fn number(lang: Lang, value: usize) -> String {
    call(formats(lang).whole(), value as f64)
}

/// A number of bytes, with its unit.
pub fn size(lang: Lang, bytes: u64) -> String {
    let (formats, scaled) = (formats(lang), scale(bytes));
    let digits = call(if scaled.decimals == 0 { formats.whole() } else { formats.tenths() }, scaled.value);
    format!("{digits}\u{a0}{}", lang.words().units[scaled.unit])
}

/// A date with its time, for a column.
pub fn date(lang: Lang, milliseconds: i64) -> String {
    format_time(formats(lang).date(), milliseconds)
}

/// A date with its time to the second, for a tooltip.
pub fn full_date(lang: Lang, milliseconds: i64) -> String {
    format_time(formats(lang).full(), milliseconds)
}

/// A date in the format of ISO 8601; empty outside of the calendar of JavaScript.
pub fn iso(milliseconds: i64) -> String {
    let date = Date::new(&JsValue::from_f64(milliseconds as f64));
    if date.get_time().is_nan() { String::new() } else { date.to_iso_string().into() }
}

/// A sentence in the plural form of `count`.
pub fn counted(lang: Lang, sentence: &Counted, count: usize) -> String {
    counted_with(lang, sentence, count, &[])
}

/// A sentence in the plural form of `count`, with further values.
pub fn counted_with(lang: Lang, sentence: &Counted, count: usize, values: &[(&str, &str)]) -> String {
    let category: String = formats(lang).plural().select(count as f64).into();
    let number = number(lang, count);
    let values: Vec<_> = values.iter().copied().chain([("n", number.as_str())]).collect();
    fill(sentence.form(&category), &values)
}

/// `DateTimeFormat` throws for a time outside of its calendar, and the text is then empty.
fn format_time(format: &Function, milliseconds: i64) -> String {
    call(format, milliseconds as f64)
}

fn call(format: &Function, value: f64) -> String {
    format
        .call1(&JsValue::UNDEFINED, &JsValue::from_f64(value))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

fn formats(lang: Lang) -> Rc<Formats> {
    FORMATS.with_borrow_mut(|cached| match cached {
        Some(formats) if formats.lang == lang => formats.clone(),
        _ => cached.insert(Rc::new(Formats::new(lang))).clone(),
    })
}

impl Formats {
    fn new(lang: Lang) -> Self {
        Self {
            lang,
            locales: Array::of1(&locale(lang)),
            whole: OnceCell::new(),
            tenths: OnceCell::new(),
            date: OnceCell::new(),
            full: OnceCell::new(),
            plural: OnceCell::new(),
        }
    }

    fn whole(&self) -> &Function {
        self.whole.get_or_init(|| self.make_number(0.0))
    }

    fn tenths(&self) -> &Function {
        self.tenths.get_or_init(|| self.make_number(1.0))
    }

    fn date(&self) -> &Function {
        self.date.get_or_init(|| self.make_date("medium", "short"))
    }

    fn full(&self) -> &Function {
        self.full.get_or_init(|| self.make_date("full", "medium"))
    }

    fn plural(&self) -> &PluralRules {
        self.plural.get_or_init(|| PluralRules::new(&self.locales, &Object::new()))
    }

    fn make_number(&self, digits: f64) -> Function {
        let digits = JsValue::from_f64(digits);
        let digits = [("maximumFractionDigits", digits.clone()), ("minimumFractionDigits", digits)];
        NumberFormat::new(&self.locales, &options(&digits)).format()
    }

    fn make_date(&self, date: &str, time: &str) -> Function {
        let styles = [("dateStyle", date.into()), ("timeStyle", time.into())];
        DateTimeFormat::new(&self.locales, &options(&styles)).format()
    }
}

/// The regional variant of the language (`fr-CA`, `en-GB`) that the browser asks for, if any.
fn locale(lang: Lang) -> JsValue {
    let languages = leptos::prelude::window().navigator().languages();
    languages
        .iter()
        .find(|tag| tag.as_string().and_then(|tag| Lang::of_tag(&tag)) == Some(lang))
        .unwrap_or_else(|| lang.tag().into())
}

fn options(pairs: &[(&str, JsValue)]) -> Object {
    let options = Object::new();
    for (key, value) in pairs {
        // Setting a property of a plain object cannot fail.
        let _ = Reflect::set(&options, &(*key).into(), value);
    }
    options
}
