//! Pull requests.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::people::{Account, encode};
use super::{ApiError, GitHub};
use crate::model::ids::{BranchName, Login, Timestamp};
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
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// When it was opened.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Where it comes from.
    #[serde(default)]
    pub head: Option<Head>,
}

/// A label, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct Label {
    /// Its name.
    pub name: String,
}

/// The branch that a pull request offers.
#[derive(Debug, Clone, Deserialize)]
pub struct Head {
    /// Its name.
    #[serde(rename = "ref")]
    pub name: String,
}

/// So many pages of a hundred pull requests are read.
const PAGE_LIMIT: usize = 3;

impl GitHub {
    /// The pull requests of any state that were opened from a branch of this repository, newest first.
    ///
    /// # Errors
    /// As any request.
    pub async fn pulls_from(&self, branch: &BranchName) -> Result<Vec<Pull>, ApiError> {
        let head = encode(&format!("{}:{branch}", self.repository().owner));
        self.get(&format!("/pulls?state=all&per_page=30&head={head}")).await
    }

    /// A pull request by its number; `None` where there is none.
    ///
    /// # Errors
    /// As any request.
    pub async fn pull(&self, number: u64) -> Result<Option<Pull>, ApiError> {
        self.find(&format!("/pulls/{number}")).await
    }

    /// The pull requests of any state that were opened since a moment, newest first, at most 300.
    ///
    /// # Errors
    /// As any request.
    pub async fn pulls_since(&self, since: Timestamp) -> Result<Vec<Pull>, ApiError> {
        let mut all = Vec::new();
        for page in 1..=PAGE_LIMIT {
            let route = format!("/pulls?state=all&sort=created&direction=desc&per_page=100&page={page}");
            let pulls: Vec<Pull> = self.get(&route).await?;
            let last = pulls.len() < 100 || pulls.iter().any(|pull| pull.created_at.is_some_and(|at| at < since));
            all.extend(pulls.into_iter().filter(|pull| pull.created_at.is_none_or(|at| at >= since)));
            if last {
                break;
            }
        }
        Ok(all)
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
