//! HTML escaping, dates and script hashes for generated pages. Pure.

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};
use shared::Timestamp;
use shared::characters::is_bidi_control;

use crate::calendar::DateTime;

/// Appends `text` escaped for HTML, in elements and in quoted attributes. Control characters and bidirectional controls
/// become U+FFFD.
pub(crate) fn escape_html(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            hidden if hidden.is_control() || is_bidi_control(hidden) => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// `2023-11-14 22:13`, in UTC.
pub(crate) fn date(moment: Timestamp) -> String {
    let DateTime { year, month, day, hour, minute, .. } = moment.into();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

/// The CSP source expression that allows exactly this inline script or style.
pub(crate) fn csp_hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(text: &str) -> String {
        let mut out = String::new();
        escape_html(text, &mut out);
        out
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            html("<img src=x onerror='alert(1)'>&\""),
            "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;&quot;"
        );
        assert_eq!(html("a\nb\u{202e}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn dates_before_and_after_1970_are_formatted() {
        assert_eq!(date(Timestamp::from_parts(1_700_000_000, 0)), "2023-11-14 22:13");
        assert_eq!(date(Timestamp::from_parts(951_782_400, 0)), "2000-02-29 00:00");
        assert_eq!(date(Timestamp::from_parts(-1, 0)), "1969-12-31 23:59");
        assert_eq!(date(Timestamp(i64::MAX)), "2262-04-11 23:47");
        assert_eq!(date(Timestamp(i64::MIN)), "1677-09-21 00:12");
    }

    #[test]
    fn csp_hash_is_the_base64_of_sha_256() {
        assert_eq!(csp_hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_element(text: String) {
            let html = html(&text);
            prop_assert!(!html.contains(['<', '>', '"', '\'', '\n']));
        }
    }
}
