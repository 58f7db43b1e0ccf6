//! `bundler INDEX PROGRAMS OUT`: makes the page in folder OUT from the template INDEX and the WebAssembly programs in folder
//! PROGRAMS. Compiles nothing.
//!
//! INDEX is the `index.html` that trunk reads for `cargo xtask dev`; both bundlers go by its `data-trunk` links.

mod bundle;
mod compress;
mod program;
mod template;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [index, programs, out] = &arguments[..] else { bail!("usage: bundler INDEX PROGRAMS OUT") };
    let sizes = publish(index, programs, out)?;
    println!("{} KiB, compressed {} KiB", sizes.plain_bytes / 1024, sizes.compressed_bytes / 1024);
    Ok(())
}

/// Makes the page beside `out` and puts it there whole, so that an interrupted run leaves no half of a page.
fn publish(index: &Path, programs: &Path, out: &Path) -> Result<compress::Sizes> {
    let staged = out.with_added_extension("new");
    remove(&staged)?;
    std::fs::create_dir_all(&staged).with_context(|| staged.display().to_string())?;
    bundle::write(index, programs, &staged)?;
    let sizes = compress::folder(&staged)?;
    remove(out)?;
    std::fs::rename(&staged, out).with_context(|| out.display().to_string())?;
    Ok(sizes)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}
