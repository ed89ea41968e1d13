//! The proof in the answer: through the front door, in the demo world.

use std::collections::BTreeMap;

use demo::world::{Answer, Comment, Settings, World};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::front_door::*;
use super::support::{Level, may_be_had, processes_with};

/// Another leak in the demo's worker, which the repair of the first does not mend: a list that only grows.
const SECOND_LEAK: &str = "\
struct seen { struct seen *next; char page[1 << 22]; };
static struct seen *all;

static void remember(void)
{
    struct seen *one = malloc(sizeof *one);
    if (one == NULL)
        return;
    for (size_t at = 0; at < sizeof one->page; at += PAGE_SIZE)
        one->page[at] = 1;
    one->next = all;
    all = one;
}
";

/// Uses up its address space where the worker, as a library, keeps its buffers.
const CHECK: &str = "\
#include <stdlib.h>
#include <sys/resource.h>
void controller(int jobs);
int main(void)
{
    struct rlimit limit = {1 << 28, 1 << 28};
    setrlimit(RLIMIT_AS, &limit);
    controller(40);
    return malloc(32 << 20) == NULL;
}
";

type Flow = fn() -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

macro_rules! flows {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), (|| Box::pin($name())) as Flow)),*] };
}

/// Ignored where this machine cannot isolate a run.
pub(crate) fn trials() -> Vec<Trial> {
    let missing = may_be_had(Level::Strongest).or_else(|_| may_be_had(Level::OrdinaryUser)).err();
    let trial = |(name, flow): (&'static str, Flow)| match &missing {
        None => Trial::test(name, move || {
            tokio::runtime::Runtime::new().map_err(Failed::from)?.block_on(flow());
            Ok(())
        }),
        Some(why) => Trial::test(name, || Ok(())).with_kind(format!("skipped: {why}")).with_ignored_flag(true),
    };
    let flows = flows![
        the_pull_request_and_the_answer_carry_the_proof,
        a_patch_that_does_not_fix_is_withdrawn_and_told,
        a_library_is_proven_by_its_own_check,
        a_sweep_runs_each_incident_once,
        a_folder_is_run_when_asked_for,
        plan_prove_and_publish_are_three_jobs,
        what_was_tampered_with_is_refused,
        a_base_that_moved_is_refused,
        a_verdict_in_a_file_counts_for_nothing,
        what_is_killed_leaves_nothing_running,
    ];
    flows.map(trial).into()
}

async fn proving(scenario: &str) -> World {
    proving_world(Settings::of(scenario)).await
}

async fn the_pull_request_and_the_answer_carry_the_proof() {
    let world = proving("leak").await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("proof").map(String::as_str), Some("reproduced-and-fixed"), "{}", answer.summary);
    let pull = own_pulls(&world).pop().expect("a pull request");
    for text in [text(&pull, "body"), own_comments(&world).pop().expect("an answer")] {
        for part in [
            "**Reproduced and fixed**",
            "| Before | After |",
            "64 MiB",
            "```mermaid",
            "cc -O0 -g",
            "Landlock",
            "killed, says the first alert",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
    for (output, name, part) in [
        ("proof-chart", "incident-proof-12345.svg", "<polyline"),
        ("report-path", "incident-report-12345.md", "Reproduced and fixed"),
    ] {
        assert!(answer.outputs.get(output).is_some_and(|path| path.ends_with(name)), "{:?}", answer.outputs);
        let file = answer.files.get(name).unwrap_or_else(|| panic!("{name} is not there"));
        assert!(String::from_utf8_lossy(file).contains(part), "{name} lacks {part}");
    }
    assert!(!answer.files.keys().any(|name| name.contains("plan")), "nothing is handed on: {:?}", answer.files.keys());
}

async fn a_patch_that_does_not_fix_is_withdrawn_and_told() {
    let world = proving("leak").await;
    let worker = world.git(&["show", "main:worker.c"]).await.expect("the worker");
    let worker = worker
        .replace("/* Serves the queue", &format!("{SECOND_LEAK}\n/* Serves the queue"))
        .replace("        process_work(buffer);\n", "        process_work(buffer);\n        remember();\n");
    commit(&world, "worker.c", &format!("{worker}\n")).await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("proof").map(String::as_str), Some("not-fixed"), "{}", answer.summary);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("reported"));
    assert!(own_pulls(&world).is_empty() && branches(&world).await.is_empty());
    let comment = own_comments(&world).pop().expect("an answer");
    for part in ["tried and is withdrawn", "**Not fixed**", "No pull request: the patch was run and is withdrawn"] {
        assert!(comment.contains(part), "{part} is missing in\n{comment}");
    }
}

