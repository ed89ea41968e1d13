//! What a proof is for: a leak shows, and its fix holds.

use libtest_mimic::Trial;
use pagerduty_incident_responder::model::proof::{End, Limiter, Verdict, WallState, growth};

use super::Case;
use super::support::*;

/// What is tried on every level.
pub(crate) const CASES: &[Case] =
    &[("the_demo_worker_is_killed_before_and_lives_after", the_demo_worker_is_killed_before_and_lives_after)];

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
