//! Taking a landing back: its inverse, and everything that decides whether the inverse may be offered.

use url::Url;

use super::diagnosis::LandingSummary;
use super::ids::{CommitSha, Login, RepositoryPath};
use super::landing::FileMode;

/// Who wants a landing to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nobody asked for it: it is weighed beside the fix.
    Weighed,
    /// A person with write access asked for it in a comment.
    Asked,
}

/// A landing that may be taken back, with what was read of it and around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Culprit {
    /// The landing.
    pub landing: LandingSummary,
    /// The whole message of its commit. Untrusted.
    pub message: String,
    /// Whether it is a merge commit.
    pub is_merge: bool,
    /// How sure it is that the landing caused the incident.
    pub certainty: Certainty,
    /// Whether it is part of the deployment after which the incident began.
    pub in_deployment_at_fault: bool,
    /// What taking it back would change.
    pub inverse: Inverse,
    /// Landings since that changed one of its files or took it back.
    pub later: Later,
    /// What GitHub says; absent where there is no GitHub, so that nothing can be written either.
    pub forge: Option<Forge>,
}

/// How sure it is that a landing caused the incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Certainty {
    /// A finding of high confidence was brought by it: the code or the manifest shows it.
    Shown,
    /// The landing is accused with this calibrated probability, 0 to 1.
    Accused(f64),
    /// It is merely the first to look at.
    Suspected,
}

/// What taking a landing back does to the head of the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inverse {
    /// These files change, and nothing has to be decided by a person.
    Clean(Vec<InverseChange>),
    /// Later changes stand in the way in these files.
    Conflicts(Vec<RepositoryPath>),
    /// It could not be computed, and why: a clause that follows "because".
    Unknown(String),
}

impl Inverse {
    /// What changes; nothing where it is not clean.
    pub fn changes(&self) -> &[InverseChange] {
        match self {
            Inverse::Clean(changes) => changes,
            Inverse::Conflicts(_) | Inverse::Unknown(_) => &[],
        }
    }
}

/// One file that the inverse changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InverseChange {
    /// Where it is.
    pub path: RepositoryPath,
    /// The file at the head; absent where the inverse brings it back.
    pub before: Option<FileState>,
    /// The file with the inverse; absent where the inverse removes it.
    pub after: Option<FileState>,
}

/// A file at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Plain, executable, symbolic link or submodule.
    pub mode: FileMode,
    /// Its bytes; the target of a symbolic link; nothing for a submodule.
    pub contents: Vec<u8>,
}

/// What landed after the landing, as far as it concerns it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Later {
    /// Landings that changed one of its files, newest first, each with the first such file.
    pub on_same_files: Vec<(LandingSummary, RepositoryPath)>,
    /// Landings whose message says that they take it back.
    pub reverts: Vec<LandingSummary>,
    /// Whether there were more landings than were read.
    pub cut: bool,
}

/// What GitHub says of the landing and of other attempts to take it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forge {
    /// GitHub answered.
    Known(ForgeFacts),
    /// It did not, and why: a clause that follows "because".
    Unknown(String),
}

/// GitHub's answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgeFacts {
    /// The pull request that brought the landing.
    pub pull: Option<PullFacts>,
    /// Pull requests that take the landing back, of any state.
    pub reverts: Vec<RevertPull>,
    /// Rollbacks that this account has opened in the last 24 hours.
    pub opened_today: u32,
}

/// The pull request that brought a landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullFacts {
    /// Its number.
    pub number: u64,
    /// Who opened it, by GitHub's own answer.
    pub author: Option<Login>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its description. Untrusted.
    pub body: String,
}

/// A pull request that takes the landing back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertPull {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub address: Url,
    /// How it stands.
    pub state: super::publication::PullState,
}

/// What the repository allows: the key `rollback` of its configuration file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RollbackPolicy {
    /// Whether rollbacks are opened without being asked for.
    pub open: OpenRollback,
    /// At most so many are opened in 24 hours.
    pub daily_cap: u32,
    /// A pull request with this label is never taken back by us.
    pub opt_out_label: String,
}

impl Default for RollbackPolicy {
    /// More than three rollbacks in a day say that something else is wrong.
    fn default() -> Self {
        RollbackPolicy { open: OpenRollback::Auto, daily_cap: 3, opt_out_label: "no-autorevert".to_owned() }
    }
}

/// Whether rollbacks are opened without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenRollback {
    /// Where every condition holds.
    #[default]
    Auto,
    /// Only when a person asks.
    Asked,
    /// Never.
    Never,
}

/// A culprit that was weighed: whether its inverse may be offered, and how it stands beside the fix.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    /// The landing and all that is known of it.
    pub culprit: Culprit,
    /// Who wants it.
    pub wish: Wish,
    /// The conditions that do not hold, a clause each; none where it may be opened.
    pub held_by: Vec<String>,
}

impl Rollback {
    /// Whether it may be opened as a pull request.
    pub fn may_open(&self) -> bool {
        self.held_by.is_empty()
    }

    /// What changes, where the inverse is clean.
    pub fn changes(&self) -> &[InverseChange] {
        self.culprit.inverse.changes()
    }

    /// The landing's commit.
    pub fn commit(&self) -> &CommitSha {
        &self.culprit.landing.commit
    }
}
