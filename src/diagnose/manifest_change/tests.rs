//! Manifests of several kinds before and after a landing, and what is found and put back.

use super::*;
use crate::model::edit;
use crate::model::ids::{CommitSha, Timestamp};
use crate::model::landing::{ChangeStatus, Content, Extent, FileChange, Hunk, Landing, Person};

/// A landing that turned one text into another, as one hunk of the whole file.
fn landing(path: &str, before: &str, after: &str) -> Landing {
    let side = |mark: char, text: &str| -> String { text.lines().map(|line| format!("{mark}{line}\n")).collect() };
    let count = |text: &str| u32::try_from(text.lines().count()).expect("a short text");
    let hunk = Hunk {
        old_start: 1,
        old_lines: count(before),
        new_start: 1,
        new_lines: count(after),
        section: String::new(),
        text: format!("{}{}", side('-', before), side('+', after)),
    };
    let change = FileChange {
        path: RepositoryPath::new(path),
        old_path: None,
        status: ChangeStatus::Modified,
        old_mode: None,
        new_mode: None,
        content: Content::Text,
        hunks: vec![hunk],
    };
    Landing {
        commit: CommitSha::new("a".repeat(40)),
        parents: Vec::new(),
        author: Person { name: "octo-dev".to_owned(), email: "octo-dev@example.com".to_owned() },
        committed_at: Timestamp::default(),
        subject: "Tune it".to_owned(),
        body: String::new(),
        pull_request: None,
        changes: vec![change],
        extent: Extent::Whole,
    }
}

fn complaint(symptom: Symptom, words: &str) -> Complaint {
    let words = vec![words.to_owned()];
    Complaint { symptoms: vec![symptom], need: need::measured(&words), words, scope: ManifestScope::Everything }
}

/// What is found where `before` became `after`, which is how the file is now.
fn found(path: &str, before: &str, after: &str, complaint: &Complaint) -> Vec<Finding> {
    let manifest = SourceFile { path: RepositoryPath::new(path), contents: after.as_bytes().to_vec() };
    let landings = [landing(path, before, after)];
    let versions = history::versions(after, &manifest.path, &landings);
    assert!(!versions.broken);
    let groups = versions.versions.iter().flat_map(|version| by_object(version, changes(version, complaint)));
    let explains = groups.filter_map(|group| match finding(&manifest, after, &group, complaint)? {
        Verdict::Explains(finding) => Some(*finding),
        Verdict::Elsewhere(why) => {
            assert!(why.contains("names nothing of it"), "{why}");
            None
        }
    });
    explains.collect()
}

/// Expects one finding whose remedy gives the former text back.
fn expect_restored(path: &str, before: &str, after: &str, complaint: &Complaint) -> Finding {
    let mut findings = found(path, before, after, complaint);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = findings.pop().expect("one");
    let repair = finding.repair.as_ref().expect("a remedy");
    let patched = String::from_utf8(repair.files[0].after.clone()).expect("text");
    assert_eq!(patched, before, "{}", edit::unified_diff(path, before, &patched));
    finding
}

const DEPLOYMENT: &str = "# two objects\nkind: Service\nmetadata: {name: worker}\n---\nkind: Deployment\nmetadata:\n  name: worker\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n        - name: worker\n          image: \"registry.example.com/worker:1.4\"\n          args: [--queue, 'jobs']\n          livenessProbe:\n            httpGet: {path: /healthz, port: 8080}\n          resources:\n            limits:\n              memory: \"128Mi\" # per pod\n        - name: proxy\n          resources:\n            limits:\n              memory: 32Mi\n";

#[test]
fn a_lowered_limit_is_found_and_put_back() {
    let after = DEPLOYMENT.replace("128Mi", "64Mi");
    let memory = complaint(Symptom::Memory, "worker OOMKilled");
    let finding = expect_restored("k8s/worker.yaml", DEPLOYMENT, &after, &memory);
    assert_eq!((finding.line, finding.confidence), (20, Confidence::High));
    assert!(found("k8s/worker.yaml", &after, DEPLOYMENT, &memory).is_empty(), "a raised limit explains nothing");
}

#[test]
fn what_one_landing_changed_in_one_object_is_put_back_together() {
    let after = DEPLOYMENT.replace("/healthz, port: 8080", "/health, port: 9090").replace("'jobs'", "other");
    let crash = complaint(Symptom::Crash, "worker is in CrashLoopBackOff");
    let finding = expect_restored("k8s/worker.yaml", DEPLOYMENT, &after, &crash);
    assert_eq!((finding.trace.len(), finding.confidence), (3, Confidence::Medium));
}

