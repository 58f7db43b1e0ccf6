//! Numbers, sizes, dates and plurals in the user's language, by the browser's `Intl`. Its formatters are expensive to
//! create and cheap to use, so each is created once.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Intl::{DateTimeFormat, NumberFormat, PluralRules};
use js_sys::{Array, Date, Function, Object, Reflect};
use shared::size::scale;
use wasm_bindgen::JsValue;

use crate::i18n::{Counted, Lang, fill};

struct Formats {
    lang: Lang,
    whole: Function,
    tenths: Function,
    date: Function,
    full: Function,
    plural: PluralRules,
}

thread_local! {
    static FORMATS: RefCell<Option<Rc<Formats>>> = const { RefCell::new(None) };
}

/// A whole number.
pub fn number(lang: Lang, value: usize) -> String {
    call(&formats(lang).whole, value as f64)
}

/// A number of bytes, with its unit.
pub fn size(lang: Lang, bytes: u64) -> String {
    let (formats, scaled) = (formats(lang), scale(bytes));
    let digits = call(if scaled.decimals == 0 { &formats.whole } else { &formats.tenths }, scaled.value);
    format!("{digits}\u{a0}{}", lang.words().units[scaled.unit])
}

/// A date with its time, for a column.
pub fn date(lang: Lang, milliseconds: i64) -> String {
    format_time(&formats(lang).date, milliseconds)
}

/// A date with its time to the second, for a tooltip.
pub fn full_date(lang: Lang, milliseconds: i64) -> String {
    format_time(&formats(lang).full, milliseconds)
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
    let category: String = formats(lang).plural.select(count as f64).into();
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
        _ => cached.insert(Rc::new(make(lang))).clone(),
    })
}

fn make(lang: Lang) -> Formats {
    let locales = Array::of1(&locale(lang));
    let number = |digits: f64| {
        let digits = JsValue::from_f64(digits);
        NumberFormat::new(
            &locales,
            &options(&[("maximumFractionDigits", digits.clone()), ("minimumFractionDigits", digits)]),
        )
        .format()
    };
    let date = |date: &str, time: &str| {
        DateTimeFormat::new(&locales, &options(&[("dateStyle", date.into()), ("timeStyle", time.into())])).format()
    };
    Formats {
        lang,
        whole: number(0.0),
        tenths: number(1.0),
        date: date("medium", "short"),
        full: date("full", "medium"),
        plural: PluralRules::new(&locales, &Object::new()),
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
