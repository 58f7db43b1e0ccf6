//! The conformance suite of storages, written once and run on every backend.
