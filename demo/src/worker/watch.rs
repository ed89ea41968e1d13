//! The limit where no cgroup may be written: the resident memory is read from `/proc` and the process ended in time.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::process::Child;

/// Often enough that a worker which takes 10 MB at a time is seen at every step.
const INTERVAL: Duration = Duration::from_millis(20);

/// What the watch saw last.
pub(super) enum Seen {
    /// Resident memory reached the limit.
    Limit,
    /// The time was over first.
    Time,
    /// The process ended by itself.
    Exit(ExitStatus),
}

/// Watches until one of the three happens; returns the highest resident size in bytes. Ends nothing itself.
pub(super) async fn until_limit(child: &mut Child, limit: u64, time: Duration) -> anyhow::Result<(u64, Seen)> {
    let id = child.id().context("the worker ended before it could be watched")?;
    let deadline = Instant::now() + time;
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((peak, Seen::Exit(status)));
        }
        peak = peak.max(resident(id));
        if peak >= limit {
            return Ok((peak, Seen::Limit));
        }
        if Instant::now() >= deadline {
            return Ok((peak, Seen::Time));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// `VmRSS` of a process in bytes; 0 where it is gone or has no `/proc` entry.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: u64 = line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kilobytes * 1024
}
