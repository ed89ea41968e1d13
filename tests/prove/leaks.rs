//! What a proof is for: a leak shows, and its fix holds.

use libtest_mimic::Trial;
use pagerduty_incident_responder::model::proof::{End, Kind, Limiter, Verdict, WallState, growth};

use super::Case;
use super::support::*;

/// What is tried on every level.
pub(crate) const CASES: &[Case] = &[
    ("the_demo_worker_is_killed_before_and_lives_after", the_demo_worker_is_killed_before_and_lives_after),
    ("a_leak_is_told_by_a_sanitizer", a_leak_is_told_by_a_sanitizer),
];

/// What does not depend on the level: the strongest that can be had.
const ONCE: [Case; 3] = [
    (
        "memory_that_is_only_read_is_proven_by_what_is_allocated",
        memory_that_is_only_read_is_proven_by_what_is_allocated,
    ),
    ("a_program_without_fault_is_not_called_reproduced", a_program_without_fault_is_not_called_reproduced),
    ("what_does_not_build_here_says_nothing", what_does_not_build_here_says_nothing),
];

pub(crate) fn trials() -> Vec<Trial> {
    let level = LEVELS.into_iter().find(|level| may_be_had(*level).is_ok());
    let trial = |(name, case): Case| match level {
        Some(level) => Trial::test(name, move || {
            case(level);
            Ok(())
        }),
        None => Trial::test(name, || Ok(())).with_kind("skipped: no isolation can be had").with_ignored_flag(true),
    };
    ONCE.map(trial).into()
}

/// Leaks once and ends: nothing that memory over time could show.
fn a_leak_is_told_by_a_sanitizer(level: Level) {
    let fixed = "#include <stdlib.h>\nint main(void) { char *p = malloc(100); p[0] = 1; free(p); return 0; }\n";
    let leaking = fixed.replace("free(p)", "p = NULL");
    let mut job = job(&leaking, fixed);
    job.recipes[0].kind = Kind::Test;
    for sanitizer in ["leak", "address"] {
        job.recipes[0].build = Some(format!("cc -g -fsanitize={sanitizer} -o proof-program worker.c"));
        let proof = prove(level, &job);
        // It looks for its own threads in `/proc`, which only a process namespace has for itself.
        let sees_itself = proof.protections.iter().any(|one| one.means == "a process namespace");
        let (verdict, why) = match sees_itself {
            true => (Verdict::ReproducedAndFixed, "LeakSanitizer: detected memory leaks"),
            false => (Verdict::NotRun, "LeakSanitizer cannot work here"),
        };
        assert_eq!(proof.verdict, verdict, "{proof:#?}");
        assert!(proof.why.contains(why), "{}", proof.why);
    }
}

fn the_demo_worker_is_killed_before_and_lives_after(level: Level) {
    let proof = prove(level, &job(LEAKING, &repaired()));
    assert_eq!(proof.verdict, Verdict::ReproducedAndFixed, "{proof:#?}");
    let (base, patched) = (proof.base.expect("ran"), proof.patched.expect("ran"));
    assert_eq!(base.end, End::OutOfMemory);
    assert_eq!(patched.end, End::StillRunning);
    assert!(patched.peak_resident < 16_000_000, "{}", patched.peak_resident);
    if let Limiter::Kernel { oom_kill } = base.limiter {
        assert!(oom_kill > 0);
        assert_eq!(base.peak_resident, 64 << 20);
    }
    assert!(proof.protections.iter().all(|one| one.state == WallState::Held), "{:?}", proof.protections);
}

fn memory_that_is_only_read_is_proven_by_what_is_allocated(level: Level) {
    let reading = LEAKING
        .replace("buffer[at] = 1;", "sum += buffer[at];")
        .replace("static void process_work", "static volatile int sum;\nstatic void process_work");
    let fixed = reading.replace("process_work(buffer);\n", "process_work(buffer);\n        free(buffer);\n");
    let mut job = job(&reading, &fixed);
    // Address space is not memory: nothing may stop it but the time.
    job.recipes[0].seconds = 4;
    let proof = prove(level, &job);
    assert_eq!(proof.verdict, Verdict::ReproducedAndFixed, "{proof:#?}");
    assert!(proof.why.contains("VmData"), "{}", proof.why);
    let growth = growth(&proof.base.expect("ran"));
    assert_eq!(growth.resident, None);
    assert!(growth.data.is_some_and(|rate| (30e6..70e6).contains(&rate)), "{growth:?}");
}

fn a_program_without_fault_is_not_called_reproduced(level: Level) {
    let mut job = job(&repaired(), &format!("{}\n", repaired()));
    job.recipes[0].seconds = 3;
    let proof = prove(level, &job);
    assert_eq!(proof.verdict, Verdict::FixedButNotReproduced, "{proof:#?}");
}

fn what_does_not_build_here_says_nothing(level: Level) {
    let proof = prove(level, &job("#include <no_such_header.h>\n", "#include <no_such_header.h>\n\n"));
    assert_eq!(proof.verdict, Verdict::NotRun, "{proof:#?}");
    let base = proof.base.expect("the build was tried");
    assert!(matches!(base.end, End::NotBuilt(told) if told.contains("no_such_header.h")));
}
