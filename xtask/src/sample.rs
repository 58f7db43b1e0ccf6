//! The small folder that `run` and `dev` serve by default: text, pictures, nested folders and unusual names.

use std::{
    fs,
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
    ("Pictures/dawn.svg", DAWN),
    ("Projects/README.md", "One folder for each year.\n"),
];
const DAWN: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200">
  <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#00006e" /><stop offset="1" stop-color="#ffa52f" /></linearGradient>
  <rect width="320" height="200" fill="url(#sky)" />
  <circle cx="160" cy="200" r="48" fill="#ffd27a" />
</svg>
"##;
const NUMBERED_FILES: u32 = 12;

/// Creates the folder unless it exists, so that changes to it stay.
pub(crate) fn ensure(repo: &Repo) -> Outcome<PathBuf> {
    let folder = repo.target("sample");
    if !folder.exists() {
        for (name, text) in TEXTS {
            write(&folder.join(name), text.as_bytes())?;
        }
        for number in 1..=NUMBERED_FILES {
            write(&folder.join(format!("Numbers/chapter {number}.txt")), format!("Chapter {number}\n").as_bytes())?;
        }
    }
    Ok(folder)
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::write(path, bytes).at(path)
}
