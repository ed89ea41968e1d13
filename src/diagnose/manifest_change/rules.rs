//! Which change of which setting explains which symptom.

use std::sync::LazyLock;

use regex::Regex;

use super::quantity;
use crate::diagnose::symptom_kind;
use crate::model::diagnosis::SymptomKind;
use crate::model::incident::Incident;
use crate::yaml::Scalar;

/// What Kubernetes says of a container in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symptom {
    /// Killed for memory.
    Memory,
    /// Starts and ends again and again, or fails its probes.
    Crash,
    /// Its image cannot be had.
    ImagePull,
    /// Too slow, throttled or overloaded.
    Capacity,
}

/// How a value has to change to explain the symptom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// To any other value.
    Any,
    /// To a smaller quantity.
    Lowered,
}

/// One row: a setting by the last keys of its path, and what its change explains.
#[derive(Debug)]
pub(super) struct Rule {
    symptom: Symptom,
    keys: &'static [&'static str],
    change: Change,
    /// The setting in words: `memory limit`.
    pub(super) what: &'static str,
    /// Why the change explains the symptom, as a clause.
    pub(super) because: &'static str,
}

const fn rule(
    symptom: Symptom,
    keys: &'static [&'static str],
    change: Change,
    what: &'static str,
    because: &'static str,
) -> Rule {
    Rule { symptom, keys, change, what, because }
}

const KILLED: &str = "the kernel kills a container that needs more memory than its limit";
const PULLED: &str = "an image that cannot be pulled was named anew";
const STARTED: &str = "what the container runs or how its health is asked was changed";
const SLOWED: &str = "less of what it needs leaves the same work to fewer hands";

/// Every rule. Paths are those of pod templates; Helm values and Kustomize patches end in the same keys.
const RULES: &[Rule] = &[
    rule(Symptom::Memory, &["limits", "memory"], Change::Lowered, "memory limit", KILLED),
    rule(Symptom::ImagePull, &["image"], Change::Any, "image", PULLED),
    rule(Symptom::ImagePull, &["image", "repository"], Change::Any, "image", PULLED),
    rule(Symptom::ImagePull, &["image", "tag"], Change::Any, "image tag", PULLED),
    rule(Symptom::ImagePull, &["newTag"], Change::Any, "image tag", PULLED),
    rule(Symptom::Crash, &["command", "*"], Change::Any, "command", STARTED),
    rule(Symptom::Crash, &["args", "*"], Change::Any, "arguments", STARTED),
    rule(Symptom::Crash, &["env", "*", "value"], Change::Any, "environment", STARTED),
    rule(Symptom::Crash, &["livenessProbe", "**"], Change::Any, "liveness probe", STARTED),
    rule(Symptom::Crash, &["readinessProbe", "**"], Change::Any, "readiness probe", STARTED),
    rule(Symptom::Crash, &["startupProbe", "**"], Change::Any, "startup probe", STARTED),
    rule(Symptom::Crash, &["image"], Change::Any, "image", STARTED),
    rule(Symptom::Crash, &["image", "tag"], Change::Any, "image tag", STARTED),
    rule(Symptom::Capacity, &["limits", "cpu"], Change::Lowered, "CPU limit", SLOWED),
    rule(Symptom::Capacity, &["requests", "cpu"], Change::Lowered, "CPU request", SLOWED),
    rule(Symptom::Capacity, &["replicas"], Change::Lowered, "number of replicas", SLOWED),
    rule(Symptom::Capacity, &["replicaCount"], Change::Lowered, "number of replicas", SLOWED),
    rule(Symptom::Capacity, &["maxReplicas"], Change::Lowered, "number of replicas", SLOWED),
];

