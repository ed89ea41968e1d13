//! The events that wake the responder, in the shape in which GitHub's runner writes them to a file.

use chrono::Utc;
use serde_json::{Value, json};

use super::World;
use crate::github::Person;
use crate::scenario::INCIDENT_NUMBER;

/// What happened: `GITHUB_EVENT_NAME` and the contents of the file at `GITHUB_EVENT_PATH`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `issue_comment`, `schedule`, …
    pub name: String,
    /// The payload.
    pub payload: Value,
    /// Who caused it.
    pub actor: String,
}

/// A comment to be written.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Its text.
    pub text: String,
    /// Login of its writer, who may have no account here.
    pub author: String,
    /// Where it is written.
    pub place: Place,
}

/// Where a comment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On an issue that says the worker was killed.
    Issue,
    /// On the last pull request that was merged.
    PullRequest,
    /// On a line of that pull request's diff.
    Diff,
}

impl Comment {
    /// This text on the issue, by a person with write access.
    pub fn asking(text: &str) -> Comment {
        Comment { text: text.to_owned(), author: "octo-dev".to_owned(), place: Place::Issue }
    }

    /// The same by somebody else.
    pub fn by(self, author: &str) -> Comment {
        Comment { author: author.to_owned(), ..self }
    }

    /// The same somewhere else.
    pub fn on(self, place: Place) -> Comment {
        Comment { place, ..self }
    }
}

impl Event {
    /// An event of any name and payload, for those that must be refused.
    pub fn new(name: &str, payload: Value) -> Event {
        Event { name: name.to_owned(), payload, actor: "octo-dev".to_owned() }
    }
}

impl World {
    /// Somebody comments: the comment is there for both the responder and GitHub.
    pub fn comment(&self, comment: Comment) -> Event {
        let links = self.github.links();
        let mut records = self.github.records();
        let stranger = || Person::new(&comment.author, 999, "none");
        let author = records.person(&comment.author).cloned().unwrap_or_else(stranger);
        let number = match comment.place {
            Place::Issue => records.incident_issue(links, Utc::now()),
            Place::PullRequest | Place::Diff => self.landed.iter().rev().find_map(|l| l.pull).unwrap_or_default(),
        };
        let mut payload = json!({
            "action": "created",
            "repository": links.repository_record(crate::history::BRANCH),
            "organization": {"login": "octo-org", "id": 1001},
            "sender": links.user(&author),
        });
        let name = if comment.place == Place::Diff {
            payload["comment"] = records.add_review_comment(links, number, &comment.text, &author);
            payload["pull_request"] = records.pull_mut(number).cloned().unwrap_or_default();
            "pull_request_review_comment"
        } else {
            payload["comment"] = records.add_comment(links, number, &comment.text, &author, Utc::now());
            payload["issue"] = records.issue_mut(number).cloned().unwrap_or_default();
            "issue_comment"
        };
        Event { name: name.to_owned(), payload, actor: author.login }
    }

    /// The hourly sweep.
    pub fn schedule(&self) -> Event {
        let repository = self.github.links().repository_record(crate::history::BRANCH);
        Event::new("schedule", json!({"schedule": "17 * * * *", "repository": repository}))
    }

    /// `workflow_dispatch` with the input `incident`, which the workflow hands on to the action's input.
    pub fn dispatch(&self) -> Event {
        let repository = self.github.links().repository_record(crate::history::BRANCH);
        let inputs = json!({"incident": INCIDENT_NUMBER.to_string()});
        Event::new("workflow_dispatch", json!({"inputs": inputs, "ref": "refs/heads/main", "repository": repository}))
    }

    /// `repository_dispatch`, as a webhook of PagerDuty's would send it.
    pub fn repository_dispatch(&self) -> Event {
        let repository = self.github.links().repository_record(crate::history::BRANCH);
        let payload = json!({"incident": INCIDENT_NUMBER.to_string()});
        let payload =
            json!({"action": "pagerduty", "branch": "main", "client_payload": payload, "repository": repository});
        Event::new("repository_dispatch", payload)
    }
}
