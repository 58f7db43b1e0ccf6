//! The media type of a file by its name and first bytes, and the policy (CSP) under which a browser opens its content. Pure.
//!
//! A user who can store a file must not thereby run a script with this site's rights. So all content is served with a
//! policy that sandboxes it: no scripts, an opaque origin, no forms. PDF, audio and video run no scripts with rights of this
//! site, and the browser's own viewers do not work in a sandbox. No type is that of a script or a style sheet, so a
//! page of this site cannot load content as either: with `nosniff`, browsers go by the type.

use http::HeaderValue;
use shared::VPath;

/// How many of a file's first bytes its type may depend on.
pub(crate) const SAMPLE_BYTES: usize = 64 << 10;

/// True if [`refined`] may change the type `named` of a file.
pub(crate) fn depends_on_content(named: &str) -> bool {
    named.ends_with(CHARSET)
}

/// The type of a file at `path`, whose name stands for the type `named` and whose first bytes are `sample`:
/// [`SAMPLE_BYTES`], or all of the file.
///
/// Text is declared UTF-8 if it is; of other text a browser guesses the encoding, or reads it in the document. A name in
/// `.ts` or `.mts` is TypeScript, or a film in packets of a transport stream.
pub(crate) fn refined(path: &VPath, named: &'static str, sample: &[u8]) -> &'static str {
    if !depends_on_content(named) {
        return named;
    }
    if matches!(&*extension(path), "ts" | "mts") && is_transport_stream(sample) {
        return "video/mp2t";
    }
    if is_utf8(sample) { named } else { named.split(';').next().unwrap_or(named) }
}

/// True if packets of an MPEG transport stream begin where they should: 188 bytes each (ISO 13818-1 §2.4.3.2), or 192
/// with a time code of 4 bytes in front.
fn is_transport_stream(sample: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    const PACKETS: usize = 3;
    let in_step =
        |offset: usize, step: usize| (0..PACKETS).all(|packet| sample.get(offset + packet * step) == Some(&SYNC));
    in_step(0, 188) || in_step(4, 192)
}

/// True if the bytes are UTF-8, perhaps cut within a character. ISO-2022-JP has bytes below 0x80 alone, so it is known by
/// the escape sequences that begin its characters (RFC 1468).
fn is_utf8(sample: &[u8]) -> bool {
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && sample.len() >= SAMPLE_BYTES,
    };
    valid && !sample.windows(3).any(|bytes| matches!(bytes, b"\x1b$B" | b"\x1b$@"))
}

/// The media type of a file, by its name.
pub(crate) fn content_type(path: &VPath) -> &'static str {
    let (name, extension) = (path.display_name(), extension(path));
    if let Some(known) = by_extension(&extension).or_else(|| by_name(&name)) {
        return known;
    }
    match mime_guess::from_ext(&extension).first_raw() {
        Some("text/html") => "text/html; charset=utf-8",
        Some("text/csv") => "text/csv; charset=utf-8",
        Some("text/xml") => "text/xml; charset=utf-8",
        Some("text/markdown") => "text/markdown; charset=utf-8",
        Some("text/vtt") => "text/vtt; charset=utf-8",
        Some("text/calendar") => "text/calendar; charset=utf-8",
        Some("text/vcard") => "text/vcard; charset=utf-8",
        // Other text formats are served as plain text, because browsers download formats that they cannot show.
        Some(text) if text.starts_with("text/") || is_script(text) => PLAIN,
        Some(other) => other,
        None => "application/octet-stream",
    }
}

/// True for the types of scripts (the JavaScript MIME types of the MIME Sniffing standard) outside `text/`.
fn is_script(mime: &str) -> bool {
    mime.ends_with("javascript") || mime.ends_with("ecmascript")
}

fn extension(path: &VPath) -> String {
    path.display_name().rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_ascii_lowercase())
}

const PLAIN: &str = "text/plain; charset=utf-8";
/// The end of every type whose files are text.
const CHARSET: &str = "; charset=utf-8";

/// Extensions that the library's table lacks or maps to a type of no use on a file server.
fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "flac" => "audio/flac",
        "m4a" => "audio/mp4",
        "opus" => "audio/ogg",
        "mkv" => "video/x-matroska",
        "m2ts" => "video/mp2t",
        "heic" => "image/heic",
        "jxl" => "image/jxl",
        "zst" => "application/zstd",
        "c" | "cc" | "cfg" | "conf" | "cpp" | "diff" | "env" | "go" | "h" | "hpp" | "hs" | "ini" | "java" | "jsx"
        | "js" | "mjs" | "cjs" | "css" | "kt" | "lock" | "log" | "lua" | "nix" | "patch" | "php" | "pl"
        | "properties" | "ps1" | "py" | "r" | "rb" | "rs" | "scss" | "service" | "sh" | "sql" | "srt" | "svelte"
        | "swift" | "tex" | "toml" | "ts" | "mts" | "tsx" | "vue" | "yaml" | "yml" => PLAIN,
        _ => return None,
    })
}

/// Names of text files that customarily have no extension.
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

/// The policies of served content, made once.
pub(crate) struct Policies {
    /// A document shows what it contains, and nothing that it names by address: in a sandbox, the browser sends such a
    /// request as that of another site, which must not find out what exists here.
    sandboxed: HeaderValue,
    /// A browser's PDF viewer does not start inside a sandbox. It gives scripts in a document no page to act on, and
    /// the rest of the policy applies.
    viewed: HeaderValue,
    /// A browser's player requests the file again, which an opaque origin may not. Sound and film have no scripts.
    played: HeaderValue,
}

