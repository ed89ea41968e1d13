//! Pull requests.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::people::{Account, encode};
use super::{ApiError, GitHub};
use crate::model::ids::{BranchName, Login};
use crate::report::escape::Markdown;
use crate::settings::Draft;

/// A pull request, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub html_url: Url,
    /// `open` or `closed`.
    #[serde(default)]
    pub state: String,
    /// Whether it was merged, where GitHub says when.
    #[serde(default)]
    pub merged_at: Option<String>,
    /// The text.
    #[serde(default)]
    pub body: Option<String>,
    /// Who opened it.
    #[serde(default)]
    pub user: Option<Account>,
}

impl GitHub {
    /// The pull requests of any state that were opened from a branch of this repository, newest first.
    ///
    /// # Errors
    /// As any request.
    pub async fn pulls_from(&self, branch: &BranchName) -> Result<Vec<Pull>, ApiError> {
        let head = encode(&format!("{}:{branch}", self.repository().owner));
        self.get(&format!("/pulls?state=all&per_page=30&head={head}")).await
    }

    /// Opens a pull request.
    ///
    /// # Errors
    /// 422 for drafts that the repository does not have, 403 where workflows may not open pull requests; else as any request.
    pub async fn open_pull(
        &self,
        title: &str,
        body: &Markdown,
        head: &BranchName,
        base: &BranchName,
        draft: Draft,
    ) -> Result<Pull, ApiError> {
        let draft = draft == Draft::Draft;
        let request = json!({ "title": title, "body": body.as_str(), "head": head, "base": base, "draft": draft });
        self.write(Method::POST, "/pulls", &request).await
    }

    /// Asks people for a review.
    ///
    /// # Errors
    /// 422 for people who cannot review here; else as any request.
    pub async fn request_review(&self, pull: u64, reviewers: &[Login]) -> Result<(), ApiError> {
        let route = format!("/pulls/{pull}/requested_reviewers");
        self.write::<Value>(Method::POST, &route, &json!({ "reviewers": reviewers })).await.map(drop)
    }
}
