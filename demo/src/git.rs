//! The `git` program, run on the stand-in's bare repository without the user's configuration.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs `git` in `dir` and returns what it printed, without the last line's end.
///
/// # Errors
/// Where `git` is not installed or ended with another code than 0; its own words are in the error.
pub async fn git(dir: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = run(dir, arguments, b"", &[]).await?;
    Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
}

/// Like [`git`], with bytes for its standard input and variables for its environment; returns the raw bytes.
///
/// # Errors
/// As [`git`].
pub async fn run(
    dir: &Path,
    arguments: &[&str],
    input: &[u8],
    environment: &[(&str, &str)],
) -> anyhow::Result<Vec<u8>> {
    let mut child = command(dir)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("git could not be started: is it installed?")?;
    let mut stdin = child.stdin.take().context("git has no standard input")?;
    // Written beside the reading, since git may answer before it has read everything. A git that closes its
    // input early says why with its exit code.
    let (_, output) = tokio::join!(
        async move {
            let _ = stdin.write_all(input).await;
            drop(stdin);
        },
        child.wait_with_output()
    );
    let output = output.context("git did not end")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("git {} failed in {}: {}", arguments.join(" "), dir.display(), words.trim());
    }
    Ok(output.stdout)
}

/// A `git` command in `dir` that sees neither the user's nor the system's configuration and is killed when dropped.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", dir)
        .env("LC_ALL", "C")
        .kill_on_drop(true);
    command
}
