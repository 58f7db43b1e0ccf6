//! The modules of one crate, and which file defines the name that a path leads to. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{source::Source, use_tree::Imported};

/// How many imports of imports are followed: more is a cycle of re-exports.
const STEPS_MAX: usize = 24;

/// One module, with the names in its scope. Modules name each other by index.
#[derive(Debug, Default)]
struct Module {
    file: String,
    parent: usize,
    children: HashMap<String, usize>,
    defined: BTreeSet<String>,
    imported: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A module, by its index.
    Module(usize),
    /// A name, by the file that defines it.
    File(String),
    /// Another crate, a local variable, a keyword.
    Elsewhere,
}

/// The modules of one crate; the first is the root.
#[derive(Debug)]
pub(super) struct Modules(Vec<Module>);

/// The module of a file. The file of a folder is its `mod.rs`, or the file beside it with its name.
pub(super) fn module_of(below_src: &str) -> Vec<String> {
    let trimmed = below_src.trim_end_matches(".rs");
    let parts = trimmed.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    parts.map(str::to_owned).collect()
}

impl Modules {
    /// Of the files of one crate, by path below its `src/`. Code for tests is left out.
    pub(super) fn of(files: &BTreeMap<&str, &Source>) -> Self {
        let mut modules = Self(vec![Module::default()]);
        for (file, source) in files {
            modules.add(file, source);
        }
        modules
    }

    fn add(&mut self, file: &str, source: &Source) {
        let own = self.module(0, &module_of(file), file);
        file.clone_into(&mut self.0[own].file);
        for defined in source.defined.iter().filter(|defined| !defined.test) {
            let inside = self.module(own, &defined.inside, file);
            if defined.is_module {
                self.module(inside, std::slice::from_ref(&defined.name), file);
            } else {
                self.0[inside].defined.insert(defined.name.clone());
            }
        }
        for path in source.paths.iter().filter(|path| !path.test) {
            let Some(import) = &path.import else { continue };
            let inside = self.module(own, &path.inside, file);
            match &import.name {
                Imported::Name(name) => {
                    self.0[inside].imported.entry(name.clone()).or_default().push(path.segments.clone());
                }
                Imported::Glob => self.0[inside].globs.push(path.segments.clone()),
            }
        }
    }

    /// The module below another one; created if it is not there.
    fn module(&mut self, from: usize, below: &[String], file: &str) -> usize {
        let mut here = from;
        for name in below {
            let new = self.0.len();
            here = match self.0[here].children.get(name) {
                Some(child) => *child,
                None => {
                    self.0[here].children.insert(name.clone(), new);
                    self.0.push(Module { file: file.to_owned(), parent: here, ..Module::default() });
                    new
                }
            };
        }
        here
    }

    /// The module below another one.
    pub(super) fn find(&self, from: usize, below: &[String]) -> Option<usize> {
        below.iter().try_fold(from, |here, name| self.0[here].children.get(name).copied())
    }

    pub(super) fn file(&self, module: usize) -> &str {
        &self.0[module].file
    }

    /// Where a path leads that is written in the module `from`.
    pub(super) fn resolve(&self, from: usize, segments: &[String]) -> Target {
        self.resolve_within(from, segments, 0)
    }

    fn resolve_within(&self, from: usize, segments: &[String], steps: usize) -> Target {
        let Some((first, mut rest)) = segments.split_first() else { return Target::Elsewhere };
        if steps > STEPS_MAX {
            return Target::Elsewhere;
        }
        let mut here = from;
        match first.as_str() {
            "crate" => here = 0,
            "self" => {}
            "super" => {
                here = self.0[here].parent;
                while rest.first().is_some_and(|segment| segment == "super") {
                    here = self.0[here].parent;
                    rest = &rest[1..];
                }
            }
            _ => return self.walk(from, segments, steps).unwrap_or(Target::Elsewhere),
        }
        self.walk(here, rest, steps).unwrap_or_else(|| Target::File(self.file(here).to_owned()))
    }

    /// Where the segments lead below a module; `None` if the module does not have the first of them.
    fn walk(&self, here: usize, segments: &[String], steps: usize) -> Option<Target> {
        let module = &self.0[here];
        let Some((name, rest)) = segments.split_first().filter(|(name, _)| *name != "self") else {
            return Some(Target::Module(here));
        };
        // A function may have the name of its module, but only a module has names below it.
        if !rest.is_empty()
            && let Some(found) = self.walk_child(module, name, rest, steps)
        {
            return Some(found);
        }
        if module.defined.contains(name) {
            return Some(Target::File(module.file.clone()));
        }
        let mut imported = module.imported.get(name).into_iter().flatten();
        if let Some(path) = imported.find(|path| path.len() > 1 || path[0] != *name) {
            return Some(self.walk_import(here, path, rest, steps));
        }
        let child = self.walk_child(module, name, rest, steps);
        child.or_else(|| module.globs.iter().find_map(|glob| self.walk_glob(here, glob, segments, steps)))
    }

    fn walk_child(&self, module: &Module, name: &str, rest: &[String], steps: usize) -> Option<Target> {
        let child = *module.children.get(name)?;
        // A name that no rule finds, made by a macro for example, counts as the module's own.
        Some(self.walk(child, rest, steps + 1).unwrap_or_else(|| Target::File(self.file(child).to_owned())))
    }

    fn walk_import(&self, here: usize, path: &[String], rest: &[String], steps: usize) -> Target {
        match self.resolve_within(here, path, steps + 1) {
            Target::Module(found) => {
                let inside = self.walk(found, rest, steps + 1);
                inside.unwrap_or_else(|| Target::File(self.file(found).to_owned()))
            }
            other => other,
        }
    }

    fn walk_glob(&self, here: usize, glob: &[String], segments: &[String], steps: usize) -> Option<Target> {
        if steps > STEPS_MAX {
            return None;
        }
        match self.resolve_within(here, glob, steps + 1) {
            Target::Module(found) if found != here => self.walk(found, segments, steps + 1),
            _ => None,
        }
    }
}
