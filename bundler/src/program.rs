//! A compiled program as a browser loads it: wasm-bindgen's script and the WebAssembly that belongs to it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// The two files of a program.
pub(crate) struct Program {
    pub(crate) script: Vec<u8>,
    pub(crate) wasm: Vec<u8>,
}

/// How the script is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loading {
    /// By `import`, as an ECMAScript module.
    Module,
    /// By `importScripts`, in a worker.
    Script,
}

/// Runs wasm-bindgen over `NAME.wasm` in the folder `programs`. Scripts that the program's script imports are written into
/// the folder `out`, where it expects them.
///
/// # Errors
/// Where the program is missing, or was compiled with another version of wasm-bindgen.
pub(crate) fn bind(programs: &Path, name: &str, loading: Loading, out: &Path) -> Result<Program> {
    let mut bindgen = Bindgen::new();
    match loading {
        Loading::Module => bindgen.web(true)?,
        Loading::Script => bindgen.no_modules(true)?,
    };
    // The page hands the script the address of the WebAssembly, which has a hash in its name.
    bindgen.omit_default_module_path(true).typescript(false).remove_producers_section(true);
    let path = programs.join(name).with_added_extension("wasm");
    bindgen.input_path(&path).generate(out).with_context(|| path.display().to_string())?;
    Ok(Program { script: take(&out.join(format!("{name}.js")))?, wasm: take(&out.join(format!("{name}_bg.wasm")))? })
}

fn take(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    fs::remove_file(path).with_context(|| path.display().to_string())?;
    Ok(bytes)
}
