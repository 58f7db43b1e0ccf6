//! The folders that chosen files lie in, parents first, so that each is looked at once and only if the one above is there.

use std::collections::HashMap;

use shared::VPath;
use shared::path::PathError;

/// A folder at the server, and what is to come into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Which.
    pub path: VPath,
    /// The place above; none for the folder that everything goes into.
    pub above: Option<usize>,
    /// The files right in it: their indexes, and their own names.
    pub files: Vec<(usize, Vec<u8>)>,
    /// The places right in it.
    pub inside: Vec<usize>,
}

/// All places. The first is the folder that everything goes into.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Parents come before what is in them.
    pub places: Vec<Place>,
    index: HashMap<VPath, usize>,
}

impl Layout {
    /// Nothing yet, to come into that folder.
    pub fn new(folder: VPath) -> Self {
        let index = HashMap::from([(folder.clone(), 0)]);
        Self { places: vec![Place { path: folder, above: None, files: Vec::new(), inside: Vec::new() }], index }
    }

    /// Takes in a folder by its names below the first place, and answers which place it is.
    ///
    /// # Errors
    /// For names that no path can have.
    pub fn folder(&mut self, names: &[String]) -> Result<usize, PathError> {
        let mut here = 0;
        for name in names {
            let path = self.places[here].path.join(name.as_bytes())?;
            here = match self.index.get(&path) {
                Some(&place) => place,
                None => {
                    let place = self.places.len();
                    self.index.insert(path.clone(), place);
                    self.places[here].inside.push(place);
                    self.places.push(Place { path, above: Some(here), files: Vec::new(), inside: Vec::new() });
                    place
                }
            };
        }
        Ok(here)
    }

    /// Takes in a file by its names, of which the last is its own, and answers its target.
    ///
    /// # Errors
    /// For names that no path can have.
    pub fn file(&mut self, names: &[String], index: usize) -> Result<VPath, PathError> {
        let (name, folders) = names.split_last().ok_or(PathError::EmptySegment)?;
        let place = self.folder(folders)?;
        let target = self.places[place].path.join(name.as_bytes())?;
        self.places[place].files.push((index, name.as_bytes().to_vec()));
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Vec<String> {
        path.split('/').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn folders_come_once_and_parents_first() {
        let mut layout = Layout::new(VPath::parse("base").unwrap());
        assert_eq!(layout.file(&names("a/b/one"), 0).unwrap().encoded(), "base/a/b/one");
        layout.file(&names("a/two"), 1).unwrap();
        layout.file(&names("three"), 2).unwrap();
        layout.folder(&names("a/empty")).unwrap();
        let paths: Vec<_> = layout.places.iter().map(|place| place.path.encoded()).collect();
        assert_eq!(paths, ["base", "base/a", "base/a/b", "base/a/empty"]);
        assert_eq!(layout.places[1].files, [(1, b"two".to_vec())]);
        assert_eq!((layout.places[1].above, &layout.places[1].inside), (Some(0), &vec![2, 3]));
        assert!(layout.file(&names(".."), 3).is_err());
        assert!(layout.file(&[], 3).is_err());
    }
}
