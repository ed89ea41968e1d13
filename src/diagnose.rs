//! Thinking: from evidence to findings and suspects. Nothing in here can fail or touch anything.

pub mod further_back;
pub mod manifest_change;
pub mod memory_leak;
pub mod provenance;
pub mod suspects;
pub mod symptom;
pub mod symptom_kind;
pub mod versions;
pub mod windows;

use crate::model::diagnosis::{
    Age, Diagnosis, Fault, Finding, LandingSummary, MemoryLeak, Provenance, Suspect, SymptomKind, Verdict,
};
use crate::model::evidence::{Evidence, Gap};
use crate::model::ids::RepositoryPath;
use provenance::History;
use suspects::Tree;

/// At most so many suspects are named.
const MOST_SUSPECTS: usize = 5;

/// One way to find a fault.
struct Detector {
    /// Its name in reports and in the findings' `detector`.
    name: &'static str,
    /// Whether its findings would explain such an incident. Others are counted, not claimed.
    explains: fn(SymptomKind) -> bool,
    /// Looks for it.
    find: fn(&Evidence) -> Found,
}

/// Every detector. What changed just before the incident stands before what may have been there for years.
const DETECTORS: &[Detector] = &[
    Detector { name: manifest_change::NAME, explains: |_| true, find: manifest_change::find },
    Detector { name: memory_leak::NAME, explains: |kind| kind == SymptomKind::Memory, find: memory_leak::find },
];

/// What a detector has to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Faults, the most likely cause first.
    pub findings: Vec<Finding>,
    /// What it looked at in vain, a clause each.
    pub ruled_out: Vec<String>,
    /// What it could not look at.
    pub gaps: Vec<Gap>,
}

/// Asks every detector. Findings that do not explain the incident's symptom are counted, not claimed.
pub fn look(evidence: &Evidence) -> Diagnosis {
    let symptom = symptom_kind::of(&evidence.incident);
    let mut diagnosis = Diagnosis {
        symptom,
        findings: Vec::new(),
        unrelated: 0,
        provenance: None,
        suspects: Vec::new(),
        searched: Vec::new(),
        verdict: Verdict::Inconclusive,
        ruled_out: Vec::new(),
        gaps: other_languages(evidence),
    };
    for detector in DETECTORS {
        let found = (detector.find)(evidence);
        debug_assert!(found.findings.iter().all(|finding| finding.detector == detector.name));
        diagnosis.gaps.extend(found.gaps);
        if (detector.explains)(symptom) {
            diagnosis.findings.extend(found.findings);
            diagnosis.ruled_out.extend(found.ruled_out);
        } else {
            diagnosis.unrelated += found.findings.len();
        }
    }
    diagnosis
}

/// Puts together what the detectors found, where the first finding comes from, and which landing is suspected.
pub fn conclude(evidence: &Evidence, mut diagnosis: Diagnosis, history: History) -> Diagnosis {
    diagnosis.gaps.extend(history.gaps.iter().cloned());
    let Some(finding) = diagnosis.findings.first() else { return suspect(evidence, diagnosis) };
    diagnosis.provenance = provenance::of(evidence, finding, &history);
    diagnosis.suspects = touching(evidence, finding, diagnosis.provenance.as_ref());
    let is_new = diagnosis.provenance.as_ref().is_some_and(|it| it.age == Age::Recent);
    if let Some(provenance) = &diagnosis.provenance {
        diagnosis.searched = windows::way_to(evidence, &provenance.landing.commit, provenance.age);
    }
    diagnosis.verdict = if is_new { Verdict::Accused } else { Verdict::Inconclusive };
    diagnosis
}

/// Without a finding the incident's own words are held against the landings.
///
/// They are ranked once, all together. Ranking what came with the deployment by itself first would name some more culprits and twice as
/// many more innocents: among few landings one always looks the likest.
fn suspect(evidence: &Evidence, mut diagnosis: Diagnosis) -> Diagnosis {
    let symptom = symptom::read(&symptom_kind::words(&evidence.incident).join("\n"));
    let tree = Tree::new(evidence.paths.iter().map(RepositoryPath::as_str));
    let ranking = suspects::rank(&symptom, &evidence.landings, &tree);
    diagnosis.gaps.extend(symptom.gaps);
    let accused = ranking.suspects.first().filter(|_| ranking.verdict == suspects::Verdict::Accused);
    diagnosis.verdict = if accused.is_some() { Verdict::Accused } else { Verdict::Inconclusive };
    diagnosis.searched = match accused {
        Some(culprit) => windows::way_to(evidence, &culprit.commit, Age::Recent),
        None => {
            let pointed = ranking.suspects.iter().filter(|suspect| suspect.has_own_evidence);
            windows::without_culprit(evidence, &pointed.map(|suspect| &suspect.commit).collect())
        }
    };
    diagnosis.suspects = ranking.suspects.into_iter().take(MOST_SUSPECTS).map(ranked).collect();
    diagnosis
}

fn ranked(suspect: suspects::Suspect) -> Suspect {
    Suspect {
        probability: Some(suspect.probability),
        reasons: suspect.reasons.iter().map(ToString::to_string).collect(),
        landing: LandingSummary {
            commit: suspect.commit,
            subject: suspect.subject,
            author: suspect.author,
            committed_at: suspect.committed_at,
            pull_request: suspect.pull_request,
        },
    }
}

/// Landings of the window that touch the finding: the one that made the fault first, then those that changed its function.
fn touching(evidence: &Evidence, finding: &Finding, provenance: Option<&Provenance>) -> Vec<Suspect> {
    let culprit = provenance.filter(|it| it.age == Age::Recent);
    let named = culprit.map(|it| Suspect {
        landing: it.landing.clone(),
        probability: None,
        reasons: vec![format!("it {} in `{}`", it.how, finding.file)],
    });
    let Fault::Leak(MemoryLeak { function, .. }) = &finding.fault else { return named.into_iter().collect() };
    let others = evidence.landings.iter().filter(|landing| {
        culprit.is_none_or(|it| it.landing.commit != landing.commit)
            && landing.changes.iter().any(|change| {
                change.path == finding.file && change.hunks.iter().any(|hunk| hunk.section.contains(function))
            })
    });
    let others = others.map(|landing| Suspect {
        landing: summary(landing),
        probability: None,
        reasons: vec![format!("it changed `{function}()` in `{}`", finding.file)],
    });
    named.into_iter().chain(others).collect()
}

/// A landing as a report names it.
pub fn summary(landing: &crate::model::landing::Landing) -> LandingSummary {
    LandingSummary {
        commit: landing.commit.clone(),
        subject: landing.subject.clone(),
        author: landing.author.clone(),
        committed_at: landing.committed_at,
        pull_request: landing.pull_request,
    }
}

/// Languages without a detector are a gap, told once.
fn other_languages(evidence: &Evidence) -> Vec<Gap> {
    if evidence.other_languages.is_empty() {
        return Vec::new();
    }
    let files = evidence.other_languages.iter().take(4).map(|(ending, count)| format!("{count} .{ending}"));
    let what = format!("the service's files in other languages ({})", files.collect::<Vec<_>>().join(", "));
    vec![Gap::new(what, "faults are looked for in C only")]
}
