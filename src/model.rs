//! The vocabulary, in reading order: what woke us, what PagerDuty says, what was read, what we think of it.
//!
//! Values only. Nothing here reads a clock, a file or the network.

pub mod deployed;
pub mod diagnosis;
pub mod edit;
pub mod evidence;
pub mod ids;
pub mod incident;
pub mod landing;
pub mod marker;
pub mod outcome;
pub mod proof;
pub mod publication;
pub mod rollback;
pub mod trigger;
