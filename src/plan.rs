//! From an analysis to the plan of every write. Pure: the plan can be printed, tested and applied.

use crate::model::diagnosis::{Age, Confidence, Finding, Repair};
use crate::model::ids::{BranchName, IncidentReference, Login, RepositoryPath};
use crate::model::landing::FileMode;
use crate::model::marker::{Fingerprint, Kind};
use crate::model::proof::Proof;
use crate::model::publication::{FileAddition, FixPublication, Publication};
use crate::model::rollback::{FileState, Forge, InverseChange, Rollback, Wish};
use crate::report::{self, Analysis, pull_request};
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
}

/// Plans what is written for an incident.
pub fn publication(analysis: &Analysis, manner: &Manner) -> Publication {
    let incident = analysis.incident();
    let fingerprint = fingerprint(analysis);
    let (fix, no_fix) = match choice(analysis) {
        Choice::Fix(finding, repair) => (Some(fix(analysis, manner, &fingerprint, finding, repair)), None),
        Choice::Rollback(rollback) => (Some(take_back(analysis, manner, &fingerprint, rollback)), None),
        Choice::Nothing(why) => (None, Some(why)),
    };
    Publication { incident, fingerprint, fix, no_fix }
}

/// The one remedy that is offered.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice<'a> {
    /// The finding is repaired.
    Fix(&'a Finding, &'a Repair),
    /// The landing at fault is taken back.
    Rollback(&'a Rollback),
    /// Neither, and why.
    Nothing(String),
}

/// A rollback that a person asked for; else the fix, which is checked and leaves the rest of the landing in place; else the
/// rollback, where it may be opened.
pub fn choice(analysis: &Analysis) -> Choice<'_> {
    let rollback = analysis.rollback.as_ref();
    match (rollback, fixable(analysis)) {
        (Some(rollback), _) if rollback.wish == Wish::Asked => match rollback.may_open() {
            true => Choice::Rollback(rollback),
            false => Choice::Nothing(held(rollback)),
        },
        (_, Ok((finding, repair))) => Choice::Fix(finding, repair),
        // A repair that was run and did not help puts the finding in doubt, and with it the landing that brought it.
        (Some(rollback), Err(why)) if rollback.may_open() && is_doubted(analysis) => {
            let landing = rollback.commit().short();
            Choice::Nothing(format!(
                "{why}; that leaves in doubt whether {landing} is at fault, so it is not taken back"
            ))
        }
        (Some(rollback), Err(_)) if rollback.may_open() => Choice::Rollback(rollback),
        (Some(rollback), Err(why)) => Choice::Nothing(format!("{why}; {}", held(rollback))),
        (None, Err(why)) => Choice::Nothing(why),
    }
}

fn is_doubted(analysis: &Analysis) -> bool {
    analysis.proof.as_ref().is_some_and(Proof::withdraws)
}

fn held(rollback: &Rollback) -> String {
    let landing = rollback.commit().short();
    format!("the rollback of {landing} is described and not opened: {}", rollback.held_by.join("; "))
}

