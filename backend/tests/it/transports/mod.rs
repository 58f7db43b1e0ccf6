//! The transports between gateway and file server: TCP, a Unix socket and a pipe in memory carry the same answers. The
//! latter two pass file descriptors, from which the gateway sends by sendfile.

mod downloads;
mod every_transport;
mod fd_passing;
mod fixtures;
