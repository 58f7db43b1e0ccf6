//! Import cycles: between the files of a crate, and between the files and folders within each folder. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    modules::{Modules, Target, module_of},
    problem::Problem,
    source::{NamedPath, Source},
    tree::Tree,
    use_tree::Imported,
};

/// Every cycle, with an example of each of its imports.
pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let graph = graph(&tree.sources);
    let found = between_files(&graph).into_iter().chain(between_folders(&graph));
    found.map(|cycle| problem(&cycle)).collect()
}

fn problem(cycle: &Cycle) -> Problem {
    let (file, line) = cycle.place();
    let examples: String = cycle.examples().map(|example| format!("\n        {example}")).collect();
    Problem::at(file, line, format!("import cycle {}{examples}", cycle.way()))
}

/// The first import that makes an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Example {
    file: String,
    line: usize,
    path: String,
}

/// From a file or folder to those that it imports.
type Graph = BTreeMap<String, BTreeMap<String, Example>>;

/// The files or folders of a cycle, each with an import of the next one.
#[derive(Debug, PartialEq, Eq)]
struct Cycle {
    steps: Vec<(String, Example)>,
}

impl Cycle {
    /// Where its first import stands.
    fn place(&self) -> (&str, usize) {
        self.steps.first().map_or(("", 0), |(_, example)| (&example.file, example.line))
    }

    /// The names of the cycle with edges between them, the first one repeated at the end.
    fn way(&self) -> String {
        let names = self.steps.iter().chain(self.steps.first()).map(|(name, _)| name.as_str());
        names.collect::<Vec<_>>().join(" → ")
    }

    /// One line for each edge.
    fn examples(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|(_, example)| format!("{}:{}: {}", example.file, example.line, example.path))
    }
}

/// The cycles between the files of the crates, smallest first.
fn between_files(graph: &Graph) -> Vec<Cycle> {
    cycles(graph)
}

/// The cycles between what lies directly within one folder, smallest first: a folder stands for all files below it.
fn between_folders(graph: &Graph) -> Vec<Cycle> {
    let mut levels: BTreeMap<String, Graph> = BTreeMap::new();
    for (from, to, example) in graph.iter().flat_map(|(from, to)| to.iter().map(move |(to, e)| (from, to, e))) {
        let (folder, from, to) = siblings(from, to);
        levels.entry(folder).or_default().entry(from).or_default().entry(to).or_insert_with(|| example.clone());
    }
    let mut found: Vec<Cycle> = levels.values().flat_map(cycles).collect();
    found.retain(|cycle| cycle.steps.iter().any(|(name, _)| !name.ends_with(".rs")));
    found.sort_by_key(|cycle| cycle.steps.len());
    found
}

/// The innermost folder that two files share, and the file or folder directly below it in which each lies.
fn siblings(from: &str, to: &str) -> (String, String, String) {
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = to.split('/').collect();
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let within = |parts: &[&str]| parts[..=shared.min(parts.len() - 1)].join("/");
    (from[..shared].join("/"), within(&from), within(&to))
}

/// The imports between the files of each crate.
fn graph(sources: &BTreeMap<String, Source>) -> Graph {
    let mut crates: BTreeMap<&str, BTreeMap<&str, &Source>> = BTreeMap::new();
    for (file, source) in sources {
        if let Some((root, below)) = file.split_once("/src/") {
            crates.entry(root).or_default().insert(below, source);
        }
    }
    let mut graph = Graph::new();
    for (root, files) in crates {
        let folder = format!("{root}/src/");
        graph.extend(edges(&folder, compiled_for_use(files)));
    }
    graph
}

/// Without the roots of other programs of the crate, and without the files that only tests compile.
fn compiled_for_use<'a>(mut files: BTreeMap<&'a str, &'a Source>) -> BTreeMap<&'a str, &'a Source> {
    if files.contains_key("lib.rs") {
        files.remove("main.rs");
    }
    let mut left_out: Vec<Vec<String>> = vec![vec!["bin".to_owned()]];
    for (file, source) in &files {
        let own = module_of(file);
        left_out.extend(source.test.then(|| own.clone()));
        for declared in source.declared.iter().filter(|declared| declared.test) {
            left_out.push([own.as_slice(), &declared.inside, std::slice::from_ref(&declared.name)].concat());
        }
    }
    files.retain(|file, _| !left_out.iter().any(|module| module_of(file).starts_with(module)));
    files
}

fn edges(folder: &str, files: BTreeMap<&str, &Source>) -> Graph {
    let modules = Modules::of(&files);
    let mut graph = Graph::new();
    for (file, source) in &files {
        let is_parent = source.declared.iter().any(|declared| !declared.test);
        let own = modules.find(0, &module_of(file)).unwrap_or_default();
        for path in source.paths.iter().filter(|path| !path.test) {
            if is_parent && path.import.as_ref().is_some_and(|import| import.public) {
                continue;
            }
            if path.import.is_none() && path.segments.len() == 1 && !may_be_imported(source, &path.segments[0]) {
                continue;
            }
            let from = modules.find(own, &path.inside).unwrap_or(own);
            let Some(to) = edge(&modules, from, path).filter(|to| to != file) else { continue };
            let full = |file: &str| format!("{folder}{file}");
            let example = Example { file: full(file), line: path.line, path: path.segments.join("::") };
            graph.entry(full(file)).or_default().entry(full(&to)).or_insert(example);
        }
    }
    graph
}

/// Whether a single word can be an edge that no import makes: the name of a re-export, or one from a glob.
fn may_be_imported(source: &Source, word: &str) -> bool {
    source.imports.iter().any(|(name, public)| match name {
        Imported::Name(name) => *public && name == word,
        Imported::Glob => true,
    })
}

