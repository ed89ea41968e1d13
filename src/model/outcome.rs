//! How a run ended.

use std::fmt;

use crate::settings::outputs::Output;

/// The result of a run: one word for the output `result`, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The word.
    pub result: RunResult,
    /// Why, where the word does not say it.
    pub reason: Option<String>,
    /// Step outputs besides `result`.
    pub outputs: Vec<(Output, String)>,
    /// The job summary.
    pub summary: Option<crate::report::escape::Markdown>,
}

impl Outcome {
    /// Nothing was to be done, and why.
    pub fn skipped(reason: impl Into<String>) -> Outcome {
        Outcome { result: RunResult::Skipped, reason: Some(reason.into()), outputs: Vec::new(), summary: None }
    }
}

/// One word for how a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// An analysis with a pull request, new or already there.
    Fixed,
    /// An analysis without a pull request.
    Reported,
    /// An analysis that could not be published as planned.
    Degraded,
    /// Nothing was to be done.
    Skipped,
    /// A sweep went through its incidents.
    Swept,
}

impl RunResult {
    /// The word, as it stands in the output `result`.
    pub fn word(self) -> &'static str {
        match self {
            RunResult::Fixed => "fixed",
            RunResult::Reported => "reported",
            RunResult::Degraded => "degraded",
            RunResult::Skipped => "skipped",
            RunResult::Swept => "swept",
        }
    }
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
