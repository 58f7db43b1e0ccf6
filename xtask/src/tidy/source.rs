//! The parts of Rust that tidy reads: paths, imports, declared modules and defined names, each with its module. Pure.

use super::{
    test_code,
    tokens::{Kind, Token, kind_at, tokens, word_at},
    use_tree::{self, Imported, Leaf},
};

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
    /// The imported names, with whether the `use` is public.
    pub(super) imports: Vec<(Imported, bool)>,
    /// `#![cfg(test)]` stands at the top.
    pub(super) test: bool,
}

pub(super) fn read(text: &str) -> Source {
    let tokens = tokens(text);
    let source = Source { test: test_code::is_whole_file(&tokens), ..Source::default() };
    let test = test_code::mask(&tokens);
    Reader { tokens: &tokens, test, at: 0, inside: Vec::new(), depth: 0, path_attribute: None, source }.read()
}

struct Reader<'a> {
    tokens: &'a [Token],
    /// For each token, whether it is compiled for tests only.
    test: Vec<bool>,
    /// The current token.
    at: usize,
    /// The inline modules around the token, with the depth of braces at which each began.
    inside: Vec<(String, usize)>,
    depth: usize,
    path_attribute: Option<String>,
    source: Source,
}

impl Reader<'_> {
    fn read(mut self) -> Source {
        while let Some(token) = self.tokens.get(self.at) {
            match &token.kind {
                Kind::Mark('{') => self.depth += 1,
                Kind::Mark('}') => self.close(),
                Kind::Word(word) => self.word(word, token.line),
                _ => {}
            }
            self.at += 1;
        }
        self.source
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.inside.pop_if(|(_, began)| *began == self.depth);
    }

    fn word(&mut self, word: &str, line: usize) {
        match word {
            "mod" => self.module(),
            "path" if self.kind(1) == Some(&Kind::Mark('=')) => self.path_attribute(),
            "use" if starts_use(self.tokens, self.at) => self.import(),
            _ if self.is_item() && defines(word) => self.definition(),
            _ if starts_path(self.tokens, self.at) => self.path(line),
            _ => {}
        }
    }

    /// Directly within a module, in contrast to a function or an `impl`.
    fn is_item(&self) -> bool {
        self.depth == self.inside.last().map_or(0, |(_, began)| began + 1)
    }

    fn kind(&self, ahead: usize) -> Option<&Kind> {
        kind_at(self.tokens, self.at + ahead)
    }

    fn inside(&self) -> Vec<String> {
        self.inside.iter().map(|(name, _)| name.clone()).collect()
    }

    fn module(&mut self) {
        let (Some(name), Some(Kind::Mark(mark))) = (word_at(self.tokens, self.at + 1), self.kind(2)) else { return };
        let (name, mark, inside, test) = (name.to_owned(), *mark, self.inside(), self.test[self.at]);
        if mark == ';' {
            let path = self.path_attribute.take();
            self.source.declared.push(Declared { inside, name, path, test });
        } else if mark == '{' {
            self.inside.push((name.clone(), self.depth));
            self.source.defined.push(Defined { inside, name, is_module: true, test });
        }
        self.at += 1;
    }

    fn path_attribute(&mut self) {
        if let Some(Kind::Text(value)) = self.kind(2) {
            self.path_attribute = Some(value.clone());
        }
    }

    fn import(&mut self) {
        let (public, inside, test) = (is_public(self.tokens, self.at), self.inside(), self.test[self.at]);
        let (leaves, end) = use_tree::read(self.tokens, self.at + 1);
        for Leaf { line, segments, name } in leaves {
            self.source.imports.extend((!test).then(|| (name.clone(), public)));
            let import = Some(Import { public, name });
            self.source.paths.push(NamedPath { line, inside: inside.clone(), segments, import, test });
        }
        self.at = end - 1;
    }

    fn definition(&mut self) {
        if let Some(name) = defined_name(self.tokens, self.at) {
            let (name, inside, test) = (name.to_owned(), self.inside(), self.test[self.at]);
            self.source.defined.push(Defined { inside, name, is_module: false, test });
        }
    }

    fn path(&mut self, line: usize) {
        let (segments, end) = path(self.tokens, self.at);
        let (inside, test) = (self.inside(), self.test[self.at]);
        self.source.paths.push(NamedPath { line, inside, segments, import: None, test });
        self.at = end - 1;
    }
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
