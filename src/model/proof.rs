//! What was executed before and after a patch, and what was measured; or why nothing was executed.
//!
//! The base and the patched tree are built and run side by side. From the two [`Measured`] a pure function, [`decide`],
//! makes the [`Verdict`]: nothing in here starts a process.

mod growth;
mod subject;
mod verdict;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use growth::{Growth, growth};
pub use subject::{ManifestLimit, Subject, TreeFile};
pub use verdict::decide;

/// The result of running the fault and the fix, or the reason why neither was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// What it shows.
    pub verdict: Verdict,
    /// Why, as a clause: what was seen before and after, or what kept the proof from being run.
    pub why: String,
    /// What was run.
    pub recipe: Option<Recipe>,
    /// What was measured on the base.
    pub base: Option<Measured>,
    /// What was measured with the patch.
    pub patched: Option<Measured>,
    /// What kept the two runs apart from everything else, as probed from inside.
    pub protections: Vec<Protection>,
    /// Where it was made.
    #[serde(default)]
    pub made: Made,
}

/// Where a proof was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// By this run.
    #[default]
    Here,
    /// By another job, which handed it on in a file.
    InAnotherJob,
}

impl Proof {
    /// Nothing was executed, and why.
    pub fn not_run(why: impl Into<String>) -> Proof {
        Proof {
            verdict: Verdict::NotRun,
            why: why.into(),
            recipe: None,
            base: None,
            patched: None,
            protections: Vec::new(),
            made: Made::Here,
        }
    }

    /// The base itself does not build here, so nothing can be compared.
    pub fn base_not_built(recipe: Recipe, base: Measured) -> Proof {
        let why = "it does not build here, already without the patch";
        Proof { recipe: Some(recipe), base: Some(base), ..Proof::not_run(why) }
    }

    /// The base builds, and with the patch it does not.
    pub fn patch_not_built(recipe: Recipe, patched: Measured) -> Proof {
        let why = "with the patch it does not build any more".to_owned();
        Proof { verdict: Verdict::Worse, why, recipe: Some(recipe), patched: Some(patched), ..Proof::not_run("") }
    }

    /// Both sides ran; [`decide`] says what that shows.
    pub fn of_runs(recipe: Recipe, base: Measured, patched: Measured) -> Proof {
        let (verdict, why) = decide(&recipe, &base, &patched);
        Proof { verdict, why, recipe: Some(recipe), base: Some(base), patched: Some(patched), ..Proof::not_run("") }
    }

    /// The same measurements with the verdict that follows from them, whatever a file says of it.
    pub fn decided_again(self) -> Proof {
        let decided = match (self.recipe, self.base, self.patched) {
            (Some(recipe), Some(base), Some(patched)) => Proof::of_runs(recipe, base, patched),
            (Some(recipe), None, Some(patched)) => Proof::patch_not_built(recipe, patched),
            (Some(recipe), Some(base), None) => Proof::base_not_built(recipe, base),
            _ => Proof::not_run(self.why),
        };
        Proof { protections: self.protections, made: self.made, ..decided }
    }

    /// The same, as it is told by a run that did not make it.
    pub fn made_elsewhere(self) -> Proof {
        Proof { made: Made::InAnotherJob, ..self }
    }

    /// Whether the patch must not be offered.
    pub fn withdraws(&self) -> bool {
        matches!(self.verdict, Verdict::NotFixed | Verdict::Worse)
    }
}

/// What a proof shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The fault showed on the base and is gone with the patch.
    ReproducedAndFixed,
    /// Nothing is wrong with the patch, but the base did not show the fault either.
    FixedButNotReproduced,
    /// The fault shows on both sides. The patch is withdrawn.
    NotFixed,
    /// The patch makes it worse: it does not build, it breaks or stops the program. The patch is withdrawn.
    Worse,
    /// Nothing was executed, or what was executed says nothing of the patch.
    NotRun,
}

impl Verdict {
    /// As it stands in a report.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::ReproducedAndFixed => "reproduced and fixed",
            Verdict::FixedButNotReproduced => "fixed but not reproduced",
            Verdict::NotFixed => "not fixed",
            Verdict::Worse => "worse",
            Verdict::NotRun => "not run",
        }
    }

    /// As it stands in the output `proof`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::ReproducedAndFixed => "reproduced-and-fixed",
            Verdict::FixedButNotReproduced => "fixed-but-not-reproduced",
            Verdict::NotFixed => "not-fixed",
            Verdict::Worse => "worse",
            Verdict::NotRun => "not-run",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What is built and run, on both sides alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Who says so.
    pub origin: Origin,
    /// Where the commands are run, relative to the repository's root; empty for the root itself.
    pub folder: String,
    /// The shell command that builds, where something must be built.
    pub build: Option<String>,
    /// The shell command that is measured.
    pub run: String,
    /// What kind of program that is.
    pub kind: Kind,
    /// The longest time of one run, in seconds; 1 to 120.
    pub seconds: u32,
    /// The memory that one run may use, in bytes.
    pub memory_limit: u64,
    /// Where the limit comes from.
    pub limit_from: LimitSource,
    /// The exit code of a sound run, where it is not 0.
    pub expected_exit: i32,
}

