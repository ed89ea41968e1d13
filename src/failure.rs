//! The one error that ends a run: what was tried, why it failed, what to do about it.

use std::fmt;

/// Who has to act on a failure, and with which exit code it ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A peer (PagerDuty, GitHub, git) refused, was unreachable or answered nonsense. Exit code 1.
    Peer,
    /// An input, the configuration file or this machine must be changed by the user. Exit code 2.
    Configuration,
}

impl FailureKind {
    /// The process exit code: 1 for a peer, 2 for configuration or usage.
    pub fn exit_code(self) -> u8 {
        match self {
            FailureKind::Peer => 1,
            FailureKind::Configuration => 2,
        }
    }
}

/// An error a person can act on. Prints as two lines: what is wrong, what to do.
///
/// `problem` and `remedy` are sentences of ours; text that came from outside may stand in `problem` and is
/// therefore untrusted when it is shown on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who has to act.
    pub kind: FailureKind,
    /// What was tried, on what, and why it failed. One line.
    pub problem: String,
    /// What to do about it. One line.
    pub remedy: String,
}

impl Failure {
    /// A failure of something outside: exit code 1.
    pub fn peer(problem: impl Into<String>, remedy: impl Into<String>) -> Failure {
        Failure { kind: FailureKind::Peer, problem: problem.into(), remedy: remedy.into() }
    }

    /// A failure that a change of inputs or configuration mends: exit code 2.
    pub fn configuration(problem: impl Into<String>, remedy: impl Into<String>) -> Failure {
        Failure { kind: FailureKind::Configuration, problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.problem, self.remedy)
    }
}

impl std::error::Error for Failure {}
