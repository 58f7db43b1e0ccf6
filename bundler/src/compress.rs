//! Writes `.br` and `.gz` beside each file of the page that they make smaller, so that the server compresses nothing.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};

const COMPRESSIBLE: &[&str] =
    &["css", "html", "ico", "js", "json", "map", "mjs", "svg", "txt", "wasm", "webmanifest", "xml"];
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW_BITS: u32 = 22;
const BUFFER_BYTES: usize = 64 * 1024;

/// All files together, as they are and as a browser that knows brotli fetches them.
pub(crate) struct Sizes {
    pub(crate) plain_bytes: usize,
    pub(crate) brotli_bytes: usize,
}

/// Compresses the files in the folder and in those below it.
///
/// # Errors
/// Where a file cannot be read or written.
pub(crate) fn folder(folder: &Path) -> Result<Sizes> {
    let mut sizes = Sizes { plain_bytes: 0, brotli_bytes: 0 };
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_compressible(&path) {
                let (plain, brotli) = compress(&path).with_context(|| path.display().to_string())?;
                sizes.plain_bytes += plain;
                sizes.brotli_bytes += brotli;
            }
        }
    }
    Ok(sizes)
}

/// Returns the lengths of the file and of what a browser fetches for it.
fn compress(file: &Path) -> Result<(usize, usize)> {
    let plain = fs::read(file)?;
    let compressed = brotli(&plain)?;
    write_if_smaller(file, "br", &compressed, plain.len())?;
    write_if_smaller(file, "gz", &gzip(&plain)?, plain.len())?;
    Ok((plain.len(), compressed.len().min(plain.len())))
}

fn is_compressible(file: &Path) -> bool {
    file.extension().and_then(|extension| extension.to_str()).is_some_and(|name| COMPRESSIBLE.contains(&name))
}

fn write_if_smaller(file: &Path, extension: &str, compressed: &[u8], plain_bytes: usize) -> std::io::Result<()> {
    if compressed.len() >= plain_bytes {
        return Ok(());
    }
    fs::write(file.with_added_extension(extension), compressed)
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut out, BUFFER_BYTES, BROTLI_QUALITY, BROTLI_WINDOW_BITS);
    writer.write_all(bytes)?;
    writer.flush()?;
    drop(writer);
    Ok(out)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::{io::Read, path::Path};

    use super::{brotli, gzip, is_compressible};

    #[test]
    fn compressed_bytes_read_back() {
        let text = b"passerelle ".repeat(1000);
        let mut from_brotli = Vec::new();
        brotli::Decompressor::new(&brotli(&text).unwrap()[..], 4096).read_to_end(&mut from_brotli).unwrap();
        assert_eq!(from_brotli, text);
        let mut from_gzip = Vec::new();
        flate2::read::GzDecoder::new(&gzip(&text).unwrap()[..]).read_to_end(&mut from_gzip).unwrap();
        assert_eq!(from_gzip, text);
    }

    #[test]
    fn pictures_and_compressed_files_are_left_alone() {
        assert!(is_compressible(Path::new("a/frontend_bg.wasm")));
        assert!(!is_compressible(Path::new("a/photo.png")));
        assert!(!is_compressible(Path::new("a/frontend_bg.wasm.br")));
        assert!(!is_compressible(Path::new("LICENSE")));
    }
}
