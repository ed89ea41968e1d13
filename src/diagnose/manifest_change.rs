//! A setting of a Kubernetes manifest that changed before the incident and fits it.
//!
//! A memory limit that was lowered explains a container that is killed for memory; a new image explains one that cannot be
//! pulled. The remedy puts the former value back, and nothing else: [`crate::repair::restore_setting`]. Plain YAML is read:
//! manifests with many documents and lists, values of Helm charts, patches of Kustomize, JSON patches in YAML. A template is a
//! gap. A value that came or went explains as well as one that changed, but is not put back: that would change more than a value.

mod history;
mod names;
mod need;
mod quantity;
mod rules;
mod settings;

use super::{Found, summary, symptom_kind};
use crate::model::diagnosis::{Confidence, Fault, Finding, Repair, SettingChange, TraceStep};
use crate::model::evidence::{Evidence, Gap, ManifestScope, SourceFile};
use crate::model::ids::RepositoryPath;
use crate::repair::restore_setting::{self, Former};
use crate::yaml;
use history::Version;
use names::Match;
use rules::{Rule, Symptom, Values};
use settings::{Owner, Setting, Settings};

/// The detector's name.
pub const NAME: &str = "manifest-change";

/// What the incident says that matters for settings.
struct Complaint {
    symptoms: Vec<Symptom>,
    words: Vec<String>,
    /// The most memory that was measured, in bytes.
    need: Option<f64>,
    /// Whether the manifests are known to be the service's.
    scope: ManifestScope,
}

/// Compares every manifest before and after each landing of the window, newest first.
pub fn find(evidence: &Evidence) -> Found {
    let mut found = Found::default();
    let words = symptom_kind::words(&evidence.incident);
    let symptoms = rules::symptoms(&evidence.incident);
    let complaint = Complaint { symptoms, need: need::measured(&words), words, scope: evidence.manifest_scope };
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
        if has_inline_patch(&manifest.path, text) {
            let why = "its inline patches are texts inside of the YAML, which are not read; patches in files of their own are";
            found.gaps.push(Gap::new(manifest.path.as_str(), why));
        }
        let versions = history::versions(text, &manifest.path, &evidence.landings);
        if versions.broken {
            found.gaps.push(Gap::new(
                manifest.path.as_str(),
                "it was changed again after what ran, so its former values are not certain",
            ));
        }
        for group in versions.versions.iter().flat_map(|it| by_object(it, changes(it, &complaint))) {
            match finding(manifest, text, &group, &complaint) {
                Some(Verdict::Explains(finding)) => found.findings.push(*finding),
                Some(Verdict::Elsewhere(what)) => found.ruled_out.push(what),
                None => {}
            }
        }
    }
    found.findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    if found.findings.is_empty() && !evidence.manifests.is_empty() {
        let count = evidence.manifests.len();
        found.ruled_out.push(format!("no setting that fits the incident changed in {count} manifests"));
    }
    found
}

/// Whether a kustomization holds patches as texts of many lines: `patch: |-`, or an item of `patchesStrategicMerge`.
fn has_inline_patch(path: &RepositoryPath, text: &str) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let is_text = |value: &str| value.trim_start().starts_with(['|', '>']);
    let lines = || text.lines().map(str::trim_start);
    let merges = lines().any(|line| line.starts_with("patchesStrategicMerge:"));
    name.starts_with("kustomization.")
        && lines().any(|line| {
            let item = line.strip_prefix("- ");
            let keyed = item.unwrap_or(line).strip_prefix("patch:").is_some_and(is_text);
            keyed || (merges && item.is_some_and(is_text))
        })
}

/// A setting before and after a landing, and the rule by which its change explains the incident. One side may be absent.
struct Changed {
    rule: &'static Rule,
    owner: Owner,
    before: Option<Setting>,
    after: Option<Setting>,
}

impl Changed {
    /// The side that there is, the present one first.
    fn setting(&self) -> Option<&Setting> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// The settings that a landing changed in a way that fits the complaint.
fn changes(version: &Version<'_>, complaint: &Complaint) -> Vec<Changed> {
    let (Some(before), Some(after)) = (Settings::read(&version.before), Settings::read(&version.after)) else {
        return Vec::new();
    };
    let fitting =
        |keys: &[String], values: Values<'_>| rules::fitting(&complaint.symptoms, keys, values, complaint.need);
    let present = after.all().filter_map(|(owner, new)| {
        let old = before.get(owner, new);
        let values = match old {
            Some(old) if old.scalar.value == new.scalar.value => return None,
            Some(old) => Values::Changed(&old.scalar.value, &new.scalar.value),
            // All of a new object is new, and nothing of it was otherwise before.
            None if before.all().all(|(other, _)| other != owner) => return None,
            None => Values::Added(&new.scalar.value),
        };
        let rule = fitting(&new.keys, values)?;
        Some(Changed { rule, owner: owner.clone(), before: old.cloned(), after: Some(new.clone()) })
    });
    let gone = before.all().filter_map(|(owner, old)| {
        let is_object_left = after.all().any(|(other, _)| other == owner);
        if !is_object_left || after.get(owner, old).is_some() {
            return None;
        }
        let rule = fitting(&old.keys, Values::Removed)?;
        Some(Changed { rule, owner: owner.clone(), before: Some(old.clone()), after: None })
    });
    present.chain(gone).collect()
}

/// What one landing changed in one object. It belongs together: a probe's port without its path would be half a remedy.
struct Group<'a> {
    version: &'a Version<'a>,
    first: Changed,
    others: Vec<Changed>,
}

