//! A failure as a page for people: what happened, what to do, and one button, in the colours of the page.
//! Browsers get it instead of the problem document, which is for programs. It has no scripts and loads nothing.

use std::sync::LazyLock;

use shared::ErrorCode;

use super::html::{csp_hash, escape_html};
use super::language::Language;

/// What a page says.
pub(super) struct ErrorPage<'a> {
    pub language: Language,
    pub status: u16,
    pub code: ErrorCode,
    pub title: &'a str,
    pub detail: &'a str,
    /// More about the failure, in English, where the language has less.
    pub more: Option<&'a str>,
    pub request_id: &'a str,
    /// `None` where every address leads to the same failure.
    pub button: Option<Button<'a>>,
}

/// The one button of a page, with the relative address that it leads to.
#[derive(Clone, Copy)]
pub(super) enum Button<'a> {
    AllFiles(&'a str),
    /// To what the person was about to open.
    Continue(&'a str),
}

impl Button<'_> {
    fn html(self, language: Language, html: &mut String) {
        let (address, text) = match self {
            Self::AllFiles(address) => (address, language.pick("Go to all files", "Revenir à tous les fichiers")),
            Self::Continue(address) => (address, language.pick("Continue", "Continuer")),
        };
        html.push_str("<a href=\"");
        escape_html(address, html);
        html.push_str(&format!("\">{text}</a>\n"));
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fff;--line:#e2e5ea;--text:#1a1d21;--muted:#5a6270;--accent:#0b57d0;\
--on-accent:#fff}\
@media(prefers-color-scheme:dark){:root{--bg:#111417;--line:#2a3138;--text:#e6e9ed;--muted:#a3adba;--accent:#8ab4f8;\
--on-accent:#062e6f}}\
body{margin:0;background:var(--bg);color:var(--text);\
font:.875rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",sans-serif}\
main{max-width:36rem;margin:15vh auto 0;padding:0 1.5rem 3rem}\
h1{margin:0 0 .5rem;font-size:1.25rem;line-height:1.4;font-weight:650}\
p{margin:0 0 1.5rem;font-size:1rem;overflow-wrap:anywhere}\
p span{white-space:nowrap}\
a{display:inline-block;padding:.625rem 1rem;border-radius:6px;background:var(--accent);color:var(--on-accent);\
font-weight:600;text-decoration:none}\
a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--muted);overflow-wrap:anywhere}\
";

/// The content security policy of the page.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        csp_hash(STYLE)
    )
});

impl ErrorPage<'_> {
    pub(super) fn html(&self) -> String {
        let mut html = String::with_capacity(2048);
        html.push_str("<!DOCTYPE html>\n<html lang=\"");
        html.push_str(self.language.tag());
        html.push_str("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">");
        html.push_str("<meta name=\"robots\" content=\"noindex\"><title>");
        escape_html(self.title, &mut html);
        html.push_str("</title><style>");
        html.push_str(STYLE);
        html.push_str("</style></head>\n<body><main><h1>");
        escape_html(self.title, &mut html);
        html.push_str("</h1>\n<p>");
        push_sentences(self.detail, &mut html);
        html.push_str("</p>\n");
        if let Some(button) = self.button {
            button.html(self.language, &mut html);
        }
        self.footer(&mut html);
        html.push_str("</main></body></html>\n");
        html
    }

    /// The status and the code, and the id under which the server's log has the request.
    fn footer(&self, html: &mut String) {
        let (error, request) = self.language.pick(("Error", "request"), ("Erreur", "requête"));
        html.push_str(&format!("<footer>{error} {} ({}), {request} ", self.status, self.code.name()));
        escape_html(self.request_id, html);
        if let Some(more) = self.more {
            html.push_str("<br><span lang=\"en\">");
            escape_html(more, html);
            html.push_str("</span>");
        }
        html.push_str("</footer>\n");
    }
}

/// Escapes text. The flag of a command (`--host`) stays in one line: a browser breaks lines after hyphens.
fn push_sentences(text: &str, html: &mut String) {
    for (index, word) in text.split(' ').enumerate() {
        let is_flag = word.contains("--");
        html.push_str(if index > 0 { " " } else { "" });
        html.push_str(if is_flag { "<span>" } else { "" });
        escape_html(word, html);
        html.push_str(if is_flag { "</span>" } else { "" });
    }
}

/// The address of all files, relative to the request's path, so that it is right under every prefix that a proxy may
/// add.
pub(crate) fn home(path: &str) -> String {
    match path.bytes().filter(|byte| *byte == b'/').count() {
        0 | 1 => "./".to_owned(),
        depth => "../".repeat(depth - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(language: Language, detail: &str) -> String {
        let (status, code, title) = (404, ErrorCode::NotFound, "Not found");
        let more = (language == Language::French).then_some("Nothing <here>.");
        let button = Some(Button::AllFiles("../"));
        ErrorPage { language, status, code, title, detail, more, request_id: "76bb", button }.html()
    }

    #[test]
    fn a_page_says_what_happened_and_leads_to_all_files() {
        let html = page(Language::English, "There is nothing here.");
        for part in ["<html lang=\"en\">", "<h1>Not found</h1>", "nothing here.", "<a href=\"../\">Go to all files</a>"]
        {
            assert!(html.contains(part), "{part}");
        }
        assert!(html.contains("Error 404 (not_found), request 76bb"));
        let html = page(Language::French, "Il n’y a rien ici.");
        assert!(html.contains("<html lang=\"fr\">") && html.contains("Revenir à tous les fichiers"));
        assert!(html.contains("<span lang=\"en\">Nothing &lt;here&gt;.</span>"), "{html}");
    }

    #[test]
    fn text_of_the_request_is_escaped() {
        let html = page(Language::English, "<script>alert(1)</script>");
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    }

    #[test]
    fn the_button_leads_to_its_address() {
        let button = |language, address| {
            let mut html = String::new();
            Button::Continue(address).html(language, &mut html);
            html
        };
        assert_eq!(button(Language::English, "?a&b=\""), "<a href=\"?a&amp;b=&quot;\">Continue</a>\n");
        assert_eq!(button(Language::French, "./a"), "<a href=\"./a\">Continuer</a>\n");
    }

    #[test]
    fn a_flag_stays_in_one_line() {
        let html = page(Language::English, "Start it with --host a.example, or not.");
        assert!(html.contains("Start it with <span>--host</span> a.example, or not."), "{html}");
    }

    #[test]
    fn home_is_relative_to_the_address() {
        for (path, expected) in [
            ("/", "./"),
            ("/foo", "./"),
            ("/foo/", "../"),
            ("/foo/bar", "../"),
            ("/files/a/b%2Fc", "../../"),
            ("/api/v1/archive", "../../"),
            ("*", "./"),
        ] {
            assert_eq!(home(path), expected, "{path}");
        }
    }
}
