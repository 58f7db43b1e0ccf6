//! The framed protocol under faults: servers that restart, files that change during a transfer, disks that hang or
//! fail, readers that disconnect. Expected: no wrong byte, an error that says whether to try again, and recovery
//! without a restart.

mod changing_files;
mod draining;
mod dropped_futures;
mod failing_disks;
mod fixtures;
mod gated_storage;
mod growing_files;
mod hanging_disks;
mod many_clients;
mod restarts;
