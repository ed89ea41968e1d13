//! Branches: created, compared, moved forward.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{Account, encode};
use super::{ApiError, GitHub};
use crate::model::ids::{BranchName, CommitSha};

/// How a branch stands against the commit it was made from.
#[derive(Debug, Clone)]
pub struct BranchState {
    /// The branch's head.
    pub head: CommitSha,
    /// Commits above the base, oldest first.
    pub ahead: Vec<Ahead>,
}

/// A commit of a branch that its base does not have.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it, where GitHub knows the account.
    pub author: Option<Account>,
}

impl GitHub {
    /// The name of the default branch.
    ///
    /// # Errors
    /// As any request.
    pub async fn default_branch(&self) -> Result<BranchName, ApiError> {
        #[derive(Deserialize)]
        struct Repository {
            default_branch: String,
        }
        let repository: Repository = self.get("").await?;
        Ok(BranchName::new(repository.default_branch))
    }

    /// Creates a branch at a commit. Being atomic, it is the lock that makes a fix exactly-once.
    ///
    /// # Errors
    /// 422 `Reference already exists` where another was first; else as any request.
    pub async fn create_branch(&self, branch: &BranchName, at: &CommitSha) -> Result<(), ApiError> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": at });
        self.write::<Value>(Method::POST, "/git/refs", &body).await.map(drop)
    }

    /// Moves a branch forward to a descendant of its head. GitHub refuses anything else.
    ///
    /// # Errors
    /// 422 where it would not be a fast-forward; else as any request.
    pub async fn fast_forward(&self, branch: &BranchName, to: &CommitSha) -> Result<(), ApiError> {
        let body = json!({ "sha": to, "force": false });
        self.write::<Value>(Method::PATCH, &format!("/git/refs/heads/{branch}"), &body).await.map(drop)
    }

    /// The commits of a branch that its base does not have.
    ///
    /// # Errors
    /// As any request.
    pub async fn compare(&self, base: &BranchName, head: &BranchName) -> Result<BranchState, ApiError> {
        #[derive(Deserialize)]
        struct Comparison {
            merge_base_commit: Sha,
            #[serde(default)]
            commits: Vec<Commit>,
        }
        #[derive(Deserialize)]
        struct Sha {
            sha: String,
        }
        #[derive(Deserialize)]
        struct Commit {
            sha: String,
            commit: Details,
            #[serde(default)]
            author: Option<Account>,
        }
        #[derive(Deserialize)]
        struct Details {
            message: String,
        }
        let found: Comparison = self.get(&format!("/compare/{}", encode(&format!("{base}...{head}")))).await?;
        let head = found.commits.last().map_or(found.merge_base_commit.sha, |commit| commit.sha.clone());
        let subject = |message: &str| message.lines().next().unwrap_or_default().to_owned();
        let ahead = found.commits.into_iter();
        let ahead = ahead.map(|it| Ahead { subject: subject(&it.commit.message), author: it.author }).collect();
        Ok(BranchState { head: CommitSha::new(head), ahead })
    }
}
