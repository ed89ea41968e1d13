//! The edge: every module that talks to the world outside the process.
//!
//! [`world`] holds the connections; [`gather`] reads everything once; [`tracking`] and [`publish`] write. What is between
//! reading and writing touches nothing in here.

pub mod artefacts;
pub mod deployed;
pub mod gather;
pub mod github;
pub mod look_back;
pub mod pagerduty;
pub mod publish;
pub mod repository;
pub mod rollback;
pub mod tracking;
pub mod workflow_commands;
pub mod world;
