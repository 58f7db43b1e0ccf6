//! The parts of Rust that tidy reads: paths, imports, declared modules and defined names, each with its module. Pure.

use super::tokens::{Kind, Token, kind_at, tokens, word_at};

/// A path as written, `crate::wire::Frame` for example; a group in a `use` yields one path for each name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) line: usize,
    /// The inline modules around it, outermost first.
    pub(super) inside: Vec<String>,
    pub(super) segments: Vec<String>,
    /// `None` for a path in an expression or a type.
    pub(super) import: Option<Import>,
    /// Within an item that is compiled for tests only.
    pub(super) test: bool,
}

/// The form of a path in a `use`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) public: bool,
    pub(super) name: Imported,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Imported {
    /// The name in scope: the last segment, or the one after `as`.
    Name(String),
    /// `use a::*`; the path is `a`.
    Glob,
}

/// A `mod name;`, whose text is in another file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) inside: Vec<String>,
    pub(super) name: String,
    /// The value of a `#[path = "…"]` before it.
    pub(super) path: Option<String>,
    pub(super) test: bool,
}

/// An item with a name: a type, a function, a constant, an inline module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Defined {
    pub(super) inside: Vec<String>,
    pub(super) name: String,
    pub(super) is_module: bool,
    pub(super) test: bool,
}

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) paths: Vec<NamedPath>,
    pub(super) declared: Vec<Declared>,
    pub(super) defined: Vec<Defined>,
    /// `#![cfg(test)]` stands at the top.
    pub(super) test: bool,
}

