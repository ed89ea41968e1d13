//! From an analysis to the plan of every write. Pure: the plan can be printed, tested and applied.

use crate::model::diagnosis::{Confidence, Finding, Repair};
use crate::model::ids::{BranchName, IncidentReference};
use crate::model::marker::{Fingerprint, Kind, Marker};
use crate::model::publication::{FileAddition, FixPublication, Publication};
use crate::report::{Analysis, pull_request};
use crate::settings::Draft;

/// How pull requests are opened, and by which run.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Draft or ready.
    pub draft: Draft,
    /// Labels.
    pub labels: Vec<String>,
    /// GitHub's number of this run.
    pub run: u64,
    /// When it began.
    pub now: crate::model::ids::Timestamp,
}

/// Plans what is written for an incident.
pub fn publication(analysis: &Analysis, manner: &Manner) -> Publication {
    let incident = analysis.incident();
    let fingerprint = fingerprint(analysis);
    let (fix, no_fix) = match fixable(analysis) {
        Ok((finding, repair)) => (Some(fix(analysis, manner, &fingerprint, finding, repair)), None),
        Err(why) => (None, Some(why)),
    };
    Publication { incident, fingerprint, fix, no_fix }
}

/// What the answer depends on: the incident, its alerts, and the contents of the service's files. While these stay the
/// same, so does the answer.
pub fn fingerprint(analysis: &Analysis) -> Fingerprint {
    let evidence = &analysis.evidence;
    let mut alerts: Vec<&str> = evidence.incident.alerts.iter().map(|alert| alert.id.as_str()).collect();
    alerts.sort_unstable();
    let sources = evidence.sources.iter().filter(|source| evidence.scope.holds(&source.path));
    let contents = sources
        .chain(&evidence.manifests)
        .map(|source| Fingerprint::of([source.path.as_str(), &lossless(&source.contents)]));
    let contents: Vec<Fingerprint> = contents.collect();
    let parts = std::iter::once(evidence.incident.id.as_str()).chain(alerts);
    Fingerprint::of(parts.chain(contents.iter().map(Fingerprint::as_str)))
}

/// Bytes as text without losing a difference: each byte as the character of its number.
fn lossless(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The finding to repair and its repair, or why nothing is offered.
fn fixable(analysis: &Analysis) -> Result<(&Finding, &Repair), String> {
    let Some(finding) = analysis.diagnosis.findings.first() else {
        return Err("no fault was found that explains the incident".to_owned());
    };
    let repair = finding.repair.as_ref().map_err(|why| format!("the fault was found, but no patch is safe: {why}"))?;
    if finding.confidence == Confidence::Low {
        return Err("the finding rests on too many assumptions for a patch".to_owned());
    }
    let protected = &analysis.evidence.protected;
    let forbidden = repair.files.iter().find_map(|file| Some((&file.path, protected.forbids(file.path.as_str())?)));
    if let Some((path, pattern)) = forbidden {
        return Err(format!("{path} is protected by the pattern {pattern}"));
    }
    match analysis.proof.as_ref().filter(|proof| proof.withdraws()) {
        Some(proof) => Err(format!("the patch was run and is withdrawn, {}: {}", proof.verdict, proof.why)),
        None => Ok((finding, repair)),
    }
}

/// The repair that is offered as things stand: before it is proven, the one to prove.
///
/// # Errors
/// Why none is offered, as a clause.
pub fn offered(analysis: &Analysis) -> Result<&Repair, String> {
    fixable(analysis).map(|(_, repair)| repair)
}

/// The name under which a fix for the incident is offered: `fix/incident-12345`.
pub fn branch(incident: &IncidentReference) -> BranchName {
    BranchName::new(format!("fix/incident-{}", incident.to_string().to_ascii_lowercase()))
}

fn fix(
    analysis: &Analysis,
    manner: &Manner,
    fingerprint: &Fingerprint,
    finding: &Finding,
    repair: &Repair,
) -> FixPublication {
    let marker = Marker {
        incident: analysis.incident(),
        id: Some(analysis.evidence.incident.id.clone()),
        kind: Kind::Fix,
        fingerprint: Some(fingerprint.clone()),
        run: manner.run,
        at: manner.now,
    };
    let additions = repair.files.iter();
    let reviewers = analysis.evidence.responders.iter().filter_map(|responder| responder.login.clone());
    FixPublication {
        branch: branch(&analysis.incident()),
        base: analysis.evidence.base.clone(),
        additions: additions
            .map(|file| FileAddition { path: file.path.clone(), contents: file.after.clone() })
            .collect(),
        message: pull_request::commit_message(analysis, finding, repair),
        title: pull_request::title(analysis, finding),
        body: pull_request::body(analysis, finding, repair, &marker),
        draft: manner.draft,
        labels: manner.labels.clone(),
        reviewers: reviewers.collect(),
    }
}
