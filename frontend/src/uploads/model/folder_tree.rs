//! The folders that selected files lie in. Each is checked once, and only if its parent exists.

use std::collections::HashMap;

use shared::VPath;
use shared::path::PathError;

/// A folder at the server, and the files to upload into it.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderNode {
    /// Path at the server.
    pub path: VPath,
    /// Index of the parent; `None` for the first node.
    pub parent: Option<usize>,
    /// The files in this folder: index in the selection, and name.
    pub files: Vec<(usize, Vec<u8>)>,
    /// Indexes of the folders in this folder.
    pub children: Vec<usize>,
}

/// All folders. The first is the folder that the selection is uploaded into.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderTree {
    /// The folders, each after its parent.
    pub nodes: Vec<FolderNode>,
    index: HashMap<VPath, usize>,
}

impl FolderTree {
    /// A tree of one folder.
    pub fn new(root: VPath) -> Self {
        let index = HashMap::from([(root.clone(), 0)]);
        Self { nodes: vec![FolderNode { path: root, parent: None, files: Vec::new(), children: Vec::new() }], index }
    }

    /// Adds a folder by its names below the first node, with the folders on the way. Returns its index.
    ///
    /// # Errors
    /// If a name is not allowed in a path.
    pub fn add_folder(&mut self, names: &[String]) -> Result<usize, PathError> {
        let mut current = 0;
        for name in names {
            let path = self.nodes[current].path.join(name.as_bytes())?;
            current = match self.index.get(&path) {
                Some(&node) => node,
                None => self.add_node(path, current),
            };
        }
        Ok(current)
    }

    fn add_node(&mut self, path: VPath, parent: usize) -> usize {
        let node = self.nodes.len();
        self.index.insert(path.clone(), node);
        self.nodes[parent].children.push(node);
        self.nodes.push(FolderNode { path, parent: Some(parent), files: Vec::new(), children: Vec::new() });
        node
    }

    /// Adds a file by its names below the first node, of which the last is its own. Returns its target.
    ///
    /// # Errors
    /// If a name is not allowed in a path.
    pub fn add_file(&mut self, names: &[String], index: usize) -> Result<VPath, PathError> {
        let (name, folders) = names.split_last().ok_or(PathError::EmptySegment)?;
        let node = self.add_folder(folders)?;
        let target = self.nodes[node].path.join(name.as_bytes())?;
        self.nodes[node].files.push((index, name.as_bytes().to_vec()));
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
    fn each_folder_has_one_node_after_its_parent() {
        let mut tree = FolderTree::new(VPath::parse("base").unwrap());
        assert_eq!(tree.add_file(&names("a/b/one"), 0).unwrap().encoded(), "base/a/b/one");
        tree.add_file(&names("a/two"), 1).unwrap();
        tree.add_file(&names("three"), 2).unwrap();
        tree.add_folder(&names("a/empty")).unwrap();
        let paths: Vec<_> = tree.nodes.iter().map(|node| node.path.encoded()).collect();
        assert_eq!(paths, ["base", "base/a", "base/a/b", "base/a/empty"]);
        assert_eq!(tree.nodes[1].files, [(1, b"two".to_vec())]);
        assert_eq!((tree.nodes[1].parent, &tree.nodes[1].children), (Some(0), &vec![2, 3]));
        assert!(tree.add_file(&names(".."), 3).is_err());
        assert!(tree.add_file(&[], 3).is_err());
    }
}
