//! The command line: what the program can be asked for, and how each wish ends as an exit code.
//!
//! Without a subcommand the program is the action: it reads the runner's environment and event file.

pub mod act;
pub mod analyze;
pub mod leaks;
pub mod prove;
pub mod suspects;

use std::process::ExitCode;

use chrono::Utc;
use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::io::workflow_commands::Console;
use crate::prove::sandbox;
use crate::settings::environment::Environment;

/// Answers PagerDuty incidents on GitHub: the cause, the commit at fault, a verified fix.
///
/// Without a command it runs as a GitHub Action: it reads the inputs (INPUT_…), the runner's variables (GITHUB_…) and
/// the event file, and answers what the event asks for.
#[derive(Debug, Parser)]
#[command(name = "pagerduty-incident-responder", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, or nothing to do; 1 a peer (PagerDuty, GitHub, git) failed; 2 configuration or usage."
)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Analyse one incident and, unless rehearsing, publish the answer.
    Analyze(analyze::AnalyzeArguments),
    /// Find memory leaks in C sources, and repair them.
    Leaks(leaks::LeaksArguments),
    /// Run the fault and the fix of a plan, and write the proof down.
    Prove(prove::ProveArguments),
    /// Rank the landings before an incident by how likely each caused it, or say that nobody can tell.
    Suspects(suspects::SuspectsArguments),
    /// A stage of the sandbox in which a proof runs: not for people.
    #[command(name = "__sandbox", hide = true)]
    Sandbox {
        /// The stage, as JSON.
        stage: String,
    },
}

/// Runs what the command line asks for.
pub fn run(arguments: CommandLine, environment: Environment) -> ExitCode {
    // A stage speaks to its runner over its streams: no console of ours may write to them.
    if let Some(Command::Sandbox { stage }) = &arguments.command {
        return sandbox::run_stage(stage);
    }
    let console = Console::start(&environment);
    console.install_panic_hook();
    console.install_log(environment.variable("RUST_LOG").as_deref());
    let ended = match arguments.command {
        None => act::run(&environment, &console),
        Some(Command::Leaks(arguments)) => leaks::run(&arguments),
        Some(Command::Analyze(arguments)) => analyze::run(&arguments, environment, &console),
        Some(Command::Prove(arguments)) => prove::run(&arguments, &environment, &console),
        Some(Command::Suspects(arguments)) => suspects::run(&arguments, Utc::now(), &console),
        Some(Command::Sandbox { .. }) => Ok(ExitCode::SUCCESS),
    };
    match ended {
        Ok(code) => code,
        Err(failure) => {
            console.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// The stack of a worker thread, in bytes, of which only what is used takes memory. Unoptimised, the client of PagerDuty's
/// server reads an answer some hundred frames below our own, which is more than the 2 MiB that a thread has otherwise.
const STACK: usize = 8 << 20;

/// The runtime for everything that waits.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // Only one provider of cryptography is compiled in, and naming it here keeps every client from guessing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_stack_size(STACK).enable_all().build();
    let runtime = runtime.map_err(|why| {
        Failure::configuration(
            format!("No threads could be started: {why}."),
            "Give the process more threads or memory.",
        )
    })?;
    runtime.block_on(work)
}
