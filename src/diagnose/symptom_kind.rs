//! What kind of trouble an incident's own words describe.
//!
//! A leak in the code explains an incident only if the incident is about memory; without this question every old leak
//! would be blamed for every outage.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::model::diagnosis::SymptomKind;
use crate::model::incident::{Alert, Incident};

/// Kubernetes and the kernel speak of OOM; 137 is 128 + SIGKILL, the exit code of a container that the kernel killed;
/// the allocators of C, Java and Go have words of their own.
const MEMORY_WORDS: &str = r"(?ix)
    \b oom (?: [\s_-]* kill (?: ed | er )? )? \b | \boomkill
  | out [\s_-]* of [\s_-]* memory
  | \b memory \b .{0,40} \b (?: limit | usage | high | exceed\w* | exhaust\w* | pressure | leak\w* | grow\w* | rss | saturat\w* )
  | \b (?: high | low | exceed\w* | exhaust\w* | insufficient ) \b .{0,40} \b memory \b
  | memory [\s_-]? leak | leak (?: ed | ing | s )? \s (?: memory | bytes )
  | cannot \s allocate \s memory | \b enomem \b | std::bad_alloc | outofmemoryerror
  | exit (?: ed )? (?: \s+ with )? [\s_-]* (?: code | status )? [\s:=_-]* 137 \b
  | \b (?: resident \s set | rss | working [\s_-]? set | container_memory\w* | vmrss ) \b";

static MEMORY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(MEMORY_WORDS).expect("the pattern is a constant that the tests of this module compile")
});

/// What says that a program was ended for its memory, and not merely that memory is short.
static KILL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\boom[\s_-]*kill|\bkilled\b|\bexit(?:ed)?(?:\s+with)?[\s_-]*(?:code|status)?[\s:=_-]*137\b")
        .expect("the pattern is a constant that the tests of this module compile")
});

/// How deep details are read: monitoring sends a few levels, an attacker any number.
const DEPTH: usize = 8;

/// Reads everything that the incident says.
pub fn of(incident: &Incident) -> SymptomKind {
    if words(incident).iter().any(|text| MEMORY.is_match(text)) { SymptomKind::Memory } else { SymptomKind::Other }
}

/// Whether an alert of an incident about memory says that a program was killed.
pub fn tells_of_a_kill(alert: &Alert) -> bool {
    let mut texts = vec![alert.summary.clone()];
    collect(&alert.details, "", DEPTH, &mut texts);
    texts.iter().any(|text| KILL.is_match(text))
}

/// Everything that the incident says: title, alerts, their details, notes.
pub fn words(incident: &Incident) -> Vec<String> {
    let mut texts = vec![incident.title.clone()];
    for alert in &incident.alerts {
        texts.push(alert.summary.clone());
        collect(&alert.details, "", DEPTH, &mut texts);
    }
    texts.extend(incident.notes.iter().map(|note| note.content.clone()));
    texts
}

/// Every text of the details, with its key before it: `exit_code: 137`.
fn collect(value: &Value, key: &str, depth: usize, texts: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(value, key, depth - 1, texts)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, key, depth - 1, texts)),
        Value::String(text) => texts.push(format!("{key}: {text}")),
        Value::Number(number) => texts.push(format!("{key}: {number}")),
        Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_memory_are_known() {
        for text in [
            "worker-deployment OOM Killed",
            "Pod worker-7d9f OOMKilled",
            "reason: OOMKilled",
            "java.lang.OutOfMemoryError: Java heap space",
            "Container exceeded memory limit",
            "memory usage above 90%",
            "exit code: 137",
            "exit_code: 137",
            "exited with status 137",
            "fatal error: out of memory",
            "malloc: Cannot allocate memory",
            "container_memory_working_set_bytes is 99 % of limit",
            "High memory on worker",
        ] {
            assert!(MEMORY.is_match(text), "{text}");
        }
    }

    #[test]
    fn a_kill_is_told_from_a_shortage() {
        let alert = |summary: &str, details| Alert {
            id: String::new(),
            summary: summary.to_owned(),
            created_at: None,
            severity: None,
            details,
        };
        assert!(tells_of_a_kill(&alert("worker OOMKilled", Value::Null)));
        assert!(tells_of_a_kill(&alert("worker restarts", serde_json::json!({ "exit_code": "137" }))));
        assert!(!tells_of_a_kill(&alert("memory usage above 90%", Value::Null)));
    }

    #[test]
    fn other_words_are_not() {
        for text in [
            "HTTP 500 rate above 5%",
            "disk full on db-1",
            "room temperature high",
            "exit code: 1",
            "exit code: 13",
            "the boom microphone is broken",
            "In memory of the old dashboard",
            "Bloom filter false positives",
        ] {
            assert!(!MEMORY.is_match(text), "{text}");
        }
    }
}
