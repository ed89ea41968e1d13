//! What woke us, who asked, and for what.

use serde::{Deserialize, Serialize};

use super::ids::{IncidentReference, Login, Timestamp};

/// One reason to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Where the wish came from.
    pub origin: Origin,
    /// What is wished for.
    pub command: Command,
}

/// Where a wish came from. It decides who must be asked for permission and where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A person wrote a comment; the answer goes into the same thread.
    Comment(CommentOrigin),
    /// `workflow_dispatch`, `repository_dispatch` or a `uses:` step with the input `incident`. Whoever can
    /// cause one has write access by GitHub's own rules.
    Dispatch,
    /// The clock.
    Schedule,
    /// A person at a terminal.
    CommandLine,
}

/// The comment that asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentOrigin {
    /// The thread it stands in.
    pub thread: Thread,
    /// GitHub's number of the comment.
    pub comment: u64,
    /// Who wrote it.
    pub author: Login,
    /// When it was written. Comments of others that are younger are never read as context.
    pub created_at: Timestamp,
}

/// A place on GitHub where comments follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Thread {
    /// The conversation of an issue, by its number.
    Issue(u64),
    /// The conversation of a pull request, by its number. For GitHub's comments it is an issue.
    PullRequest(u64),
    /// A thread on the diff of a pull request.
    Review {
        /// The pull request's number.
        pull_request: u64,
        /// The first comment of the thread: replies go there.
        root: u64,
    },
}

impl Thread {
    /// The number of the issue or pull request that the thread belongs to.
    pub fn number(self) -> u64 {
        match self {
            Thread::Issue(number) | Thread::PullRequest(number) => number,
            Thread::Review { pull_request, .. } => pull_request,
        }
    }
}

/// What is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Answer one incident.
    Analyze(IncidentReference),
    /// Answer one incident, and take the landing at fault back.
    Rollback(IncidentReference),
    /// Answer every open incident of this repository's services.
    Sweep,
    /// A valid mention with words that are no command: say which commands there are.
    Help,
}
