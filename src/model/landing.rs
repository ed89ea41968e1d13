//! A landing: one commit on the branch's first-parent line, with what it changed against its first parent.
//!
//! A merged pull request is one landing, however many commits it was made of, since that is what a person would revert.

mod message;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::ids::{CommitSha, RepositoryPath, Timestamp};

pub use message::{pull_request_of, takes_back};

/// One commit on the first-parent line and its difference to the first parent. Names, messages and lines are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// The commit.
    pub commit: CommitSha,
    /// Its parents, the branch's former head first. Empty for the very first commit.
    pub parents: Vec<CommitSha>,
    /// Who wrote it.
    pub author: Person,
    /// When it was committed, which for a landing is when it reached the branch.
    pub committed_at: Timestamp,
    /// The first line of the message.
    pub subject: String,
    /// The rest of the message, without the blank line after the subject.
    pub body: String,
    /// The pull request that the message names, as GitHub writes it: `(#123)` or `Merge pull request #123`.
    pub pull_request: Option<u64>,
    /// What changed against the first parent, in git's order.
    pub changes: Vec<FileChange>,
    /// Whether all of the difference is here.
    pub extent: Extent,
}

impl Landing {
    /// The changed lines of all files, for searching.
    pub fn lines(&self) -> impl Iterator<Item = (LineKind, &str)> {
        self.changes.iter().flat_map(|change| change.hunks.iter().flat_map(Hunk::lines))
    }

    /// Whether it is a merge commit.
    pub fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }
}

/// A span of time in which a landing may lie, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The earliest moment.
    pub from: Timestamp,
    /// The latest moment: nothing later is read.
    pub until: Timestamp,
}

impl Window {
    /// The given number of hours before `until`.
    pub fn before(until: Timestamp, hours: u32) -> Window {
        let from = until.checked_sub_signed(TimeDelta::hours(i64::from(hours))).unwrap_or(Timestamp::MIN_UTC);
        Window { from, until }
    }

    /// Whether a moment lies in it.
    pub fn holds(&self, moment: Timestamp) -> bool {
        self.from <= moment && moment <= self.until
    }
}

/// A person as git knows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Display name.
    pub name: String,
    /// E-mail address as it stands in the commit, not verified by anyone.
    pub email: String,
}

/// Whether a landing's difference was read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Every hunk is here.
    Whole,
    /// The byte limit was hit: every changed path is here, but later hunks are missing.
    Cut,
    /// The history ends here because the clone is shallow, so the difference is not known.
    Unknown,
}

/// One path that a landing changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Where the file is after the landing; for a deleted file, where it was.
    pub path: RepositoryPath,
    /// Where it was before, when it was renamed or copied.
    pub old_path: Option<RepositoryPath>,
    /// What happened to it.
    pub status: ChangeStatus,
    /// Its mode before: absent for an added file.
    pub old_mode: Option<FileMode>,
    /// Its mode after: absent for a deleted file.
    pub new_mode: Option<FileMode>,
    /// Its content as lines, or as something that has none.
    pub content: Content,
    /// The changed regions in order. Empty for binary content and for changes of the mode alone.
    pub hunks: Vec<Hunk>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeStatus {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or mode changed.
    Modified,
    /// It moved, perhaps with changes.
    Renamed,
    /// It was made from another file, which stays.
    Copied,
    /// It turned into another type, such as a file into a symbolic link.
    TypeChanged,
}

/// Whether git shows a file's difference as lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Lines.
    Text,
    /// Bytes that git does not show.
    Binary,
}

/// A file mode as git stores it, such as `0o100644`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileMode(pub u32);

impl FileMode {
    /// A plain file.
    pub const REGULAR: FileMode = FileMode(0o100_644);
    /// A file that may be executed.
    pub const EXECUTABLE: FileMode = FileMode(0o100_755);
    /// A symbolic link; its content is the target.
    pub const SYMLINK: FileMode = FileMode(0o120_000);
    /// A commit of another repository.
    pub const SUBMODULE: FileMode = FileMode(0o160_000);

    /// Whether it is a file with content of its own: neither link nor submodule.
    pub fn is_file(self) -> bool {
        self.0 & 0o170_000 == 0o100_000
    }
}

/// One changed region of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// The first line before, from 1; 0 where the file did not exist.
    pub old_start: u32,
    /// How many lines before.
    pub old_lines: u32,
    /// The first line after, from 1; 0 where the file is gone.
    pub new_start: u32,
    /// How many lines after.
    pub new_lines: u32,
    /// What git prints after the second `@@`: usually the enclosing function's first line.
    pub section: String,
    /// The lines, each with its leading `+`, `-` or space and a line feed.
    pub text: String,
}

impl Hunk {
    /// The lines with what they are, without marker and line feed.
    pub fn lines(&self) -> impl Iterator<Item = (LineKind, &str)> {
        self.text.lines().filter_map(|line| {
            let kind = match line.as_bytes().first()? {
                b'+' => LineKind::Added,
                b'-' => LineKind::Removed,
                b' ' => LineKind::Context,
                _ => return None,
            };
            Some((kind, line.get(1..)?))
        })
    }
}

/// What a line of a hunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is the same before and after.
    Context,
}
