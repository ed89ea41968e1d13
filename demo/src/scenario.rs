//! The table of scenarios: what landed when, what went wrong, and what a right answer is.

mod landings;

use serde_json::{Value, json};

use crate::github::Person;
use crate::history::Landing;

/// The number every scenario's incident has, as in the manuals' example comment.
pub const INCIDENT_NUMBER: u64 = 12345;

/// One story from landing to page.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The word that picks it on the command line.
    pub name: &'static str,
    /// One line for `--list`.
    pub about: &'static str,
    /// What landed on the default branch, oldest first.
    pub landings: fn() -> Vec<Landing>,
    /// What the monitoring system sends.
    pub alert: fn() -> Value,
    /// What a right answer is.
    pub expect: Expect,
}

/// What a right answer to a scenario's incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// Subject of the landing at fault.
    pub culprit: Option<&'static str>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A draft pull request on this branch.
    PullRequest(&'static str),
    /// An honest comment, no pull request.
    Inconclusive,
}

const FIX: Outcome = Outcome::PullRequest("fix/incident-12345");

/// All scenarios; the first is the default.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "leak",
        about: "the landing that took a free() out lies five hours before the first kill",
        landings: landings::leak,
        alert: out_of_memory,
        expect: Expect { culprit: Some(landings::FREE_REMOVED), outcome: FIX },
    },
    Scenario {
        name: "old-bug",
        about: "the day before the kill holds only innocent landings; the free() went three months earlier",
        landings: landings::old_bug,
        alert: out_of_memory,
        expect: Expect { culprit: Some(landings::FREE_REMOVED), outcome: FIX },
    },
];

/// Finds a scenario by its name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|s| s.name == name)
}

/// The accounts of every scenario. Only the on-call engineer's commits carry the address that PagerDuty knows.
pub fn people() -> Vec<Person> {
    vec![
        Person::new("octo-admin", 501, "admin"),
        Person::new("octo-dev", 502, "write"),
        Person::new("octo-build", 503, "write"),
        Person::new("octo-docs", 504, "write"),
        Person::new("oncall-engineer", 505, "write").with_email("oncall-engineer@example.com"),
        Person::new("octo-guest", 506, "read"),
    ]
}

/// An event for PagerDuty's Events API, as Alertmanager sends it when a pod was killed at its limit; the routing key
/// and the time are added when it is sent. <https://developer.pagerduty.com/docs/send-alert-event>
fn out_of_memory() -> Value {
    json!({
        "event_action": "trigger",
        "dedup_key": "WorkerOOMKilled/prod/worker-deployment",
        "client": "Alertmanager",
        "payload": {
            "summary": "worker-deployment OOM Killed",
            "source": "prod/worker-deployment",
            "severity": "critical",
            "component": "worker",
            "class": "OOMKilled",
            "custom_details": {
                "alertname": "WorkerOOMKilled",
                "namespace": "prod",
                "deployment": "worker-deployment",
                "pod": "worker-deployment-5c9f7d8b6-x2x7k",
                "container": "worker",
                "image": "worker:demo",
                "reason": "OOMKilled",
                "exit_code": "137",
                "memory_limit": "64Mi",
                "restarts": "3",
            },
        },
    })
}
