//! Running as the action: the runner's event in, an answer on GitHub, outputs and a summary out.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::block_on;
use crate::failure::{Failure, FailureKind};
use crate::io::workflow_commands::{Annotation, Console, RunnerFiles, Severity};
use crate::io::world::{Reach, Source, World};
use crate::model::outcome::{Outcome, RunResult};
use crate::model::trigger::Trigger;
use crate::respond;
use crate::settings::environment::Environment;
use crate::settings::outputs;
use crate::settings::{FailOn, Mode, Place, Runner, Settings};
use crate::trigger::{self, Asked, Verdict};

/// The runner's events are far smaller; GitHub caps a payload at 25 MB.
const EVENT_LIMIT: u64 = 32 << 20;

/// Runs the action.
///
/// # Errors
/// Where the settings or the event are unusable; the failure of a peer ends as an exit code by `fail-on`.
pub fn run(environment: &Environment, console: &Console) -> Result<ExitCode, Failure> {
    if environment.variable("GITHUB_EVENT_NAME").is_none() {
        return Err(Failure::configuration(
            "There is no GITHUB_EVENT_NAME: this is not a workflow, and no command was given.",
            "Use it as a step of a workflow, or see --help for the commands of the command line.",
        ));
    }
    let settings = Settings::from_environment(environment, Place::GitHub)?;
    let files = RunnerFiles::new(&settings.runner);
    let trigger = match read_event(&settings)? {
        Verdict::Run(trigger) => trigger,
        Verdict::Skip(why) => return finish(console, &files, &Outcome::skipped(why), settings.fail_on),
    };
    let fail_on = settings.fail_on;
    let reach = if settings.mode.is_rehearsal() { Reach::Rehearse } else { Reach::Act };
    // The HTTP client wants the runtime to be there when it is made.
    let redactor = console.redactor().clone();
    let work = async { guarded(World::new(settings, Source::GitHub, reach, Utc::now(), redactor)?, trigger).await };
    match block_on(work) {
        Ok(outcome) => finish(console, &files, &outcome, fail_on),
        Err(failure) => {
            files.set_outputs(&[(outputs::RESULT, "failed")], console.redactor())?;
            let forgiven = failure.kind == FailureKind::Peer && fail_on == FailOn::Never;
            if !forgiven {
                return Err(failure);
            }
            console.annotate(Annotation::new(Severity::Warning, &failure.to_string()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read_event(settings: &Settings) -> Result<Verdict, Failure> {
    let runner = &settings.runner;
    let asked = Asked {
        incident: settings.incident.as_ref(),
        sweep: settings.mode == Mode::Sweep,
        allowed_bots: &settings.allowed_bots,
    };
    trigger::read(&runner.event_name, &payload(runner)?, &asked)
}

fn payload(runner: &Runner) -> Result<Value, Failure> {
    let Some(path) = &runner.event_path else { return Ok(Value::Null) };
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::configuration(
            format!("The event file {} cannot be read: {why}.", path.display()),
            "The runner writes it; do not set GITHUB_EVENT_PATH yourself.",
        )
    };
    let size = std::fs::metadata(path).map_err(|why| unusable(&why))?.len();
    if size > EVENT_LIMIT {
        return Err(unusable(&format!("it has {size} bytes, and at most {EVENT_LIMIT} are read")));
    }
    let text = std::fs::read(path).map_err(|why| unusable(&why))?;
    serde_json::from_slice(&text).map_err(|why| unusable(&why))
}

/// Answers, and leaves no unfinished comment behind: not when the job is cancelled (the runner sends SIGINT, then SIGTERM, to what
/// is process 1 in its container and has no default action for either), not when the work falls over.
async fn guarded(world: World, trigger: Trigger) -> Result<Outcome, Failure> {
    let world = Arc::new(world);
    let working = Arc::clone(&world);
    let mut work = tokio::spawn(async move { respond::respond(&working, &trigger).await });
    let no_signals = |why: std::io::Error| {
        Failure::configuration(format!("Signals cannot be received: {why}."), "Run it as an ordinary process.")
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let ended = tokio::select! {
        ended = &mut work => ended.unwrap_or_else(|why| Err(fell_over(&why))),
        _ = interrupt.recv() => Err(cancelled()),
        _ = terminate.recv() => Err(cancelled()),
    };
    if ended.is_err() {
        work.abort();
        world.interrupt().await;
    }
    let cost = world.cost();
    tracing::info!("asked GitHub {} times, PagerDuty {} times, git {} times", cost.github, cost.pagerduty, cost.git);
    ended
}

fn fell_over(why: &tokio::task::JoinError) -> Failure {
    Failure::peer(
        format!("The run fell over: {why}."),
        "Please report this with the log of the run; nothing was half-written.",
    )
}

fn cancelled() -> Failure {
    Failure::peer("The run was cancelled.", "Ask again, or run the job again.")
}

/// Summary and outputs, then the exit code.
fn finish(console: &Console, files: &RunnerFiles, outcome: &Outcome, fail_on: FailOn) -> Result<ExitCode, Failure> {
    let reason = outcome.reason.as_deref().map_or(String::new(), |why| format!(": {why}"));
    console.annotate(Annotation::new(Severity::Notice, &format!("{}{reason}", outcome.result)));
    let mut values = vec![(outputs::RESULT, outcome.result.word())];
    values.extend(outcome.outputs.iter().map(|(output, value)| (*output, value.as_str())));
    files.set_outputs(&values, console.redactor())?;
    if let Some(summary) = &outcome.summary {
        files.append_summary(std::slice::from_ref(summary), console.redactor())?;
    }
    let unresolved = fail_on == FailOn::Unresolved && outcome.result == RunResult::Reported;
    Ok(ExitCode::from(u8::from(unresolved)))
}
