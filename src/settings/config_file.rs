//! The repository's own file, `.github/incident-responder.yml`: what belongs to which service, and who is who.
//!
//! ```yaml
//! pagerduty-host: acme.pagerduty.com
//! window-hours: 24
//! services:
//!   worker-deployment:            # the service's name or id in PagerDuty
//!     paths: [src/worker/]        # folders, files or patterns with * and **
//!     manifests: [k8s/worker.yaml]
//!     environment: production     # where GitHub's deployments bring it to users
//!     prove:                      # how a fix is shown to fix; see [`prove`]
//!       build: make worker
//!       run: ./worker
//! people:
//!   on-call@example.com: octo-dev # e-mail address in PagerDuty: login on GitHub
//! protected-paths: ["db/migrations/**"]
//! rollback:                       # when a landing is taken back; see [`RollbackPolicy`]
//!   open: auto
//!   daily-cap: 3
//!   opt-out-label: no-autorevert
//! memory:                         # what C functions do whose bodies are not in the repository
//!   pool_strdup: acquire pool_free
//! ```
//!
//! It is read from the default branch's head alone, never from a pull request.

pub mod prove;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::c::knowledge::Row;
use crate::failure::Failure;
use crate::model::ids::Login;
use crate::model::rollback::RollbackPolicy;
pub use prove::{MemoryQuantity, ProveCommand, ProveConfig};

/// The file's contents. An absent file is the default value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConfigFile {
    /// The account's host, such as `acme.pagerduty.com`: for addresses that the server does not give.
    pub pagerduty_host: Option<String>,
    /// Overrides the input of the same name. 1 to 720.
    pub window_hours: Option<u32>,
    /// By the service's name or id in PagerDuty.
    pub services: BTreeMap<String, ServiceConfig>,
    /// E-mail address in PagerDuty to login on GitHub.
    pub people: BTreeMap<String, Login>,
    /// Paths that no patch of ours may touch, besides those that are always protected.
    pub protected_paths: Vec<PathPattern>,
    /// When a landing is taken back.
    pub rollback: RollbackPolicy,
    /// What C functions do with memory, for those that the engine cannot learn from their bodies.
    #[serde(deserialize_with = "memory_rows")]
    pub memory: Vec<Row>,
}

/// A map of functions to deeds, as rows.
fn memory_rows<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    let written = BTreeMap::<String, String>::deserialize(deserializer)?;
    written.iter().map(|(function, deed)| Row::parse(function, deed).map_err(serde::de::Error::custom)).collect()
}

/// What belongs to one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServiceConfig {
    /// Where its sources are.
    pub paths: Vec<PathPattern>,
    /// Its Kubernetes manifests.
    pub manifests: Vec<PathPattern>,
    /// The environment of GitHub's deployments in which users meet it. Without one, GitHub's own mark and the name tell.
    pub environment: Option<String>,
    /// What is built and run to prove a fix.
    pub prove: Option<ProveConfig>,
}

/// A folder (`src/worker/` or `src/worker`), a file, or a pattern in which `*` stands for any characters but `/` and `**` for any.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathPattern(String);

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.strip_prefix("./").unwrap_or(&text);
        if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(format!(
                "{text:?} is not a path inside the repository; write it relative to its root, without `..`"
            ));
        }
        Ok(PathPattern(text.to_owned()))
    }
}

