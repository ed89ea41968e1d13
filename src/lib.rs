//! # From page to pull request
//!
//! **Gather everything, think without touching anything, publish one plan.**
//!
//! ```text
//! Trigger -> Incident -> Evidence -> Diagnosis -> Remedy -> Publication -> Published
//!            `---- gather (io) ---'  `----- think -----'   `--- publish (io) ---'
//! ```
//!
//! The words above are the modules of [`model`], in reading order.

pub mod diagnose;
pub mod failure;
pub mod io;
pub mod model;
