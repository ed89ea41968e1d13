//! The story in order: the worker dies, the page goes out, the responder answers, the repaired worker lives.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use demo::history::BRANCH;
use demo::scenario::{INCIDENT_NUMBER, Outcome, Scenario, Worker};
use demo::worker::{self, End, Limiter, Run};
use demo::world::{Answer, Comment, Settings, World};
use serde_json::Value;
use tokio::process::Command;

use crate::Folder;
use crate::screen::Screen;

/// The leaking worker takes 50 MB a second; this is far more than it needs.
const KILL_TIME: Duration = Duration::from_secs(60);
/// Long enough for a dozen buffers, of which six would be too much if they were kept.
const SOUND_TIME: Duration = Duration::from_secs(3);
/// What the repaired worker must stay below, in bytes: one buffer of 10 MB and the program itself.
const REPAIRED_PEAK: u64 = 16_000_000;

/// Whether everything was as the scenario's table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    AsExpected,
    Differs,
}

/// Tells one scenario from beginning to end.
///
/// # Errors
/// Where something of this machine is missing: a C compiler, git, cargo, a free port.
pub(crate) async fn tell(screen: &mut Screen, scenario: &'static Scenario, folder: Folder) -> anyhow::Result<Verdict> {
    screen.line(&format!("Scenario {}: {}", scenario.name, scenario.about));
    let mut world = World::start(Settings::of(scenario.name)).await?;
    if folder == Folder::Keep {
        world.keep_folder();
    }
    let mut checks = Vec::new();

    screen.heading("The worker as it is deployed");
    let (time, end, told) = match scenario.worker {
        Worker::Killed => (KILL_TIME, End::OutOfMemory, "the worker is killed at its limit"),
        Worker::Sound => (SOUND_TIME, End::StillRunning, "the worker stays within its limit"),
    };
    let (before, limit) = run_from(&world, BRANCH, time).await?;
    screen.say(&describe(&before, limit));
    checks.push((before.end == end, told.to_owned()));

    screen.heading("The page");
    let incident = world.raise_incident().await?;
    screen.say(&format!(
        "incident {} \"{}\" is {} with urgency {}; on call: {}",
        incident["incident_number"],
        field(&incident, "title"),
        field(&incident, "status"),
        field(&incident, "urgency"),
        field(&incident["assignments"][0]["assignee"], "summary"),
    ));

    screen.heading("The responder");
    let binary = build().await?;
    let answer = answer(screen, &world, &binary).await?;
    show_conversation(screen, &world);
    if let Outcome::PullRequest(branch) = scenario.expect.outcome {
        checks.extend(pull_request(screen, &world, branch).await?);
        checks.extend(proof(screen, &world, &answer));
    }
    checks.extend(left_behind(&world, &answer).await?);

    screen.heading("Summary");
    for (is_so, text) in &checks {
        screen.check(*is_so, text);
    }
    let bare = world.github.bare().display().to_string();
    match folder {
        Folder::Keep => {
            screen.say(&format!("the repository is kept: git --git-dir {bare} log --all --oneline --graph"))
        }
        Folder::Remove => {
            screen.say("everything is removed; with --keep the repository stays, to be looked at with git")
        }
    }
    Ok(if checks.iter().all(|(is_so, _)| *is_so) { Verdict::AsExpected } else { Verdict::Differs })
}

/// Compiles the worker as it is on a branch and runs it under its pod's memory limit.
async fn run_from(world: &World, branch: &str, time: Duration) -> anyhow::Result<(Run, u64)> {
    let manifest = world.git(&["show", &format!("{branch}:k8s/deployment.yaml")]).await?;
    let limit = worker::memory_limit(&manifest).context("the deployment has no memory limit")?;
    let dir = tempfile::tempdir_in(world.folder())?;
    let source = dir.path().join("worker.c");
    std::fs::write(&source, world.git(&["show", &format!("{branch}:worker.c")]).await? + "\n")?;
    let binary = worker::compile(&source, dir.path()).await?;
    Ok((worker::run(&binary, limit, time).await?, limit))
}

