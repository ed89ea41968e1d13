//! From a GitHub event to a [`Trigger`], or to the reason why there is nothing to do.
//!
//! The comment's text is taken from the event file alone: fetching it again would let its writer change it
//! between the run's approval and the run.

pub mod mention;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::model::ids::{IncidentReference, Login, Timestamp};
use crate::model::trigger::{Command, CommentOrigin, Origin, Thread, Trigger};

/// What an event asks of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go ahead, once the asker's permission is known.
    Run(Trigger),
    /// Nothing to do, and why. Exit code 0, no trace on GitHub.
    Skip(String),
}

/// What decides besides the event itself.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// The input `incident`; wins over the event's own payload.
    pub incident: Option<&'a IncidentReference>,
    /// The input `mode` says `sweep`.
    pub sweep: bool,
    /// Logins of bots whose comments count.
    pub allowed_bots: &'a [String],
}

/// Reads an event by its name and payload (the contents of `GITHUB_EVENT_PATH`).
///
/// # Errors
/// A configuration failure for an event that must not run this action (`pull_request_target`, `workflow_run`), for a
/// payload that lacks what its kind always has, and for an incident reference that is none.
pub fn read(event: &str, payload: &Value, asked: &Asked<'_>) -> Result<Verdict, Failure> {
    let run = |origin, command| Ok(Verdict::Run(Trigger { origin, command }));
    match event {
        "pull_request_target" | "workflow_run" => Err(Failure::configuration(
            format!("The event {event} runs with write access beside code of strangers; this action refuses it."),
            "Trigger it by issue_comment, schedule, workflow_dispatch or repository_dispatch.",
        )),
        "issue_comment" | "pull_request_review_comment" => comment(event, payload, asked),
        _ if asked.sweep => run(Origin::Schedule, Command::Sweep),
        _ if asked.incident.is_some() => match asked.incident {
            Some(incident) => run(Origin::Dispatch, Command::Analyze(incident.clone())),
            None => Ok(Verdict::Skip("no incident was given".to_owned())),
        },
        "schedule" => run(Origin::Schedule, Command::Sweep),
        "workflow_dispatch" => {
            dispatched(payload.pointer("/inputs/incident"), "the input `incident` of workflow_dispatch")
        }
        "repository_dispatch" => {
            dispatched(payload.pointer("/client_payload/incident"), "`client_payload.incident` of repository_dispatch")
        }
        other => Ok(Verdict::Skip(format!("the event {other} asks for nothing, and no input `incident` was given"))),
    }
}

/// A dispatch names its incident as a string or a number; without one it is a sweep by hand.
fn dispatched(incident: Option<&Value>, place: &str) -> Result<Verdict, Failure> {
    let text = match incident {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(other) => other.to_string(),
    };
    if text.is_empty() {
        return Ok(Verdict::Run(Trigger { origin: Origin::Dispatch, command: Command::Sweep }));
    }
    let reference = text.parse::<IncidentReference>().map_err(|why| {
        Failure::configuration(format!("{place} is {text:?}, which names no incident."), format!("{why}."))
    })?;
    Ok(Verdict::Run(Trigger { origin: Origin::Dispatch, command: Command::Analyze(reference) }))
}

/// The parts of a comment event that we read. Everything else in the payload is ignored.
#[derive(Deserialize)]
struct CommentEvent {
    action: String,
    comment: Comment,
    issue: Option<Issue>,
    pull_request: Option<Issue>,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    user: Option<User>,
    created_at: Timestamp,
    #[serde(default)]
    performed_via_github_app: Option<Value>,
    #[serde(default)]
    in_reply_to_id: Option<u64>,
}

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    #[serde(default)]
    pull_request: Option<Value>,
}

