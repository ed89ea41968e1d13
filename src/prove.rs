//! The proof runner: the fault and the fix, executed side by side and measured, before anybody is asked for a review.
//!
//! | you want to know | read |
//! |---|---|
//! | what a verdict means and how it is decided | [`crate::model::proof`] |
//! | when nothing is run at all | `gate` |
//! | what is built and run, and with how much memory | `recipe`, `manifest`, `subject` |
//! | the order of a proof | [`runner`] |
//! | how one job proves what another one plans and publishes | [`handed_on`] |
//! | how a run is sampled and stopped | `run`, `process_tree`, `memory_group` |
//! | how it is kept apart from everything else | `sandbox`, `cell` |
//!
//! What is executed is the default branch's code at one commit, and the same with our patch: nothing of a pull request,
//! nothing of a comment. It is treated as hostile all the same.

mod cell;
mod confined;
mod gate;
pub mod handed_on;
mod manifest;
mod memory_group;
mod own_check;
mod process_tree;
mod recipe;
mod run;
pub mod runner;
pub(crate) mod sandbox;
mod sanitizer;
mod subject;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::io::world::{Source, World, blocking};
use crate::model::diagnosis::{Fault, Repair};
use crate::model::proof::{Proof, Subject};
use crate::plan;
use crate::report::Analysis;

pub use runner::{Job, Level, Runner};

/// Runs the fault and its repair; `None` where no repair would be offered. Never fails: what keeps a proof from being run is
/// its result.
pub async fn prove(world: &World, analysis: &Analysis) -> Option<Proof> {
    let repair = plan::offered(analysis).ok()?;
    let settings = &world.settings;
    let code = match world.source {
        Source::GitHub => gate::Code::DefaultBranch,
        Source::Folder(_) => gate::Code::Folder,
    };
    if let Err(why) = gate::may_run(settings.prove, settings.runner.environment.as_deref(), code) {
        return Some(Proof::not_run(why));
    }
    Some(match gather(world, analysis, repair).await {
        Ok(subject) => run(subject).await,
        Err(why) => Proof::not_run(why),
    })
}

/// What would be run for the repair that is offered, so that another machine can run it.
///
/// # Errors
/// Why nothing can be run, as a clause.
pub async fn subject(world: &World, analysis: &Analysis) -> Result<Subject, String> {
    gather(world, analysis, plan::offered(analysis)?).await
}

async fn gather(world: &World, analysis: &Analysis, repair: &Repair) -> Result<Subject, String> {
    if let Some(Fault::Setting(change)) = analysis.diagnosis.findings.first().map(|finding| &finding.fault) {
        return Err(format!("the patch changes a setting ({}), and no cluster is here to read it", change.what));
    }
    subject::gather(world, analysis, repair).await
}

/// Runs what is to be proven, on this machine and with the compiler that is here.
pub async fn run(subject: Subject) -> Proof {
    let job = match Job::of(subject) {
        Ok(job) => job,
        Err(why) => return Proof::not_run(why),
    };
    let launcher = match std::env::current_exe() {
        Ok(launcher) => launcher,
        Err(why) => return Proof::not_run(format!("this program does not find itself: {why}")),
    };
    // A cancelled job drops this future, while the thread that runs the proof must be told.
    let cancel = CancelOnDrop(Arc::default());
    let cancelled = Arc::clone(&cancel.0);
    let ran = blocking(move || Ok(Runner { launcher, level: Level::Strongest }.run(&job, &cancelled))).await;
    let proof = ran.unwrap_or_else(|failure| Proof::not_run(failure.problem));
    tracing::info!("ran the service without and with the patch: {}", proof.verdict);
    proof
}

impl Job {
    /// Decides what to build and run here.
    fn of(subject: Subject) -> Result<Job, String> {
        let recipes = recipe::recipes(&subject, subject::compiler())?;
        Ok(Job { recipes, files: subject.files, patch: subject.patch, removed: subject.removed })
    }
}

/// Sets its flag when it goes.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
