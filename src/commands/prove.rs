//! `prove`: the job without a secret, which runs the fault and the fix of a plan with the tools of its own machine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::block_on;
use crate::failure::Failure;
use crate::io::artefacts;
use crate::io::workflow_commands::{Console, RunnerFiles};
use crate::model::proof::Proof;
use crate::prove::{self, handed_on};
use crate::report;
use crate::settings::environment::Environment;
use crate::settings::{Runner, outputs};

/// What to prove.
///
/// Builds and runs the service as it is and with the patch, confined, and measures both. It needs no token and no network.
#[derive(Debug, Args)]
pub struct ProveArguments {
    /// The plan: the file that the action wrote with `mode: plan`.
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,

    /// Where the proof is written, for the action with `mode: publish`.
    #[arg(long, value_name = "FILE", default_value = "incident-proof.json")]
    proof: PathBuf,
}

/// Runs the command. Every verdict is a result: the exit code says only whether one could be written down.
///
/// # Errors
/// Where the plan cannot be used or the proof cannot be written.
pub fn run(arguments: &ProveArguments, environment: &Environment, console: &Console) -> Result<ExitCode, Failure> {
    let runner = Runner::from_environment(environment);
    let plan = handed_on::read_plan(&arguments.plan)?;
    let proof = match plan.subject() {
        Ok(subject) => block_on(async { Ok(prove::run(subject.clone()).await) })?,
        Err(why) => Proof::not_run(why),
    };
    handed_on::write(&arguments.proof, &plan.proven(proof.clone()))?;
    let section = report::proof::section(&proof);
    console.say(section.as_str());
    let files = RunnerFiles::new(&runner);
    files.append_summary(&[section], console.redactor())?;
    let chart = runner.temp.as_ref().and_then(|folder| artefacts::write_chart(folder, None, &proof));
    let chart = chart.map(|path| path.display().to_string());
    let mut values = vec![(outputs::PROOF, proof.verdict.word())];
    values.extend(chart.iter().map(|path| (outputs::PROOF_CHART, path.as_str())));
    files.set_outputs(&values, console.redactor())?;
    Ok(ExitCode::SUCCESS)
}
