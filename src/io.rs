//! The edge: every module that talks to the world outside the process.

pub mod pagerduty;
