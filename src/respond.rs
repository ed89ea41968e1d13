//! The story: who asks, what is known, what is thought, what is written.

use crate::diagnose;
use crate::failure::Failure;
use crate::io::publish::Publisher;
use crate::io::tracking::{Begun, Run, Tracking};
use crate::io::world::World;
use crate::io::{gather, look_back};
use crate::model::ids::IncidentReference;
use crate::model::marker::{Kind, Marker};
use crate::model::outcome::{Outcome, RunResult};
use crate::model::publication::{FixOutcome, Publication, PullState};
use crate::model::trigger::{Command, CommentOrigin, Origin, Trigger};
use crate::plan::{self, Manner};
use crate::report::answer::{self, Tagging};
use crate::report::tracking::{Step, help};
use crate::report::{Analysis, escape};
use crate::settings::outputs;
use crate::sweep;

/// Answers a trigger.
///
/// # Errors
/// Where a peer failed so that nothing could be answered; what could not be read in part is told in the answer.
pub async fn respond(world: &World, trigger: &Trigger) -> Result<Outcome, Failure> {
    if let Origin::Comment(origin) = &trigger.origin
        && !is_authorised(world, origin).await
    {
        return Ok(Outcome::skipped("unauthorized"));
    }
    if matches!(trigger.origin, Origin::Dispatch | Origin::Schedule) && !world.is_on_default_branch().await? {
        let reason = "a run by hand or by the clock writes only from the default branch's workflow";
        return Ok(Outcome::skipped(reason));
    }
    match (&trigger.command, &trigger.origin) {
        (Command::Sweep, _) => sweep::run(world).await,
        (Command::Help, Origin::Comment(origin)) => explain(world, origin).await,
        (Command::Help, _) => Ok(Outcome::skipped("no command")),
        (Command::Analyze(incident), Origin::Comment(origin)) => answer_comment(world, origin, incident).await,
        (Command::Analyze(incident), _) => answer_directly(world, incident).await,
    }
}

/// Only people who may write here are answered; anybody else gets no reaction at all.
async fn is_authorised(world: &World, origin: &CommentOrigin) -> bool {
    match &world.github {
        Some(github) => github.may_write(&origin.author).await,
        None => false,
    }
}

async fn explain(world: &World, origin: &CommentOrigin) -> Result<Outcome, Failure> {
    if let Some(github) = world.writable() {
        github.add_comment(origin.thread, &help()).await?;
    }
    Ok(Outcome::skipped("the comment holds no command that is known; the commands were listed"))
}

/// A comment is answered in its own thread: eyes at once, then one comment that becomes the answer.
async fn answer_comment(
    world: &World,
    origin: &CommentOrigin,
    incident: &IncidentReference,
) -> Result<Outcome, Failure> {
    let Some(github) = world.writable() else { return answer_directly(world, incident).await };
    if let Err(why) = github.react_with_eyes(origin.thread, origin.comment).await {
        if why.lacks_permission() {
            return degraded(world, incident, why.into()).await;
        }
        tracing::warn!("the comment could not be acknowledged: {}", Failure::from(why).problem);
    }
    let viewer = world.viewer(github).await?;
    let run = Run { viewer, places: world.places(), run: world.run(), now: world.now };
    let tracking = match Tracking::begin(github, origin.thread, incident, run).await {
        Ok(Begun::Here(tracking)) => world.track(*tracking).await,
        Ok(Begun::AtWork) => return Ok(Outcome::skipped("another run is at work on this incident")),
        Err(why) if why.lacks_permission() => return degraded(world, incident, why.into()).await,
        Err(why) => return Err(why.into()),
    };
    let outcome = tracked(world, &tracking, incident).await;
    if let Err(failure) = &outcome {
        tracking.fail(github, failure).await;
    }
    outcome
}

async fn tracked(world: &World, tracking: &Tracking, incident: &IncidentReference) -> Result<Outcome, Failure> {
    let (analysis, publication) = analyse(world, incident, Some(tracking)).await?;
    let fixed = publish(world, &analysis, &publication).await?;
    let marker = answer_marker(world, &analysis, &publication);
    if let Some(github) = world.writable() {
        tracking.finish(github, |limit| answer::render(&analysis, &fixed, &marker, Tagging::Name, limit)).await?;
    }
    let mut outcome = outcome(&analysis, &fixed);
    outcome.outputs.push((outputs::COMMENT_URL, tracking.address().await.to_string()));
    Ok(outcome)
}

