//! Only the path parser decodes percent-encoding, so that no path is decoded twice or differently.

use super::{problem::Problem, table, tree::Tree};

const DECODERS: &[&str] = &["decode_uri", "decode_uri_component", "percent_decode", "percent_decode_str"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, source) in &tree.sources {
        if !file.contains("/src/") || table::DECODING.contains(&file.as_str()) {
            continue;
        }
        let decodes = |segments: &[String]| segments.iter().any(|segment| DECODERS.contains(&segment.as_str()));
        for path in source.paths.iter().filter(|path| decodes(&path.segments)) {
            problems.push(Problem::at(file, path.line, "percent-encoding is decoded by `VPath` alone"));
        }
    }
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests {
    use super::{Tree, check, table};

    #[test]
    fn decoding_outside_the_path_parser_is_refused() {
        let text = "//! x\nuse percent_encoding::percent_decode;";
        assert_eq!(check(&Tree::of(&[("backend/src/gateway/a.rs", text)])).len(), 1);
        let inline = "//! x\nfn f() { percent_encoding::percent_decode_str(a) }";
        assert_eq!(check(&Tree::of(&[("shared/src/b.rs", inline)])).len(), 1);
        assert!(check(&Tree::of(&[(table::DECODING[0], text)])).is_empty());
    }
}
