//! What the stand-in GitHub knows, as plain values that a test may read and change.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::shapes::time;
use super::{Links, Scripted, pulls, text};
use crate::history::Landed;

/// Everything but the repository's objects. Records have the shape in which the REST API gives them.
#[derive(Debug, Clone)]
pub struct Records {
    /// `owner/name`.
    pub repository: String,
    /// The only token that is let in.
    pub token: String,
    /// Who the token belongs to: `github-actions[bot]`, as for a workflow's own token.
    pub me: Person,
    /// People with an account.
    pub people: Vec<Person>,
    /// What the token may do.
    pub grants: Grants,
    /// Whether this repository's plan has draft pull requests.
    pub drafts: Ability,
    /// The setting "Allow GitHub Actions to create and approve pull requests".
    pub pulls_by_actions: Ability,
    /// Issues, and the issue half of each pull request.
    pub issues: Vec<Value>,
    /// Pull requests.
    pub pulls: Vec<Value>,
    /// Comments on issues and pull requests.
    pub comments: Vec<Value>,
    /// Comments on the lines of a pull request's diff.
    pub review_comments: Vec<Value>,
    /// Reactions, each with `comment_id` beside GitHub's own fields.
    pub reactions: Vec<Value>,
    /// The repository's labels.
    pub labels: Vec<Value>,
    /// Deployments, newest first, each with its `statuses`.
    pub deployments: Vec<Value>,
    /// Answers for the next requests that match, taken out as they are given.
    pub script: VecDeque<Scripted>,
    /// What is left of the rate limit; every request takes one.
    pub rate_remaining: u32,
    next_id: u64,
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The login.
    pub login: String,
    /// The account's number.
    pub id: u64,
    /// The address that links commits to the account.
    pub email: String,
    /// `admin`, `write`, `read` or `none`, as the legacy field of the permission request says it.
    pub permission: String,
    /// `User` or `Bot`.
    pub kind: String,
}

/// The permissions of the workflow's token that the responder can need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grants {
    /// `contents`.
    pub contents: Access,
    /// `issues`.
    pub issues: Access,
    /// `pull-requests`.
    pub pull_requests: Access,
}

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look, do not touch.
    Read,
    /// Both.
    Write,
}

/// Whether something can be done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// It can.
    Supported,
    /// It is refused.
    Refused,
}

impl Records {
    /// A repository with nothing in it but its people, served to `token`.
    pub fn new(repository: &str, token: &str, people: Vec<Person>) -> Records {
        Records {
            repository: repository.to_owned(),
            token: token.to_owned(),
            me: Person::new("github-actions[bot]", 41_898_282, "write"),
            people,
            grants: Grants { contents: Access::Write, issues: Access::Write, pull_requests: Access::Write },
            drafts: Ability::Supported,
            pulls_by_actions: Ability::Supported,
            issues: Vec::new(),
            pulls: Vec::new(),
            comments: Vec::new(),
            review_comments: Vec::new(),
            reactions: Vec::new(),
            labels: Vec::new(),
            deployments: Vec::new(),
            script: VecDeque::new(),
            rate_remaining: 1000,
            next_id: 3_100_000_000,
        }
    }

    /// A person by login, whatever the case of its letters.
    pub fn person(&self, login: &str) -> Option<&Person> {
        self.people.iter().chain([&self.me]).find(|p| p.login.eq_ignore_ascii_case(login))
    }

    /// The account to which commits of this address are linked.
    pub fn person_by_email(&self, email: &str) -> Option<&Person> {
        self.people.iter().chain([&self.me]).find(|p| p.email.eq_ignore_ascii_case(email))
    }

    /// A number that was not given before.
    pub fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The next free number of an issue or pull request.
    pub fn next_number(&self) -> u64 {
        1 + self.issues.iter().filter_map(|i| i["number"].as_u64()).max().unwrap_or(0)
    }

    /// Opens an issue (or, with `pull`, the issue half of a pull request) and returns it.
    pub fn open_issue(&mut self, links: &Links, new: &Value, author: &Person, at: DateTime<Utc>, pull: bool) -> Value {
        let (id, number) = (self.new_id(), new["number"].as_u64().unwrap_or_else(|| self.next_number()));
        let labels = new["labels"].as_array().cloned().unwrap_or_default();
        let labels: Vec<Value> = labels.iter().filter_map(Value::as_str).map(|l| self.label(links, l)).collect();
        let mut issue = links.issue(id, number, text(new, "title"), &new["body"], author, at);
        issue["labels"] = Value::Array(labels);
        if pull {
            let url = format!("{}/pull/{number}", links.page());
            issue["pull_request"] = json!({"url": links.repo_api(&format!("/pulls/{number}")), "html_url": url,
                "diff_url": format!("{url}.diff"), "patch_url": format!("{url}.patch")});
            issue["html_url"] = json!(url);
        }
        self.issues.push(issue.clone());
        issue
    }