/// Without a comment to answer, the pull request, the summary and the outputs are the answer.
async fn answer_directly(world: &World, incident: &IncidentReference) -> Result<Outcome, Failure> {
    let (analysis, publication) = analyse(world, incident, None).await?;
    let fixed = publish(world, &analysis, &publication).await?;
    let mut outcome = outcome(&analysis, &fixed);
    if world.writable().is_none() {
        let plan = escape::code_block(&publication.to_string(), escape::Language::Text, 2_000);
        outcome.summary = Some(crate::markdown![answer::summary(&analysis, &fixed), "\n### Plan\n\n", plan]);
    }
    Ok(outcome)
}

/// A token that may not even comment, as on forks and in restricted organisations: the summary is all there is.
async fn degraded(world: &World, incident: &IncidentReference, why: Failure) -> Result<Outcome, Failure> {
    let (analysis, _) = analyse(world, incident, None).await?;
    let fixed = FixOutcome::NotPermitted(format!("{} {}", why.problem, why.remedy));
    Ok(outcome(&analysis, &fixed))
}

/// Gathers everything and thinks: the same for a comment, a sweep and a rehearsal.
///
/// # Errors
/// Where the incident or the repository cannot be read.
pub async fn analyse(
    world: &World,
    incident: &IncidentReference,
    tracking: Option<&Tracking>,
) -> Result<(Analysis, Publication), Failure> {
    let evidence = gather::evidence(world, incident, async || world.step(tracking, Step::Repository).await).await?;
    world.step(tracking, Step::Diagnosis).await;
    let (evidence, diagnosis) = crate::io::world::computing(evidence, diagnose::look).await?;
    let history = match diagnosis.findings.first() {
        Some(finding) => look_back::history(world, &evidence, finding).await?,
        None => diagnose::provenance::History::default(),
    };
    let diagnosis = diagnose::conclude(&evidence, diagnosis, history);
    let analysis = Analysis { evidence, diagnosis, places: world.places() };
    let settings = &world.settings;
    let manner = Manner { draft: settings.draft, labels: settings.labels.clone(), run: world.run(), now: world.now };
    let publication = plan::publication(&analysis, &manner);
    Ok((analysis, publication))
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
    let fingerprint = Some(publication.fingerprint.clone());
    Marker {
        incident: analysis.incident(),
        id: Some(analysis.evidence.incident.id.clone()),
        kind: Kind::Answer,
        fingerprint,
        run: world.run(),
        at: world.now,
    }
}

/// The run's result, outputs and summary.
pub fn outcome(analysis: &Analysis, fixed: &FixOutcome) -> Outcome {
    let incident = &analysis.evidence.incident;
    let mut values = vec![(outputs::INCIDENT_ID, incident.id.to_string())];
    values.extend(incident.number.map(|number| (outputs::INCIDENT_NUMBER, number.to_string())));
    let finding = analysis.diagnosis.findings.first();
    values
        .extend(finding.map(|finding| (outputs::CONFIDENCE, format!("{:?}", finding.confidence).to_ascii_lowercase())));
    let suspect = analysis.diagnosis.suspects.first();
    values.extend(suspect.map(|suspect| (outputs::SUSPECT_COMMIT, suspect.landing.commit.to_string())));
    let (result, operation) = match fixed {
        FixOutcome::Opened(pull) => {
            values.push((outputs::PULL_REQUEST_NUMBER, pull.number.to_string()));
            values.push((outputs::PULL_REQUEST_URL, pull.address.to_string()));
            values.push((outputs::BRANCH, plan::branch(&analysis.incident()).to_string()));
            values.push((outputs::HEAD_SHA, pull.commit.to_string()));
            values.extend(pull.verified.map(|verified| (outputs::COMMIT_VERIFIED, verified.to_string())));
            (RunResult::Fixed, "created")
        }
        FixOutcome::Existing { address, number, state } => {
            values.push((outputs::PULL_REQUEST_NUMBER, number.to_string()));
            values.push((outputs::PULL_REQUEST_URL, address.to_string()));
            (RunResult::Fixed, if *state == PullState::Open { "unchanged" } else { "closed" })
        }
        FixOutcome::BranchOnly { commit, .. } => {
            values.push((outputs::BRANCH, plan::branch(&analysis.incident()).to_string()));
            values.push((outputs::HEAD_SHA, commit.to_string()));
            (RunResult::Degraded, "none")
        }
        FixOutcome::NotPermitted(_) | FixOutcome::ForeignCommits(_) => (RunResult::Degraded, "none"),
        FixOutcome::None(_) | FixOutcome::Planned | FixOutcome::ElsewhereAtWork => (RunResult::Reported, "none"),
    };
    values.push((outputs::PULL_REQUEST_OPERATION, operation.to_owned()));
    Outcome { result, reason: None, outputs: values, summary: Some(answer::summary(analysis, fixed)) }
}
