//! Remedies: a fix for what was found, proven before it is offered.

pub mod release;
pub mod restore_setting;
pub mod rollback;
pub mod verify;