#[test]
fn images_of_manifests_values_and_kustomizations_are_put_back() {
    let pull = complaint(Symptom::ImagePull, "worker: ImagePullBackOff");
    expect_restored("k8s/worker.yaml", DEPLOYMENT, &DEPLOYMENT.replace("worker:1.4", "worker:l.5"), &pull);
    let values = "image:\n  repository: example/worker\n  tag: '1.4'\n";
    expect_restored("charts/worker/values.yaml", values, &values.replace("'1.4'", "1.5"), &pull);
    let kustomization = "images:\n  - name: worker\n    newName: example/worker\n    newTag: \"1.4\"\n";
    expect_restored("k8s/kustomization.yaml", kustomization, &kustomization.replace("1.4", "1.5"), &pull);
}

#[test]
fn a_json_patch_is_understood_by_what_it_points_at() {
    let patch = "- op: replace\n  path: /spec/template/spec/containers/0/resources/limits/memory\n  value: 128Mi\n";
    let memory = complaint(Symptom::Memory, "worker OOMKilled");
    let finding = expect_restored("overlays/worker/memory.yaml", patch, &patch.replace("128Mi", "64Mi"), &memory);
    let Fault::Setting(change) = finding.fault else { panic!("a setting") };
    assert!(change.setting.ends_with("containers[0].resources.limits.memory"), "{}", change.setting);
}

#[test]
fn a_value_that_came_or_went_explains_and_is_not_put_back() {
    let crash = complaint(Symptom::Crash, "worker is in CrashLoopBackOff");
    let fewer = DEPLOYMENT.replace("[--queue, 'jobs']", "[--queue]");
    let findings = found("k8s/worker.yaml", DEPLOYMENT, &fewer, &crash);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].repair.as_ref().is_err_and(|why| why.contains("came or went")), "{findings:?}");
    let memory = complaint(Symptom::Memory, "worker OOMKilled");
    let unlimited = DEPLOYMENT
        .replace("          resources:\n            limits:\n              memory: \"128Mi\" # per pod\n", "");
    let findings = found("k8s/worker.yaml", &unlimited, DEPLOYMENT, &memory);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].confidence, Confidence::Medium);
}

#[test]
fn a_former_limit_below_the_measured_need_is_not_offered() {
    let after = DEPLOYMENT.replace("128Mi", "64Mi");
    let memory = complaint(Symptom::Memory, "worker OOMKilled, memory usage: 200Mi");
    let findings = found("k8s/worker.yaml", DEPLOYMENT, &after, &memory);
    assert!(findings[0].repair.as_ref().is_err_and(|why| why.contains("less than the incident measured")));
    assert_eq!(findings[0].confidence, Confidence::Medium);
    assert!(findings[0].reasons.iter().any(|why| why.contains("measured 210 MB")), "{:?}", findings[0].reasons);
}

#[test]
fn a_manifest_that_the_incident_does_not_name_explains_nothing() {
    let after = DEPLOYMENT.replace("128Mi", "64Mi");
    let memory = complaint(Symptom::Memory, "checkout-api OOMKilled");
    assert!(found("k8s/worker.yaml", DEPLOYMENT, &after, &memory).is_empty());
    let mapped = Complaint { scope: ManifestScope::Mapped, ..memory };
    assert_eq!(found("k8s/worker.yaml", DEPLOYMENT, &after, &mapped)[0].confidence, Confidence::High);
}

#[test]
fn inline_patches_of_a_kustomization_are_told() {
    let inline = |name: &str, text: &str| has_inline_patch(&RepositoryPath::new(format!("k8s/overlay/{name}")), text);
    let patch = "patches:\n  - target: {kind: Deployment}\n    patch: |-\n      - op: replace\n";
    assert!(inline("kustomization.yaml", patch));
    assert!(inline("kustomization.yml", "patches:\n- patch: >\n    kind: Deployment\n"));
    assert!(inline("kustomization.yaml", "patchesStrategicMerge:\n- |-\n  kind: Deployment\n"));
    assert!(!inline("kustomization.yaml", "patches:\n  - path: memory.yaml\npatchesStrategicMerge: [limits.yaml]\n"));
    assert!(!inline("deployment.yaml", patch), "only a kustomization has them");
}

#[test]
fn a_difference_that_does_not_fit_is_not_guessed_at() {
    let landings = [landing("k8s/worker.yaml", "memory: 128Mi\n", "memory: 32Mi\n")];
    let path = RepositoryPath::new("k8s/worker.yaml");
    assert!(history::versions("memory: 64Mi\n", &path, &landings).broken);
}
