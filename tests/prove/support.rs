//! A small job, a runner of each level, and a look at what is left afterwards.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use pagerduty_incident_responder::model::diagnosis::PatchedFile;
use pagerduty_incident_responder::model::ids::RepositoryPath;
use pagerduty_incident_responder::model::landing::FileMode;
use pagerduty_incident_responder::model::proof::{Kind, LimitSource, Origin, Proof, Recipe};
use pagerduty_incident_responder::prove::{Job, Level, Runner, TreeFile};

/// The worker of the demo, with its leak.
pub(crate) const LEAKING: &str = include_str!("../../demo/service/worker.c");

/// The demo's worker with the `free()` that it lacks.
pub(crate) fn repaired() -> String {
    LEAKING.replace("process_work(buffer);\n", "process_work(buffer);\n        free(buffer);\n")
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
    let contents = before.as_bytes().to_vec();
    let patched = PatchedFile { path: path.clone(), before: contents.clone(), after: after.as_bytes().to_vec() };
    Job {
        recipes: vec![recipe],
        files: vec![TreeFile { path, contents, mode: FileMode::REGULAR }],
        patched: vec![patched],
    }
}

/// Every level of isolation that this machine and this user can have. Those that cannot be had are told, and counted by
/// the caller's name in the test's output.
#[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was skipped")]
pub(crate) fn levels() -> Vec<Level> {
    let all = [Level::Strongest, Level::WithoutNamespaces, Level::OrdinaryUser];
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let (can, cannot): (Vec<Level>, Vec<Level>) =
        all.into_iter().partition(|level| is_root || *level == Level::OrdinaryUser);
    if !cannot.is_empty() {
        eprintln!("skipped: {} levels of isolation that only root can have: {cannot:?}", cannot.len());
    }
    can
}

/// Runs a job.
pub(crate) fn prove(level: Level, job: &Job) -> Proof {
    let launcher = PathBuf::from(env!("CARGO_BIN_EXE_pagerduty-incident-responder"));
    Runner { launcher, level }.run(job, &AtomicBool::new(false))
}

/// Processes whose command line holds a text: what a proof left behind, if its program has a name of its own.
pub(crate) fn processes_with(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("processes are listed").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(Path::new(&entry.path()).join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}
