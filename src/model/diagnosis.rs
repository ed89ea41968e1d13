//! What we think: findings, suspects, and what is left open. "Inconclusive" is a result.

use serde::{Deserialize, Serialize};

use super::evidence::Gap;
use super::ids::{CommitSha, RepositoryPath, Timestamp};
use super::landing::Person;

/// The result of thinking about one incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// What the incident is about, as far as it can be told from its words.
    pub symptom: SymptomKind,
    /// Faults in the code that fit the symptom, the most likely cause first.
    pub findings: Vec<Finding>,
    /// Faults that were found but do not explain this incident.
    pub unrelated: usize,
    /// Where the first finding comes from.
    pub provenance: Option<Provenance>,
    /// Landings of the window that may have caused the incident, the most likely first.
    pub suspects: Vec<Suspect>,
    /// Where a cause was looked for, in this order, and what was there. The last one is where it was found, if anywhere.
    pub searched: Vec<Searched>,
    /// Whether the suspects' order is more than a hint.
    pub verdict: Verdict,
    /// What was looked at and does not explain it, a clause each.
    pub ruled_out: Vec<String>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
}

/// What kind of trouble an incident's words describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SymptomKind {
    /// Memory ran out or keeps growing.
    Memory,
    /// Something else, or the words do not say.
    Other,
}

/// A set of landings that was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Which ones.
    pub among: Among,
    /// How many they are; 0 where they were not counted.
    pub landings: usize,
    /// What was there.
    pub fit: Fit,
}

/// Which landings were searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Among {
    /// Those that came with the last deployment before the incident.
    Deployment,
    /// Those of the hours before the incident, up to what was deployed.
    Window,
    /// Those that wrote or took out the lines that the incident or a finding leads to, however old.
    Older,
}

/// How well the landings that were searched explain an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// One of them explains it.
    Explains,
    /// Some have to do with what the incident names, and none stands out.
    Touches,
    /// None has to do with it.
    Nothing,
}

/// Whether a landing is accused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The first suspect caused it.
    Accused,
    /// No landing of the window stands out.
    Inconclusive,
}

/// A fault in the code.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which detector found it: a row of the table in [`crate::diagnose`].
    pub detector: &'static str,
    /// The file.
    pub file: RepositoryPath,
    /// Where it begins, from 1: the acquisition, or the setting.
    pub line: u32,
    /// What is wrong.
    pub fault: Fault,
    /// How the fault happens, step by step.
    pub trace: Vec<TraceStep>,
    /// How sure we are of it.
    pub confidence: Confidence,
    /// Why, a clause each.
    pub reasons: Vec<String>,
    /// The repair, or why there is none.
    pub repair: Result<Repair, String>,
}

/// What is wrong, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Memory is acquired and never released.
    Leak(MemoryLeak),
    /// A setting changed in a way that explains the incident.
    Setting(SettingChange),
}

/// Memory that is acquired and never released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLeak {
    /// The function that loses it.
    pub function: String,
    /// The variable that owned it.
    pub variable: String,
    /// The line where the last reference goes, from 1.
    pub lost_at: u32,
    /// Whether it happens again and again in one call, so that memory grows without end.
    pub recurrence: Recurrence,
    /// The release that is missing, such as `free(buffer);`.
    pub missing: Option<String>,
}

/// A setting that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// Its place: `spec.template.spec.containers[worker].resources.limits.memory`.
    pub setting: String,
    /// The setting in words: `memory limit`.
    pub what: String,
    /// The value before.
    pub before: String,
    /// The value since.
    pub after: String,
    /// The landing that changed it.
    pub landing: LandingSummary,
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The file, where it is another than the finding's.
    pub file: Option<RepositoryPath>,
    /// The line, from 1.
    pub line: u32,
    /// What happens there.
    pub note: String,
}

/// How sure we are of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Much had to be assumed.
    Low,
    /// Something had to be assumed.
    Medium,
    /// Every step was seen in the code.
    High,
}

/// How often a fault happens in one call of its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recurrence {
    /// Once in a call.
    PerCall,
    /// In every turn of a loop.
    PerIteration,
}

/// A verified repair of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The file as it would be.
    pub files: Vec<PatchedFile>,
    /// Unified, with `a/` and `b/`.
    pub diff: String,
    /// Why it stands where it stands.
    pub why: String,
    /// What the verifier checked, a clause each.
    pub checks: Vec<String>,
}

/// A file before and after a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchedFile {
    /// Where it is.
    pub path: RepositoryPath,
    /// Its bytes at the base.
    pub before: Vec<u8>,
    /// Its bytes with the repair.
    pub after: Vec<u8>,
}

/// Where a finding comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The landing that made the code what it is.
    pub landing: LandingSummary,
    /// What it did, as a clause: "took out `free(buffer)`".
    pub how: String,
    /// Whether it lies in the window before the incident.
    pub age: Age,
}

/// Whether something is of the window before the incident or older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Age {
    /// It landed in the window.
    Recent,
    /// It was there before.
    Existing,
    /// It landed after what ran when the incident began.
    Later,
}

/// A landing as it is named in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandingSummary {
    /// The commit.
    pub commit: CommitSha,
    /// First line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: Person,
    /// When it landed.
    pub committed_at: Timestamp,
    /// Its pull request.
    pub pull_request: Option<u64>,
}

/// A landing that may have caused the incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// The landing.
    pub landing: LandingSummary,
    /// How likely it is the cause, 0 to 1, where that was calibrated.
    pub probability: Option<f64>,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
}