fn comment(event: &str, payload: &Value, asked: &Asked<'_>) -> Result<Verdict, Failure> {
    let skip = |why: &str| Ok(Verdict::Skip(why.to_owned()));
    if payload.get("action").and_then(Value::as_str) != Some("created") {
        return skip("only newly created comments count");
    }
    let event_file: CommentEvent = CommentEvent::deserialize(payload).map_err(|why| {
        Failure::configuration(
            format!("The event file of {event} does not look like GitHub's: {why}."),
            "Run the action on the event as GitHub delivers it.",
        )
    })?;
    debug_assert_eq!(event_file.action, "created");
    let comment = event_file.comment;
    let Some(author) = comment.user else { return skip("the comment's author no longer exists") };
    let is_bot = author.kind == "Bot"
        || author.login.ends_with("[bot]")
        || comment.performed_via_github_app.as_ref().is_some_and(|app| !app.is_null());
    if is_bot && !asked.allowed_bots.contains(&author.login) {
        return skip("the comment was written by a bot that is not in `allowed-bots`");
    }
    let Some(command) = mention::find(comment.body.as_deref().unwrap_or_default()) else {
        return skip("the comment holds no command for this action");
    };
    let thread = match (event, event_file.issue, event_file.pull_request) {
        ("issue_comment", Some(issue), _) if issue.pull_request.as_ref().is_some_and(|it| !it.is_null()) => {
            Thread::PullRequest(issue.number)
        }
        ("issue_comment", Some(issue), _) => Thread::Issue(issue.number),
        (_, _, Some(pull)) => {
            Thread::Review { pull_request: pull.number, root: comment.in_reply_to_id.unwrap_or(comment.id) }
        }
        _ => return skip("the comment belongs to no issue and no pull request"),
    };
    let origin =
        CommentOrigin { thread, comment: comment.id, author: Login::new(author.login), created_at: comment.created_at };
    Ok(Verdict::Run(Trigger { origin: Origin::Comment(origin), command }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(body: &str) -> Value {
        json!({
            "action": "created",
            "issue": { "number": 7 },
            "comment": {
                "id": 99, "body": body, "created_at": "2025-10-17T14:40:00Z",
                "user": { "login": "octo-dev", "type": "User" }
            }
        })
    }

    fn skipped(event_name: &str, payload: &Value, asked: &Asked<'_>) -> String {
        match read(event_name, payload, asked) {
            Ok(Verdict::Skip(why)) => why,
            other => panic!("expected a skip, got {other:?}"),
        }
    }

    fn trigger(event_name: &str, payload: &Value) -> Trigger {
        match read(event_name, payload, &Asked::default()) {
            Ok(Verdict::Run(trigger)) => trigger,
            other => panic!("expected a run, got {other:?}"),
        }
    }

    #[test]
    fn a_comment_on_an_issue_asks_for_an_analysis() {
        let found = trigger("issue_comment", &event("@pagerduty-incident-responder analyze incident #12345"));
        assert_eq!(found.command, Command::Analyze("12345".parse().expect("a number")));
        assert!(matches!(found.origin, Origin::Comment(CommentOrigin { thread: Thread::Issue(7), comment: 99, .. })));
    }

    #[test]
    fn a_comment_on_a_pull_request_is_told_apart_by_the_payload() {
        let mut payload = event("@pagerduty-incident-responder analyze incident 5");
        payload["issue"]["pull_request"] = json!({ "url": "https://example.com" });
        assert!(matches!(
            trigger("issue_comment", &payload).origin,
            Origin::Comment(CommentOrigin { thread: Thread::PullRequest(7), .. })
        ));
    }

    #[test]
    fn a_reply_on_a_diff_answers_at_the_thread_s_first_comment() {
        let mut payload = event("@pagerduty-incident-responder analyze incident 5");
        payload["pull_request"] = json!({ "number": 8 });
        payload["issue"] = Value::Null;
        payload["comment"]["in_reply_to_id"] = json!(42);
        let Origin::Comment(origin) = trigger("pull_request_review_comment", &payload).origin else {
            panic!("a comment")
        };
        assert_eq!(origin.thread, Thread::Review { pull_request: 8, root: 42 });
    }

    #[test]
    fn edits_bots_and_plain_talk_are_skipped() {
        let asked = Asked::default();
        let mut edited = event("@pagerduty-incident-responder analyze incident 5");
        edited["action"] = json!("edited");
        assert_eq!(skipped("issue_comment", &edited, &asked), "only newly created comments count");
        let mut bot = event("@pagerduty-incident-responder analyze incident 5");
        bot["comment"]["user"] = json!({ "login": "helper[bot]", "type": "Bot" });
        assert!(skipped("issue_comment", &bot, &asked).contains("allowed-bots"));
        assert!(skipped("issue_comment", &event("nothing to see"), &asked).contains("no command"));
        assert!(skipped("push", &json!({}), &asked).contains("push"));
    }

    #[test]
    fn an_allowed_bot_may_ask() {
        let mut bot = event("@pagerduty-incident-responder analyze incident 5");
        bot["comment"]["user"] = json!({ "login": "helper[bot]", "type": "Bot" });
        let bots = ["helper[bot]".to_owned()];
        let asked = Asked { allowed_bots: &bots, ..Asked::default() };
        assert!(matches!(read("issue_comment", &bot, &asked), Ok(Verdict::Run(_))));
    }

    #[test]
    fn dispatches_name_an_incident_or_mean_a_sweep() {
        let one = json!({ "client_payload": { "incident": 12345 } });
        assert_eq!(trigger("repository_dispatch", &one).command, Command::Analyze("12345".parse().expect("a number")));
        let id = json!({ "inputs": { "incident": "Q2ISKGUCZ3ZJ4K" } });
        assert_eq!(
            trigger("workflow_dispatch", &id).command,
            Command::Analyze("Q2ISKGUCZ3ZJ4K".parse().expect("an id"))
        );
        assert_eq!(trigger("workflow_dispatch", &json!({ "inputs": null })).command, Command::Sweep);
        assert_eq!(trigger("schedule", &json!({})).command, Command::Sweep);
        let typo = json!({ "client_payload": { "incident": "12x" } });
        assert!(read("repository_dispatch", &typo, &Asked::default()).is_err());
    }

    #[test]
    fn events_with_foreign_code_are_refused() {
        assert!(read("pull_request_target", &json!({}), &Asked::default()).is_err());
        assert!(read("workflow_run", &json!({}), &Asked::default()).is_err());
    }
}
