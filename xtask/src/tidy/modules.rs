//! The modules of one crate, and which file defines the name that a path leads to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{source::Source, use_tree::Imported};

/// How many imports of imports are followed: more is a circle of re-exports.
const STEPS_MAX: usize = 24;

/// The names that one module has in scope.
#[derive(Debug, Default)]
struct Module {
    file: String,
    defined: BTreeSet<String>,
    imported: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A module, by its path below the root of the crate.
    Module(Vec<String>),
    /// A name, by the file that defines it.
    File(String),
    /// Another crate, a local variable, a keyword.
    Elsewhere,
}

#[derive(Debug, Default)]
pub(super) struct Modules {
    modules: BTreeMap<Vec<String>, Module>,
}

/// The module of a file. The file of a folder is its `mod.rs`, or the file beside it with its name.
pub(super) fn module_of(below_src: &str) -> Vec<String> {
    let trimmed = below_src.trim_end_matches(".rs");
    let parts = trimmed.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    parts.map(str::to_owned).collect()
}

impl Modules {
    /// Of the files of one crate, by path below its `src/`. Code for tests is left out.
    pub(super) fn of(files: &BTreeMap<&str, &Source>) -> Self {
        let mut modules = Self::default();
        for (file, source) in files {
            modules.add(file, source);
        }
        modules
    }

    fn add(&mut self, file: &str, source: &Source) {
        let own = module_of(file);
        let full = |inside: &[String]| [own.as_slice(), inside].concat();
        self.module(full(&[]), file);
        for defined in source.defined.iter().filter(|defined| !defined.test) {
            let inside = full(&defined.inside);
            if defined.is_module {
                self.module([inside.as_slice(), std::slice::from_ref(&defined.name)].concat(), file);
            } else {
                self.module(inside, file).defined.insert(defined.name.clone());
            }
        }
        for path in source.paths.iter().filter(|path| !path.test) {
            let Some(import) = &path.import else { continue };
            let module = self.module(full(&path.inside), file);
            match &import.name {
                Imported::Name(name) => {
                    module.imported.entry(name.clone()).or_default().push(path.segments.clone());
                }
                Imported::Glob => module.globs.push(path.segments.clone()),
            }
        }
    }

    fn module(&mut self, path: Vec<String>, file: &str) -> &mut Module {
        self.modules.entry(path).or_insert_with(|| Module { file: file.to_owned(), ..Module::default() })
    }

    /// The file of a module.
    pub(super) fn file(&self, module: &[String]) -> Option<&str> {
        self.modules.get(module).map(|module| module.file.as_str())
    }

    /// Where a path leads that is written in the module `from`.
    pub(super) fn resolve(&self, from: &[String], segments: &[String]) -> Target {
        self.resolve_within(from, segments, 0)
    }

    fn resolve_within(&self, from: &[String], segments: &[String], steps: usize) -> Target {
        let Some((first, mut rest)) = segments.split_first() else { return Target::Elsewhere };
        if steps > STEPS_MAX {
            return Target::Elsewhere;
        }
        let mut here = from.to_vec();
        match first.as_str() {
            "crate" => here.clear(),
            "self" => {}
            "super" => {
                here.pop();
                while rest.first().is_some_and(|segment| segment == "super") {
                    here.pop();
                    rest = &rest[1..];
                }
            }
            _ => return self.walk(from, segments, steps).unwrap_or(Target::Elsewhere),
        }
        let unknown = || self.file(&here).map_or(Target::Elsewhere, |file| Target::File(file.to_owned()));
        self.walk(&here, rest, steps).unwrap_or_else(unknown)
    }

    /// Where the segments lead below a module; `None` where the module does not have the first of them.
    fn walk(&self, here: &[String], segments: &[String], steps: usize) -> Option<Target> {
        let module = self.modules.get(here)?;
        let Some((name, rest)) = segments.split_first().filter(|(name, _)| *name != "self") else {
            return Some(Target::Module(here.to_vec()));
        };
        let child = [here, std::slice::from_ref(name)].concat();
        let below = || {
            let found = self.modules.get(&child)?;
            // A name that no rule finds (a macro made it, say) is taken for the module's own.
            Some(self.walk(&child, rest, steps + 1).unwrap_or_else(|| Target::File(found.file.clone())))
        };
        // A function may have the name of its module; only a module has something below it.
        if !rest.is_empty()
            && let Some(found) = below()
        {
            return Some(found);
        }
        if module.defined.contains(name) {
            return Some(Target::File(module.file.clone()));
        }
        for imported in module.imported.get(name).into_iter().flatten() {
            if imported.len() == 1 && imported.first() == Some(name) {
                continue;
            }
            match self.resolve_within(here, imported, steps + 1) {
                Target::Module(found) => {
                    let inside = self.walk(&found, rest, steps + 1);
                    return inside.or_else(|| self.file(&found).map(|file| Target::File(file.to_owned())));
                }
                other => return Some(other),
            }
        }
        below().or_else(|| module.globs.iter().find_map(|glob| self.through_glob(here, glob, segments, steps)))
    }

    fn through_glob(&self, here: &[String], glob: &[String], segments: &[String], steps: usize) -> Option<Target> {
        if steps > STEPS_MAX {
            return None;
        }
        match self.resolve_within(here, glob, steps + 1) {
            Target::Module(found) if found != here => self.walk(&found, segments, steps + 1),
            _ => None,
        }
    }
}