impl Group<'_> {
    fn all(&self) -> impl Iterator<Item = &Changed> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

fn by_object<'a>(version: &'a Version<'a>, changes: Vec<Changed>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for changed in changes {
        match groups.iter_mut().find(|group| group.first.owner == changed.owner) {
            Some(group) => group.others.push(changed),
            None => groups.push(Group { version, first: changed, others: Vec::new() }),
        }
    }
    groups
}

/// What a group of changed settings is to the incident.
enum Verdict {
    /// It explains it.
    Explains(Box<Finding>),
    /// It would, but the incident speaks of something else: a clause that says so.
    Elsewhere(String),
}

fn finding(manifest: &SourceFile, text: &str, group: &Group<'_>, complaint: &Complaint) -> Option<Verdict> {
    let (first, now) = (&group.first, Settings::read(text)?);
    let setting = first.setting()?;
    let line = |it: &Changed| {
        let here = it.after.as_ref().and_then(|after| now.get(&it.owner, after));
        line_of(text, here.map_or(0, |here| here.scalar.span.start))
    };
    let mut reasons = vec![first.rule.because.to_owned()];
    reasons.extend(exceeded(first, complaint));
    let is_whole = first.before.is_some() && first.after.is_some();
    let mut confidence = if is_whole { first.rule.confidence } else { Confidence::Medium };
    if is_too_little(&first.before, first.rule, complaint) {
        confidence = confidence.min(Confidence::Medium);
        reasons.push("the former value was less than was measured as well".to_owned());
    }
    match names::compare(&complaint.words, &first.owner, setting, &manifest.path) {
        _ if complaint.scope == ManifestScope::Mapped => {}
        Match::Same => {}
        Match::Nameless => {
            confidence = confidence.min(Confidence::Medium);
            reasons.push("the manifest does not say what it belongs to".to_owned());
        }
        Match::Other => {
            let (what, path) = (first.rule.what, &manifest.path);
            return Some(Verdict::Elsewhere(format!(
                "the {what} in {path} changed, but the incident names nothing of it"
            )));
        }
    }
    let value = |side: &Option<Setting>| side.as_ref().map_or_else(|| NOTHING.to_owned(), |it| it.scalar.value.clone());
    Some(Verdict::Explains(Box::new(Finding {
        detector: NAME,
        file: manifest.path.clone(),
        line: line(first),
        trace: group.all().filter_map(|it| Some(TraceStep { file: None, line: line(it), note: note(it)? })).collect(),
        confidence,
        reasons,
        fault: Fault::Setting(SettingChange {
            setting: setting.dotted(),
            what: first.rule.what.to_owned(),
            before: value(&first.before),
            after: value(&first.after),
            landing: summary(group.version.landing),
        }),
        repair: repair(manifest, &now, group, complaint),
    })))
}

/// How a value that is not there reads in a sentence.
const NOTHING: &str = "nothing";

fn note(changed: &Changed) -> Option<String> {
    let setting = changed.setting()?.dotted();
    Some(match (&changed.before, &changed.after) {
        (Some(old), Some(new)) => format!("`{setting}` was `{}` and is `{}`", old.scalar.value, new.scalar.value),
        (None, Some(new)) => format!("`{setting}` was not set and is `{}`", new.scalar.value),
        (old, None) => format!("`{setting}` was `{}` and is gone", old.as_ref().map_or("", |it| &it.scalar.value)),
    })
}

/// That the limit is below what was measured, where the incident says how much that was.
fn exceeded(changed: &Changed, complaint: &Complaint) -> Option<String> {
    let need = complaint.need.filter(|_| changed.rule.limits_memory())?;
    let limit = quantity::parse(&changed.after.as_ref()?.scalar.value).filter(|limit| *limit < need)?;
    Some(format!("the incident measured {:.0} MB, and the limit is {:.0} MB", need / 1e6, limit / 1e6))
}

/// Whether a former memory limit would not have been enough for what the incident measured.
fn is_too_little(before: &Option<Setting>, rule: &Rule, complaint: &Complaint) -> bool {
    let limit = before.as_ref().filter(|_| rule.limits_memory()).and_then(|it| quantity::parse(&it.scalar.value));
    limit.zip(complaint.need).is_some_and(|(limit, need)| limit < need)
}

/// All former values of one object put back, or why that is not to be done.
fn repair(manifest: &SourceFile, now: &Settings, group: &Group<'_>, complaint: &Complaint) -> Result<Repair, String> {
    let mut former = Vec::with_capacity(1 + group.others.len());
    for changed in group.all() {
        let (Some(old), Some(new)) = (&changed.before, &changed.after) else {
            return Err("a setting came or went, and only values are put back".to_owned());
        };
        if is_too_little(&changed.before, changed.rule, complaint) {
            return Err(format!("the former value `{}` is less than the incident measured as well", old.scalar.value));
        }
        let current = now.get(&changed.owner, new).filter(|it| it.scalar.value == new.scalar.value);
        let current = current.ok_or("the setting was changed again since")?;
        let written = group.version.before.get(old.scalar.span.clone()).ok_or("the setting's place is not certain")?;
        former.push(Former { current: &current.scalar, written, value: &old.scalar.value });
    }
    restore_setting::repair(manifest, &former, &summary(group.version.landing))
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
