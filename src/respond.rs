//! The story: who asks, what is known, what is thought, what is written.

use crate::analyse::{self, answer_marker, outcome, publish};
use crate::failure::Failure;
use crate::io::tracking::{Begun, Run, Tracking};
use crate::io::world::World;
use crate::model::ids::IncidentReference;
use crate::model::outcome::Outcome;
use crate::model::publication::FixOutcome;
use crate::model::trigger::{Command, CommentOrigin, Origin, Trigger};
use crate::prove::handed_on;
use crate::report::answer::{self, Tagging};
use crate::report::escape;
use crate::report::tracking::help;
use crate::settings::{Mode, outputs};
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
    if world.settings.mode.is_for_one_incident() && trigger.command == Command::Sweep {
        return Ok(Outcome::skipped("a plan is made and published for one incident, and none is named"));
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
    let (analysis, publication) = analyse::answer(world, incident, Some(tracking)).await?;
    let fixed = publish(world, &analysis, &publication).await?;
    let marker = answer_marker(world, &analysis, &publication);
    if let Some(github) = world.writable() {
        tracking.finish(github, |limit| answer::render(&analysis, &fixed, &marker, Tagging::Name, limit)).await?;
    }
    let mut outcome = outcome(world, &analysis, &fixed);
    outcome.outputs.push((outputs::COMMENT_URL, tracking.address().await.to_string()));
    Ok(outcome)
}

/// Without a comment to answer, the pull request, the summary and the outputs are the answer.
async fn answer_directly(world: &World, incident: &IncidentReference) -> Result<Outcome, Failure> {
    let (analysis, publication) = analyse::answer(world, incident, None).await?;
    let fixed = publish(world, &analysis, &publication).await?;
    let mut outcome = outcome(world, &analysis, &fixed);
    if world.writable().is_none() {
        let plan = escape::code_block(&publication.to_string(), escape::Language::Text, 2_000);
        outcome.summary = Some(crate::markdown![answer::summary(&analysis, &fixed), "\n### Plan\n\n", plan]);
    }
    if world.settings.mode == Mode::Plan {
        outcome.outputs.push((outputs::PLAN_PATH, handed_on::write_plan(world, &analysis).await?));
    }
    Ok(outcome)
}

/// A token that may not even comment, as on forks and in restricted organisations: the summary is all there is.
async fn degraded(world: &World, incident: &IncidentReference, why: Failure) -> Result<Outcome, Failure> {
    let (analysis, _) = analyse::answer(world, incident, None).await?;
    let fixed = FixOutcome::NotPermitted(format!("{} {}", why.problem, why.remedy));
    Ok(outcome(world, &analysis, &fixed))
}
