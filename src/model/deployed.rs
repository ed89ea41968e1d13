//! What ran in production when an incident began, what ran before it, and who says so.

use serde::{Deserialize, Serialize};

use super::ids::{CommitSha, Timestamp};

/// What ran when the incident began, as far as anybody says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The commit that ran. Where nobody says, the branch as it was then is taken for it.
    pub running: Option<Rollout>,
    /// What ran before it, where that is known and older.
    pub former: Option<Rollout>,
    /// The landings that came with `running`: what the branch had gained since `former`, newest first.
    pub brought: Vec<CommitSha>,
    /// The landings of the branch that had not reached production yet, newest first.
    pub later: Vec<CommitSha>,
    /// The newest commit of the branch that can have run. `None` where the branch is younger than the incident.
    pub tip: Option<CommitSha>,
}

/// A commit that reached production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The commit.
    pub commit: CommitSha,
    /// When it was there, where somebody says.
    pub at: Option<Timestamp>,
    /// Who says so.
    pub told_by: Teller,
}

/// Who says what ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "words")]
pub enum Teller {
    /// An alert of the incident, in these words: `image: worker:1.4`.
    Alert(String),
    /// A deployment of GitHub's to the environment of this name.
    Deployment(String),
    /// A change event of PagerDuty's with this summary.
    ChangeEvent(String),
}

impl Deployed {
    /// Whether a landing is part of the deployment that ran when the incident began.
    pub fn came_with_it(&self, landing: &CommitSha) -> bool {
        self.brought.contains(landing)
    }
}
