//! Who may ask, who we are, and who is who.

use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{ApiError, GitHub};
use crate::model::ids::Login;

/// The account that the token belongs to. Only what this account wrote counts as ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Its login; bots carry `[bot]` in REST answers and not in this one.
    pub login: Login,
    /// GitHub's number of the account, where it is given.
    pub id: Option<u64>,
}

/// An account as it stands beside comments, issues and commits.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// The login.
    pub login: String,
    /// GitHub's number.
    #[serde(default)]
    pub id: Option<u64>,
}

impl Viewer {
    /// Whether an account is the token's own: by number where both have one, else by login less `[bot]`.
    pub fn is(&self, account: &Account) -> bool {
        match (self.id, account.id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => account.login.trim_end_matches("[bot]") == self.login.as_str().trim_end_matches("[bot]"),
        }
    }
}

#[derive(Deserialize)]
struct Permission {
    permission: String,
}

impl GitHub {
    /// Whether a person may write to the repository: `admin` or `write` in the legacy field, to which GitHub maps
    /// `maintain` and custom roles. Whatever else comes back, errors included, means no.
    pub async fn may_write(&self, login: &Login) -> bool {
        let route = format!("/collaborators/{}/permission", encode(login.as_str()));
        match self.get::<Permission>(&route).await {
            Ok(found) => matches!(found.permission.as_str(), "admin" | "write"),
            Err(why) => {
                tracing::warn!(
                    "the permission of {login} could not be read: {}",
                    crate::failure::Failure::from(why).problem
                );
                false
            }
        }
    }

    /// The account that the token belongs to. REST's `/user` is closed to the workflow's token, GraphQL is not.
    ///
    /// # Errors
    /// As any request.
    pub async fn viewer(&self) -> Result<Viewer, ApiError> {
        #[derive(Deserialize)]
        struct Data {
            viewer: Found,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            login: String,
            #[serde(default)]
            database_id: Option<u64>,
        }
        let data: Data = self.query("query { viewer { login databaseId } }", json!({})).await?;
        Ok(Viewer { login: Login::new(data.viewer.login), id: data.viewer.database_id })
    }

    /// The login that GitHub itself links to the e-mail address of a commit in this repository, if any.
    ///
    /// # Errors
    /// As any request.
    pub async fn login_of_committer(&self, email: &str) -> Result<Option<Login>, ApiError> {
        #[derive(Deserialize)]
        struct Commit {
            author: Option<Account>,
            commit: Option<Details>,
        }
        #[derive(Deserialize)]
        struct Details {
            author: Option<Signature>,
        }
        #[derive(Deserialize)]
        struct Signature {
            email: Option<String>,
        }
        let commits: Vec<Commit> = self.get(&format!("/commits?per_page=1&author={}", encode(email))).await?;
        // A server that ignores the filter would answer with somebody else's commit.
        Ok(commits.into_iter().find_map(|commit| {
            let written_by = commit.commit?.author?.email?;
            written_by.eq_ignore_ascii_case(email).then_some(commit.author?).map(|author| Login::new(author.login))
        }))
    }

    /// Whether a person can be asked for a review here.
    ///
    /// # Errors
    /// As any request.
    pub async fn is_collaborator(&self, login: &Login) -> Result<bool, ApiError> {
        // The answer for a collaborator is 204 and has no body.
        Ok(self.find::<Option<Value>>(&format!("/collaborators/{}", encode(login.as_str()))).await?.is_some())
    }
}

/// A word as it may stand in a path or a query.
pub(super) fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
