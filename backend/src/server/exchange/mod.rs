//! One exchange: a request's body, the frames of its answer, and the client's signals in between.

pub(super) mod body;
pub(super) mod control;
pub(super) mod effect;
pub(super) mod response;
pub(super) mod sink;
