//! Branches and commits, made by GitHub itself so that the commit is signed as verified.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{Account, encode};
use super::{ApiError, GitHub};
use crate::model::ids::{BranchName, CommitSha};
use crate::model::publication::FileAddition;

/// A commit that GitHub made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedCommit {
    /// Its name.
    pub commit: CommitSha,
    /// Whether GitHub says that the signature is valid; absent where it says nothing.
    pub verified: Option<bool>,
}

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

    /// Adds one commit to a branch whose head is known.
    ///
    /// # Errors
    /// `Expected branch to point to …` where the head has moved; else as any request.
    pub async fn create_commit(
        &self,
        branch: &BranchName,
        expected_head: &CommitSha,
        (headline, body): (&str, &str),
        additions: &[FileAddition],
    ) -> Result<CreatedCommit, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            create_commit_on_branch: Created,
        }
        #[derive(Deserialize)]
        struct Created {
            commit: Commit,
        }
        #[derive(Deserialize)]
        struct Commit {
            oid: String,
            #[serde(default)]
            signature: Option<Signature>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Signature {
            is_valid: bool,
        }
        const DOCUMENT: &str = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid signature { isValid } } } }";
        let additions: Vec<Value> = additions
            .iter()
            .map(|file| json!({ "path": file.path.as_str(), "contents": base64(&file.contents) }))
            .collect();
        let input = json!({
            "branch": { "repositoryNameWithOwner": self.repository().to_string(), "branchName": branch },
            "expectedHeadOid": expected_head,
            "message": { "headline": headline, "body": body },
            "fileChanges": { "additions": additions },
        });
        let data: Data = self.mutate(DOCUMENT, json!({ "input": input })).await?;
        let commit = data.create_commit_on_branch.commit;
        Ok(CreatedCommit { commit: CommitSha::new(commit.oid), verified: commit.signature.map(|it| it.is_valid) })
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
