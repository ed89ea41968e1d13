//! A setting of a Kubernetes manifest that changed before the incident and fits it.
//!
//! A memory limit that was lowered explains a container that is killed for memory; a new image explains one that cannot be
//! pulled. The remedy puts the former value back, and nothing else. Plain YAML is read: manifests with many documents and
//! lists, values of Helm charts, patches of Kustomize. A template is a gap.

mod history;
mod quantity;
mod rules;
mod settings;

use super::{Found, summary};
use crate::model::diagnosis::{Confidence, Fault, Finding, PatchedFile, Repair, SettingChange, TraceStep};
use crate::model::edit::{self, Edit};
use crate::model::evidence::{Evidence, Gap, SourceFile};
use crate::model::landing::Landing;
use crate::yaml::{self, Scalar};
use history::Version;
use rules::Rule;
use settings::{Owner, Settings};

/// The detector's name.
pub const NAME: &str = "manifest-change";

/// Compares every manifest before and after each landing of the window, newest first.
pub fn find(evidence: &Evidence) -> Found {
    let mut found = Found::default();
    let symptoms = rules::symptoms(&evidence.incident);
    for manifest in &evidence.manifests {
        let Ok(text) = std::str::from_utf8(&manifest.contents) else { continue };
        let changed = evidence.landings.iter().any(|it| it.changes.iter().any(|change| change.path == manifest.path));
        if !changed {
            continue;
        }
        if yaml::is_template(text) {
            found.gaps.push(Gap::new(
                manifest.path.as_str(),
                "it is a template, whose values are known only once it is rendered",
            ));
            continue;
        }
        let versions = history::versions(text, &manifest.path, &evidence.landings);
        if versions.broken {
            found.gaps.push(Gap::new(
                manifest.path.as_str(),
                "it was changed again after the incident, so its former values are not certain",
            ));
        }
        for version in &versions.versions {
            let fitting = changes(version, &symptoms);
            found.findings.extend(fitting.iter().filter_map(|it| finding(manifest, text, version.landing, it)));
        }
    }
    found.findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    if found.findings.is_empty() && !evidence.manifests.is_empty() {
        let count = evidence.manifests.len();
        found.ruled_out.push(format!("no setting that fits the incident changed in {count} manifests"));
    }
    found
}

/// A setting before and after a landing, and the rule by which its change explains the incident.
struct Changed {
    rule: &'static Rule,
    owner: Owner,
    before: Scalar,
    after: Scalar,
}

/// The settings that a landing changed in a way that fits the symptoms.
fn changes(version: &Version<'_>, symptoms: &[rules::Symptom]) -> Vec<Changed> {
    let (Some(before), Some(after)) = (Settings::read(&version.before), Settings::read(&version.after)) else {
        return Vec::new();
    };
    let changed = after.all().filter_map(|(owner, new)| {
        let old = before.get(owner, &new.path).filter(|old| old.value != new.value)?;
        let rule = rules::fitting(symptoms, new, &old.value)?;
        Some(Changed { rule, owner: owner.clone(), before: old.clone(), after: new.clone() })
    });
    changed.collect()
}

fn finding(manifest: &SourceFile, text: &str, landing: &Landing, changed: &Changed) -> Option<Finding> {
    let Changed { rule, owner, before, after } = changed;
    let now = Settings::read(text)?;
    let current = now.get(owner, &after.path);
    let repair = match current.filter(|it| it.value == after.value) {
        Some(current) => restore(manifest, text, current, before, landing),
        None => Err("the setting was changed again since".to_owned()),
    };
    let line = line_of(text, current.map_or(after.span.start, |it| it.span.start));
    let (setting, old, new) = (after.dotted(), &before.value, &after.value);
    Some(Finding {
        detector: NAME,
        file: manifest.path.clone(),
        line,
        trace: vec![TraceStep { file: None, line, note: format!("`{setting}` was `{old}` and is `{new}`") }],
        confidence: Confidence::High,
        reasons: vec![rule.because.to_owned()],
        fault: Fault::Setting(SettingChange {
            setting,
            what: rule.what.to_owned(),
            before: old.clone(),
            after: new.clone(),
            landing: summary(landing),
        }),
        repair,
    })
}

