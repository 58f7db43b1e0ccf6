//! A directory of this machine. The root is opened once; every access then starts at that handle, and no other absolute
//! path is opened. Nothing here knows who asks.
//!
//! Where the kernel can, it opens a whole path in one call and refuses every link on it. Where there is a link, the
//! path is walked name by name, each from the handle of the folder before. So the policy for links is decided in one
//! place, which sees each of them:
//!
//! - A relative target is followed; `..` goes back along the folders that were walked, and never above the root.
//! - An absolute target is followed if it begins with the root's own path, segment by segment.
//! - Every other target escapes.
//!
//! Uploads and the trash are in the server's private directory inside the root, which no path of a request reaches. A
//! finished upload gets its visible name by one system call.
//!
//! - `platform` is the system calls; `testing::simulated` is another implementation of them;
//! - `tree` is the policy over them;
//! - `group_fsync` shares directory syncs among concurrent writers, and `both` lets two syncs run at the same time.
//!
//! Differences between systems:
//!
//! | | Linux | macOS and other Unix | Windows |
//! |---|---|---|---|
//! | whole paths in one call | `openat2`, from 5.6 on unless a sandbox forbids it | never | never |
//! | non-blocking calls | on the usual local file systems, from 5.12 on | never | never |
//! | opening a file | by the handle that was looked up, through `/proc` | by name, compared afterwards | by name, compared afterwards |
//! | replacement by a FIFO or device while opening | never opened | opened without blocking, closed unread | impossible |
//! | names | any bytes | UTF-8, on most file systems | UTF-8, and only those that Windows takes literally |
//! | absolute links inside the root | followed | followed | refused |
//! | a new name that replaces nothing | `renameat2`; a link and an unlink where it is missing | a link and an unlink | a link and an unlink |
//! | durable names | the folder is synced | the folder is synced | by NTFS's journal |
//! | attributes of a replaced file | mode, owner, extended attributes | mode and owner | from the folder |
//! | creating links | inside the root | inside the root | refused |
//! | watching | inotify, by handle | by path, looked up again | by path, looked up again |
//! | validator | with the change time | with the change time | with the creation time: a program that sets the modification time back goes unnoticed |

mod both;
pub(in crate::storage) mod error;
mod file;
mod group_fsync;
mod local_storage;
mod root_path;

pub(in crate::storage) mod platform;
pub(in crate::storage) mod tree;

pub use local_storage::{Containment, LocalStorage};
