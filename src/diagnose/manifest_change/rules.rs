//! Which change of which setting explains which symptom.

use std::sync::LazyLock;

use regex::Regex;

use super::quantity;
use crate::diagnose::symptom_kind;
use crate::model::diagnosis::{Confidence, SymptomKind};
use crate::model::incident::Incident;

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
    /// How surely it does. Much else makes a container end or a service slow.
    pub(super) confidence: Confidence,
}

const fn rule(
    symptom: Symptom,
    keys: &'static [&'static str],
    change: Change,
    what: &'static str,
    because: &'static str,
) -> Rule {
    let confidence = match symptom {
        Symptom::Memory | Symptom::ImagePull => Confidence::High,
        Symptom::Crash | Symptom::Capacity => Confidence::Medium,
    };
    Rule { symptom, keys, change, what, because, confidence }
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
    rule(Symptom::ImagePull, &["newName"], Change::Any, "image", PULLED),
    rule(Symptom::ImagePull, &["images", "*", "digest"], Change::Any, "image digest", PULLED),
    rule(Symptom::Crash, &["command", "*"], Change::Any, "command", STARTED),
    rule(Symptom::Crash, &["args", "*"], Change::Any, "arguments", STARTED),
    rule(Symptom::Crash, &["env", "*", "value"], Change::Any, "environment", STARTED),
    rule(Symptom::Crash, &["livenessProbe", "**"], Change::Any, "liveness probe", STARTED),
    rule(Symptom::Crash, &["readinessProbe", "**"], Change::Any, "readiness probe", STARTED),
    rule(Symptom::Crash, &["startupProbe", "**"], Change::Any, "startup probe", STARTED),
    rule(Symptom::Crash, &["image"], Change::Any, "image", STARTED),
    rule(Symptom::Crash, &["image", "tag"], Change::Any, "image tag", STARTED),
    rule(Symptom::Crash, &["newTag"], Change::Any, "image tag", STARTED),
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

/// How a setting's value changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values<'a> {
    /// From one to another.
    Changed(&'a str, &'a str),
    /// There was none before.
    Added(&'a str),
    /// There is none since.
    Removed,
}

/// The rule by which a changed setting explains one of the symptoms. `need` is what the incident says was really used, in bytes.
pub(super) fn fitting(
    symptoms: &[Symptom],
    keys: &[String],
    values: Values<'_>,
    need: Option<f64>,
) -> Option<&'static Rule> {
    let fits = |rule: &&Rule| {
        symptoms.contains(&rule.symptom)
            && ends(keys, rule.keys)
            && (rule.change == Change::Any || rule.is_less(values, need))
    };
    RULES.iter().find(fits)
}

impl Rule {
    /// Whether the setting limits memory.
    pub(super) fn limits_memory(&self) -> bool {
        self.symptom == Symptom::Memory
    }

    /// Whether there is less of it than before, or less than is needed.
    fn is_less(&self, values: Values<'_>, need: Option<f64>) -> bool {
        let need = need.filter(|_| self.limits_memory());
        match values {
            Values::Changed(old, new) => quantity::parse(new).is_some_and(|new| {
                quantity::parse(old).is_some_and(|old| new < old) || need.is_some_and(|need| new < need)
            }),
            Values::Added(new) => {
                self.limits_memory() && quantity::parse(new).is_some_and(|new| need.is_none_or(|need| new < need))
            }
            Values::Removed => false,
        }
    }
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

    fn keys(path: &[&str]) -> Vec<String> {
        path.iter().map(|key| (*key).to_owned()).collect()
    }

    const LIMIT: [&str; 6] = ["spec", "containers", "[worker]", "resources", "limits", "memory"];

    #[test]
    fn a_rule_needs_symptom_setting_and_direction() {
        let fits = |symptom, old, new| {
            fitting(&[symptom], &keys(&LIMIT), Values::Changed(old, new), None).map(|rule| rule.what)
        };
        assert_eq!(fits(Symptom::Memory, "128Mi", "64Mi"), Some("memory limit"));
        assert_eq!(fits(Symptom::Memory, "128Mi", "128M"), Some("memory limit"), "the unit is smaller");
        assert_eq!(fits(Symptom::Memory, "64Mi", "128Mi"), None, "raised");
        assert_eq!(fits(Symptom::Crash, "128Mi", "64Mi"), None, "another symptom");
        assert_eq!(fits(Symptom::Memory, "128Mi", "lots"), None, "no quantity");
    }

    #[test]
    fn a_measured_need_makes_a_raised_or_a_new_limit_fit() {
        let need = Some(118.0 * 1024.0 * 1024.0);
        let fits = |values, need| fitting(&[Symptom::Memory], &keys(&LIMIT), values, need).is_some();
        assert!(fits(Values::Changed("32Mi", "64Mi"), need));
        assert!(!fits(Values::Changed("64Mi", "128Mi"), need));
        assert!(fits(Values::Added("64Mi"), need) && fits(Values::Added("64Mi"), None));
        assert!(!fits(Values::Added("256Mi"), need) && !fits(Values::Removed, need));
    }

    #[test]
    fn places_in_sequences_and_below_probes_count() {
        let crash = |path: &[&str]| {
            fitting(&[Symptom::Crash], &keys(path), Values::Changed("old", "new"), None).map(|rule| rule.what)
        };
        assert_eq!(crash(&["containers", "[worker]", "command", "[0]"]), Some("command"));
        assert_eq!(crash(&["containers", "[worker]", "livenessProbe", "httpGet", "port"]), Some("liveness probe"));
        assert_eq!(crash(&["containers", "[worker]", "env", "[MODE]", "value"]), Some("environment"));
        assert_eq!(crash(&["metadata", "labels", "app"]), None);
        let removed = fitting(&[Symptom::Crash], &keys(&["args", "[1]"]), Values::Removed, None);
        assert_eq!(removed.map(|rule| rule.what), Some("arguments"));
    }

    #[test]
    fn the_patterns_compile() {
        assert!(WORDS.iter().all(|(_, words)| !words.is_match("nothing")));
    }
}
