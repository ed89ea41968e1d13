//! The worker is killed at its limit, and its repaired form is not.

use std::path::Path;
use std::time::Duration;

use demo::worker::{self, End, Limiter, MEMORY_LIMIT};

const SOURCE: &str = include_str!("../service/worker.c");
/// The repaired worker stays near one buffer of 10 MB: 16 MB is the promise of the demo.
const REPAIRED_PEAK: u64 = 16_000_000;

async fn compiled(dir: &Path, source: &str) -> std::path::PathBuf {
    let file = dir.join("worker.c");
    std::fs::write(&file, source).expect("the temporary folder may be written");
    worker::compile(&file, dir).await.expect("a C compiler is needed by the tests")
}

fn repaired() -> String {
    SOURCE.replace("process_work(buffer);\n", "process_work(buffer);\n        free(buffer);\n")
}

#[test]
fn the_leak_is_on_the_promised_lines() {
    let line = |number: usize| SOURCE.lines().nth(number - 1).unwrap_or_default().trim();
    assert_eq!(line(26), "char *buffer = malloc(BUFFER_SIZE);");
    assert_eq!(line(27), "process_work(buffer);");
    assert!(!SOURCE.contains("free("));
}

#[test]
fn the_limit_is_that_of_the_manifest() {
    assert_eq!(worker::memory_limit(include_str!("../k8s/deployment.yaml")), Some(MEMORY_LIMIT));
    assert_eq!(worker::memory_limit("limits:\n  cpu: 1\n"), None);
}

#[tokio::test]
async fn the_leaking_worker_is_killed_at_its_limit() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let binary = compiled(dir.path(), SOURCE).await;
    let run = worker::run(&binary, MEMORY_LIMIT, Duration::from_secs(60)).await.expect("it runs");
    assert_eq!(run.end, End::OutOfMemory);
    assert!(run.peak >= MEMORY_LIMIT - 1024 * 1024, "peak {}", run.peak);
    if let Limiter::Kernel { oom_kill } = run.limiter {
        assert_eq!(oom_kill, 1);
        assert!(run.peak <= MEMORY_LIMIT, "the group never had more than its limit: {}", run.peak);
    }
}

#[tokio::test]
async fn the_repaired_worker_keeps_running() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let binary = compiled(dir.path(), &repaired()).await;
    let run = worker::run(&binary, MEMORY_LIMIT, Duration::from_secs(2)).await.expect("it runs");
    assert_eq!(run.end, End::StillRunning);
    assert!((10_000_000..REPAIRED_PEAK).contains(&run.peak), "peak {}", run.peak);
}

#[tokio::test]
async fn without_a_cgroup_the_watch_ends_it_and_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let leaking = compiled(dir.path(), SOURCE).await;
    let run = worker::watched(&leaking, MEMORY_LIMIT, Duration::from_secs(60), "no cgroup".into()).await.expect("runs");
    assert_eq!((run.end, run.limiter), (End::OutOfMemory, Limiter::Watch { because: "no cgroup".into() }));

    let repaired = compiled(dir.path(), &repaired()).await;
    let run = worker::watched(&repaired, MEMORY_LIMIT, Duration::from_secs(1), "no cgroup".into()).await.expect("runs");
    assert_eq!(run.end, End::StillRunning);
    assert!(run.peak < REPAIRED_PEAK, "peak {}", run.peak);
}
