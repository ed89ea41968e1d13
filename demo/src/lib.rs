//! x
pub mod git;
pub mod server;
pub mod worker;