/// Who says what is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The `prove` block of the configuration file.
    Configured,
    /// It was found: one C program with a single `main`.
    SingleMain,
    /// It was found: a Makefile beside one C program.
    Makefile,
    /// It was found: a target of a Makefile that checks or tests.
    OwnCheck,
}

/// What kind of program is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It may run on until it is stopped.
    Service,
    /// It must end by itself.
    Test,
}

/// Where a memory limit comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitSource {
    /// The `prove` block of the configuration file.
    Configured,
    /// `resources.limits.memory` in this manifest.
    Manifest(String),
    /// Nobody says, so a small one was chosen.
    Chosen,
}

/// One run, from its build to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How it ended.
    pub end: End,
    /// From the start of the program to its end, in milliseconds.
    pub lasted_ms: u64,
    /// What its memory group counted at most; without a group, the highest sum of `VmRSS` of its processes. In bytes.
    pub peak_resident: u64,
    /// The highest sum of `VmData` of its processes, in bytes.
    pub peak_data: u64,
    /// Who held the memory limit.
    pub limiter: Limiter,
    /// Memory over time, oldest first.
    pub samples: Vec<Sample>,
    /// Headlines of sanitizer reports found in the output, without addresses.
    pub sanitizer: Vec<String>,
    /// How busy it was.
    pub activity: Activity,
    /// The last lines of what it printed.
    pub output: String,
}

/// Memory at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Since the start, in milliseconds.
    pub at_ms: u64,
    /// Sum of `VmRSS`, in bytes.
    pub resident: u64,
    /// Sum of `VmData`, in bytes.
    pub data: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It did not build; the last lines of what the compiler said.
    NotBuilt(String),
    /// By itself.
    Exited(i32),
    /// By a signal that we did not send.
    Signalled(i32),
    /// It used more memory than its limit.
    OutOfMemory,
    /// Its time was over while it was still running.
    StillRunning,
    /// It was stopped, since it left a limit that has nothing to do with memory.
    Stopped(Stop),
}

/// The limit for which a run was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// It printed too much.
    Output,
    /// It filled its folder.
    Disk,
    /// It started too many processes.
    Processes,
    /// The whole job was cancelled.
    Cancelled,
}

impl Stop {
    /// As a clause after "it".
    pub fn words(self) -> &'static str {
        match self {
            Stop::Output => "printed too much",
            Stop::Disk => "wrote too much into its folder",
            Stop::Processes => "started too many processes",
            Stop::Cancelled => "was cancelled",
        }
    }
}

/// Who held the memory limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limiter {
    /// A memory group of the kernel, with its count of `oom_kill`.
    Kernel {
        /// How many processes of the group the kernel killed.
        oom_kill: u64,
    },
    /// The runner watched and would have stopped it, since no memory group may be made here.
    Watch,
}

/// How busy a run was, in its first and its second half: what tells waiting from working.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Processor time of the first half, in milliseconds.
    pub cpu_first_ms: u64,
    /// Processor time of the second half, in milliseconds.
    pub cpu_second_ms: u64,
    /// How often it waited for something in the second half (voluntary context switches).
    pub waits_second: u64,
    /// How often it was looked at in the second half.
    pub looks_second: u64,
    /// At how many of these looks a process of it ran or was ready to run: on a busy machine a program that never waits
    /// gets little processor time, but is always ready.
    pub ready_second: u64,
}

/// One wall between a run and everything else, and whether it stood when it was tried from inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Which one.
    pub wall: Wall,
    /// Whether it held.
    pub state: WallState,
    /// How it is made, such as "landlock".
    pub means: String,
}

/// A wall between a run and everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// Another user than ours, or a user namespace of its own; no way back to more rights.
    User,
    /// Files outside of its own folder can neither be written nor, but for the system's programs, read.
    Files,
    /// No connection to anything: neither the network nor a local socket.
    Network,
    /// Other processes can be neither seen into nor signalled.
    Processes,
    /// System calls that only attackers need are refused.
    SystemCalls,
    /// None of our variables.
    Environment,
}

impl Wall {
    /// Every wall, in the order of the report.
    pub const ALL: [Wall; 6] =
        [Wall::User, Wall::Files, Wall::Network, Wall::Processes, Wall::SystemCalls, Wall::Environment];

    /// Without which of them nothing is run: all, since every one of them keeps something that must be kept.
    pub fn words(self) -> &'static str {
        match self {
            Wall::User => "user",
            Wall::Files => "files",
            Wall::Network => "network",
            Wall::Processes => "other processes",
            Wall::SystemCalls => "system calls",
            Wall::Environment => "environment",
        }
    }
}

/// Whether a wall held when it was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WallState {
    /// Everything tried was refused.
    Held,
    /// This was not refused.
    Open(String),
}
