//! GitHub: what is read of it and what is written to it.
//!
//! octocrab carries the requests. Its typed models refuse answers that GitHub really gives, so the few fields that are
//! needed are read with tolerant types of our own; its retries are off, since they repeat writes, and one policy of
//! ours stands around every call ([`transport`]).

pub mod branches;
pub mod commits;
pub mod deployments;
pub mod people;
pub mod pulls;
pub mod threads;
pub mod transport;

pub use transport::{ApiError, GitHub};
