//! A disk in memory that can lose power, run out of space and fail, at any step and reproducibly. The code that serves
//! a real directory runs on it unchanged, so a test can stop it wherever a crash could, and examine what is left.
//!
//! Writes are durable only after a sync: the content of a file by a sync of the file, a name by a sync of its folder.
//! When power is lost, each change that was not synced is kept or lost at random, independently of the others; bytes
//! that were not synced may be kept in part, or become zeros. A rename is atomic, except that a crash may leave a file
//! under both of its names.
//!
//! ```
//! use backend::storage::testing::simulated::{Fault, SimulatedDisk};
//! use backend::storage::{Expected, Storage};
//! use shared::{UploadId, VPath};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk = SimulatedDisk::new(7);
//! let storage = disk.storage();
//! let staged = storage.stage(UploadId([1; 16]))?;
//! staged.write_at(b"hello", 0)?;
//! disk.at(disk.steps() + 1, Fault::PowerLoss);
//! assert!(storage.publish(UploadId([1; 16]), &VPath::parse("file")?, &Expected::Nothing,
//! &Default::default()).is_err()); let disk = disk.reboot();
//! assert!(disk.storage().stat(&VPath::parse("file")?).is_err());
//! # Ok(())
//! # }
//! ```

mod crash;
mod dir;
mod disk;
mod machine;
mod state;

pub use disk::{SIMULATED_ROOT, SimulatedDisk};
pub use machine::Fault;