/// The file that defines the name at the end of a path.
fn edge(modules: &Modules, from: usize, path: &NamedPath) -> Option<String> {
    match modules.resolve(from, &path.segments) {
        Target::File(file) => Some(file),
        Target::Module(module) => {
            // The import of a module is no edge: the uses of its names are.
            let is_glob = path.import.as_ref().is_some_and(|import| import.name == Imported::Glob);
            is_glob.then(|| modules.file(module).to_owned())
        }
        Target::Elsewhere => None,
    }
}

/// For each edge that lies on a cycle, the shortest one through it.
fn cycles(graph: &Graph) -> Vec<Cycle> {
    let graph = &on_cycles(graph);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (from, to) in graph.iter().flat_map(|(from, to)| to.keys().map(move |to| (from, to))) {
        let Some(mut names) = shortest(graph, to, from) else { continue };
        let smallest = names.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(at, _)| at);
        names.rotate_left(smallest);
        if seen.insert(names.clone()) {
            let next = names.iter().cycle().skip(1);
            let steps = names.iter().zip(next).map(|(from, to)| (from.clone(), graph[from][to].clone())).collect();
            found.push(Cycle { steps });
        }
    }
    found.sort_by_key(|cycle| cycle.steps.len());
    found
}

/// The files from which imports lead to a cycle: files without imports are removed until none is left.
fn on_cycles(graph: &Graph) -> Graph {
    let mut left = graph.clone();
    loop {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.values_mut().for_each(|to| to.retain(|name, _| names.contains(name)));
        left.retain(|_, to| !to.is_empty());
        if left.len() == before {
            return left;
        }
    }
}

/// The shortest way between two of the graph, both included.
fn shortest(graph: &Graph, start: &str, end: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(here) = queue.pop_front() {
        if here == end {
            let mut way = vec![here.to_owned()];
            let mut at = here;
            while at != start {
                at = came_from[at];
                way.push(at.to_owned());
            }
            way.reverse();
            return Some(way);
        }
        for next in graph.get(here).into_iter().flat_map(BTreeMap::keys) {
            if next != start && !came_from.contains_key(next.as_str()) {
                came_from.insert(next, here);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Cycle, between_files, between_folders, graph};
    use crate::tidy::source::{Source, read};

    fn sources(files: &[(&str, &str)]) -> BTreeMap<String, Source> {
        files.iter().map(|(name, text)| (format!("backend/src/{name}"), read(text))).collect()
    }

    fn ways(cycles: &[Cycle]) -> Vec<String> {
        cycles.iter().map(|cycle| cycle.way().replace("backend/src/", "")).collect()
    }

    fn file_cycles(files: &[(&str, &str)]) -> Vec<String> {
        ways(&between_files(&graph(&sources(files))))
    }

    #[test]
    fn a_cycle_through_super_crate_and_an_inline_path_is_found() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use super::b::B; pub struct A;"),
            ("b.rs", "pub struct B; fn f() { crate::c::g() }"),
            ("c.rs", "use crate::a::A; pub fn g() {}"),
        ];
        assert_eq!(file_cycles(&files), ["a.rs → b.rs → c.rs → a.rs"]);
    }

    #[test]
    fn a_re_export_leads_to_the_file_that_defines_the_name() {
        let files = [
            ("lib.rs", "mod wire; mod user;"),
            ("wire/mod.rs", "mod frame; mod pipe; pub use frame::Frame; pub(crate) use pipe::*;"),
            ("wire/frame.rs", "use super::Pipe; pub struct Frame;"),
            ("wire/pipe.rs", "use crate::wire; pub struct Pipe(wire::Frame);"),
        ];
        assert_eq!(file_cycles(&files), ["wire/frame.rs → wire/pipe.rs → wire/frame.rs"]);
    }

    #[test]
    fn a_parent_that_only_re_exports_is_on_no_cycle() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; mod c; pub use b::B; pub use c::C;"),
            ("a/b.rs", "use super::C; pub struct B;"),
            ("a/c.rs", "use super::*; pub struct C;"),
        ];
        assert_eq!(file_cycles(&files), Vec::<String>::new());
    }

    #[test]
    fn a_child_that_imports_from_a_parent_with_logic_is_found() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; use b::B; pub struct A; fn f() -> B { B }"),
            ("a/b.rs", "use super::A; pub struct B;"),
        ];
        assert_eq!(file_cycles(&files), ["a/b.rs → a/mod.rs → a/b.rs"]);
    }

    #[test]
    fn a_glob_import_is_an_edge() {
        let files = [("lib.rs", "mod a; mod b;"), ("a.rs", "use super::b::*;"), ("b.rs", "use crate::a::A;")];
        assert_eq!(file_cycles(&files), ["a.rs → b.rs → a.rs"]);
    }

    #[test]
    fn code_for_tests_does_not_count() {
        let files = [
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod c;"),
            ("a.rs", "use super::b::B; pub struct A;"),
            ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; } #[cfg(test)] use crate::a::A;"),
            ("c.rs", "use crate::b::B; pub struct C;"),
        ];
        assert_eq!(file_cycles(&files), Vec::<String>::new());
    }

    #[test]
    fn two_folders_that_import_each_other_are_found() {
        let files = [
            ("lib.rs", "mod http; mod routes;"),
            ("http/mod.rs", "mod range; mod body;"),
            ("http/range.rs", "use crate::routes::list::List;"),
            ("http/body.rs", "pub struct Body;"),
            ("routes/mod.rs", "pub mod list; mod get;"),
            ("routes/list.rs", "pub struct List;"),
            ("routes/get.rs", "use crate::http::body::Body;"),
        ];
        assert_eq!(file_cycles(&files), Vec::<String>::new());
        assert_eq!(ways(&between_folders(&graph(&sources(&files)))), ["http → routes → http"]);
    }
}
