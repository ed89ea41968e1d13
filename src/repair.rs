//! Remedies: a fix for what was found, proven before it is offered.

pub mod release;
pub mod verify;
