//! Thinking about the evidence: what the incident says, and which landing most likely caused it.

pub mod suspects;
pub mod symptom;