impl PathPattern {
    /// Whether the path lies under this folder, is this file, or fits this pattern.
    pub fn matches(&self, path: &str) -> bool {
        let pattern = self.0.trim_end_matches('/');
        if !pattern.contains('*') {
            return path.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        }
        glob(pattern.as_bytes(), path.as_bytes())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `*` matches within a folder, `**` across folders; `**/` also matches nothing. Linear in pattern times path: the
/// columns of a table, so that no pattern can make it slow.
fn glob(pattern: &[u8], path: &[u8]) -> bool {
    let mut reachable = vec![false; path.len() + 1];
    reachable[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let deep = pattern[at..].starts_with(b"**");
        let mut next = vec![false; path.len() + 1];
        if pattern[at] == b'*' {
            let mut open = false;
            for index in 0..=path.len() {
                open = (open && (deep || path[index - 1] != b'/')) || reachable[index];
                next[index] = open;
            }
            at += if deep { 2 } else { 1 };
            if deep && pattern.get(at) == Some(&b'/') {
                next = folders_only(&reachable, &next, path);
                at += 1;
            }
        } else {
            for index in 0..path.len() {
                next[index + 1] = reachable[index] && path[index] == pattern[at];
            }
            at += 1;
        }
        reachable = next;
    }
    reachable[path.len()]
}

/// After `**/`: where nothing was matched at all, or right behind a slash.
fn folders_only(before: &[bool], after: &[bool], path: &[u8]) -> Vec<bool> {
    (0..after.len()).map(|index| before[index] || (after[index] && index > 0 && path[index - 1] == b'/')).collect()
}

impl ConfigFile {
    /// Reads the file's text; `path` is for the error message.
    ///
    /// # Errors
    /// A configuration failure with file, line and the valid names for an unknown key, a wrong type, an impossible value or broken YAML.
    pub fn parse(path: &str, text: &str) -> Result<ConfigFile, Failure> {
        if text.trim().is_empty() {
            return Ok(ConfigFile::default());
        }
        let config: Option<ConfigFile> = serde_yaml::from_str(text).map_err(|why| {
            Failure::configuration(
                format!("{path} cannot be used: {}.", with_line(&why, text)),
                "Mend the line named; every key is described in docs/configuration.md.",
            )
        })?;
        let config = config.unwrap_or_default();
        if let Some(hours) = config.window_hours.filter(|hours| !(1..=720).contains(hours)) {
            return Err(Failure::configuration(
                format!("{path}: `window-hours` is {hours}."),
                "Use a whole number from 1 to 720.",
            ));
        }
        Ok(config)
    }

    /// The entry of a service, by its id first and then by its name without regard to case.
    pub fn service(&self, id: &str, name: &str) -> Option<&ServiceConfig> {
        let by_name =
            || self.services.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, service)| service);
        self.services.get(id).or_else(by_name)
    }

    /// The login that the file gives for an e-mail address, without regard to case.
    pub fn login(&self, email: &str) -> Option<&Login> {
        self.people.iter().find(|(key, _)| key.eq_ignore_ascii_case(email)).map(|(_, login)| login)
    }
}