/// The former value in place of the present one, with the present one's quotes.
fn restore(
    manifest: &SourceFile,
    text: &str,
    current: &Scalar,
    before: &Scalar,
    landing: &Landing,
) -> Result<Repair, String> {
    let written = text.get(current.span.clone()).ok_or("the setting's place is not certain")?;
    let value = written.replacen(&current.value, &before.value, 1);
    let edits = [Edit::replace(current.span.start, current.span.end, value)];
    let after = edit::apply(text, &edits).ok_or("the setting's place is not certain")?;
    let restored = yaml::scalars(&after).is_some_and(|all| {
        all.iter().any(|it| it.path == current.path && it.document == current.document && it.value == before.value)
    });
    if !restored {
        return Err("the former value cannot be written without changing more".to_owned());
    }
    let checks = ["the manifest reads as before but for this value", "every byte outside of the value is unchanged"];
    Ok(Repair {
        diff: edit::unified_diff(manifest.path.as_str(), text, &after),
        why: format!("The value before `{}` is put back", landing.subject.replace('`', "'")),
        checks: checks.map(str::to_owned).to_vec(),
        files: vec![PatchedFile {
            path: manifest.path.clone(),
            before: manifest.contents.clone(),
            after: after.into_bytes(),
        }],
    })
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::landing::{ChangeStatus, Content, Extent, FileChange, Hunk, Person};
    use proptest::prelude::*;

    const NOW: &str = "kind: Deployment\nmetadata:\n  name: worker\nspec:\n  containers:\n    - name: worker\n      resources:\n        limits:\n          memory: \"64Mi\" # per pod\n";

    fn landing(old: &str, new: &str) -> Landing {
        let hunk = Hunk {
            old_start: 9,
            old_lines: 1,
            new_start: 9,
            new_lines: 1,
            section: String::new(),
            text: format!("-          memory: {old} # per pod\n+          memory: {new} # per pod\n"),
        };
        let change = FileChange {
            path: crate::model::ids::RepositoryPath::new("k8s/worker.yaml"),
            old_path: None,
            status: ChangeStatus::Modified,
            old_mode: None,
            new_mode: None,
            content: Content::Text,
            hunks: vec![hunk],
        };
        Landing {
            commit: crate::model::ids::CommitSha::new("a".repeat(40)),
            parents: Vec::new(),
            author: Person { name: "octo-dev".to_owned(), email: "octo-dev@example.com".to_owned() },
            committed_at: crate::model::ids::Timestamp::default(),
            subject: "Save memory".to_owned(),
            body: String::new(),
            pull_request: None,
            changes: vec![change],
            extent: Extent::Whole,
        }
    }

    fn found(old: &str) -> Vec<Changed> {
        let landing = landing(old, "\"64Mi\"");
        let path = crate::model::ids::RepositoryPath::new("k8s/worker.yaml");
        let landings = [landing];
        let versions = history::versions(NOW, &path, &landings);
        assert!(!versions.broken);
        versions.versions.iter().flat_map(|version| changes(version, &[rules::Symptom::Memory])).collect()
    }

    fn restored(old: &str) -> String {
        let changed = found(old).pop().expect("a lowered limit");
        let manifest = SourceFile {
            path: crate::model::ids::RepositoryPath::new("k8s/worker.yaml"),
            contents: NOW.as_bytes().to_vec(),
        };
        let finding = finding(&manifest, NOW, &landing(old, "\"64Mi\""), &changed).expect("a finding");
        let repair = finding.repair.expect("a repair");
        String::from_utf8(repair.files.into_iter().next().expect("a file").after).expect("text")
    }

    #[test]
    fn a_lowered_limit_is_found_and_put_back() {
        assert_eq!(restored("\"128Mi\""), NOW.replace("64Mi", "128Mi"));
        assert!(found("\"32Mi\"").is_empty(), "a raised limit explains nothing");
    }

    #[test]
    fn a_difference_that_does_not_fit_is_not_guessed_at() {
        let landings = [landing("\"128Mi\"", "\"32Mi\"")];
        assert!(history::versions(NOW, &crate::model::ids::RepositoryPath::new("k8s/worker.yaml"), &landings).broken);
    }

    proptest! {
        #[test]
        fn every_byte_outside_of_the_value_is_unchanged(limit in 65_u32..9999) {
            let text = restored(&format!("\"{limit}Mi\""));
            prop_assert_eq!(text, NOW.replace("64Mi", &format!("{limit}Mi")));
        }
    }
}