async fn a_library_is_proven_by_its_own_check() {
    let world = proving("leak").await;
    let worker = world.git(&["show", "main:worker.c"]).await.expect("the worker");
    let (library, _main) = worker.split_once("int main(void)").expect("a main");
    let library = library
        .replace("static void controller(void)", "void controller(int jobs)")
        .replace("while (1)", "while (jobs-- > 0)")
        .replace("PAUSE_MICROSECONDS 200000", "PAUSE_MICROSECONDS 2000");
    commit(&world, "worker.c", &library).await;
    commit(&world, "tests/check.c", CHECK).await;
    commit(&world, "tools/show.c", "int main(void)\n{\n    return 0;\n}\n").await;
    let makefile = "leak-check:\n\t$(CC) -O0 -o check-worker tests/check.c worker.c\n\t./check-worker\n";
    commit(&world, "Makefile", makefile).await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("proof").map(String::as_str), Some("reproduced-and-fixed"), "{}", answer.summary);
    let body = text(&own_pulls(&world).pop().expect("a pull request"), "body").to_owned();
    for part in ["the Makefile's own check", "exec make CC=", " leak-check", "ended with exit code"] {
        assert!(body.contains(part), "{part} is missing in\n{body}");
    }
}

async fn a_sweep_runs_each_incident_once() {
    const RAN: &str = "ran the service without and with the patch";
    let mut world = proving("leak").await;
    world.variables.push(("RUST_LOG".to_owned(), "info".to_owned()));
    commit(&world, ".github/incident-responder.yml", "services:\n  worker-deployment:\n    paths: [worker.c]\n").await;
    let first = respond(&world, &world.schedule(), &[]).await;
    expect_code(&first, 0);
    assert!(format!("{}{}", first.stdout, first.stderr).contains(RAN), "{}", first.stderr);
    let pull = own_pulls(&world).pop().expect("a pull request");
    assert!(text(&pull, "body").contains("**Reproduced and fixed**"), "{pull}");
    let again = respond(&world, &world.schedule(), &[]).await;
    expect_code(&again, 0);
    assert!(again.summary.contains("answered before"), "{}", again.summary);
    assert!(!format!("{}{}", again.stdout, again.stderr).contains(RAN), "it was run again:\n{}", again.stderr);
}

async fn a_folder_is_run_when_asked_for() {
    let world = proving("leak").await;
    let folder = world.github.bare().display().to_string();
    let address = world.pagerduty.mcp_url();
    let mut command = tokio::process::Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("PAGERDUTY_TOKEN", demo::world::PAGERDUTY_TOKEN).env("TMPDIR", world.folder());
    command.args(["analyze", "--incident", "12345", "--pagerduty-mcp-url", &address]);
    command.args(["--repository", &folder, "--prove", "on", "--format", "json"]);
    let output = command.kill_on_drop(true).output().await.expect("the responder ran");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!(value["proof"]["verdict"], "reproduced-and-fixed", "{:#}", value["proof"]);
    assert!(value["proof"]["base"]["samples"].as_array().is_some_and(|samples| samples.len() > 10));
    assert!(value["proof"]["growth"]["base"]["resident"].as_f64().is_some_and(|rate| rate > 1e7));
    assert!(value["proof"]["commands"][0].as_str().is_some_and(|command| command.starts_with("cc ")));
    assert_eq!(value["proof"]["protections"].as_array().map(Vec::len), Some(6));
    let kinds: Vec<&str> =
        value["timeline"].as_array().into_iter().flatten().filter_map(|moment| moment["kind"].as_str()).collect();
    assert_eq!(kinds, ["landing", "deployment", "kill", "incident", "fix"], "{:#}", value["timeline"]);
}

