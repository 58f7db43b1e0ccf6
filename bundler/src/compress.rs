//! Writes `.gz` and, with the feature `brotli`, `.br` beside each file of the page that they make smaller, so that the server
//! compresses nothing.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};

const COMPRESSIBLE: &[&str] =
    &["css", "html", "ico", "js", "json", "map", "mjs", "svg", "txt", "wasm", "webmanifest", "xml"];
/// The ways to compress a file, by the extension of the result.
const CODINGS: &[(&str, Compress)] = &[
    #[cfg(feature = "brotli")]
    ("br", brotli),
    ("gz", gzip),
];

type Compress = fn(&[u8]) -> std::io::Result<Vec<u8>>;

/// All files together, as they are and as a browser fetches them.
pub(crate) struct Sizes {
    pub(crate) plain_bytes: usize,
    pub(crate) compressed_bytes: usize,
}

/// Compresses the files in the folder and in those below it.
///
/// # Errors
/// Where a file cannot be read or written.
pub(crate) fn folder(folder: &Path) -> Result<Sizes> {
    let mut sizes = Sizes { plain_bytes: 0, compressed_bytes: 0 };
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_compressible(&path) {
                let (plain, compressed) = compress(&path).with_context(|| path.display().to_string())?;
                sizes.plain_bytes += plain;
                sizes.compressed_bytes += compressed;
            }
        }
    }
    Ok(sizes)
}

/// Returns the lengths of the file and of what a browser fetches for it.
fn compress(file: &Path) -> Result<(usize, usize)> {
    let plain = fs::read(file)?;
    let mut smallest = plain.len();
    for (extension, compress) in CODINGS {
        let compressed = compress(&plain)?;
        if compressed.len() < plain.len() {
            fs::write(file.with_added_extension(extension), &compressed)?;
            smallest = smallest.min(compressed.len());
        }
    }
    Ok((plain.len(), smallest))
}

fn is_compressible(file: &Path) -> bool {
    file.extension().and_then(|extension| extension.to_str()).is_some_and(|name| COMPRESSIBLE.contains(&name))
}

#[cfg(feature = "brotli")]
fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    const BUFFER_BYTES: usize = 64 * 1024;
    const QUALITY_MAX: u32 = 11;
    const WINDOW_BITS: u32 = 22;
    let mut out = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut out, BUFFER_BYTES, QUALITY_MAX, WINDOW_BITS);
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

    use super::{CODINGS, is_compressible};

    #[test]
    fn compressed_bytes_read_back() {
        let text = b"passerelle ".repeat(1000);
        for (extension, compress) in CODINGS {
            let compressed = compress(&text).unwrap();
            let mut read = Vec::new();
            match *extension {
                #[cfg(feature = "brotli")]
                "br" => brotli::Decompressor::new(&compressed[..], 4096).read_to_end(&mut read).unwrap(),
                _ => flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut read).unwrap(),
            };
            assert_eq!(read, text, "{extension}");
        }
    }

    #[test]
    fn pictures_and_compressed_files_are_left_alone() {
        assert!(is_compressible(Path::new("a/frontend_bg.wasm")));
        assert!(!is_compressible(Path::new("a/photo.png")));
        assert!(!is_compressible(Path::new("a/frontend_bg.wasm.br")));
        assert!(!is_compressible(Path::new("LICENSE")));
    }
}