/// Words of Kubernetes and of its usual alerts, after <https://runbooks.prometheus-operator.dev/>.
static WORDS: LazyLock<[(Symptom, Regex); 3]> = LazyLock::new(|| {
    let words =
        |pattern: &str| Regex::new(pattern).expect("the patterns are constants that the tests of this module compile");
    [
        (
            Symptom::ImagePull,
            words(
                r"(?i)image ?pull ?back ?off|err ?image ?pull|manifest unknown|pull access denied|failed to pull image|invalidimagename",
            ),
        ),
        (
            Symptom::Crash,
            words(
                r"(?i)crash ?loop|back-off restarting|(?:liveness|readiness|startup) probe failed|runcontainererror|exec format error|containercannotrun",
            ),
        ),
        (
            Symptom::Capacity,
            words(
                r"(?i)cpu ?throttl|throttling|high (?:latency|load)|latency (?:is )?(?:high|above)|overload|queue (?:is )?(?:full|growing)|slow response",
            ),
        ),
    ]
});

/// The symptoms that the incident's words name. Whoever is killed for memory also restarts again and again, so memory
/// stands for itself.
pub(super) fn symptoms(incident: &Incident) -> Vec<Symptom> {
    if symptom_kind::of(incident) == SymptomKind::Memory {
        return vec![Symptom::Memory];
    }
    let texts = symptom_kind::words(incident);
    let named = WORDS.iter().filter(|(_, words)| texts.iter().any(|text| words.is_match(text)));
    named.map(|(symptom, _)| *symptom).collect()
}

/// The rule by which a changed setting explains one of the symptoms.
pub(super) fn fitting(symptoms: &[Symptom], new: &Scalar, old: &str) -> Option<&'static Rule> {
    let lowered = || quantity::parse(&new.value).zip(quantity::parse(old)).is_some_and(|(new, old)| new < old);
    RULES.iter().find(|rule| {
        symptoms.contains(&rule.symptom) && ends(&new.path, rule.keys) && (rule.change == Change::Any || lowered())
    })
}

/// Whether a path ends with a rule's keys. `*` stands for one item of a sequence, `**` at the end for anything below.
fn ends(path: &[String], keys: &[&str]) -> bool {
    if let Some((&"**", keys)) = keys.split_last() {
        return (1..=path.len()).any(|length| path.get(..length).is_some_and(|path| ends(path, keys)));
    }
    path.len() >= keys.len()
        && path.iter().rev().zip(keys.iter().rev()).all(|(segment, key)| match *key {
            "*" => segment.starts_with('['),
            key => segment == key,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(path: &[&str], value: &str) -> Scalar {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        Scalar { document: 0, path, value: value.to_owned(), span: 0..0 }
    }

    #[test]
    fn a_rule_needs_symptom_setting_and_direction() {
        let limit = ["spec", "containers", "[worker]", "resources", "limits", "memory"];
        let fits = |symptom, value, old| fitting(&[symptom], &scalar(&limit, value), old).map(|rule| rule.what);
        assert_eq!(fits(Symptom::Memory, "64Mi", "128Mi"), Some("memory limit"));
        assert_eq!(fits(Symptom::Memory, "128Mi", "64Mi"), None, "raised");
        assert_eq!(fits(Symptom::Crash, "64Mi", "128Mi"), None, "another symptom");
        assert_eq!(fits(Symptom::Memory, "lots", "128Mi"), None, "no quantity");
    }

    #[test]
    fn places_in_sequences_and_below_probes_count() {
        let crash = |path: &[&str]| fitting(&[Symptom::Crash], &scalar(path, "new"), "old").map(|rule| rule.what);
        assert_eq!(crash(&["containers", "[worker]", "command", "[0]"]), Some("command"));
        assert_eq!(crash(&["containers", "[worker]", "livenessProbe", "httpGet", "port"]), Some("liveness probe"));
        assert_eq!(crash(&["containers", "[worker]", "env", "[MODE]", "value"]), Some("environment"));
        assert_eq!(crash(&["metadata", "labels", "app"]), None);
    }

    #[test]
    fn the_patterns_compile() {
        assert!(WORDS.iter().all(|(_, words)| !words.is_match("nothing")));
    }
}