impl Policies {
    /// `framers` are the origins besides this one whose pages may show content in a frame, separated by spaces.
    pub(crate) fn new(framers: &str) -> Self {
        let make = |loads: &str, framers: &str| {
            HeaderValue::try_from(format!(
                "{loads}; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'self'{framers}"
            ))
        };
        let framers = if framers.is_empty() { String::new() } else { format!(" {framers}") };
        let policy = |loads| {
            // A browser cannot send an origin that is no valid header value.
            make(loads, &framers).or_else(|_| make(loads, "")).unwrap_or(HeaderValue::from_static("sandbox"))
        };
        Self {
            sandboxed: policy("sandbox; img-src data:; media-src data:; font-src data:"),
            viewed: policy("img-src 'self' data:; media-src 'self'; object-src 'self'"),
            played: policy("img-src 'self' data:; media-src 'self'; object-src 'none'"),
        }
    }

    /// The policy of content of that type.
    pub(crate) fn for_type(&self, content_type: &str) -> HeaderValue {
        let is_played = content_type.starts_with("audio/") || content_type.starts_with("video/");
        let policy = match content_type {
            "application/pdf" => &self.viewed,
            _ if is_played => &self.played,
            _ => &self.sandboxed,
        };
        policy.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(content_type(&VPath::from_bytes(name.as_bytes()).unwrap()), expected, "{name}");
    }

    fn type_of(name: &str, sample: &[u8]) -> &'static str {
        let path = VPath::parse(name).unwrap();
        refined(&path, content_type(&path), sample)
    }

    #[test]
    fn a_name_determines_the_media_type() {
        check("a.txt", "text/plain; charset=utf-8");
        check("A.TXT", "text/plain; charset=utf-8");
        check("dir.html/a.png", "image/png");
        check("a.html", "text/html; charset=utf-8");
        check("a.svg", "image/svg+xml");
        check("a.js", "text/plain; charset=utf-8");
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
    fn no_type_is_that_of_a_script_or_a_style_sheet() {
        for extension in ["js", "mjs", "cjs", "jsx", "es", "ecma", "jsonml", "css", "less", "vbs"] {
            let named = content_type(&VPath::parse(&format!("a.{extension}")).unwrap());
            let runs = named.contains("script") || named.contains("css");
            assert!(!runs, "{extension}: {named}");
        }
    }

    #[test]
    fn text_keeps_its_charset_if_it_is_utf_8() {
        let check = |name: &str, sample: &[u8], expected| {
            assert_eq!(type_of(name, sample), expected, "{name} {sample:?}");
        };
        check("a.txt", "café".as_bytes(), PLAIN);
        check("a.txt", b"", PLAIN);
        check("a.txt", b"caf\xe9", "text/plain");
        check("a.txt", b"caf\xc3", "text/plain");
        check("a.html", b"caf\xe9", "text/html");
        check("a.txt", b"\x1b$BF|K\\\x1b(B", "text/plain");
        check("a.log", b"\x1b[1mbold\x1b(B\x1b[m", PLAIN);
        check("a.png", b"caf\xe9", "image/png");
        check("a.json", b"caf\xe9", "application/json");
        let mut cut = vec![b'a'; SAMPLE_BYTES - 1];
        cut.push(0xc3);
        check("a.txt", &cut, PLAIN);
    }

    #[test]
    fn films_are_packets_in_step() {
        let packets = |front: usize, count: usize| -> Vec<u8> {
            let packet = [vec![0xff; front], vec![0x47], vec![0xff; 187]].concat();
            packet.repeat(count)
        };
        assert!(is_transport_stream(&packets(0, 3)) && is_transport_stream(&packets(4, 400)));
        for text in [&b""[..], b"G", &packets(0, 2), &packets(1, 9), "const G = 'G';".repeat(90).as_bytes()] {
            assert!(!is_transport_stream(text));
        }
        assert_eq!(type_of("A.TS", &packets(0, 9)), "video/mp2t");
        assert_eq!(type_of("a.txt", &packets(0, 9)), "text/plain");
    }

    fn policy(content_type: &str, framers: &str) -> String {
        Policies::new(framers).for_type(content_type).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_pdf_is_not_sandboxed() {
        let policy = policy("application/pdf", "");
        assert!(policy.contains("object-src 'self'; default-src 'none';") && !policy.contains("sandbox"), "{policy}");
    }

    #[test]
    fn sound_and_film_are_not_sandboxed() {
        for name in ["a.wav", "a.mp3", "a.mp4", "a.webm", "a.mkv"] {
            let policy = policy(content_type(&VPath::parse(name).unwrap()), "");
            assert!(
                policy.contains("object-src 'none'; default-src 'none';") && !policy.contains("sandbox"),
                "{name}: {policy}"
            );
        }
    }

    #[test]
    fn content_that_can_run_scripts_is_sandboxed() {
        for name in ["a.html", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mhtml", "a.unknown", "a.txt", "a.png"] {
            let policy = policy(content_type(&VPath::parse(name).unwrap()), "");
            assert!(policy.starts_with("sandbox; ") && policy.contains("; default-src 'none';"), "{name}");
            assert!(!policy.contains("script-src") && !policy.contains("allow-"), "{name}");
            assert!(
                policy.contains("img-src data:;") && policy.replace("ancestors 'self'", "").find("'self'").is_none()
            );
        }
    }

    #[test]
    fn only_configured_origins_may_frame_content() {
        assert!(policy("text/html", "").ends_with("frame-ancestors 'self'"));
        assert!(policy("text/html", "https://a.example").ends_with("frame-ancestors 'self' https://a.example"));
        assert!(policy("text/html", "https://a.example\n").ends_with("frame-ancestors 'self'"));
    }
}
