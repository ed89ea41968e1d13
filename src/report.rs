//! Every sentence a person reads.

pub mod escape;
