//! Every path that a document or a comment names exists.

use std::path::Path;

use super::{problem::Problem, table, tree::Tree};

/// Extensions by which a name in code font is taken for a file of the repository.
const EXTENSIONS: &[&str] = &[".rs", ".md", ".ts", ".css"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let texts = tree.texts.iter().filter(|(file, _)| file.ends_with(".md") || file.ends_with(".rs"));
    texts.flat_map(|(file, text)| check_file(tree, file, text)).collect()
}

/// Every line of a document, and the comments of a source.
fn check_file(tree: &Tree, file: &str, text: &str) -> Vec<Problem> {
    let is_document = file.ends_with(".md");
    let is_historic = table::HISTORIC.iter().any(|place| file.starts_with(place));
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if !is_document && !line.trim_start().starts_with("//") {
            continue;
        }
        let links = if is_document { links(line) } else { Vec::new() };
        let broken = links.into_iter().filter(|link| !link_exists(tree, file, link));
        let missing = spans(line).into_iter().filter(|span| !is_historic && !span_exists(tree, span));
        let sentences = broken.chain(missing).map(|path| format!("{path} does not exist"));
        problems.extend(sentences.map(|sentence| Problem::at(file, number + 1, sentence)));
    }
    problems
}

/// Targets of Markdown links within the repository.
fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', 'm']));
    local.map(|target| target.split('#').next().unwrap_or_default()).filter(|target| !target.is_empty()).collect()
}

fn link_exists(tree: &Tree, file: &str, link: &str) -> bool {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in Path::new(link).iter().filter_map(|part| part.to_str()) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    exists(tree, &parts.join("/"))
}

/// Words in code font that look like a path of the repository.
fn spans(line: &str) -> Vec<&str> {
    let spans = line.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
    let paths = spans.map(|span| span.split(':').next().unwrap_or(span).trim_end_matches([',', '.']));
    paths.filter(|span| is_path(span)).collect()
}

fn is_path(span: &str) -> bool {
    let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
    let is_file = EXTENSIONS.iter().any(|extension| span.ends_with(extension) && span.len() > extension.len());
    let from_root = table::MANIFESTS.iter().any(|(name, _)| span.starts_with(&format!("{name}/")));
    plain && !span.starts_with(['/', '.']) && (is_file && span.len() > "b.rs".len() || from_root)
}

/// A path from the root, or the end of one.
fn span_exists(tree: &Tree, span: &str) -> bool {
    let ending = format!("/{span}");
    exists(tree, span) || tree.names.iter().any(|name| name.ends_with(&ending))
}

/// A file, or a folder with a file in it.
fn exists(tree: &Tree, path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    path.is_empty() || tree.names.iter().any(|name| name == path || name.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    fn sentences(file: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (file, text),
            ("backend/src/gateway/lane.rs", "//! x"),
            ("docs/API.md", ""),
            ("docs/client/a.md", ""),
        ]);
        check(&tree).into_iter().map(|problem| problem.sentence).collect()
    }

    #[test]
    fn a_document_that_names_a_missing_file_is_refused() {
        assert_eq!(sentences("README.md", "See `backend/src/gone.rs`."), ["backend/src/gone.rs does not exist"]);
        assert_eq!(sentences("README.md", "See [it](docs/GONE.md#a)."), ["docs/GONE.md does not exist"]);
        assert_eq!(sentences("backend/src/a.rs", "//! See `gone.rs`."), ["gone.rs does not exist"]);
    }

    #[test]
    fn existing_paths_in_any_form_are_accepted() {
        let text =
            "`backend/src/gateway/lane.rs` `gateway/lane.rs:7` `lane.rs` `backend/src/gateway/` `a/b` `/files/x.md`";
        assert_eq!(sentences("README.md", text), Vec::<String>::new());
        assert_eq!(sentences("docs/B.md", "[a](API.md) [b](client/) [c](https://x.y/z.md)"), Vec::<String>::new());
        assert_eq!(sentences("backend/src/a.rs", "let path = \"gone.rs\";"), Vec::<String>::new());
    }
}
