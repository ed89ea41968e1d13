//! Conversations: comments, reactions, issues.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::people::{Account, encode};
use super::{ApiError, GitHub};
use crate::model::ids::Timestamp;
use crate::model::trigger::Thread;
use crate::report::escape::Markdown;

/// A list is read up to this many pages of a hundred.
const PAGE_LIMIT: usize = 10;

/// A comment, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct Comment {
    /// GitHub's number.
    pub id: u64,
    /// The text.
    #[serde(default)]
    pub body: Option<String>,
    /// Who wrote it.
    #[serde(default)]
    pub user: Option<Account>,
    /// Its page.
    pub html_url: Url,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// For a comment on a diff, the first comment of its thread.
    #[serde(default)]
    pub in_reply_to_id: Option<u64>,
}

/// An issue, as far as it is read. GitHub lists pull requests among them.
#[derive(Debug, Clone, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// The text.
    #[serde(default)]
    pub body: Option<String>,
    /// Who opened it.
    #[serde(default)]
    pub user: Option<Account>,
    /// Its page.
    pub html_url: Url,
    /// `open` or `closed`.
    #[serde(default)]
    pub state: String,
    /// Present where it is a pull request.
    #[serde(default)]
    pub pull_request: Option<Value>,
}

/// Whether a list was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// To its end.
    Whole,
    /// Only the first thousand entries.
    Cut,
}

impl GitHub {
    /// Puts 👀 on a comment.
    ///
    /// # Errors
    /// As any request.
    pub async fn react_with_eyes(&self, thread: Thread, comment: u64) -> Result<(), ApiError> {
        let kind = comments_of(thread);
        let route = format!("/{kind}/comments/{comment}/reactions");
        self.write::<Value>(Method::POST, &route, &json!({ "content": "eyes" })).await.map(drop)
    }

    /// The comments of a thread, oldest first.
    ///
    /// # Errors
    /// As any request.
    pub async fn comments(&self, thread: Thread) -> Result<(Vec<Comment>, Completeness), ApiError> {
        let number = thread.number();
        let (mut comments, whole) =
            self.pages::<Comment>(&format!("/{}/{number}/comments", comments_of(thread))).await?;
        if let Thread::Review { root, .. } = thread {
            comments.retain(|comment| comment.id == root || comment.in_reply_to_id == Some(root));
        }
        Ok((comments, whole))
    }

    /// Every comment on issues and pull requests of the repository that was changed since a moment, oldest first.
    ///
    /// # Errors
    /// As any request.
    pub async fn comments_since(&self, since: Timestamp) -> Result<(Vec<Comment>, Completeness), ApiError> {
        let since = since.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.pages(&format!("/issues/comments?sort=updated&direction=asc&since={}", encode(&since))).await
    }

    /// Adds a comment to a thread.
    ///
    /// # Errors
    /// As any request.
    pub async fn add_comment(&self, thread: Thread, body: &Markdown) -> Result<Comment, ApiError> {
        let route = match thread {
            Thread::Issue(number) | Thread::PullRequest(number) => format!("/issues/{number}/comments"),
            Thread::Review { pull_request, root } => format!("/pulls/{pull_request}/comments/{root}/replies"),
        };
        self.write(Method::POST, &route, &json!({ "body": body.as_str() })).await
    }

    /// Replaces a comment's text.
    ///
    /// # Errors
    /// As any request.
    pub async fn update_comment(&self, thread: Thread, comment: u64, body: &Markdown) -> Result<Comment, ApiError> {
        let route = format!("/{}/comments/{comment}", comments_of(thread));
        self.write(Method::PATCH, &route, &json!({ "body": body.as_str() })).await
    }

    /// Issues and pull requests with a label, open and closed, newest first.
    ///
    /// # Errors
    /// As any request.
    pub async fn issues_labelled(&self, label: &str) -> Result<(Vec<Issue>, Completeness), ApiError> {
        self.pages(&format!("/issues?state=all&labels={}", encode(label))).await
    }

    /// Opens an issue.
    ///
    /// # Errors
    /// As any request.
    pub async fn open_issue(&self, title: &str, body: &Markdown, labels: &[String]) -> Result<Issue, ApiError> {
        self.write(Method::POST, "/issues", &json!({ "title": title, "body": body.as_str(), "labels": labels })).await
    }

    /// Replaces an issue's text.
    ///
    /// # Errors
    /// As any request.
    pub async fn update_issue(&self, number: u64, body: &Markdown) -> Result<Issue, ApiError> {
        self.write(Method::PATCH, &format!("/issues/{number}"), &json!({ "body": body.as_str() })).await
    }

    /// Labels an issue or pull request; labels that do not exist yet are made by GitHub.
    ///
    /// # Errors
    /// As any request.
    pub async fn label(&self, number: u64, labels: &[String]) -> Result<(), ApiError> {
        self.write::<Value>(Method::POST, &format!("/issues/{number}/labels"), &json!({ "labels": labels }))
            .await
            .map(drop)
    }

    /// All pages of a list, up to a thousand entries.
    pub(super) async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        route: &str,
    ) -> Result<(Vec<T>, Completeness), ApiError> {
        let mut all = Vec::new();
        let separator = if route.contains('?') { '&' } else { '?' };
        for page in 1..=PAGE_LIMIT {
            let entries: Vec<T> = self.get(&format!("{route}{separator}per_page=100&page={page}")).await?;
            let last = entries.len() < 100;
            all.extend(entries);
            if last {
                return Ok((all, Completeness::Whole));
            }
        }
        Ok((all, Completeness::Cut))
    }
}

/// The family of routes that a thread's comments belong to.
fn comments_of(thread: Thread) -> &'static str {
    match thread {
        Thread::Issue(_) | Thread::PullRequest(_) => "issues",
        Thread::Review { .. } => "pulls",
    }
}