/// What the answer depends on: the incident, its alerts, the landings that can have caused it, and the contents of the service's files.
/// While these stay the same, so does the answer. Landings after the incident are not among them; what is learned later of deployments
/// is.
pub fn fingerprint(analysis: &Analysis) -> Fingerprint {
    let evidence = &analysis.evidence;
    let mut alerts: Vec<&str> = evidence.incident.alerts.iter().map(|alert| alert.id.as_str()).collect();
    alerts.sort_unstable();
    let sources = evidence.sources.iter().filter(|source| evidence.scope.holds(&source.path));
    let contents = sources
        .chain(&evidence.manifests)
        .map(|source| Fingerprint::of([source.path.as_str(), &lossless(&source.contents)]));
    let contents: Vec<Fingerprint> = contents.collect();
    let landings = evidence.landings.iter().map(|landing| landing.commit.as_str());
    let parts = std::iter::once(evidence.incident.id.as_str()).chain(alerts).chain(landings);
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
    if let Some(later) = analysis.diagnosis.provenance.as_ref().filter(|it| it.age == Age::Later) {
        let landing = later.landing.commit.short();
        return Err(format!(
            "the fault came with {landing}, after what ran when the incident began, and did not cause it"
        ));
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
    match choice(analysis) {
        Choice::Fix(_, repair) => Ok(repair),
        Choice::Rollback(_) => Err("the landing at fault is taken back instead".to_owned()),
        Choice::Nothing(why) => Err(why),
    }
}

/// How the branches of fixes begin.
const FIX_BRANCHES: &str = "fix/incident-";
/// How the branches of rollbacks begin.
pub const ROLLBACK_BRANCHES: &str = "rollback/incident-";

/// The name under which a remedy for the incident is offered: `fix/incident-12345`.
fn branch(begin: &str, incident: &IncidentReference) -> BranchName {
    BranchName::new(format!("{begin}{}", incident.to_string().to_ascii_lowercase()))
}

fn take_back(analysis: &Analysis, manner: &Manner, fingerprint: &Fingerprint, taken: &Rollback) -> FixPublication {
    let marker = analysis.marker(Kind::Rollback, fingerprint, manner.run);
    let (additions, deletions) = written(taken.changes());
    let responders = analysis.evidence.responders.iter().filter_map(|responder| responder.login.clone());
    let mut reviewers: Vec<Login> = responders.collect();
    // Whoever wrote it knows it best. GitHub itself says who opened the pull request, so nothing is guessed.
    reviewers.extend(author(taken).filter(|author| !reviewers.contains(author)));
    FixPublication {
        branch: branch(ROLLBACK_BRANCHES, &analysis.incident()),
        base: analysis.evidence.base.clone(),
        additions,
        deletions,
        message: report::rollback::commit_message(analysis, taken),
        title: report::rollback::title(analysis, taken),
        body: report::rollback::body(analysis, taken, &marker),
        draft: manner.draft,
        labels: manner.labels.clone(),
        reviewers,
    }
}

fn author(rollback: &Rollback) -> Option<Login> {
    match &rollback.culprit.forge {
        Some(Forge::Known(facts)) => facts.pull.as_ref()?.author.clone(),
        _ => None,
    }
}

/// The inverse as what is written. Where one mode changes, all are said, since the commit is then made object by object.
fn written(changes: &[InverseChange]) -> (Vec<FileAddition>, Vec<RepositoryPath>) {
    let moves_mode = |change: &InverseChange| match (&change.before, &change.after) {
        (Some(before), Some(after)) => before.mode != after.mode,
        (None, Some(after)) => after.mode != FileMode::REGULAR,
        (_, None) => false,
    };
    let by_mode = changes.iter().any(moves_mode);
    let additions = changes.iter().filter_map(|change| {
        let FileState { mode, contents } = change.after.clone()?;
        Some(FileAddition { path: change.path.clone(), contents, mode: by_mode.then_some(mode) })
    });
    let gone = changes.iter().filter(|change| change.after.is_none()).map(|change| change.path.clone());
    (additions.collect(), gone.collect())
}

fn fix(
    analysis: &Analysis,
    manner: &Manner,
    fingerprint: &Fingerprint,
    finding: &Finding,
    repair: &Repair,
) -> FixPublication {
    let marker = analysis.marker(Kind::Fix, fingerprint, manner.run);
    let additions = repair.files.iter();
    let reviewers = analysis.evidence.responders.iter().filter_map(|responder| responder.login.clone());
    FixPublication {
        branch: branch(FIX_BRANCHES, &analysis.incident()),
        base: analysis.evidence.base.clone(),
        additions: additions
            .map(|file| FileAddition { path: file.path.clone(), contents: file.after.clone(), mode: None })
            .collect(),
        deletions: Vec::new(),
        message: pull_request::commit_message(analysis, finding, repair),
        title: pull_request::title(analysis, finding),
        body: pull_request::body(analysis, finding, repair, &marker),
        draft: manner.draft,
        labels: manner.labels.clone(),
        reviewers: reviewers.collect(),
    }
}
