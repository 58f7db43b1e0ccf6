//! Finds the `<link data-trunk …>` tags of `index.html` and puts the bundler's tags in their place. Pure.

use anyhow::{Result, bail};

/// One `<link data-trunk …>`, by the attributes that the bundler reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// `rel="css"`: the path of a style sheet.
    Style { href: String },
    /// `rel="icon"`: the path and type of a picture.
    Icon { href: String, media_type: String },
    /// `rel="rust"`: the name of a program that the page starts.
    Program { name: String },
    /// `rel="rust" data-type="worker"`: the name of a program that a script of the page starts.
    Worker { name: String },
}

/// The template with each `<link data-trunk …>` replaced by what `replace` makes of it.
///
/// # Errors
/// A link of a kind that the bundler does not know, and any error of `replace`.
pub(crate) fn fill(template: &str, mut replace: impl FnMut(Link) -> Result<String>) -> Result<String> {
    let mut page = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(start) = rest.find("<link") {
        let (before, from) = rest.split_at(start);
        let Some(end) = tag_end(from) else { bail!("index.html: `{from}` has no end") };
        let (tag, after) = from.split_at(end);
        page.push_str(before);
        let attributes = attributes(tag);
        match attributes.iter().any(|(name, _)| *name == "data-trunk") {
            true => page.push_str(&replace(link(&attributes)?)?),
            false => page.push_str(tag),
        }
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

fn link(attributes: &[(&str, &str)]) -> Result<Link> {
    let value = |name: &str| attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let link = match (value("rel").as_deref(), value("data-type").as_deref()) {
        (Some("css"), None) => value("href").map(|href| Link::Style { href }),
        (Some("icon"), None) => {
            value("href").zip(value("type")).map(|(href, media_type)| Link::Icon { href, media_type })
        }
        (Some("rust"), None) => value("data-bin").map(|name| Link::Program { name }),
        (Some("rust"), Some("worker")) => value("data-bin").map(|name| Link::Worker { name }),
        _ => None,
    };
    match link {
        Some(link) => Ok(link),
        None => bail!("index.html: the bundler does not know a link with {attributes:?}"),
    }
}

/// The length of the tag at the start of `text`, with its `>`.
fn tag_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Names and values of a tag's attributes, which are in double quotes or have no value.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut rest = tag.trim_start_matches("<link").trim_end_matches('>').trim_end_matches('/');
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        if end == 0 {
            return attributes;
        }
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"").and_then(|quoted| quoted.split_once('"')) {
            Some((value, after)) => (value, after),
            None => ("", after.trim_start_matches('=')),
        };
        attributes.push((name, value));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, fill};

    fn links(template: &str) -> Vec<Link> {
        let mut links = Vec::new();
        fill(template, |link| {
            links.push(link);
            Ok(String::new())
        })
        .unwrap();
        links
    }

    #[test]
    fn each_kind_of_link_is_read() {
        let template = "<link data-trunk rel=\"css\" href=\"a.css\" />\n<link\n  data-trunk\n  rel=\"icon\"\n  \
                        type=\"image/svg+xml\" href=\"b.svg\">\n<link data-trunk rel=\"rust\" data-bin=\"c\" \
                        data-wasm-opt=\"0\" />\n<link data-trunk rel=\"rust\" data-bin=\"d\" data-type=\"worker\" \
                        data-loader-shim />";
        let expected = [
            Link::Style { href: "a.css".into() },
            Link::Icon { href: "b.svg".into(), media_type: "image/svg+xml".into() },
            Link::Program { name: "c".into() },
            Link::Worker { name: "d".into() },
        ];
        assert_eq!(links(template), expected);
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let template =
            "<meta a=\"1\" /><link rel=\"canonical\" href=\"a>b\" />\n<link data-trunk rel=\"css\" href=\"x\">é";
        let page = fill(template, |_| Ok("<new>".into())).unwrap();
        assert_eq!(page, "<meta a=\"1\" /><link rel=\"canonical\" href=\"a>b\" />\n<new>é");
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        assert!(fill("<link data-trunk rel=\"sass\" href=\"x\" />", |_| Ok(String::new())).is_err());
        assert!(fill("<link data-trunk rel=\"css\" />", |_| Ok(String::new())).is_err());
        assert!(fill("<link data-trunk rel=\"css\"", |_| Ok(String::new())).is_err());
    }
}
