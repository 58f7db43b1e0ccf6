//! Writes `.br` and `.gz` beside each file of the page that shrinks: done once here, never while serving.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    fingerprint::collect,
    repo::{AtPath, Outcome},
};

const COMPRESSIBLE: &[&str] =
    &["css", "html", "ico", "js", "json", "map", "mjs", "svg", "txt", "wasm", "webmanifest", "xml"];
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW_BITS: u32 = 22;
const BUFFER_BYTES: usize = 64 * 1024;

/// Bytes of all files before, and as a browser of today fetches them.
pub(crate) struct Sizes {
    pub(crate) plain: usize,
    pub(crate) brotli: usize,
}

pub(crate) fn folder(folder: &Path) -> Outcome<Sizes> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let mut sizes = Sizes { plain: 0, brotli: 0 };
    for file in files.iter().filter(|file| is_compressible(file)) {
        let bytes = fs::read(file).at(file)?;
        let small = brotli(&bytes).at(file)?;
        sizes.plain += bytes.len();
        sizes.brotli += small.len().min(bytes.len());
        write_if_smaller(file, "br", &small, bytes.len())?;
        write_if_smaller(file, "gz", &gzip(&bytes).at(file)?, bytes.len())?;
    }
    Ok(sizes)
}

fn is_compressible(file: &Path) -> bool {
    file.extension().and_then(|extension| extension.to_str()).is_some_and(|name| COMPRESSIBLE.contains(&name))
}

fn write_if_smaller(file: &Path, suffix: &str, compressed: &[u8], plain_bytes: usize) -> Outcome<()> {
    if compressed.len() >= plain_bytes {
        return Ok(());
    }
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    let path = PathBuf::from(name);
    fs::write(&path, compressed).at(&path)
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
    fn what_is_compressed_reads_back() {
        let text = b"passerelle ".repeat(1000);
        let mut from_brotli = Vec::new();
        brotli::Decompressor::new(&brotli(&text).unwrap()[..], 4096).read_to_end(&mut from_brotli).unwrap();
        assert_eq!(from_brotli, text);
        let mut from_gzip = Vec::new();
        flate2::read::GzDecoder::new(&gzip(&text).unwrap()[..]).read_to_end(&mut from_gzip).unwrap();
        assert_eq!(from_gzip, text);
    }

    #[test]
    fn pictures_and_what_is_compressed_already_are_left_alone() {
        assert!(is_compressible(Path::new("a/frontend_bg.wasm")));
        assert!(!is_compressible(Path::new("a/photo.png")));
        assert!(!is_compressible(Path::new("a/frontend_bg.wasm.br")));
        assert!(!is_compressible(Path::new("LICENSE")));
    }
}
