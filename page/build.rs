//! Writes the list of the page's files, which `src/main.rs` links in. They lie in `target/spa`, or in the folder that
//! `PASSERELLE_SPA_DIR` names, relative to the repository; from an empty folder the program is built without a page.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=PASSERELLE_SPA_DIR");
    let folder = match env::var_os("PASSERELLE_SPA_DIR") {
        // Relative to the repository, as cargo's commands are started there; a build script runs in its package.
        Some(folder) => Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..").join(folder),
        None => default_folder()?,
    };
    // Cargo watches everything below the folder, but only if it exists.
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(&folder, &folder, &mut files)?;
    files.sort();
    let mut source = String::from("const FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        writeln!(source, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    source.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("files.rs"), source)?;
    println!("cargo:rustc-env=PASSERELLE_PROFILE={}", profile(&out));
    Ok(())
}

/// Cargo tells a build script the name of a profile only by its folder: `PROFILE/build/page-HASH/out`.
fn profile(out: &Path) -> String {
    let folder = out.ancestors().nth(3).and_then(Path::file_name);
    folder.unwrap_or_default().to_string_lossy().into_owned()
}

/// Creates the folder: cargo would run this script again at each build if it did not exist.
fn default_folder() -> Result<PathBuf, Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../target/spa");
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

fn collect(folder: &Path, root: &Path, files: &mut Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, root, files)?;
        } else if let Some(text) = path.to_str() {
            files.push((path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"), text.to_owned()));
        }
    }
    Ok(())
}
