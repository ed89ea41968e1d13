//! One incident from question to outcome: the part that a comment, a sweep and a rehearsal have in common.

use crate::diagnose;
use crate::failure::Failure;
use crate::io::publish::Publisher;
use crate::io::tracking::Tracking;
use crate::io::world::{World, computing};
use crate::io::{artefacts, gather, look_back, rollback};
use crate::model::diagnosis::Verdict;
use crate::model::ids::IncidentReference;
use crate::model::marker::{Kind, Marker};
use crate::model::outcome::{Outcome, RunResult};
use crate::model::publication::{FixOutcome, Publication, PullState};
use crate::model::rollback::Wish;
use crate::plan::{self, Manner};
use crate::prove::{self, handed_on};
use crate::report::tracking::Step;
use crate::report::{Analysis, answer};
use crate::settings::{Mode, outputs};

/// Gathers, thinks, proves and plans: the same for a comment, a dispatch and a rehearsal.
///
/// # Errors
/// As [`analyse()`] and [`prove()`].
pub async fn answer(
    world: &World,
    incident: &IncidentReference,
    wish: Wish,
    tracking: Option<&Tracking>,
) -> Result<(Analysis, Publication), Failure> {
    let analysis = prove(world, analyse(world, incident, wish, tracking).await?).await?;
    let publication = plan(world, &analysis);
    Ok((analysis, publication))
}

/// Gathers everything and thinks; nothing is executed yet.
///
/// # Errors
/// Where the incident or the repository cannot be read.
pub async fn analyse(
    world: &World,
    incident: &IncidentReference,
    wish: Wish,
    tracking: Option<&Tracking>,
) -> Result<Analysis, Failure> {
    let evidence = gather::evidence(world, incident, async || world.step(tracking, Step::Repository).await).await?;
    world.step(tracking, Step::Diagnosis).await;
    let (evidence, diagnosis) = computing(evidence, diagnose::look).await?;
    let history = match diagnosis.findings.first() {
        Some(finding) => look_back::history(world, &evidence, finding).await?,
        None => diagnose::provenance::History::default(),
    };
    let diagnosis = diagnose::conclude(&evidence, diagnosis, history);
    let diagnosis = look_back::beyond_window(world, &evidence, diagnosis).await?;
    let rollback = rollback::weigh(world, &evidence, &diagnosis, wish).await?;
    Ok(Analysis { evidence, diagnosis, rollback, proof: None, at: world.now, places: world.places() })
}

/// Adds what running the fault and its repair shows: here, or in the job whose file was handed on.
///
/// # Errors
/// Where a proof was handed on that does not belong to this analysis. A proof that cannot be run fails nothing.
pub async fn prove(world: &World, analysis: Analysis) -> Result<Analysis, Failure> {
    let proof = match world.settings.mode {
        Mode::Plan => None,
        Mode::Publish => handed_on::proof(world, &analysis).await?,
        Mode::Respond | Mode::Sweep | Mode::Report => prove::prove(world, &analysis).await,
    };
    Ok(Analysis { proof, ..analysis })
}

/// Plans what is written.
pub fn plan(world: &World, analysis: &Analysis) -> Publication {
    let settings = &world.settings;
    let manner = Manner { draft: settings.draft, labels: settings.labels.clone(), run: world.run() };
    plan::publication(analysis, &manner)
}

/// Applies the plan of the fix, where there is one and writing is allowed.
///
/// # Errors
/// As [`Publisher::publish`].
pub async fn publish(world: &World, analysis: &Analysis, publication: &Publication) -> Result<FixOutcome, Failure> {
    let (Some(fix), Some(github)) = (&publication.fix, world.writable()) else {
        let nothing = publication.no_fix.clone().map(FixOutcome::None);
        return Ok(nothing.unwrap_or(FixOutcome::Planned));
    };
    let names = analysis.names();
    let viewer = world.viewer(github).await?;
    Publisher { github, viewer, names: &names, run: world.run(), now: world.now }.publish(fix).await
}

/// The marker of a finished answer.
pub fn answer_marker(world: &World, analysis: &Analysis, publication: &Publication) -> Marker {
    analysis.marker(Kind::Answer, &publication.fingerprint, world.run())
}

/// The run's result, outputs and summary.
pub fn outcome(world: &World, analysis: &Analysis, fixed: &FixOutcome) -> Outcome {
    let incident = &analysis.evidence.incident;
    let mut values = vec![(outputs::INCIDENT_ID, incident.id.to_string())];
    values.extend(incident.number.map(|number| (outputs::INCIDENT_NUMBER, number.to_string())));
    let finding = analysis.diagnosis.findings.first();
    values
        .extend(finding.map(|finding| (outputs::CONFIDENCE, format!("{:?}", finding.confidence).to_ascii_lowercase())));
    let accused = analysis.diagnosis.verdict == Verdict::Accused;
    let suspect = analysis.diagnosis.suspects.first().filter(|_| accused);
    values.extend(suspect.map(|suspect| (outputs::SUSPECT_COMMIT, suspect.landing.commit.to_string())));
    let (result, operation) = match fixed {
        FixOutcome::Opened(pull) => {
            values.push((outputs::PULL_REQUEST_NUMBER, pull.number.to_string()));
            values.push((outputs::PULL_REQUEST_URL, pull.address.to_string()));
            values.push((outputs::BRANCH, pull.branch.to_string()));
            values.push((outputs::HEAD_SHA, pull.commit.to_string()));
            values.extend(pull.verified.map(|verified| (outputs::COMMIT_VERIFIED, verified.to_string())));
            (RunResult::Fixed, "created")
        }
        FixOutcome::Existing { address, number, state } => {
            values.push((outputs::PULL_REQUEST_NUMBER, number.to_string()));
            values.push((outputs::PULL_REQUEST_URL, address.to_string()));
            (RunResult::Fixed, if *state == PullState::Open { "unchanged" } else { "closed" })
        }
        FixOutcome::BranchOnly { branch, commit, .. } => {
            values.push((outputs::BRANCH, branch.to_string()));
            values.push((outputs::HEAD_SHA, commit.to_string()));
            (RunResult::Degraded, "none")
        }
        FixOutcome::NotPermitted(_) | FixOutcome::ForeignCommits(_) => (RunResult::Degraded, "none"),
        FixOutcome::None(_) | FixOutcome::Planned | FixOutcome::ElsewhereAtWork => (RunResult::Reported, "none"),
    };
    values.push((outputs::PULL_REQUEST_OPERATION, operation.to_owned()));
    let summary = answer::summary(analysis, fixed);
    values.extend(analysis.proof.as_ref().map(|proof| (outputs::PROOF, proof.verdict.word().to_owned())));
    values.extend(artefacts::write(world, analysis, &summary));
    Outcome { result, reason: None, outputs: values, summary: Some(summary) }
}
