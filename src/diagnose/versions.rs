//! What an alert or a change event says of the version that ran: commits, tags and images by their names.
//!
//! Monitoring systems have no common field for it. A field counts if the last word of its name says that it holds a version, and no
//! word says that it is the version of something else; what it holds must turn out to be a commit of the branch.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::model::incident::{ChangeEvent, Incident};

/// So many names are looked up: an alert has one or two.
const MOST: usize = 4;
/// How deep details are read.
const DEPTH: usize = 8;
/// Longer texts are no names.
const LONGEST: usize = 200;

/// The last words of fields that hold a version.
const FIELDS: [&str; 8] = ["commit", "sha", "revision", "version", "release", "image", "tag", "build"];

/// Words of fields that hold the version of something else than the service.
const OF_OTHERS: [&str; 22] = [
    "api",
    "schema",
    "kernel",
    "os",
    "kubernetes",
    "k8s",
    "kubelet",
    "agent",
    "exporter",
    "prometheus",
    "grafana",
    "node",
    "tls",
    "http",
    "client",
    "plugin",
    "runbook",
    "runtime",
    "protocol",
    "template",
    "digest",
    "previous",
];

/// Names of images and tags that move, and words that stand where a version is missing.
const MOVING: [&str; 14] = [
    "latest",
    "stable",
    "nightly",
    "edge",
    "main",
    "master",
    "dev",
    "prod",
    "production",
    "staging",
    "unknown",
    "none",
    "head",
    "null",
];

/// What says that a change brought something into production, and was not merely merged or built.
static DEPLOYS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:re)?deploy|\breleas(?:e|ed|ing)\b|\broll(?:ed|ing)?[ -]?out|\bpromot(?:e|ed|ion)\b|\bshipped\b",
    )
    .expect("the pattern is a constant that the tests of this module compile")
});

/// A version under the names that it may have in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// As it was said: `image: worker:1.4`.
    pub words: String,
    /// Commit ids, whole or their beginnings.
    pub commits: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
}

/// The versions that the incident's alerts name, the oldest alert's first.
pub fn of_alerts(incident: &Incident) -> Vec<Version> {
    let mut found = Vec::new();
    for alert in &incident.alerts {
        collect(&alert.details, "", DEPTH, &mut found);
    }
    distinct(found)
}

/// The versions that a change event names: in its links, its details, and at last in its summary.
pub fn of_change(change: &ChangeEvent) -> Vec<Version> {
    let mut found = Vec::new();
    for link in &change.links {
        let mut parts = link.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').rsplit('/');
        if let (Some(last), Some("commit" | "commits" | "tag")) = (parts.next(), parts.next()) {
            found.extend(version("link", last));
        }
    }
    collect(&change.details, "", DEPTH, &mut found);
    for word in change.summary.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_commit(word)) {
        found.extend(version("summary", word));
    }
    distinct(found)
}

/// Whether a change event speaks of a deployment to production: to the environment that is `wanted`, else to one that is called so.
/// One that names no environment counts.
pub fn tells_of_deployment(change: &ChangeEvent, wanted: Option<&str>) -> bool {
    let environment = ["environment", "env", "stage"].iter().find_map(|key| change.details.get(*key)?.as_str());
    let says = |text: &str| DEPLOYS.is_match(text);
    environment.is_none_or(|named| wanted.map_or_else(|| is_production(named), |wanted| named == wanted))
        && (says(&change.summary) || change.source.as_deref().is_some_and(says) || environment.is_some())
}

/// Whether an environment's name says that it is what users meet.
pub fn is_production(environment: &str) -> bool {
    let words = environment.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(str::to_ascii_lowercase).any(|word| ["production", "prod", "prd", "live"].contains(&word.as_str()))
}

/// Every field that holds a version.
fn collect(value: &Value, key: &str, depth: usize, found: &mut Vec<Version>) {
    match value {
        _ if depth == 0 => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(value, key, depth - 1, found)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, key, depth - 1, found)),
        Value::String(text) if holds_version(key) => found.extend(version(key, text)),
        _ => {}
    }
}

/// By the words of the field's name: `commit_sha`, `app.version`, `containerImage`.
fn holds_version(key: &str) -> bool {
    let mut spaced = String::with_capacity(key.len() + 4);
    let mut before = ' ';
    for c in key.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            spaced.push(' ');
        }
        spaced.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
        before = c;
    }
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    words.last().is_some_and(|last| FIELDS.contains(last)) && !words.iter().any(|word| OF_OTHERS.contains(word))
}

