//! x
pub mod git;
pub mod github;
pub mod history;
pub mod pagerduty;
pub mod scenario;
pub mod server;
pub mod worker;
