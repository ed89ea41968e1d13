//! The proof runner: the fault and the fix, executed side by side and measured, before anybody is asked for a review.
//!
//! | you want to know | read |
//! |---|---|
//! | what a verdict means and how it is decided | [`crate::model::proof`] |
//! | when nothing is run at all | `gate` |
//! | what is built and run, and with how much memory | `recipe`, `manifest`, `subject` |
//! | the order of a proof | [`runner`] |
//! | how a run is sampled and stopped | `run`, `process_tree`, `memory_group` |
//! | how it is kept apart from everything else | `sandbox`, `cell` |
//!
//! What is executed is the default branch's code at one commit, and the same with our patch: nothing of a pull request,
//! nothing of a comment. It is treated as hostile all the same.

mod cell;
mod confined;
mod gate;
mod manifest;
mod memory_group;
mod process_tree;
mod recipe;
mod run;
pub mod runner;
pub(crate) mod sandbox;
mod sanitizer;
mod subject;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::io::world::{World, blocking};
use crate::model::proof::Proof;
use crate::report::Analysis;

pub use runner::{Job, Level, Runner, TreeFile};

/// Runs the first finding's fault and its repair; `None` where there is no repair. Never fails: what keeps a proof from
/// being run is its result.
pub async fn prove(world: &World, analysis: &Analysis) -> Option<Proof> {
    let repair = analysis.diagnosis.findings.first()?.repair.as_ref().ok()?;
    let settings = &world.settings;
    if let Err(why) = gate::may_run(settings.prove, settings.runner.environment.as_deref()) {
        return Some(Proof::not_run(why));
    }
    let job = match subject::job(world, analysis, repair).await {
        Ok(job) => job,
        Err(why) => return Some(Proof::not_run(why)),
    };
    let launcher = match std::env::current_exe() {
        Ok(launcher) => launcher,
        Err(why) => return Some(Proof::not_run(format!("this program does not find itself: {why}"))),
    };
    // A cancelled job drops this future, while the thread that runs the proof must be told.
    let cancel = CancelOnDrop(Arc::default());
    let cancelled = Arc::clone(&cancel.0);
    let ran = blocking(move || Ok(Runner { launcher, level: Level::Strongest }.run(&job, &cancelled))).await;
    Some(ran.unwrap_or_else(|failure| Proof::not_run(failure.problem)))
}

/// Sets its flag when it goes.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
