//! Commits, made by GitHub itself so that they are signed as verified.
//!
//! One GraphQL mutation makes the whole commit, but it gives new files the mode of a plain file and keeps the mode of others.
//! Where a mode changes, as for a script or a symbolic link that comes back, the objects are made one by one over REST. No author
//! is given there: GitHub signs what is made in the token's own name, and nothing else.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, GitHub};
use crate::model::ids::{CommitSha, RepositoryPath};
use crate::model::landing::FileMode;
use crate::model::publication::{FileAddition, FixPublication};

/// A commit that GitHub made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedCommit {
    /// Its name.
    pub commit: CommitSha,
    /// Whether GitHub says that the signature is valid; absent where it says nothing.
    pub verified: Option<bool>,
}

#[derive(Deserialize)]
struct Made {
    sha: String,
    #[serde(default)]
    verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Verification {
    verified: bool,
}

impl GitHub {
    /// Adds the commit of a plan to its branch, whose head is known.
    ///
    /// # Errors
    /// `Expected branch to point to …` or 422 where the head has moved; else as any request.
    pub async fn commit(&self, plan: &FixPublication, head: &CommitSha) -> Result<CreatedCommit, ApiError> {
        if plan.additions.iter().all(|file| file.mode.is_none()) {
            self.commit_in_one(plan, head).await
        } else {
            self.commit_by_objects(plan, head).await
        }
    }

    async fn commit_in_one(&self, plan: &FixPublication, head: &CommitSha) -> Result<CreatedCommit, ApiError> {
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
        let additions = plan.additions.iter();
        let additions: Vec<Value> =
            additions.map(|file| json!({ "path": file.path.as_str(), "contents": base64(&file.contents) })).collect();
        let deletions: Vec<Value> = plan.deletions.iter().map(|path| json!({ "path": path.as_str() })).collect();
        let input = json!({
            "branch": { "repositoryNameWithOwner": self.repository().to_string(), "branchName": plan.branch },
            "expectedHeadOid": head,
            "message": { "headline": plan.message.subject(), "body": plan.message.body() },
            "fileChanges": { "additions": additions, "deletions": deletions },
        });
        let data: Data = self.mutate(DOCUMENT, json!({ "input": input })).await?;
        let commit = data.create_commit_on_branch.commit;
        Ok(CreatedCommit { commit: CommitSha::new(commit.oid), verified: commit.signature.map(|it| it.is_valid) })
    }

    /// Blobs, tree, commit, and then the branch: until the last request nobody sees any of it.
    async fn commit_by_objects(&self, plan: &FixPublication, head: &CommitSha) -> Result<CreatedCommit, ApiError> {
        #[derive(Deserialize)]
        struct Base {
            tree: Made,
        }
        let base: Base = self.get(&format!("/git/commits/{head}")).await?;
        let mut entries = Vec::with_capacity(plan.additions.len() + plan.deletions.len());
        for file in &plan.additions {
            let blob: Made = self.write(Method::POST, "/git/blobs", &blob(file)).await?;
            entries.push(entry(&file.path, file.mode.unwrap_or(FileMode::REGULAR), json!(blob.sha)));
        }
        entries.extend(plan.deletions.iter().map(|path| entry(path, FileMode::REGULAR, Value::Null)));
        let tree = json!({ "base_tree": base.tree.sha, "tree": entries });
        let tree: Made = self.write(Method::POST, "/git/trees", &tree).await?;
        let message = plan.message.to_string();
        let commit = json!({ "message": message, "tree": tree.sha, "parents": [head] });
        let commit: Made = self.write(Method::POST, "/git/commits", &commit).await?;
        let made = CommitSha::new(commit.sha);
        self.fast_forward(&plan.branch, &made).await?;
        Ok(CreatedCommit { commit: made, verified: commit.verification.map(|it| it.verified) })
    }
}

fn blob(file: &FileAddition) -> Value {
    json!({ "content": base64(&file.contents), "encoding": "base64" })
}

/// An entry of a tree; one without an object removes the path.
fn entry(path: &RepositoryPath, mode: FileMode, object: Value) -> Value {
    json!({ "path": path.as_str(), "mode": format!("{:06o}", mode.0), "type": "blob", "sha": object })
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
