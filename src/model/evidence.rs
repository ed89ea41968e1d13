//! What was read, and what could not be read.

use serde::{Deserialize, Serialize};

/// Something that could not be read or was not looked at, and why. Gaps are told, never hidden.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing: a path, a list, a limit that was hit.
    pub what: String,
    /// Why it is missing, as a clause that follows "because".
    pub why: String,
}

impl Gap {
    /// Both halves as they come.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Gap {
        Gap { what: what.into(), why: why.into() }
    }
}
