//! Whether the incident and a setting speak of the same thing.

use super::settings::{Owner, Setting};
use crate::model::ids::RepositoryPath;

/// Words of paths that name no service.
const COMMON: [&str; 30] = [
    "deployment",
    "deployments",
    "deploy",
    "kubernetes",
    "k8s",
    "manifest",
    "manifests",
    "values",
    "chart",
    "charts",
    "helm",
    "kustomization",
    "kustomize",
    "base",
    "bases",
    "overlay",
    "overlays",
    "patch",
    "patches",
    "prod",
    "production",
    "staging",
    "dev",
    "test",
    "apps",
    "app",
    "main",
    "service",
    "services",
    "templates",
];
/// Shorter names are found in any text.
const SHORTEST: usize = 3;

/// What the names say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The incident names the object, its container or its folder.
    Same,
    /// There are names, and the incident has none of them.
    Other,
    /// Nothing is named.
    Nameless,
}

/// Holds the names of a setting against the incident's words.
pub(super) fn compare(words: &[String], owner: &Owner, setting: &Setting, path: &RepositoryPath) -> Match {
    let mut names: Vec<String> = owner.name.iter().cloned().collect();
    let container = setting.scalar.path.iter().filter_map(|it| it.strip_prefix('[')?.strip_suffix(']'));
    names.extend(container.map(str::to_owned));
    // The path is asked only where the object has no name of its own: a folder may hold many services.
    if names.iter().all(|name| !is_name(name)) {
        names.extend(path.as_str().split(['/', '.']).map(str::to_owned));
    }
    let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).filter(|name| is_name(name)).collect();
    let is_named = names.iter().any(|name| words.iter().any(|text| text.to_ascii_lowercase().contains(name)));
    match (is_named, names.is_empty()) {
        (true, _) => Match::Same,
        (false, false) => Match::Other,
        (false, true) => Match::Nameless,
    }
}

fn is_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.len() >= SHORTEST
        && !COMMON.contains(&lower.as_str())
        && !matches!(lower.as_str(), "yaml" | "yml" | "json")
        && name.chars().any(|c| c.is_ascii_alphabetic())
}
