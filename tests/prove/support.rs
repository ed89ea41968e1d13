//! A small job, a runner of each level, and a look at what is left afterwards.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use pagerduty_incident_responder::model::ids::RepositoryPath;
use pagerduty_incident_responder::model::landing::FileMode;
use pagerduty_incident_responder::model::proof::{Kind, LimitSource, Origin, Proof, Recipe, TreeFile, Verdict};
pub(crate) use pagerduty_incident_responder::prove::Level;
use pagerduty_incident_responder::prove::{Job, Runner};

/// Every level of isolation, the strongest first.
pub(crate) const LEVELS: [Level; 3] = [Level::Strongest, Level::WithoutNamespaces, Level::OrdinaryUser];

/// The worker of the demo, with its leak.
pub(crate) const LEAKING: &str = include_str!("../../demo/service/worker.c");

/// The demo's worker with the `free()` that it lacks.
pub(crate) fn repaired() -> String {
    LEAKING.replace("process_work(buffer);\n", "process_work(buffer);\n        free(buffer);\n")
}

/// The repaired worker that does something else first: `work` are statements, `helpers` stand before everything.
pub(crate) fn repaired_and(helpers: &str, work: &str) -> String {
    format!("{helpers}\n{}", repaired().replace("    controller();", &format!("    {work}\n    controller();")))
}

/// A program of one file, before and after a patch.
pub(crate) fn job(before: &str, after: &str) -> Job {
    let path = RepositoryPath::new("worker.c");
    let recipe = Recipe {
        origin: Origin::SingleMain,
        folder: String::new(),
        build: Some("cc -O0 -g -w -o proof-program worker.c -lpthread".to_owned()),
        run: "exec ./proof-program".to_owned(),
        kind: Kind::Service,
        seconds: 6,
        memory_limit: 64 << 20,
        limit_from: LimitSource::Chosen,
        expected_exit: 0,
    };
    let file = |text: &str| TreeFile { path: path.clone(), contents: text.into(), mode: FileMode::REGULAR };
    Job { recipes: vec![recipe], files: vec![file(before)], patch: vec![file(after)], removed: Vec::new() }
}

/// Whether this machine and this user can have a level of isolation: a small proof is tried.
///
/// # Errors
/// Why not.
pub(crate) fn may_be_had(level: Level) -> Result<(), String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root && level != Level::OrdinaryUser {
        return Err("only root can have it".to_owned());
    }
    let mut job = job("", "\n");
    job.recipes[0].build = None;
    job.recipes[0].run = "exit 0".to_owned();
    let proof = prove(level, &job);
    if proof.verdict == Verdict::NotRun { Err(proof.why) } else { Ok(()) }
}

/// Runs a job.
pub(crate) fn prove(level: Level, job: &Job) -> Proof {
    prove_until(level, job, &AtomicBool::new(false))
}

/// Runs a job until it ends or is cancelled.
pub(crate) fn prove_until(level: Level, job: &Job, cancelled: &AtomicBool) -> Proof {
    let launcher = PathBuf::from(env!("CARGO_BIN_EXE_pagerduty-incident-responder"));
    Runner { launcher, level }.run(job, cancelled)
}

/// Fails where a process, a file or a memory group of a proof is left whose name or command line holds the marker.
#[track_caller]
pub(crate) fn expect_nothing_left(marker: &str) {
    let processes = processes_with(marker);
    assert!(processes.is_empty(), "these still run: {processes:?}");
    let files: Vec<PathBuf> =
        ["/tmp", "/var/tmp", "/dev/shm"].iter().flat_map(|root| files_with(Path::new(root), marker, 6)).collect();
    assert!(files.is_empty(), "these are left: {files:?}");
}

/// Processes whose command line holds a text: what a proof left behind, if its program has a name of its own.
pub(crate) fn processes_with(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("processes are listed").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(Path::new(&entry.path()).join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}

fn files_with(folder: &Path, text: &str, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(text) {
            found.push(entry.path());
        } else if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files_with(&entry.path(), text, depth - 1));
        }
    }
    found
}
