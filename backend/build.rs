//! Writes the list of the page's files, for `src/gateway/spa.rs` to build in. The page is what lies in `target/spa`, or
//! where `PASSERELLE_SPA_DIR` says; where there is none, the program is built without it.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=PASSERELLE_SPA_DIR");
    let folder = match env::var_os("PASSERELLE_SPA_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => default_folder()?,
    };
    // Cargo looks at everything below it, but only if it is there.
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    find(&folder, &folder, &mut files)?;
    files.sort();
    let mut source = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        writeln!(source, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    source.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("spa.rs"), source)?;
    Ok(())
}

/// Made if need be: a folder that is not there would have this run, and the program be linked, at each build.
fn default_folder() -> Result<PathBuf, Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../target/spa");
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

fn find(folder: &Path, root: &Path, files: &mut Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, root, files)?;
        } else if let Some(text) = path.to_str() {
            let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            // What starts with a dot (the stamp of a build, say) is not of the page.
            if !name.split('/').any(|part| part.starts_with('.')) {
                files.push((name, text.to_owned()));
            }
        }
    }
    Ok(())
}
