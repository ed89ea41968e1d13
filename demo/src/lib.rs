//! x
pub mod git;
pub mod github;
pub mod history;
pub mod scenario;
pub mod server;
pub mod worker;
