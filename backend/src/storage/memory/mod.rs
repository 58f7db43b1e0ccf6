//! A tree in memory: the reference implementation of a storage, and the base of the tests of other modules. Time is a
//! counter, so that the same steps always make the same tree.
//!
//! ```
//! use backend::storage::{Storage, memory::MemoryStorage};
//! use shared::VPath;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = MemoryStorage::new();
//! storage.add_file("docs/hello.txt", "hello")?.add_link("greeting", "docs/hello.txt")?;
//! assert_eq!(storage.stat(&VPath::parse("greeting")?)?.size, 5);
//! # Ok(())
//! # }
//! ```

mod builder;
mod changes;
mod errors;
mod file;
mod memory_storage;
mod node;
mod shared_tree;
mod staged;
mod tree;
mod walk;
mod watchers;

pub use memory_storage::MemoryStorage;
pub use walk::MEMORY_ROOT;
