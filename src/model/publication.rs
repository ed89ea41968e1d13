//! The plan of every write, as a value; and what became of it.

use std::fmt;

use url::Url;

use super::evidence::Base;
use super::ids::{BranchName, CommitSha, IncidentReference, Login, RepositoryPath};
use super::landing::FileMode;
use super::marker::Fingerprint;
use crate::report::escape::{CommitMessage, Markdown, PullRequestTitle};

/// Everything that would be written for one incident. A rehearsal prints it and applies nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The incident, as it is named in branches and markers.
    pub incident: IncidentReference,
    /// What the answer depends on.
    pub fingerprint: Fingerprint,
    /// The branch, commit and pull request of the remedy that is offered: a repair, or a rollback.
    pub fix: Option<FixPublication>,
    /// Why there is none: a sentence for the report.
    pub no_fix: Option<String>,
}

/// A branch with one commit, and the pull request that offers it.
#[derive(Debug, Clone, PartialEq)]
pub struct FixPublication {
    /// The branch. Creating it is the lock that makes the fix exactly-once.
    pub branch: BranchName,
    /// What the branch starts from and the pull request goes into.
    pub base: Base,
    /// The files as they will be.
    pub additions: Vec<FileAddition>,
    /// The files that will be gone.
    pub deletions: Vec<RepositoryPath>,
    /// The commit's message.
    pub message: CommitMessage,
    /// The pull request's title.
    pub title: PullRequestTitle,
    /// The pull request's body, marker included.
    pub body: Markdown,
    /// Draft or ready.
    pub draft: crate::settings::Draft,
    /// Labels for the pull request.
    pub labels: Vec<String>,
    /// Whom to ask for a review.
    pub reviewers: Vec<Login>,
}

/// The new contents of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAddition {
    /// Path in the repository.
    pub path: RepositoryPath,
    /// All of its bytes.
    pub contents: Vec<u8>,
    /// Its mode, where it is another than the one that the file has at the base, or than that of a plain new file.
    pub mode: Option<FileMode>,
}

/// What became of the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixOutcome {
    /// There was nothing to publish, and why.
    None(String),
    /// A rehearsal, or a mode that writes nothing: the plan stands as it is.
    Planned,
    /// A pull request was opened.
    Opened(OpenedPull),
    /// An earlier run's pull request is there already.
    Existing {
        /// Its page.
        address: Url,
        /// Its number.
        number: u64,
        /// How it stands.
        state: PullState,
    },
    /// Another run is at work on the same incident.
    ElsewhereAtWork,
    /// The branch holds commits that are not ours; nothing was written.
    ForeignCommits(BranchName),
    /// The branch and its commit are there, but the pull request must be opened by a person.
    BranchOnly {
        /// Where a person opens it with one click.
        address: Url,
        /// The branch.
        branch: BranchName,
        /// The commit on the branch.
        commit: CommitSha,
        /// Why, a sentence.
        why: String,
    },
    /// The token may not write here.
    NotPermitted(String),
}

/// A pull request that was just opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPull {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub address: Url,
    /// Its branch.
    pub branch: BranchName,
    /// The commit it offers.
    pub commit: CommitSha,
    /// Whether GitHub signed the commit.
    pub verified: Option<bool>,
    /// What did not go as planned, a sentence each.
    pub notes: Vec<String>,
}

/// How an existing pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// Waiting for a review.
    Open,
    /// In the branch.
    Merged,
    /// A person said no.
    Closed,
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(fix) = &self.fix else {
            let why = self.no_fix.as_deref().unwrap_or("There is nothing to fix.");
            return writeln!(f, "No branch and no pull request: {why}");
        };
        writeln!(f, "Create branch {} at {} ({})", fix.branch, fix.base.head, fix.base.branch)?;
        let files: Vec<&str> = fix.additions.iter().map(|file| file.path.as_str()).collect();
        let gone: Vec<&str> = fix.deletions.iter().map(RepositoryPath::as_str).collect();
        match (files.as_slice(), gone.as_slice()) {
            (files, []) => writeln!(f, "Commit to it, changing {}:", files.join(", "))?,
            ([], gone) => writeln!(f, "Commit to it, removing {}:", gone.join(", "))?,
            (files, gone) => {
                writeln!(f, "Commit to it, changing {} and removing {}:", files.join(", "), gone.join(", "))?;
            }
        }
        indented(f, &fix.message.to_string())?;
        let kind = if fix.draft == crate::settings::Draft::Draft { "draft pull request" } else { "pull request" };
        writeln!(f, "Open a {kind} into {}: {}", fix.base.branch, fix.title)?;
        indented(f, fix.body.as_str())?;
        writeln!(f, "Label it: {}", list_or_nothing(fix.labels.iter().map(String::as_str)))?;
        writeln!(f, "Ask for a review: {}", list_or_nothing(fix.reviewers.iter().map(Login::as_str)))
    }
}

fn indented(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| writeln!(f, "    {line}"))
}

fn list_or_nothing<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
