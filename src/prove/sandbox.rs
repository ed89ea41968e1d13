//! The sandbox: a small stage of our own program that takes every right away from a command before it becomes that command.
//!
//! ```text
//!  runner ──> keeper (our binary again) ──> [init of the namespaces] ──> the command
//!    │  stdin: closing it ends everything      │                          own user, no new privileges, landlock,
//!    │  stdout: what the command prints        │                          seccomp, limits, no variables
//!    └──stderr: events, one JSON object a line─┘
//! ```
//!
//! The keeper adopts what the command leaves behind, ends it and waits for it, also when the runner itself dies: then its
//! standard input ends. Where namespaces may be made, the second stage is process 1 of one of its own, and the kernel ends
//! everything in it together with it. Everywhere else the keeper becomes the throwaway user for a moment and ends all
//! that this user may end, which no `setsid` or double fork escapes.

mod filter;
mod keeper;
pub(super) mod probe;
mod raw;
mod restrict;

use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// The word of the hidden subcommand that runs a stage.
pub(super) const SUBCOMMAND: &str = "__sandbox";

/// One stage, as it travels in the arguments. There is no secret in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// Confine a command and keep it until its end.
    Keep(Spec),
    /// The same, as process 1 of the namespaces that the keeper made.
    Init(Spec),
    /// Try every wall from inside and print what held.
    Probe(probe::Attempts),
    /// Become this user and end all of its processes.
    EndAllOf(u32),
}

/// What is run, and in which walls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The command and its arguments.
    pub(super) command: Vec<String>,
    /// The only folder that it may write to.
    pub(super) folder: PathBuf,
    /// Where it starts, inside of that folder.
    pub(super) directory: PathBuf,
    /// A folder of its own for temporary files, inside of that folder.
    pub(super) temporary: PathBuf,
    /// As whom it runs.
    pub(super) identity: Identity,
    /// Whether namespaces are made.
    pub(super) namespaces: Namespaces,
    /// Whether our own program may be executed, as the probe must.
    pub(super) own_program: OwnProgram,
    /// The file that takes a process into a memory group.
    pub(super) join: Option<PathBuf>,
    /// What it may use.
    pub(super) limits: Limits,
}

/// As whom a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Identity {
    /// As a user that nobody else is; only root can do that.
    Throwaway(u32),
    /// As ourselves, in a user namespace without any right.
    Unmapped,
}

/// Whether namespaces are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Namespaces {
    /// It is run without them where they may not be made.
    Try,
    /// It is not run without them.
    Require,
    /// None.
    Without,
}

/// Whether our own program may be executed in the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OwnProgram {
    /// For the probe.
    Allowed,
    /// For everything else.
    Hidden,
}

/// What a command may use; see `setrlimit(2)`. Memory is held elsewhere: a limit on addresses breaks sanitizers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limits {
    /// Processor time of each process, in seconds.
    pub(super) cpu_seconds: u64,
    /// Bytes of each file.
    pub(super) file_bytes: u64,
    /// Processes and threads of its user.
    pub(super) processes: u64,
    /// Open files of each process.
    pub(super) open_files: u64,
}

/// What the keeper reports, one JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    /// The command runs, with these walls beside those that are always there.
    Started {
        /// Whether it is in namespaces of its own.
        namespaces: bool,
    },
    /// It was not started, and why.
    Refused(String),
    /// It ended by itself with this exit code; everything it started is gone as well.
    Exited(i32),
    /// It was ended by this signal; everything it started is gone as well.
    Signalled(i32),
}

/// Runs one stage. Called by the hidden subcommand alone.
pub(crate) fn run_stage(stage: &str) -> ExitCode {
    match serde_json::from_str(stage) {
        Ok(Stage::Keep(spec)) => keeper::keep(spec),
        Ok(Stage::Init(spec)) => keeper::init(spec),
        Ok(Stage::Probe(attempts)) => probe::run(&attempts),
        Ok(Stage::EndAllOf(user)) => keeper::end_all_of(user),
        Err(_) => ExitCode::from(2),
    }
}
