//! Proofs that are really run: the fault and the fix, and patches of people who mean harm.

#[path = "prove/hostile.rs"]
mod hostile;
#[path = "prove/leaks.rs"]
mod leaks;
#[path = "prove/support.rs"]
mod support;