/// The parser's message. It gives no place for an unknown key of the outermost level, nor for what is refused once a whole map
/// was read, so that the key it names is looked up.
fn with_line(why: &serde_yaml::Error, text: &str) -> String {
    let message = why.to_string();
    let key = message.split('`').nth(1).filter(|_| !message.contains(" at line "));
    let is_key = |line: &str, key: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    let outermost = |key: &str| text.lines().position(|line| is_key(line, key));
    let anywhere = |key: &str| text.lines().position(|line| is_key(line.trim_start(), key));
    match key.and_then(|key| outermost(key).or_else(|| anywhere(key))) {
        Some(index) => format!("{message} at line {}", index + 1),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATH: &str = ".github/incident-responder.yml";

    fn pattern(text: &str) -> PathPattern {
        PathPattern::try_from(text.to_owned()).expect("a pattern")
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = "pagerduty-host: acme.pagerduty.com\nservices:\n  Worker:\n    paths: [src/worker/]\n    manifests: ['k8s/*.yaml']\npeople:\n  On-Call@example.com: octo-dev\n";
        let config = ConfigFile::parse(PATH, text).expect("valid");
        assert_eq!(config.service("PX", "worker").expect("mapped").paths, [pattern("src/worker/")]);
        assert_eq!(config.login("on-call@EXAMPLE.com").map(Login::as_str), Some("octo-dev"));
        assert_eq!(ConfigFile::parse(PATH, "# nothing\n").expect("empty"), ConfigFile::default());
    }

    #[test]
    fn typos_are_told_with_line_and_names() {
        let told = |text: &str| ConfigFile::parse(PATH, text).expect_err("a typo").problem;
        let typos = [
            "services:\n  worker:\n    pathes: [src]\n",
            "service:\n  worker: {}\n",
            "services:\n  worker:\n    paths: src\n",
            "services:\n  worker:\n    paths: [../other]\n",
            "window-hours: 0\n",
            "services: [\n",
            "services:\n  worker:\n    prove: {build: make}\n",
            "services:\n  worker:\n    prove: {run: ./worker, memory-limit: lots}\n",
            "services:\n  worker:\n    prove: {run: ./worker, seconds: 500}\n",
            "services:\n  worker:\n    prove: {start: ./worker}\n",
            "rollback: {open: always}\n",
            "memory:\n  pool_strdup: acquires pool_free\n",
        ];
        insta::assert_snapshot!(typos.map(told).join("\n"), @r#"
.github/incident-responder.yml cannot be used: services.worker: unknown field `pathes`, expected one of `paths`, `manifests`, `environment`, `prove` at line 3 column 5.
.github/incident-responder.yml cannot be used: unknown field `service`, expected one of `pagerduty-host`, `window-hours`, `services`, `people`, `protected-paths`, `rollback`, `memory` at line 1.
.github/incident-responder.yml cannot be used: services.worker.paths: invalid type: string "src", expected a sequence at line 3 column 12.
.github/incident-responder.yml cannot be used: services.worker.paths: "../other" is not a path inside the repository; write it relative to its root, without `..` at line 3 column 12.
.github/incident-responder.yml: `window-hours` is 0.
.github/incident-responder.yml cannot be used: services: invalid type: sequence, expected a map at line 1 column 11.
.github/incident-responder.yml cannot be used: services.worker: give either `run` (a service) or `test` (a command that ends by itself) at line 3 column 5.
.github/incident-responder.yml cannot be used: services.worker.prove: "lots" is no amount of memory; write it like 64Mi or 1Gi at line 3 column 12.
.github/incident-responder.yml cannot be used: services.worker: `seconds` is 500; use a whole number from 1 to 120 at line 3 column 5.
.github/incident-responder.yml cannot be used: services.worker.prove: unknown field `start`, expected one of `build`, `run`, `test`, `seconds`, `memory-limit`, `expect` at line 3 column 13.
.github/incident-responder.yml cannot be used: rollback.open: unknown variant `always`, expected one of `auto`, `asked`, `never` at line 1 column 18.
.github/incident-responder.yml cannot be used: "acquires pool_free" says nothing about `pool_strdup`; write one of `acquire RELEASE`, `acquire-zeroed RELEASE` (both also with `-always`), `acquire-unless N RELEASE`, `release N`, `free N`, `reallocate RELEASE N`, `fill N RELEASE zero|positive|not-negative|non-zero|always`, `take N`, `alias N`, `find N`, `borrow`, `exit` at line 2.
"#);
    }

    #[test]
    fn patterns_match_folders_files_and_globs() {
        for (text, path, expected) in [
            ("src", "src/a.c", true),
            ("src/", "src/deep/a.c", true),
            ("src", "srcs/a.c", false),
            ("src/a.c", "src/a.c", true),
            ("*.c", "a.c", true),
            ("*.c", "src/a.c", false),
            ("**/*.c", "src/deep/a.c", true),
            ("**/*.c", "a.c", true),
            ("src/**", "src/deep/a.c", true),
            ("**/CODEOWNERS", "docs/CODEOWNERS", true),
            ("**/CODEOWNERS", "docs/NOCODEOWNERS", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a*c", "abbc", true),
        ] {
            assert_eq!(pattern(text).matches(path), expected, "{text} on {path}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "\\PC{0,80}") {
            let _ = ConfigFile::parse(PATH, &text);
        }

        #[test]
        fn no_pattern_panics(text in "[a*/]{1,20}", path in "[a/b]{0,30}") {
            if let Ok(pattern) = PathPattern::try_from(text) {
                let _ = pattern.matches(&path);
            }
        }
    }
}