fn describe(run: &Run, limit: u64) -> String {
    let limit = format!("its limit of {} MiB", limit / (1024 * 1024));
    let seconds = run.lasted.as_secs_f64();
    let peak = format!("peak {:.1} MB", run.peak as f64 / 1e6);
    let end = match (&run.end, &run.limiter) {
        (End::OutOfMemory, Limiter::Kernel { oom_kill }) => {
            format!("killed by the kernel at {limit} after {seconds:.1} s (oom_kill {oom_kill})")
        }
        (End::OutOfMemory, Limiter::Watch { .. }) => format!("stopped at {limit} after {seconds:.1} s"),
        (End::StillRunning, _) => format!("still running after {seconds:.1} s within {limit}"),
        (End::Exited(code), _) => format!("ended by itself with code {code} after {seconds:.1} s"),
    };
    match &run.limiter {
        Limiter::Kernel { .. } => format!("{end}, {peak}"),
        Limiter::Watch { because } => format!("{end}, {peak}; watched, not by the kernel: {because}"),
    }
}

/// Builds the responder in this program's own profile: cargo does not build another package's program by itself.
async fn build() -> anyhow::Result<PathBuf> {
    const NAME: &str = "pagerduty-incident-responder";
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program lies in no folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        // Both packages are selected, so that cargo resolves the features that it resolved for this program and compiles
        // no dependency a second time.
        .args(["build", "-p", "demo", "-p", NAME, "--bin", NAME])
        .args(["--profile", profile, "--message-format", "json-render-diagnostics"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")])
        .arg("--target-dir")
        .arg(folder.parent().unwrap_or(folder))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = command.output().await.context("cargo could not be started")?;
    ensure!(output.status.success(), "the responder does not build");
    let built =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let executable =
        built.filter(|m| m["target"]["name"] == NAME).find_map(|m| m["executable"].as_str().map(PathBuf::from));
    executable.context("cargo did not say where it put the responder")
}

/// Asks for the answer in a comment and runs the responder on it.
async fn answer(screen: &mut Screen, world: &World, binary: &Path) -> anyhow::Result<Answer> {
    let text = format!("@pagerduty-incident-responder analyze incident #{INCIDENT_NUMBER}");
    let event = world.comment(Comment::asking(&text));
    screen.say(&format!("octo-dev comments: {text}"));
    let answer = world.respond(binary, &event, &[]).await?;
    let code = answer.exit_code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
    screen.say(&format!(
        "{code} after {:.2} s, peak memory {:.0} MB; {} requests to GitHub, {} to PagerDuty, {} of git",
        answer.lasted.as_secs_f64(),
        answer.peak as f64 / 1e6,
        world.github.requests().total(),
        world.pagerduty.calls().total(),
        world.github.git_requests().total(),
    ));
    if answer.exit_code != Some(0) {
        let said = format!("{}\n{}", answer.stdout, answer.stderr);
        let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
        screen.quote(&said.join("\n"));
    }
    Ok(answer)
}

fn show_conversation(screen: &mut Screen, world: &World) {
    for comment in answers(world) {
        screen.heading(&format!("Its comment, {}", field(&comment, "html_url")));
        screen.quote(field(&comment, "body"));
    }
}

/// Shows the pull request and its diff, and runs what it proposes.
async fn pull_request(screen: &mut Screen, world: &World, branch: &str) -> anyhow::Result<Vec<(bool, String)>> {
    let mut checks = Vec::new();
    let open = open_pulls(world);
    for pull in &open {
        let names = |list: &Value, name: &str| {
            let names: Vec<&str> = list.as_array().into_iter().flatten().map(|item| field(item, name)).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        screen.heading(&format!("Its pull request, {}", field(pull, "html_url")));
        screen.say(field(pull, "title"));
        let draft = if pull["draft"] == true { "draft" } else { "ready for review" };
        let (labels, reviewers) = (names(&pull["labels"], "name"), names(&pull["requested_reviewers"], "login"));
        screen.say(&format!("{draft}; labels: {labels}; review asked of: {reviewers}"));
        screen.quote(field(pull, "body"));
    }
    checks.push((open.len() == 1, "there is one open pull request".to_owned()));
    let range = format!("{BRANCH}..{branch}");
    let count = world.git(&["rev-list", "--count", &range]).await.unwrap_or_default();
    checks.push((count == "1", format!("the branch {branch} has one commit")));
    if count != "1" {
        return Ok(checks);
    }
    screen.heading(&format!("Its diff, git diff {range}"));
    screen.quote(&world.git(&["diff", &range]).await?);

    screen.heading("The worker as it is proposed");
    let (after, limit) = run_from(world, branch, SOUND_TIME).await?;
    screen.say(&describe(&after, limit));
    let lives = after.end == End::StillRunning && after.peak < REPAIRED_PEAK;
    checks.push((lives, "the repaired worker keeps running and peaks below 16 MB".to_owned()));
    if let Some((path, text)) = world.scenario.expect.restored {
        let file = world.git(&["show", &format!("{branch}:{path}")]).await?;
        checks.push((file.contains(text), format!("{path} has {:?} again", text.trim())));
    }
    Ok(checks)
}

/// What running the fault and the fix showed. A machine that cannot isolate the two says so, and nothing is checked.
fn proof(screen: &mut Screen, world: &World, answer: &Answer) -> Vec<(bool, String)> {
    let verdict = answer.outputs.get("proof").map_or("none", String::as_str);
    screen.heading("Its proof");
    let report: String = open_pulls(world).iter().map(|pull| field(pull, "body")).collect();
    let proof: Vec<&str> = report
        .lines()
        .skip_while(|line| !line.starts_with("## Proof"))
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect();
    screen.quote(proof.join("\n").trim());
    if verdict == "not-run" {
        screen.say("not run on this machine, for the reason above: its verdict is not checked");
        return Vec::new();
    }
    let mut checks = vec![(verdict == "reproduced-and-fixed", format!("the fault and the fix were run: {verdict}"))];
    if let Some(shown) = world.scenario.expect.shown {
        checks.push((report.contains(shown), format!("it shows that {shown}")));
    }
    let drawing = answer.files.iter().find(|(name, _)| name.starts_with("incident-proof-") && name.ends_with(".svg"));
    let curves = drawing.map_or(0, |(_, text)| String::from_utf8_lossy(text).matches("<polyline").count());
    checks.push((curves == 2, "both curves are drawn for an artefact".to_owned()));
    checks
}

/// What must be true of every answer.
async fn left_behind(world: &World, answer: &Answer) -> anyhow::Result<Vec<(bool, String)>> {
    let mut checks = vec![(answer.exit_code == Some(0), "the responder ends with exit code 0".to_owned())];
    let strange: Vec<String> =
        world.github.requests().lines().into_iter().filter(|r| r.ends_with("(unknown)")).collect();
    if !strange.is_empty() {
        checks.push((false, format!("the stand-in GitHub knows every request: {}", strange.join(", "))));
    }
    let comments = answers(world);
    checks.push((comments.len() == 1, "there is one comment of the responder".to_owned()));
    if let Some(culprit) = world.culprit() {
        let said: String = comments.iter().map(|c| field(c, "body").replace('\u{200b}', "")).collect();
        checks.push((
            said.contains(&culprit.sha[..7]),
            format!("it names {} \"{}\"", &culprit.sha[..7], culprit.subject),
        ));
    }
    let branches = world.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]).await?;
    let new: Vec<&str> = branches.lines().filter(|branch| *branch != BRANCH).collect();
    let expected = match world.scenario.expect.outcome {
        Outcome::PullRequest(branch) => vec![branch],
        Outcome::Inconclusive => Vec::new(),
    };
    checks.push((
        new == expected,
        format!("new branches: {}", if new.is_empty() { "none".into() } else { new.join(", ") }),
    ));
    if expected.is_empty() {
        checks.push((open_pulls(world).is_empty(), "there is no pull request".to_owned()));
    }
    Ok(checks)
}

fn answers(world: &World) -> Vec<Value> {
    let records = world.github.records();
    records.comments.iter().filter(|c| c["user"]["login"] == records.me.login.as_str()).cloned().collect()
}

fn open_pulls(world: &World) -> Vec<Value> {
    world.github.records().pulls.iter().filter(|pull| pull["state"] == "open").cloned().collect()
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