/// What the three jobs hand to each other.
struct Jobs {
    folder: tempfile::TempDir,
    planned: Answer,
}

impl Jobs {
    /// The job that plans, and the job that proves.
    async fn until_proven(world: &World) -> Jobs {
        let jobs = Jobs::until_planned(world).await;
        jobs.prove("plan.json", "proof.json").await;
        jobs
    }

    async fn until_planned(world: &World) -> Jobs {
        let answer = respond(world, &world.comment(Comment::asking(COMMAND)), &[("mode", "plan")]).await;
        expect_code(&answer, 0);
        let path = answer.outputs.get("plan-path").unwrap_or_else(|| panic!("no plan: {:?}", answer.outputs));
        let name = path.rsplit('/').next().unwrap_or_default();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("plan.json"), &answer.files[name]).expect("written");
        assert!(own_comments(world).is_empty() && own_pulls(world).is_empty(), "a plan writes nothing");
        Jobs { folder, planned: answer }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs `prove` without any variable but `PATH`.
    async fn prove(&self, plan: &str, proof: &str) {
        let mut command = tokio::process::Command::new(binary());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(["prove", "--plan", &self.path(plan), "--proof", &self.path(proof)]);
        let output = command.kill_on_drop(true).output().await.expect("it ran");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("**Reproduced and fixed**"), "{said}");
    }

    async fn publish(&self, world: &World) -> Answer {
        let (plan, proof) = (self.path("plan.json"), self.path("proof.json"));
        let event = world.comment(Comment::asking(COMMAND));
        respond(world, &event, &[("mode", "publish"), ("plan", &plan), ("proof", &proof)]).await
    }

    fn change(&self, name: &str, change: impl Fn(&mut Value)) {
        let text = std::fs::read(self.path(name)).expect("it is there");
        let mut value: Value = serde_json::from_slice(&text).expect("JSON");
        change(&mut value);
        std::fs::write(self.path(name), value.to_string()).expect("written");
    }
}

async fn plan_prove_and_publish_are_three_jobs() {
    let world = proving("leak").await;
    let jobs = Jobs::until_proven(&world).await;
    assert_eq!(jobs.planned.outputs.get("proof"), None, "nothing is run beside a token");
    let plan = std::fs::read_to_string(jobs.path("plan.json")).expect("a plan");
    for secret in [demo::world::GITHUB_TOKEN, demo::world::PAGERDUTY_TOKEN] {
        assert!(!plan.contains(secret));
    }
    let answer = jobs.publish(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("proof").map(String::as_str), Some("reproduced-and-fixed"), "{}", answer.summary);
    let body = text(&own_pulls(&world).pop().expect("a pull request"), "body");
    assert!(body.contains("Run in a job of its own") && body.contains("```mermaid"), "{body}");
}

/// The run ended as a mistake of the configuration, said why, and wrote nothing but that.
#[track_caller]
fn expect_refused(world: &World, answer: &Answer, why: &str) {
    expect_code(answer, 2);
    assert!(answer.stdout.contains(why), "{why} is not in\n{}", answer.stdout);
    assert!(own_pulls(world).is_empty());
    let comments = own_comments(world);
    assert!(comments.iter().all(|comment| comment.contains("❌")), "{comments:?}");
}

