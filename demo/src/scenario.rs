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
    /// How the worker that is deployed behaves under its limit.
    pub worker: Worker,
    /// What the monitoring system sends.
    pub alert: fn() -> Value,
    /// What a right answer is.
    pub expect: Expect,
}

/// How the worker behaves under the memory limit of its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// It grows until it is killed.
    Killed,
    /// It stays within its limit.
    Sound,
}

/// What a right answer to a scenario's incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// Subject of the landing at fault.
    pub culprit: Option<&'static str>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// A file, and a text that the answer's branch puts back into it.
    pub restored: Option<(&'static str, &'static str)>,
    /// What the run of the fault shows, in the words of the report, where this machine can isolate it.
    pub shown: Option<&'static str>,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A draft pull request on this branch.
    PullRequest(&'static str),
    /// An honest comment, no pull request.
    Inconclusive,
}

const FREED: Expect = Expect {
    culprit: Some(landings::FREE_REMOVED),
    outcome: Outcome::PullRequest("fix/incident-12345"),
    restored: Some(("worker.c", "        free(buffer);\n")),
    shown: Some("without the patch memory ran out"),
};

/// All scenarios; the first is the default.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "leak",
        about: "the landing that took a free() out lies five hours before the first kill",
        landings: landings::leak,
        worker: Worker::Killed,
        alert: out_of_memory,
        expect: FREED,
    },
    Scenario {
        name: "old-bug",
        about: "the day before the kill holds only innocent landings; the free() went three months earlier",
        landings: landings::old_bug,
        worker: Worker::Killed,
        alert: out_of_memory,
        expect: FREED,
    },
    Scenario {
        name: "reads-only",
        about: "the worker leaks memory that it only reads: resident memory stays flat while ever more is allocated",
        landings: landings::reads_only,
        worker: Worker::Sound,
        alert: memory_grows,
        expect: Expect { shown: Some("allocated memory (VmData) grows by"), ..FREED },
    },
    Scenario {
        name: "no-culprit",
        about: "jobs pile up, the worker is sound, and nothing that landed explains it: no pull request",
        landings: landings::innocent,
        worker: Worker::Sound,
        alert: jobs_pile_up,
        expect: Expect { culprit: None, outcome: Outcome::Inconclusive, restored: None, shown: None },
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

/// The pod was killed at its limit.
fn out_of_memory() -> Value {
    alarm(
        "WorkerOOMKilled",
        "worker-deployment OOM Killed",
        json!({"class": "OOMKilled", "custom_details": {
            "pod": "worker-deployment-5c9f7d8b6-x2x7k",
            "image": "worker:demo",
            "reason": "OOMKilled",
            "exit_code": "137",
            "memory_limit": "64Mi",
            "restarts": "3",
        }}),
    )
}

/// Nothing is killed, but the worker takes ever more address space.
fn memory_grows() -> Value {
    alarm(
        "WorkerMemoryGrows",
        "worker-deployment allocates ever more memory and never gives any back: memory grows",
        json!({"class": "MemoryGrowth", "custom_details": {
            "metric": "process_virtual_memory_bytes",
            "growth": "10 MB a second",
            "for": "30m",
        }}),
    )
}

/// Something upstream: the code of this repository has no part in it.
fn jobs_pile_up() -> Value {
    alarm(
        "WorkerQueueDepth",
        "worker-deployment has 1200 jobs waiting",
        json!({"class": "QueueDepth", "custom_details": {"queue": "incoming", "depth": "1200", "for": "10m"}}),
    )
}

/// An event for PagerDuty's Events API, as Alertmanager sends it; the routing key and the time are added when it is
/// sent. `payload` has what is particular to it. <https://developer.pagerduty.com/docs/send-alert-event>
fn alarm(name: &str, summary: &str, mut payload: Value) -> Value {
    payload["summary"] = json!(summary);
    payload["source"] = json!("prod/worker-deployment");
    payload["severity"] = json!("critical");
    payload["component"] = json!("worker");
    payload["custom_details"]["alertname"] = json!(name);
    payload["custom_details"]["namespace"] = json!("prod");
    payload["custom_details"]["container"] = json!("worker");
    json!({"event_action": "trigger", "dedup_key": format!("{name}/prod/worker-deployment"), "client": "Alertmanager",
        "payload": payload})
}
