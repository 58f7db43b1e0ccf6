//! Writes the files of the page. A name holds a hash of the file's final bytes, so that a browser may keep the file forever;
//! `index.html`, the workers' loaders and wasm-bindgen's `snippets` keep their names and are revalidated.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{
    program::{self, Loading},
    template::{self, Link},
};

/// 16 hexadecimal digits.
const HASH_BYTES: usize = 8;

/// Writes the page made from the template `index` into the folder `out`.
///
/// # Errors
/// Where a file that `index` names cannot be read, or one of the page cannot be written.
pub(crate) fn write(index: &Path, programs: &Path, out: &Path) -> Result<()> {
    let root = index.parent().unwrap_or(Path::new("."));
    let page = template::fill(&read_text(index)?, |link| match link {
        Link::Style { href } => {
            let name = copy(&root.join(href), out)?;
            Ok(format!("<link rel=\"stylesheet\" href=\"./{name}\" />"))
        }
        Link::Icon { href, media_type } => {
            let name = copy(&root.join(href), out)?;
            Ok(format!("<link rel=\"icon\" type=\"{media_type}\" href=\"./{name}\" />"))
        }
        Link::Program { name } => module(programs, &name, out),
        Link::Worker { name } => worker(programs, &name, out),
    })?;
    write_file(&out.join("index.html"), page.as_bytes())
}

/// Both files are fetched at once, and the program starts when they are there.
fn module(programs: &Path, name: &str, out: &Path) -> Result<String> {
    let program = program::bind(programs, name, Loading::Module, out)?;
    let script = write_hashed(out, name, ".js", &program.script)?;
    let wasm = write_hashed(out, name, "_bg.wasm", &program.wasm)?;
    Ok(format!(
        "<link rel=\"modulepreload\" href=\"./{script}\" crossorigin=\"anonymous\" />\n    \
         <link rel=\"preload\" href=\"./{wasm}\" crossorigin=\"anonymous\" as=\"fetch\" type=\"application/wasm\" />\n    \
         <script type=\"module\">\n      \
         import start from \"./{script}\";\n      \
         await start({{ module_or_path: \"./{wasm}\" }});\n    \
         </script>"
    ))
}

/// Written beside the page; a script of the page starts `NAME_loader.js`.
fn worker(programs: &Path, name: &str, out: &Path) -> Result<String> {
    let program = program::bind(programs, name, Loading::Script, out)?;
    let script = write_hashed(out, name, ".js", &program.script)?;
    let wasm = write_hashed(out, name, "_bg.wasm", &program.wasm)?;
    let loader = format!("importScripts(\"./{script}\");\nwasm_bindgen({{ module_or_path: \"./{wasm}\" }});\n");
    write_file(&out.join(format!("{name}_loader.js")), loader.as_bytes())?;
    Ok(String::new())
}

fn copy(from: &Path, out: &Path) -> Result<String> {
    let bytes = fs::read(from).with_context(|| from.display().to_string())?;
    let (Some(stem), Some(extension)) = (from.file_stem(), from.extension()) else {
        bail!("{}: a file of the page has a name and an extension", from.display())
    };
    write_hashed(out, &stem.to_string_lossy(), &format!(".{}", extension.to_string_lossy()), &bytes)
}

/// Returns the name: stem, hash, ending.
fn write_hashed(out: &Path, stem: &str, ending: &str, bytes: &[u8]) -> Result<String> {
    let name = format!("{stem}-{}{ending}", hash(bytes));
    write_file(&out.join(&name), bytes)?;
    Ok(name)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{hash, write};

    #[test]
    fn a_name_holds_the_first_digits_of_sha_256() {
        assert_eq!(hash(b""), "e3b0c44298fc1c14");
    }

    #[test]
    fn files_are_named_by_their_content_and_addressed_from_the_page() {
        let folder = std::env::temp_dir().join(format!("passerelle-bundle-{}", std::process::id()));
        let out = folder.join("out");
        fs::create_dir_all(&out).unwrap();
        fs::write(folder.join("a.css"), "").unwrap();
        fs::write(folder.join("index.html"), "<link data-trunk rel=\"css\" href=\"a.css\" />").unwrap();
        write(&folder.join("index.html"), &folder, &out).unwrap();
        let page = fs::read_to_string(out.join("index.html")).unwrap();
        assert_eq!(page, "<link rel=\"stylesheet\" href=\"./a-e3b0c44298fc1c14.css\" />");
        assert!(out.join("a-e3b0c44298fc1c14.css").is_file());
        fs::remove_dir_all(folder).unwrap();
    }
}