async fn what_was_tampered_with_is_refused() {
    let world = proving("leak").await;
    let jobs = Jobs::until_proven(&world).await;
    let files = ["plan.json", "proof.json"];
    let kept: BTreeMap<&str, Vec<u8>> =
        files.map(|name| (name, std::fs::read(jobs.path(name)).expect("it is there"))).into();
    let restore = || files.iter().for_each(|name| std::fs::write(jobs.path(name), &kept[name]).expect("written"));

    jobs.change("plan.json", |plan| plan["plan"]["subject"]["Ok"]["patch"][0]["contents"] = json!("aGFybQ=="));
    expect_refused(&world, &jobs.publish(&world).await, "was changed after it was written");

    // Whoever can change the plan can make a fitting digest as well, and even a proof of it.
    restore();
    jobs.change("plan.json", |plan| {
        plan["plan"]["subject"]["Ok"]["patch"][0]["contents"] = json!("aGFybQ==");
        plan["digest"] = json!(sha256(&plan["plan"].to_string()));
    });
    expect_refused(&world, &jobs.publish(&world).await, "not the one that this run makes");

    restore();
    jobs.change("plan.json", |plan| {
        plan["plan"]["incident"] = json!("12346");
        plan["digest"] = json!(sha256(&plan["plan"].to_string()));
    });
    expect_refused(&world, &jobs.publish(&world).await, "is for incident 12346");

    restore();
    jobs.change("proof.json", |proof| proof["plan"] = json!("0".repeat(64)));
    expect_refused(&world, &jobs.publish(&world).await, "was made of another plan");

    restore();
    std::fs::remove_file(jobs.path("proof.json")).expect("it was there");
    expect_refused(&world, &jobs.publish(&world).await, "cannot be read");

    restore();
    expect_code(&jobs.publish(&world).await, 0);
    assert_eq!(own_pulls(&world).len(), 1);
}

async fn a_base_that_moved_is_refused() {
    let world = proving("leak").await;
    let jobs = Jobs::until_proven(&world).await;
    commit(&world, "docs/news.md", "Something landed meanwhile.\n").await;
    expect_refused(&world, &jobs.publish(&world).await, "by now");
}

async fn a_verdict_in_a_file_counts_for_nothing() {
    let world = proving("leak").await;
    let jobs = Jobs::until_proven(&world).await;
    jobs.change("proof.json", |proof| {
        proof["proof"]["patched"] = proof["proof"]["base"].clone();
        proof["proof"]["why"] = json!("@octocat says that it is fixed");
    });
    let answer = jobs.publish(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("proof").map(String::as_str), Some("not-fixed"), "{}", answer.summary);
    assert!(own_pulls(&world).is_empty());
    assert!(!own_comments(&world).pop().expect("an answer").contains("octocat"));
}

/// A plan of a program without a fault, which runs for a minute. The marker is in the command line of its shell.
fn long_plan(marker: &str) -> Value {
    let recipe = json!({
        "origin": "configured", "folder": "", "build": null, "run": format!("sleep 60; : {marker}"), "kind": "service",
        "seconds": 60, "memory_limit": 64 << 20, "limit_from": "chosen", "expected_exit": 0,
    });
    let plan = json!({
        "version": 1, "incident": "12345", "branch": "main", "base": "0".repeat(40),
        "subject": { "Ok": {
            "configured": recipe, "sources": [], "fault": "a.c", "manifest_limit": null, "files": [], "patch": [], "removed": [],
        } },
    });
    json!({ "digest": sha256(&plan.to_string()), "plan": plan })
}

async fn what_is_killed_leaves_nothing_running() {
    let folder = tempfile::tempdir().expect("a folder");
    // A user of its own must find the way to its folder below.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).expect("it is ours");
    let marker = format!("killed-{}-end", std::process::id());
    let plan = folder.path().join("plan.json");
    std::fs::write(&plan, long_plan(&marker).to_string()).expect("written");
    let mut command = tokio::process::Command::new(binary());
    command.arg("prove").arg("--plan").arg(&plan).arg("--proof").arg(folder.path().join("proof.json"));
    let mut responder =
        command.env("TMPDIR", folder.path()).stdout(std::process::Stdio::null()).spawn().expect("it starts");
    let shell = format!("/bin/sh -c sleep 60; : {marker}");
    until("both sides run", || processes_with(&shell).len() == 2).await;
    // It has no chance to do anything any more: what it started must notice by itself.
    responder.kill().await.expect("it can be killed");
    until("both sides are gone", || processes_with(&marker).is_empty()).await;
}

/// Looks again and again, up to a number of times that nothing needs.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