pub(super) fn read(text: &str) -> Source {
    let tokens = tokens(text);
    let test = tests_only(&tokens);
    let mut source = Source { test: starts_with_test_attribute(&tokens), ..Source::default() };
    // The names of the inline modules around the token, and the depth of braces at which each began.
    let mut inside: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut path_attribute = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let names = || inside.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let is_item = depth == inside.last().map_or(0, |(_, began)| began + 1);
        match &token.kind {
            Kind::Mark('{') => depth += 1,
            Kind::Mark('}') => {
                depth = depth.saturating_sub(1);
                inside.pop_if(|(_, began)| *began == depth);
            }
            Kind::Word(word) if word == "mod" => {
                if let (Some(name), Some(Kind::Mark(mark))) = (word_at(&tokens, at + 1), kind_at(&tokens, at + 2)) {
                    let name = name.to_owned();
                    if *mark == ';' {
                        let path = path_attribute.take();
                        source.declared.push(Declared { inside: names(), name, path, test: test[at] });
                    } else if *mark == '{' {
                        let around = names();
                        inside.push((name.clone(), depth));
                        source.defined.push(Defined { inside: around, name, is_module: true, test: test[at] });
                    }
                    at += 1;
                }
            }
            Kind::Word(word) if word == "path" && kind_at(&tokens, at + 1) == Some(&Kind::Mark('=')) => {
                if let Some(Kind::Text(value)) = kind_at(&tokens, at + 2) {
                    path_attribute = Some(value.clone());
                }
            }
            Kind::Word(word) if word == "use" && starts_use(&tokens, at) => {
                let mut found = Vec::new();
                let end = tree(&tokens, at + 1, &[], &mut found);
                let public = is_public(&tokens, at);
                for Leaf { line, segments, name } in found {
                    let import = Some(Import { public, name });
                    source.paths.push(NamedPath { line, inside: names(), segments, import, test: test[at] });
                }
                at = end;
                continue;
            }
            Kind::Word(word) if is_item && defines(word) => {
                if let Some(name) = defined_name(&tokens, at) {
                    let name = name.to_owned();
                    source.defined.push(Defined { inside: names(), name, is_module: false, test: test[at] });
                }
            }
            Kind::Word(_) if starts_path(&tokens, at) => {
                let (segments, end) = path(&tokens, at);
                let line = token.line;
                source.paths.push(NamedPath { line, inside: names(), segments, import: None, test: test[at] });
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    source
}

/// One name of a `use`.
struct Leaf {
    line: usize,
    segments: Vec<String>,
    name: Imported,
}

/// Reads one tree of a `use`, and returns the index after it.
fn tree(tokens: &[Token], start: usize, before: &[String], found: &mut Vec<Leaf>) -> usize {
    let mut segments = before.to_vec();
    let mut line = tokens.get(start).map_or(0, |token| token.line);
    let mut at = start;
    loop {
        match kind_at(tokens, at) {
            Some(Kind::Word(word)) => {
                segments.push(word.clone());
                line = tokens[at].line;
                at += 1;
            }
            Some(Kind::Mark('*')) => {
                found.push(Leaf { line: tokens[at].line, segments, name: Imported::Glob });
                return at + 1;
            }
            Some(Kind::Mark('{')) => return group(tokens, at + 1, &segments, found),
            _ => break,
        }
        if kind_at(tokens, at) != Some(&Kind::Colons) {
            break;
        }
        at += 1;
    }
    let mut name = segments.iter().rev().find(|segment| *segment != "self").cloned().unwrap_or_default();
    if word_at(tokens, at) == Some("as") {
        name = word_at(tokens, at + 1).unwrap_or_default().to_owned();
        at += 2;
    }
    found.push(Leaf { line, segments, name: Imported::Name(name) });
    at
}

fn group(tokens: &[Token], start: usize, before: &[String], found: &mut Vec<Leaf>) -> usize {
    let mut at = start;
    while let Some(kind) = kind_at(tokens, at) {
        match kind {
            Kind::Mark('}') => return at + 1,
            Kind::Word(_) | Kind::Mark('*' | '{') => at = tree(tokens, at, before, found),
            _ => at += 1,
        }
    }
    at
}

/// Reads one path outside a `use`, and returns the index after it.
fn path(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    let mut at = start;
    while let Some(word) = word_at(tokens, at) {
        segments.push(word.to_owned());
        at += 1;
        if kind_at(tokens, at) != Some(&Kind::Colons) {
            break;
        }
        at += 1;
    }
    (segments, at)
}

/// Whether `use` begins an import, in contrast to `use<'a>` of a captured lifetime.
fn starts_use(tokens: &[Token], at: usize) -> bool {
    matches!(kind_at(tokens, at + 1), Some(Kind::Word(_) | Kind::Colons | Kind::Mark('{')))
}

/// Whether `pub` or `pub(…)` stands before the token.
fn is_public(tokens: &[Token], at: usize) -> bool {
    let mut before = at.checked_sub(1);
    if before.and_then(|at| kind_at(tokens, at)) == Some(&Kind::Mark(')')) {
        let open = tokens[..at].iter().rposition(|token| token.kind == Kind::Mark('('));
        before = open.and_then(|open| open.checked_sub(1));
    }
    before.and_then(|at| word_at(tokens, at)) == Some("pub")
}

fn defines(word: &str) -> bool {
    matches!(word, "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static" | "macro_rules")
}

/// The name after a word that defines one; `None` for the `const` of `const fn` and for a type `fn(…)`.
fn defined_name(tokens: &[Token], at: usize) -> Option<&str> {
    let skip = |mark: char| usize::from(kind_at(tokens, at + 1) == Some(&Kind::Mark(mark)));
    let name = word_at(tokens, at + 1 + skip('!'))?;
    let name = if name == "mut" { word_at(tokens, at + 2)? } else { name };
    (!matches!(name, "fn" | "unsafe" | "async" | "extern")).then_some(name)
}

/// Whether a path starts at the word: `b` in `a::b` and in `a.b` starts none.
fn starts_path(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| kind_at(tokens, at));
    !matches!(before, Some(Kind::Colons | Kind::Mark('.')))
}

fn starts_with_test_attribute(tokens: &[Token]) -> bool {
    let inner = |token: &&Token| token.kind != Kind::Mark('!');
    let start: Vec<&Token> = tokens.iter().take(8).filter(inner).collect();
    tokens.get(1).is_some_and(|token| token.kind == Kind::Mark('!')) && is_test(&start, 0)
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]` or `#[test]` at the token.
fn is_test(tokens: &[&Token], at: usize) -> bool {
    let spelled = |start: usize, wanted: &[&str]| {
        wanted.iter().enumerate().all(|(offset, wanted)| {
            tokens.get(start + offset).is_some_and(|token| match &token.kind {
                Kind::Word(word) => word == wanted,
                Kind::Mark(mark) => wanted.chars().eq([*mark]),
                Kind::Text(_) | Kind::Colons => false,
            })
        })
    };
    let all = ["#", "[", "cfg", "(", "all", "(", "test"];
    spelled(at, &["#", "[", "cfg", "(", "test", ")"]) || spelled(at, &all) || spelled(at, &["#", "[", "test", "]"])
}

/// For each token, whether it belongs to an item that is compiled for tests only.
fn tests_only(tokens: &[Token]) -> Vec<bool> {
    let all: Vec<&Token> = tokens.iter().collect();
    let mut test = vec![false; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        if is_test(&all, at) {
            let end = item_end(tokens, attribute_end(tokens, at));
            test[at..end].fill(true);
            at = end;
        } else {
            at += 1;
        }
    }
    test
}

/// The token after `#[…]` that begins at `at`.
fn attribute_end(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.kind {
            Kind::Mark('[') => depth += 1,
            Kind::Mark(']') if depth == 1 => return at + offset + 1,
            Kind::Mark(']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    tokens.len()
}

/// The end of the item, field, arm or statement that begins at `start`, its further attributes included.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while kind_at(tokens, at) == Some(&Kind::Mark('#')) {
        at = attribute_end(tokens, at);
    }
    let first = word_at(tokens, at).unwrap_or_default();
    let is_block = matches!(
        first,
        "pub"
            | "fn"
            | "async"
            | "unsafe"
            | "extern"
            | "struct"
            | "enum"
            | "union"
            | "trait"
            | "impl"
            | "mod"
            | "macro_rules"
            | "const"
    );
    let mut depth = 0_usize;
    while let Some(kind) = kind_at(tokens, at) {
        match kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') if depth == 0 => return at,
            Kind::Mark('}') if depth == 1 && is_block => return at + 1,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            Kind::Mark(';') if depth == 0 => return at + 1,
            Kind::Mark(',') if depth == 0 && !is_block => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{Import, Imported, read};

    fn paths(text: &str) -> Vec<String> {
        let joined = |segments: &[String]| segments.join("::");
        let long = |path: &super::NamedPath| path.segments.len() > 1;
        read(text).paths.iter().filter(|path| long(path)).map(|path| joined(&path.segments)).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(
            paths("use crate::{wire::{Frame, self}, client as c};"),
            ["crate::wire::Frame", "crate::wire::self", "crate::client"]
        );
    }

    #[test]
    fn paths_in_expressions_and_types_count() {
        assert_eq!(
            paths("fn f(x: &crate::wire::Frame) -> u8 { a.b::<u8>(); std::fs::read(x) }"),
            ["crate::wire::Frame", "std::fs::read"]
        );
    }

    #[test]
    fn comments_strings_and_characters_do_not() {
        let text =
            "// crate::a::b\n/* crate::c /* x::y */ z::w */ \"d::e \\\" f::g\" r#\"h::\"i\"# 'j' '\\'' 'k: ::l::m";
        assert_eq!(paths(text), Vec::<String>::new());
        assert_eq!(paths("let a = b'\"'; n::o"), ["n::o"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let source = read("/*\n\n*/ \"\n\" use\n a::b;");
        assert_eq!(source.paths.last().unwrap().line, 5);
    }

    #[test]
    fn imports_keep_the_name_in_scope() {
        let source = read("pub(crate) use a::{b as c, d::*}; use e::{self};");
        let found: Vec<_> = source.paths.iter().filter_map(|path| path.import.as_ref()).collect();
        let import = |public, name| Import { public, name };
        let name = |name: &str| Imported::Name(name.to_owned());
        assert_eq!(found, [&import(true, name("c")), &import(true, Imported::Glob), &import(false, name("e"))]);
    }

    #[test]
    fn names_are_defined_by_items_and_not_by_methods() {
        let source = read("pub const fn a() {} impl B { fn c() {} } macro_rules! d { () => {} } mod e { struct F; }");
        let found: Vec<_> = source.defined.iter().map(|defined| defined.name.as_str()).collect();
        assert_eq!(found, ["a", "d", "e", "F"]);
    }

    #[test]
    fn items_for_tests_are_marked() {
        let source =
            read("#[cfg(test)] use a::b; struct S { #[cfg(test)] x: c::D, y: e::F } #[test] fn f() { g::h() } i::j");
        let test: Vec<_> =
            source.paths.iter().filter(|p| p.segments.len() > 1).map(|p| (p.segments.concat(), p.test)).collect();
        let pairs = [("ab", true), ("cD", true), ("eF", false), ("gh", true), ("ij", false)];
        assert_eq!(test, pairs.map(|(name, test)| (name.to_owned(), test)));
        assert!(read("//! x\n#![cfg(test)]\nmod a;").test);
    }

    #[test]
    fn inline_modules_are_remembered() {
        let source = read("mod a { mod b { use super::x; } mod c; }\n#[path = \"odd.rs\"]\nmod d;\nuse e::f;");
        assert_eq!(source.paths.iter().find(|path| path.segments[0] == "super").unwrap().inside, ["a", "b"]);
        assert_eq!(source.paths.last().unwrap().inside, Vec::<String>::new());
        let declared: Vec<_> = source.declared.iter().map(|d| (d.inside.len(), &*d.name, d.path.as_deref())).collect();
        assert_eq!(declared, [(1, "c", None), (0, "d", Some("odd.rs"))]);
    }
}
