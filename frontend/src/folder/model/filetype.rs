//! The type of a file by the extension of its name, for its icon. Pure.

use shared::Kind;

/// The types that have an icon of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A folder.
    Folder,
    /// An image.
    Image,
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// An archive.
    Archive,
    /// Source code and configuration.
    Code,
    /// Text, documents and spreadsheets.
    Text,
    /// A PDF.
    Pdf,
    /// Any other type.
    Other,
}

const EXTENSIONS: &[(FileType, &str)] = &[
    (FileType::Image, " jpg jpeg png gif webp avif svg bmp ico tif tiff heic heif jxl raw cr2 nef arw dng psd xcf "),
    (FileType::Audio, " mp3 flac ogg oga opus wav m4a aac wma aif aiff mid midi "),
    (FileType::Video, " mp4 m4v mkv webm mov avi wmv mpg mpeg ts m2ts flv ogv 3gp "),
    (FileType::Archive, " zip tar gz tgz bz2 xz zst 7z rar jar deb rpm apk iso dmg cab lz4 br crate whl "),
    (
        FileType::Code,
        " rs js mjs tsx jsx py rb go c h cc cpp hpp cs java kt swift sh bash zsh fish ps1 bat php pl lua r jl sql \
         html htm css scss less xml json toml yaml yml ini conf cfg lock wasm vue svelte asm s hs ml ex exs erl clj \
         dockerfile makefile cmake gradle nix diff patch ",
    ),
    (
        FileType::Text,
        " txt md markdown rst adoc log csv tsv rtf doc docx odt xls xlsx ods ppt pptx odp pages numbers key epub mobi \
         tex srt vtt license readme ",
    ),
    (FileType::Pdf, " pdf "),
];

impl FileType {
    /// The name of the icon, which is also its class in the style sheet.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Archive => "archive",
            Self::Code => "code",
            Self::Text => "text",
            Self::Pdf => "pdf",
            Self::Other => "other",
        }
    }
}

/// The type of an entry.
pub fn file_type(name: &[u8], kind: Kind) -> FileType {
    match kind {
        Kind::Folder => FileType::Folder,
        Kind::Other => FileType::Other,
        Kind::File => by_extension(name).unwrap_or(FileType::Other),
    }
}

/// The type of the extension after the last dot; a name without a dot counts as an extension (`Makefile`, `LICENSE`).
fn by_extension(name: &[u8]) -> Option<FileType> {
    const LONGEST: usize = 10;
    let extension = name.rsplit(|&byte| byte == b'.').next()?;
    let whole_word = !extension.is_empty() && extension.len() <= LONGEST && extension.is_ascii();
    let extension = std::str::from_utf8(extension).ok().filter(|_| whole_word)?.to_ascii_lowercase();
    let delimited = format!(" {extension} ");
    EXTENSIONS.iter().find(|(_, known)| known.contains(&delimited)).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: FileType) {
        assert_eq!(file_type(name.as_bytes(), Kind::File), expected, "{name}");
    }

    #[test]
    fn the_extension_decides() {
        check("photo.JPG", FileType::Image);
        check("song.flac", FileType::Audio);
        check("a.tar.gz", FileType::Archive);
        check("main.rs", FileType::Code);
        check("Makefile", FileType::Code);
        check("LICENSE", FileType::Text);
        check("thesis.pdf", FileType::Pdf);
        check("", FileType::Other);
        check("noextension ", FileType::Other);
        check("a.b c", FileType::Other);
        check("é.é", FileType::Other);
        assert_eq!(file_type(b"x.png", Kind::Folder), FileType::Folder);
    }
}
