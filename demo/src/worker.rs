//! The demo service for real: compiled, and run under the memory limit of its pod until the kernel kills it.

pub mod cgroup;
mod watch;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use cgroup::MemoryGroup;

/// The limit of `k8s/deployment.yaml`: 64 MiB in bytes.
pub const MEMORY_LIMIT: u64 = 64 * 1024 * 1024;

/// SIGKILL, the signal of the kernel's out-of-memory killer.
const SIGKILL: i32 = 9;

/// How one run of the worker ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What ended it.
    pub end: End,
    /// Who held the limit.
    pub limiter: Limiter,
    /// The most memory it used, in bytes: the group's own peak, or the highest resident size that was seen.
    pub peak: u64,
    /// From start to end.
    pub lasted: Duration,
}

/// What ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The limit was reached: by the kernel's killer in a memory cgroup, by our watch elsewhere.
    OutOfMemory,
    /// The time was over and the worker was still running within its limit; it was stopped.
    StillRunning,
    /// It ended by itself, with the shell's notion of an exit code (128 + signal).
    Exited(i32),
}

/// Who held the memory limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limiter {
    /// A memory cgroup and the kernel's killer: `oom_kill` as the group counted it.
    Kernel {
        /// How many processes of the group the kernel killed.
        oom_kill: u64,
    },
    /// No cgroup may be written here, so the resident memory was watched and the process killed at the limit.
    Watch {
        /// Why there is no cgroup.
        because: String,
    },
}

/// The memory limit of a deployment's only container in bytes, where its manifest is as plain as the demo's.
pub fn memory_limit(manifest: &str) -> Option<u64> {
    let limits = manifest.split_once("limits:")?.1;
    let value = limits.split_once("memory:")?.1.lines().next()?.trim().trim_matches('"');
    Some(value.strip_suffix("Mi")?.parse::<u64>().ok()? * 1024 * 1024)
}

/// Compiles `source` into `dir` with `cc -O0`, as the service's Makefile does, and returns the binary's path.
///
/// # Errors
/// Where there is no C compiler, or it refuses the source.
pub async fn compile(source: &Path, dir: &Path) -> anyhow::Result<PathBuf> {
    let binary = dir.join(source.file_stem().context("the source has no name")?);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(&compiler)
        // Without optimisation, since at -O2 a compiler may remove a malloc/free pair whose memory is never read.
        .args(["-O0", "-g", "-Wall", "-o"])
        .args([&binary, source])
        .output()
        .await
        .with_context(|| format!("no C compiler: {} could not be started", compiler.display()))?;
    if !output.status.success() {
        bail!("{} does not compile: {}", source.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(binary)
}

/// Runs `binary` with at most `limit` bytes of memory, for at most `time`.
///
/// # Errors
/// Where the binary cannot be started or the group's figures cannot be read.
pub async fn run(binary: &Path, limit: u64, time: Duration) -> anyhow::Result<Run> {
    match MemoryGroup::create(limit) {
        Ok(group) => in_group(binary, &group, time).await,
        Err(because) => watched(binary, limit, time, format!("{because:#}")).await,
    }
}

async fn in_group(binary: &Path, group: &MemoryGroup, time: Duration) -> anyhow::Result<Run> {
    let start = Instant::now();
    // The shell joins the group first and then becomes the worker, so that no byte of it is counted elsewhere.
    let mut child = Command::new("/bin/sh")
        .args(["-c", r#"echo $$ > "$0" && exec "$1""#])
        .args([group.processes_file().as_path(), binary])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("/bin/sh could not be started")?;
    let status = tokio::time::timeout(time, child.wait()).await;
    let lasted = start.elapsed();
    stop(&mut child).await?;
    let oom_kill = group.oom_kills()?;
    let end = match status {
        Err(_) => End::StillRunning,
        Ok(status) if oom_kill > 0 && status.as_ref().is_ok_and(|s| s.signal() == Some(SIGKILL)) => End::OutOfMemory,
        Ok(status) => End::Exited(exit_code(status?)),
    };
    Ok(Run { end, limiter: Limiter::Kernel { oom_kill }, peak: group.peak()?, lasted })
}

/// Like [`run`] without a cgroup, for the reason given: resident memory is watched instead.
///
/// # Errors
/// Where the binary cannot be started.
pub async fn watched(binary: &Path, limit: u64, time: Duration, because: String) -> anyhow::Result<Run> {
    let start = Instant::now();
    let mut child = Command::new(binary)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} could not be started", binary.display()))?;
    let (peak, seen) = watch::until_limit(&mut child, limit, time).await?;
    let lasted = start.elapsed();
    stop(&mut child).await?;
    let end = match seen {
        watch::Seen::Limit => End::OutOfMemory,
        watch::Seen::Time => End::StillRunning,
        watch::Seen::Exit(status) => End::Exited(exit_code(status)),
    };
    Ok(Run { end, limiter: Limiter::Watch { because }, peak, lasted })
}

/// Ends a child that may have ended already, and waits for it, so that nothing is left running.
async fn stop(child: &mut Child) -> anyhow::Result<()> {
    if child.try_wait()?.is_none() {
        child.kill().await.context("the worker could not be stopped")?;
    }
    Ok(())
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(-1)
}
