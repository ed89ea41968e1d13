//! The real responder, started as GitHub's runner starts a container action's program.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::process::Command;

use super::{Event, GITHUB_TOKEN, PAGERDUTY_TOKEN, REPOSITORY, World};

/// A responder that hangs is ended after this time, so that a test which waits for it ends too.
const PATIENCE: Duration = Duration::from_secs(300);

/// Inputs without a default are empty in the runner's environment, not absent.
const EMPTY_INPUTS: [&str; 13] = [
    "pagerduty-auth-scheme",
    "pagerduty-mcp-command",
    "incident",
    "mode",
    "config",
    "draft",
    "labels",
    "window-hours",
    "max-incidents",
    "operations-per-run",
    "sweep-report",
    "allowed-bots",
    "fail-on",
];

/// What the responder left behind on the runner. What it left on GitHub and PagerDuty is in the stand-ins.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The exit code; `None` where a signal ended it.
    pub exit_code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The step's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The job summary.
    pub summary: String,
    /// What it left in `RUNNER_TEMP`, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// From start to end.
    pub lasted: Duration,
    /// The most resident memory that was seen, in bytes; 0 where there is no `/proc`.
    pub peak: u64,
}

impl World {
    /// Runs the responder on an event. `inputs` are the action's inputs by name (`mode`), over the demo's own tokens and
    /// addresses; nothing else of this process's environment reaches it but `PATH`.
    ///
    /// # Errors
    /// Where the binary cannot be started or the runner's files cannot be written or read.
    pub async fn respond(&self, binary: &Path, event: &Event, inputs: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.run(binary, event, inputs, None).await
    }

    /// The same, but the job is cancelled as soon as `when` holds: the runner sends SIGINT.
    ///
    /// # Errors
    /// As [`World::respond`].
    pub async fn respond_and_interrupt(
        &self,
        binary: &Path,
        event: &Event,
        when: impl Fn(&World) -> bool,
    ) -> anyhow::Result<Answer> {
        self.run(binary, event, &[], Some(&when)).await
    }

    async fn run(
        &self,
        binary: &Path,
        event: &Event,
        inputs: &[(&str, &str)],
        cancel: Option<&dyn Fn(&World) -> bool>,
    ) -> anyhow::Result<Answer> {
        let runner = tempfile::Builder::new().prefix("runner-").tempdir_in(self.folder())?;
        let file = |name: &str, contents: &str| -> anyhow::Result<String> {
            let path = runner.path().join(name);
            std::fs::write(&path, contents)?;
            Ok(path.display().to_string())
        };
        let folder = |name: &str| -> anyhow::Result<String> {
            let path = runner.path().join(name);
            std::fs::create_dir_all(&path)?;
            Ok(path.display().to_string())
        };
        let files = [
            ("GITHUB_EVENT_PATH", file("event.json", &event.payload.to_string())?),
            ("GITHUB_OUTPUT", file("output", "")?),
            ("GITHUB_STEP_SUMMARY", file("summary.md", "")?),
            ("RUNNER_TEMP", folder("temp")?),
            ("GITHUB_WORKSPACE", folder("workspace")?),
            ("HOME", folder("home")?),
        ];
        let mut command = Command::new(binary);
        command
            .current_dir(runner.path().join("workspace"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment(event).await?)
            .envs(self.variables.iter().cloned())
            .envs(files)
            .envs(self.inputs(inputs))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("{} could not be started", binary.display()))?;
        let watch = tokio::spawn(peak_of(child.id()));
        if let (Some(when), Some(process)) = (cancel, child.id()) {
            while !when(self) && start.elapsed() < PATIENCE {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Command::new("kill").args(["-INT", &process.to_string()]).status().await?;
        }
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let lasted = start.elapsed();
        let output = output.context("the responder did not end and was stopped")??;
        Ok(Answer {
            exit_code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            outputs: outputs(&std::fs::read_to_string(runner.path().join("output"))?),
            summary: std::fs::read_to_string(runner.path().join("summary.md"))?,
            files: files_in(&runner.path().join("temp"))?,
            lasted,
            peak: watch.await.unwrap_or(0),
        })
    }

    /// The runner's own variables: <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>.
    async fn environment(&self, event: &Event) -> anyhow::Result<Vec<(&'static str, String)>> {
        let links = self.github.links();
        Ok(vec![
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_ACTOR", event.actor.clone()),
            ("GITHUB_API_URL", links.api.clone()),
            ("GITHUB_EVENT_NAME", event.name.clone()),
            ("GITHUB_GRAPHQL_URL", self.github.graphql_url().to_owned()),
            ("GITHUB_JOB", "respond".to_owned()),
            ("GITHUB_REF", format!("refs/heads/{}", crate::history::BRANCH)),
            ("GITHUB_REF_NAME", crate::history::BRANCH.to_owned()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GITHUB_REPOSITORY_OWNER", "octo-org".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_RUN_ID", "7700000001".to_owned()),
            ("GITHUB_RUN_NUMBER", "1".to_owned()),
            ("GITHUB_SERVER_URL", links.web.clone()),
            ("GITHUB_SHA", self.git(&["rev-parse", "HEAD"]).await?),
            ("GITHUB_WORKFLOW", "PagerDuty incident responder".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_ENVIRONMENT", "github-hosted".to_owned()),
            ("RUNNER_OS", "Linux".to_owned()),
        ])
    }

    /// Inputs as the runner names them: upper case, hyphens kept.
    fn inputs(&self, chosen: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut inputs: BTreeMap<&str, String> = EMPTY_INPUTS.map(|name| (name, String::new())).into();
        inputs.insert("pagerduty-token", PAGERDUTY_TOKEN.to_owned());
        inputs.insert("pagerduty-mcp-url", self.pagerduty.mcp_url());
        inputs.insert("github-token", GITHUB_TOKEN.to_owned());
        inputs.extend(chosen.iter().map(|(name, value)| (*name, (*value).to_owned())));
        inputs.into_iter().map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()), value)).collect()
    }
}

fn files_in(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// Reads the heredoc form of `$GITHUB_OUTPUT`, and the plain one.
fn outputs(file: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        match (line.split_once("<<"), line.split_once('=')) {
            (Some((name, end)), None) => {
                let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
                outputs.insert(name.to_owned(), value.join("\n"));
            }
            (_, Some((name, value))) => {
                outputs.insert(name.to_owned(), value.to_owned());
            }
            _ => {}
        }
    }
    outputs
}

/// The high-water mark of a process's resident memory, read until it is gone.
async fn peak_of(id: Option<u32>) -> u64 {
    let Some(id) = id else { return 0 };
    let mut peak = 0;
    while let Ok(status) = tokio::fs::read_to_string(format!("/proc/{id}/status")).await {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A process that has ended but was not yet waited for has no memory lines.
        let Some(line) = line else { break };
        let kilobytes = line.split_whitespace().next().and_then(|k| k.parse::<u64>().ok()).unwrap_or(0);
        peak = peak.max(kilobytes * 1024);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    peak
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_in_both_forms() {
        let file = "result<<ghadelimiter_1\nfixed\nghadelimiter_1\nbranch=fix/incident-12345\nreport<<E\na=b\n\nc\nE\n";
        let read = outputs(file);
        assert_eq!(read.get("result").map(String::as_str), Some("fixed"));
        assert_eq!(read.get("branch").map(String::as_str), Some("fix/incident-12345"));
        assert_eq!(read.get("report").map(String::as_str), Some("a=b\n\nc"));
    }
}
