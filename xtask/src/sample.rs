//! The small folder that `run` and `dev` serve when none is named: a few of each thing a file server meets.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::repo::{AtPath, Outcome, Repo};

const TEXTS: &[(&str, &str)] = &[
    ("Welcome.md", "# Welcome\n\nThis folder is served by Passerelle. Drop files on the page to add them.\n"),
    ("notes.txt", "Milk\nBread\nCoffee\n"),
    ("Été à Genève.txt", "Le lac, tôt le matin.\n"),
    ("party 🎉.txt", "At eight.\n"),
    ("data/prices.csv", "item,price\nbread,3.20\ncoffee,4.50\n"),
    ("data/settings.json", "{\n  \"theme\": \"dark\",\n  \"page\": 1\n}\n"),
    ("Projects/2026/Autumn/plan.md", "1. Look\n2. Think\n3. Do\n"),
    ("Projects/2026/a name with  spaces.txt", "Two of them in a row.\n"),
    ("Projects/README.md", "One folder for each year.\n"),
];
const NUMBERED_FILES: u32 = 12;
const PICTURE_WIDTH: u32 = 320;
const PICTURE_HEIGHT: u32 = 200;

/// Makes the folder unless it is there: what a person changed in it stays.
pub(crate) fn ensure(repo: &Repo) -> Outcome<PathBuf> {
    let folder = repo.target("sample");
    if !folder.exists() {
        for (name, text) in TEXTS {
            write(&folder.join(name), text.as_bytes())?;
        }
        for number in 1..=NUMBERED_FILES {
            write(&folder.join(format!("Numbers/chapter {number}.txt")), format!("Chapter {number}\n").as_bytes())?;
        }
        let picture = folder.join("Pictures/dawn.png");
        write(&picture, &dawn().at(&picture)?)?;
    }
    Ok(folder)
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::write(path, bytes).at(path)
}

/// A PNG that fades from night to morning, drawn here so that no picture needs to be kept.
fn dawn() -> std::io::Result<Vec<u8>> {
    let mut header = Vec::new();
    header.extend(PICTURE_WIDTH.to_be_bytes());
    header.extend(PICTURE_HEIGHT.to_be_bytes());
    // Eight bits each of red, green and blue; the only compression and filter there are; not interlaced.
    header.extend([8, 2, 0, 0, 0]);

    let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    for y in 0..PICTURE_HEIGHT {
        pixels.write_all(&[0])?;
        let low = (y * 255 / PICTURE_HEIGHT) as u8;
        for x in 0..PICTURE_WIDTH {
            let side = (x * 40 / PICTURE_WIDTH) as u8;
            pixels.write_all(&[low, low / 2 + side, 110 + side - low / 4])?;
        }
    }

    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &pixels.finish()?);
    chunk(&mut png, *b"IEND", &[]);
    Ok(png)
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], body: &[u8]) {
    let mut sum = flate2::Crc::new();
    sum.update(&kind);
    sum.update(body);
    png.extend((body.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(body);
    png.extend(sum.sum().to_be_bytes());
}