/// The names that a version's text may have in git: of an image its tag, of a tag the commit at its end (`v1.2-3-gabc1234`).
fn version(key: &str, text: &str) -> Option<Version> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST || text.contains(char::is_whitespace) {
        return None;
    }
    let plain = text.split('@').next().unwrap_or_default();
    let last = plain.rsplit('/').next().unwrap_or_default();
    let name = match (last.split_once(':'), key.to_ascii_lowercase().contains("image")) {
        (Some((_, tag)), _) => tag,
        (None, true) => return None,
        (None, false) => last,
    };
    if name.is_empty() || MOVING.contains(&name.to_ascii_lowercase().as_str()) {
        return None;
    }
    let pieces = name.split(['-', '_', '.', '+']).flat_map(|piece| [piece, piece.strip_prefix('g').unwrap_or(piece)]);
    let mut commits: Vec<String> = pieces.filter(|piece| is_commit(piece)).map(str::to_ascii_lowercase).collect();
    commits.dedup();
    // A word without a digit names a channel or an environment, and no version.
    let is_tag = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
        && name.bytes().any(|b| b.is_ascii_digit())
        && !is_commit(name);
    let tags = if is_tag { vec![name.to_owned(), format!("v{name}")] } else { Vec::new() };
    Some(Version { words: format!("{key}: {text}"), commits, tags })
}

/// Seven digits of a commit's id or more. Without a letter it would rather be a date or a number.
fn is_commit(word: &str) -> bool {
    (7..=64).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && (word.len() >= 40 || word.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// Each once, the first few.
fn distinct(found: Vec<Version>) -> Vec<Version> {
    let mut kept: Vec<Version> = Vec::new();
    for version in found {
        if kept.iter().all(|it| (&it.commits, &it.tags) != (&version.commits, &version.tags)) && kept.len() < MOST {
            kept.push(version);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(details: &Value) -> String {
        let mut found = Vec::new();
        collect(details, "", DEPTH, &mut found);
        let line = |it: Version| {
            format!("{} -> {} | {}", it.words, it.commits.join(" "), it.tags.join(" ")).trim_end().to_owned() + "\n"
        };
        distinct(found).into_iter().map(line).collect()
    }

    #[test]
    fn fields_that_hold_the_services_version_are_read() {
        let details = json!({
            "firing": {"container_image": "registry.example.com:5000/team/worker:main-5c9f7d8", "imageID": "worker@sha256:00ff"},
            "labels": {"app.version": "1.4.2", "git_sha": "ABCDEF0123456789abcdef0123456789abcdef01"},
            "release": "v2.0-7-gabc1234", "build": "20251117", "apiVersion": "apps/v1", "kernel_version": "6.1.0",
            "pod": "worker-5c9f7d8b6-x2x7k", "image": "worker:latest", "version": "not a version",
        });
        insta::assert_snapshot!(shown(&details), @r"
        container_image: registry.example.com:5000/team/worker:main-5c9f7d8 -> 5c9f7d8 | main-5c9f7d8 vmain-5c9f7d8
        app.version: 1.4.2 ->  | 1.4.2 v1.4.2
        git_sha: ABCDEF0123456789abcdef0123456789abcdef01 -> abcdef0123456789abcdef0123456789abcdef01 |
        release: v2.0-7-gabc1234 -> abc1234 | v2.0-7-gabc1234 vv2.0-7-gabc1234
        ");
    }

    fn change(summary: &str, source: Option<&str>, link: &str, details: Value) -> ChangeEvent {
        let links = vec![link.to_owned()];
        ChangeEvent { summary: summary.to_owned(), at: None, source: source.map(str::to_owned), links, details }
    }

    #[test]
    fn a_change_event_names_its_commit_in_several_ways() {
        let first = |change: &ChangeEvent| of_change(change).into_iter().next().map(|it| it.words);
        let link = "https://github.example/o/r/commit/abc1234?diff=split";
        assert_eq!(first(&change("Done", None, link, json!(null))).as_deref(), Some("link: abc1234"));
        assert_eq!(first(&change("Done", None, "", json!({"sha": "abc1234"}))).as_deref(), Some("sha: abc1234"));
        assert_eq!(first(&change("deploy abc1234", None, "", json!(null))).as_deref(), Some("summary: abc1234"));
        assert_eq!(first(&change("deploy 20251117", None, "https://ci.example/42", json!(null))), None);
    }

    #[test]
    fn merges_builds_and_other_environments_are_no_deployments() {
        let tells = |summary: &str, source: Option<&str>, details: Value| {
            tells_of_deployment(&change(summary, source, "", details), None)
        };
        assert!(tells("Deployed abc1234", None, json!(null)));
        assert!(tells("abc1234", Some("deploy-bot"), json!({"environment": "eu-prod"})));
        assert!(tells("Rolled out 1.4", None, json!({})));
        assert!(!tells("Speed up the report (#31)", Some("github"), json!({})));
        assert!(!tells("Build Success - 42", Some("ci"), json!({})));
        assert!(!tells("Deployed abc1234", None, json!({"environment": "staging"})));
        let blue = change("Deployed abc1234", None, "", json!({"environment": "blue"}));
        assert!(tells_of_deployment(&blue, Some("blue")) && !tells_of_deployment(&blue, Some("green")));
    }

    proptest! {
        #[test]
        fn any_field_can_be_read(key in "\\PC{0,20}", text in "\\PC{0,60}") {
            let commits = version(&key, &text).map_or(Vec::new(), |version| version.commits);
            prop_assert!(commits.iter().all(|it| is_commit(it)));
            holds_version(&key);
        }
    }
}
