//! What a file is said to be, and what its content may do when a browser opens it at this address. Pure.
//!
//! Whoever can put a file here must not thereby run a script with this site's rights. So everything that is opened
//! inline gets a policy (CSP) that makes it a stranger: no script, no origin, no form. Pictures, sound and films need
//! none of that, and the browser's own viewers go on working.

use shared::VPath;

/// The media type of a file, by its name.
pub(super) fn content_type(path: &VPath) -> String {
    let name = path.display_name();
    let extension = match name.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    };
    if let Some(known) = by_extension(&extension).or_else(|| by_name(&name)) {
        return known.into();
    }
    let guess = mime_guess::from_ext(&extension).first_or_octet_stream();
    match (guess.type_().as_str(), guess.subtype().as_str()) {
        // What reads as text is shown as text: browsers save what they have no viewer for.
        ("text", subtype) if !SHOWN_TEXTS.contains(&subtype) => PLAIN.into(),
        ("text", _) => format!("{}; charset=utf-8", guess.essence_str()),
        _ => guess.essence_str().to_owned(),
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// Texts that a browser or another program treats in their own way.
const SHOWN_TEXTS: &[&str] =
    &["plain", "html", "css", "csv", "javascript", "xml", "markdown", "vtt", "calendar", "vcard"];

/// Where the table of the library is missing something, out of date, or not what is meant on a file server.
fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "js" | "mjs" | "cjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "flac" => "audio/flac",
        "m4a" => "audio/mp4",
        "opus" => "audio/ogg",
        "mkv" => "video/x-matroska",
        "mts" | "m2ts" => "video/mp2t",
        "heic" => "image/heic",
        "jxl" => "image/jxl",
        "zst" => "application/zstd",
        "c" | "cc" | "cfg" | "conf" | "cpp" | "diff" | "env" | "go" | "h" | "hpp" | "hs" | "ini" | "java" | "jsx"
        | "kt" | "lock" | "log" | "lua" | "nix" | "patch" | "php" | "pl" | "properties" | "ps1" | "py" | "r" | "rb"
        | "rs" | "scss" | "service" | "sh" | "sql" | "srt" | "svelte" | "swift" | "tex" | "toml" | "ts" | "tsx"
        | "vue" | "yaml" | "yml" => PLAIN,
        _ => return None,
    })
}

/// Texts that have no extension by custom.
fn by_name(name: &str) -> Option<&'static str> {
    const TEXTS: &[&str] = &[
        "AUTHORS",
        "CHANGELOG",
        "CONTRIBUTING",
        "COPYING",
        "Containerfile",
        "Dockerfile",
        "INSTALL",
        "LICENSE",
        "Makefile",
        "NEWS",
        "NOTICE",
        "README",
        "TODO",
        ".bashrc",
        ".dockerignore",
        ".editorconfig",
        ".gitattributes",
        ".gitignore",
        ".profile",
        ".zshrc",
    ];
    TEXTS.contains(&name).then_some(PLAIN)
}

/// The policy under which a browser opens content of that type from here. `framers` are the origins whose pages may
/// show it in a frame besides this one, separated by spaces.
pub(super) fn policy(content_type: &str, framers: &str) -> String {
    // A browser's PDF viewer is a plug-in of sorts: inside a sandbox it does not start. It gives a document's scripts
    // no page to act on, and the rest of the policy stands.
    let sandbox = if content_type == "application/pdf" { "object-src 'self'" } else { "sandbox" };
    let framers = if framers.is_empty() { String::new() } else { format!(" {framers}") };
    format!(
        "{sandbox}; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'{framers}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(content_type(&VPath::from_bytes(name.as_bytes()).unwrap()), expected, "{name}");
    }

    #[test]
    fn types_by_name() {
        check("a.txt", "text/plain; charset=utf-8");
        check("A.TXT", "text/plain; charset=utf-8");
        check("dir.html/a.png", "image/png");
        check("a.html", "text/html; charset=utf-8");
        check("a.svg", "image/svg+xml");
        check("a.js", "text/javascript; charset=utf-8");
        check("a.pdf", "application/pdf");
        check("a.mp4", "video/mp4");
        check("a.mp3", "audio/mpeg");
        check("a.webm", "video/webm");
        check("a.avif", "image/avif");
        check("a.wasm", "application/wasm");
        check("a.rs", "text/plain; charset=utf-8");
        check("a.md", "text/markdown; charset=utf-8");
        check("a.ts", "text/plain; charset=utf-8");
        check("a.tar.gz", "application/gzip");
        check("a.zip", "application/zip");
        check("README", "text/plain; charset=utf-8");
        check(".gitignore", "text/plain; charset=utf-8");
        check("a.unheard-of", "application/octet-stream");
        check("a", "application/octet-stream");
        check("a.", "application/octet-stream");
    }

    #[test]
    fn what_can_script_is_sandboxed() {
        for name in ["a.html", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mhtml", "a.unknown", "a.txt", "a.png"] {
            let policy = policy(&content_type(&VPath::parse(name).unwrap()), "");
            assert!(policy.starts_with("sandbox; default-src 'none';"), "{name}");
            assert!(!policy.contains("script-src") && !policy.contains("allow-"), "{name}");
        }
    }

    #[test]
    fn only_named_pages_may_frame() {
        assert!(policy("text/html", "").ends_with("frame-ancestors 'self'"));
        assert!(policy("text/html", "https://a.example").ends_with("frame-ancestors 'self' https://a.example"));
    }
}
