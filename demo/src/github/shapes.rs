//! Records in the shape of GitHub's REST API, with every field that octocrab's models insist on.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Person;

/// Where the stand-in is found, and which repository it serves.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// The REST API's base, without a slash at the end.
    pub api: String,
    /// The base of pages and of git, likewise.
    pub web: String,
    /// `owner/name`.
    pub repository: String,
}

impl Links {
    /// The repository's page.
    pub fn page(&self) -> String {
        format!("{}/{}", self.web, self.repository)
    }

    /// An address of the repository's API; `path` starts with a slash or is empty.
    pub fn repo_api(&self, path: &str) -> String {
        format!("{}/repos/{}{path}", self.api, self.repository)
    }

    /// The API's scheme and host, for addresses that are built from a request's own path.
    pub(super) fn host(&self) -> &str {
        self.api.strip_suffix("/api/v3").unwrap_or(&self.api)
    }

    /// The account as it stands in other records.
    pub fn user(&self, person: &Person) -> Value {
        let login = &person.login;
        let api = format!("{}/users/{}", self.api, login.replace('[', "%5B").replace(']', "%5D"));
        json!({
            "login": login, "id": person.id, "node_id": node("U", person.id), "gravatar_id": "",
            "avatar_url": format!("{}/avatars/u/{}", self.web, person.id),
            "url": api, "html_url": format!("{}/{}", self.web, login.trim_end_matches("[bot]")),
            "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following"),
            "gists_url": format!("{api}/gists"), "starred_url": format!("{api}/starred"),
            "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
            "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events"),
            "received_events_url": format!("{api}/received_events"),
            "type": person.kind, "site_admin": false,
        })
    }

    /// The repository as it stands in events and in its own request.
    pub fn repository_record(&self, default_branch: &str) -> Value {
        let (owner, name) = self.repository.split_once('/').unwrap_or(("", &self.repository));
        let mut owner = self.user(&Person::new(owner, 1001, "admin"));
        owner["type"] = json!("Organization");
        let mut record = json!({
            "id": 1296269, "node_id": node("R", 1296269), "name": name, "full_name": self.repository, "owner": owner,
            "private": true, "visibility": "private", "fork": false, "archived": false, "disabled": false,
            "description": "Takes jobs off the queue", "html_url": self.page(), "url": self.repo_api(""),
            "clone_url": format!("{}.git", self.page()), "git_url": format!("{}.git", self.page()),
            "svn_url": self.page(), "ssh_url": format!("git@localhost:{}.git", self.repository), "mirror_url": null,
            "default_branch": default_branch, "language": "C", "license": null, "homepage": null, "size": 12,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "pushed_at": "2026-01-01T00:00:00Z",
        });
        for name in REPOSITORY_LINKS {
            record[format!("{name}_url")] = json!(self.repo_api(&format!("/{name}")));
        }
        for feature in ["issues", "projects", "downloads", "wiki", "pages", "discussions"] {
            record[format!("has_{feature}")] = json!(feature == "issues");
        }
        for count in [
            "forks",
            "forks_count",
            "watchers",
            "watchers_count",
            "stargazers_count",
            "open_issues",
            "open_issues_count",
        ] {
            record[count] = json!(0);
        }
        record
    }

    /// What a pull request has beyond the fields that it shares with its issue; heads and states are set by the caller.
    pub fn pull_fields(&self, number: u64) -> Value {
        let api = self.repo_api(&format!("/pulls/{number}"));
        let issue = self.repo_api(&format!("/issues/{number}"));
        let page = format!("{}/pull/{number}", self.page());
        let link = |url: &str| json!({"href": url});
        json!({
            "url": api, "issue_url": issue, "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
            "commits_url": format!("{api}/commits"), "review_comments_url": format!("{api}/comments"),
            "review_comment_url": self.repo_api("/pulls/comments{/number}"),
            "statuses_url": self.repo_api("/statuses/HEAD"),
            "_links": {"self": link(&api), "html": link(&page), "issue": link(&issue),
                "comments": link(&format!("{issue}/comments")), "review_comments": link(&format!("{api}/comments")),
                "review_comment": link(&format!("{api}/comments")), "commits": link(&format!("{api}/commits")),
                "statuses": link(&self.repo_api("/statuses/HEAD"))},
            "merged": false, "merged_at": null, "merged_by": null, "merge_commit_sha": null, "auto_merge": null,
            "mergeable": null, "mergeable_state": "unknown", "rebaseable": null, "requested_reviewers": [],
            "requested_teams": [], "additions": 1, "deletions": 0, "changed_files": 1, "commits": 1, "review_comments": 0,
        })
    }

    /// An open issue.
    pub fn issue(&self, id: u64, number: u64, title: &str, body: &Value, author: &Person, at: DateTime<Utc>) -> Value {
        let api = self.repo_api(&format!("/issues/{number}"));
        json!({
            "id": id, "node_id": node("I", id), "number": number, "title": title, "body": body,
            "url": api, "repository_url": self.repo_api(""), "html_url": format!("{}/issues/{number}", self.page()),
            "labels_url": format!("{api}/labels"), "comments_url": format!("{api}/comments"),
            "events_url": format!("{api}/events"), "state": "open", "state_reason": null, "locked": false,
            "user": self.user(author), "author_association": author.association(), "labels": [], "assignee": null,
            "assignees": [], "milestone": null, "comments": 0, "closed_at": null,
            "created_at": time(at), "updated_at": time(at),
        })
    }

    /// A comment on an issue or pull request.
    pub fn comment(&self, id: u64, number: u64, body: &str, author: &Person, at: DateTime<Utc>) -> Value {
        json!({
            "id": id, "node_id": node("IC", id), "body": body, "user": self.user(author),
            "url": self.repo_api(&format!("/issues/comments/{id}")),
            "issue_url": self.repo_api(&format!("/issues/{number}")),
            "html_url": format!("{}/issues/{number}#issuecomment-{id}", self.page()),
            "author_association": author.association(), "performed_via_github_app": null,
            "created_at": time(at), "updated_at": time(at),
        })
    }

    /// A label.
    pub fn label(&self, id: u64, name: &str) -> Value {
        json!({"id": id, "node_id": node("LA", id), "url": self.repo_api(&format!("/labels/{name}")), "name": name,
            "description": "", "color": "ededed", "default": false})
    }

    /// A commit as `git log` gives it, with its author's account where one is known.
    pub fn commit(&self, commit: &Commit, author: Option<&Person>) -> Value {
        let sha = &commit.sha;
        let account = author.map_or(Value::Null, |person| self.user(person));
        let signature = json!({"name": commit.name, "email": commit.email, "date": commit.date});
        let parent = |sha: &String| {
            json!({"sha": sha, "url": self.repo_api(&format!("/commits/{sha}")),
            "html_url": format!("{}/commit/{sha}", self.page())})
        };
        json!({
            "sha": sha, "node_id": format!("C_{sha}"), "url": self.repo_api(&format!("/commits/{sha}")),
            "html_url": format!("{}/commit/{sha}", self.page()),
            "comments_url": self.repo_api(&format!("/commits/{sha}/comments")),
            "commit": {
                "author": signature, "committer": signature, "message": commit.message, "comment_count": 0,
                "tree": {"sha": commit.tree, "url": self.repo_api(&format!("/git/trees/{}", commit.tree))},
                "url": self.repo_api(&format!("/git/commits/{sha}")),
                "verification": {"verified": false, "reason": "unsigned", "payload": null, "signature": null},
            },
            "author": account, "committer": account, "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }

    /// A ref that points to a commit.
    pub fn reference(&self, name: &str, sha: &str) -> Value {
        json!({"ref": name, "node_id": format!("REF_{sha}"), "url": self.repo_api(&format!("/git/{name}")),
            "object": {"type": "commit", "sha": sha, "url": self.repo_api(&format!("/git/commits/{sha}"))}})
    }
}

/// The parts of a repository to which its record links.
#[rustfmt::skip]
const REPOSITORY_LINKS: [&str; 36] = [
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents",
    "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "hooks",
    "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "notifications",
    "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees",
];

/// What `git log` says of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub sha: String,
    /// Its tree's name.
    pub tree: String,
    /// Its parents' names.
    pub parents: Vec<String>,
    /// The author's name.
    pub name: String,
    /// The author's address.
    pub email: String,
    /// When it was committed, as ISO 8601.
    pub date: String,
    /// Subject and body.
    pub message: String,
}

/// A time as GitHub writes it: `2026-11-22T07:00:00Z`.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn node(kind: &str, id: u64) -> String {
    format!("{kind}_kwDO{id:x}")
}
