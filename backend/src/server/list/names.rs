//! The names of a folder in one piece of memory, each with its sort key behind it: a name costs its bytes and few more.
//! Pure.

use shared::name_key::push_name_key;

/// So few names are compared as a whole.
const FEW_NAMES: usize = 16;

/// Names, each known by its number.
#[derive(Default)]
pub(super) struct Names {
    /// For each name, its bytes and its key.
    bytes: Vec<u8>,
    /// For each name, where it ends in `bytes`, and where its key does.
    ends: Vec<(u32, u32)>,
    folders: Vec<bool>,
}

/// The names take more memory than 32 bits can address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TooMany;

impl Names {
    /// Adds a name, and whether its entry is a folder.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn push(&mut self, name: &[u8], folder: bool) -> Result<(), TooMany> {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        push_name_key(name, &mut self.bytes);
        let end = |end: usize| u32::try_from(end).map_err(|_| TooMany);
        self.ends.push((end(name_end)?, end(self.bytes.len())?));
        self.folders.push(folder);
        Ok(())
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All names, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|number| self.parts(number).0)
    }

    /// For each name, in the order of their numbers, whether its entry is a folder.
    pub(super) fn folders(&self) -> &[bool] {
        &self.folders
    }

    /// The name with this number, and its key.
    pub(super) fn parts(&self, number: usize) -> (&[u8], &[u8]) {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize);
        let (name_end, key_end) = self.ends[number];
        (&self.bytes[start..name_end as usize], &self.bytes[name_end as usize..key_end as usize])
    }

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<(u32, u32)>() + self.folders.capacity()
    }

    /// Frees what is not needed once the folders are known elsewhere.
    pub(super) fn shrink(&mut self) {
        self.folders = Vec::new();
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Sorts numbers of names whose keys agree before byte `at`; the first part of each pair is scratch space. Most
    /// names of a long folder begin alike ("holiday picture …"), and comparing these beginnings again and again, each
    /// time elsewhere in memory, would take most of the time. So eight bytes of each key are taken out as a number, and
    /// only names with equal numbers are compared further.
    pub(super) fn sort(&self, names: &mut [(u64, u32)], at: usize) {
        let mut longer = false;
        if names.len() > FEW_NAMES {
            for (bytes, name) in &mut *names {
                let key = self.parts(*name as usize).1;
                longer |= key.len() > at + 8;
                *bytes = eight_bytes(key.get(at..).unwrap_or_default());
            }
            names.sort_unstable_by_key(|(bytes, _)| *bytes);
        }
        if longer {
            names.chunk_by_mut(|left, right| left.0 == right.0).for_each(|equal| self.sort(equal, at + 8));
        } else {
            let parts = |name: u32| {
                let (name, key) = self.parts(name as usize);
                (key, name)
            };
            names.sort_unstable_by(|left, right| parts(left.1).cmp(&parts(right.1)));
        }
    }
}

/// The first eight bytes of a key as a number. A shorter key is less than, or equal to, one that it begins.
pub(super) fn eight_bytes(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let known = key.len().min(8);
    bytes[..known].copy_from_slice(&key[..known]);
    u64::from_be_bytes(bytes)
}