    /// Adds a comment to an issue or pull request and returns it.
    pub fn add_comment(&mut self, links: &Links, number: u64, body: &str, author: &Person, at: DateTime<Utc>) -> Value {
        let id = self.new_id();
        let comment = links.comment(id, number, body, author, at);
        self.comments.push(comment.clone());
        if let Some(issue) = self.issue_mut(number) {
            issue["comments"] = json!(issue["comments"].as_u64().unwrap_or(0) + 1);
        }
        comment
    }

    /// Adds a comment on a line of pull request `number`'s diff and returns it.
    pub fn add_review_comment(&mut self, links: &Links, number: u64, body: &str, author: &Person) -> Value {
        pulls::review_comment(self, links, number, body, author)
    }

    /// Adds a pull request that was merged as a landing on the default branch.
    pub fn add_merged_pull(&mut self, links: &Links, landed: &Landed) {
        let Some((number, author)) = landed.pull.zip(self.person(&landed.author).cloned()) else { return };
        let title = landed.subject.split(" (#").next().unwrap_or_default();
        let new = json!({"number": number, "title": title, "body": "", "base": crate::history::BRANCH});
        pulls::open(self, links, &new, &author, &format!("topic-{number}"), [&landed.sha, &landed.sha]);
        let at = json!(time(landed.at));
        let closed = |record: &mut Value| {
            record["state"] = json!("closed");
            for field in ["created_at", "updated_at", "closed_at"] {
                record[field] = at.clone();
            }
        };
        self.issue_mut(number).map(closed);
        if let Some(pull) = self.pull_mut(number) {
            closed(pull);
            pull["merged"] = json!(true);
            pull["merged_at"] = at.clone();
            pull["merge_commit_sha"] = json!(landed.sha);
        }
    }

    /// Adds a deployment to production that succeeded.
    pub fn add_deployment(&mut self, links: &Links, sha: &str, at: DateTime<Utc>) {
        let (id, at, creator) = (self.new_id(), time(at), links.user(&self.me));
        let api = links.repo_api(&format!("/deployments/{id}"));
        let status = json!({"id": id + 1, "state": "success", "creator": creator, "environment": "production",
            "description": "", "created_at": at, "updated_at": at, "url": format!("{api}/statuses/{}", id + 1),
            "node_id": format!("DES_{}", id + 1), "target_url": format!("{}/actions", links.page()),
            "deployment_url": api, "repository_url": links.repo_api("")});
        self.deployments.push(json!({"id": id, "node_id": format!("DE_{id}"), "url": api, "sha": sha, "ref": "main",
            "task": "deploy", "environment": "production", "original_environment": "production", "payload": {},
            "description": null, "creator": creator, "created_at": at, "updated_at": at,
            "statuses_url": format!("{api}/statuses"), "production_environment": true, "transient_environment": false,
            "repository_url": links.repo_api(""), "statuses": [status]}));
    }

    /// The number of the issue on which people talk about the incident; it is opened when it is first needed.
    pub fn incident_issue(&mut self, links: &Links, at: DateTime<Utc>) -> u64 {
        const TITLE: &str = "The worker keeps getting killed";
        if let Some(issue) = self.issues.iter().find(|i| text(i, "title") == TITLE) {
            return issue["number"].as_u64().unwrap_or_default();
        }
        let author = self.person("octo-dev").cloned().unwrap_or_else(|| self.me.clone());
        let new = json!({"title": TITLE, "body": "It restarts every few seconds since this afternoon."});
        self.open_issue(links, &new, &author, at, false)["number"].as_u64().unwrap_or_default()
    }

    /// An issue by number.
    pub fn issue_mut(&mut self, number: u64) -> Option<&mut Value> {
        self.issues.iter_mut().find(|i| i["number"] == number)
    }

    /// A pull request by number.
    pub fn pull_mut(&mut self, number: u64) -> Option<&mut Value> {
        self.pulls.iter_mut().find(|p| p["number"] == number)
    }

    /// The label of this name, made where it did not exist: adding a label to an issue does that.
    pub fn label(&mut self, links: &Links, name: &str) -> Value {
        if let Some(label) = self.labels.iter().find(|l| text(l, "name").eq_ignore_ascii_case(name)) {
            return label.clone();
        }
        let label = links.label(self.new_id(), name);
        self.labels.push(label.clone());
        label
    }
}

impl Person {
    /// An account with GitHub's no-reply address.
    pub fn new(login: &str, id: u64, permission: &str) -> Person {
        Person {
            login: login.to_owned(),
            id,
            email: format!("{id}+{login}@users.noreply.github.com"),
            permission: permission.to_owned(),
            kind: if login.ends_with("[bot]") { "Bot" } else { "User" }.to_owned(),
        }
    }

    /// The same person with another address on their commits.
    pub fn with_email(mut self, email: &str) -> Person {
        self.email = email.to_owned();
        self
    }

    /// How GitHub describes their tie to the repository in events.
    pub fn association(&self) -> &'static str {
        match self.permission.as_str() {
            "admin" => "OWNER",
            "write" => "COLLABORATOR",
            _ => "NONE",
        }
    }
}
