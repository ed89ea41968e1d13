//! The edge: every module that talks to the world outside the process.

pub mod github;
pub mod workflow_commands;
