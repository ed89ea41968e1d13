//! A world, a binary and a few ways to look at what is left.

use std::path::Path;

use demo::world::{Answer, Comment, Event, Settings, World};
use serde_json::{Value, json};

/// The command that most tests give.
pub(crate) const COMMAND: &str = "@pagerduty-incident-responder analyze incident #12345";

/// The responder as it was built for this test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pagerduty-incident-responder"))
}

/// The world of a scenario with its incident raised, where nothing is built and run: that takes seconds.
pub(crate) async fn world(scenario: &str) -> World {
    world_of(Settings::of(scenario)).await
}

/// The same with other peers.
pub(crate) async fn world_of(settings: Settings) -> World {
    let mut world = proving_world(settings).await;
    world.variables.push(("INPUT_PROVE".to_owned(), "off".to_owned()));
    world
}

/// The same, where the fault and the fix are run before anything is published, as everywhere else.
pub(crate) async fn proving_world(settings: Settings) -> World {
    let world = World::start(settings).await.expect("the world starts");
    world.raise_incident().await.expect("the incident is raised");
    world
}

/// Runs the responder on an event.
pub(crate) async fn respond(world: &World, event: &Event, inputs: &[(&str, &str)]) -> Answer {
    world.respond(binary(), event, inputs).await.expect("the responder ran")
}

/// A person with write access asks, and the responder runs.
pub(crate) async fn ask(world: &World) -> Answer {
    let event = world.comment(Comment::asking(COMMAND));
    respond(world, &event, &[]).await
}

/// Fails with everything the run said where the exit code is another.
#[track_caller]
pub(crate) fn expect_code(answer: &Answer, code: i32) {
    assert_eq!(answer.exit_code, Some(code), "stdout:\n{}\nstderr:\n{}", answer.stdout, answer.stderr);
}

/// The comments that the responder wrote.
pub(crate) fn own_comments(world: &World) -> Vec<String> {
    let records = world.github.records();
    let all = records.comments.iter().chain(&records.review_comments);
    all.filter(|comment| is_own(comment)).map(|comment| text(comment, "body")).collect()
}

/// The pull requests that the responder opened.
pub(crate) fn own_pulls(world: &World) -> Vec<Value> {
    world.github.records().pulls.iter().filter(|pull| is_own(pull)).cloned().collect()
}

/// The issues that the responder opened; pull requests are not among them.
pub(crate) fn own_issues(world: &World) -> Vec<Value> {
    let records = world.github.records();
    records
        .issues
        .iter()
        .filter(|issue| is_own(issue) && issue.get("pull_request").is_none_or(Value::is_null))
        .cloned()
        .collect()
}

fn is_own(written: &Value) -> bool {
    written["user"]["login"] == "github-actions[bot]"
}

/// A text field of a record.
pub(crate) fn text(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap_or_default().to_owned()
}

/// Branches besides the default one.
pub(crate) async fn branches(world: &World) -> Vec<String> {
    let listed =
        world.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/"]).await.expect("git lists branches");
    listed.lines().filter(|name| *name != "main").map(str::to_owned).collect()
}

/// Commits one file to the default branch, as a person would through GitHub.
pub(crate) async fn commit(world: &World, path: &str, contents: &str) {
    use base64::Engine as _;
    let head = world.git(&["rev-parse", "main"]).await.expect("a head");
    let contents = base64::engine::general_purpose::STANDARD.encode(contents);
    let document =
        "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }";
    let input = json!({
        "branch": { "repositoryNameWithOwner": demo::world::REPOSITORY, "branchName": "main" },
        "expectedHeadOid": head.trim(),
        "message": { "headline": "Change a file" },
        "fileChanges": { "additions": [{ "path": path, "contents": contents }] },
    });
    let answer = reqwest::Client::new()
        .post(world.github.graphql_url())
        .bearer_auth(demo::world::GITHUB_TOKEN)
        .json(&json!({ "query": document, "variables": { "input": input } }))
        .send()
        .await
        .expect("the stand-in answers");
    let answer: Value = answer.json().await.expect("JSON");
    assert!(answer["errors"].is_null(), "{answer}");
}

/// Lands so many commits in the day before the incident, each with a note of its own.
pub(crate) async fn land_many(world: &World, count: i64) {
    use std::fmt::Write as _;
    let mut stream = String::new();
    for number in 0..count {
        let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
        let seconds = world.incident_at.timestamp() - 3600 + number;
        let note = format!("note {number}\n");
        writeln!(stream, "commit refs/heads/main\ncommitter octo-docs <octo-docs@example.com> {seconds} +0000")
            .expect("a text");
        write!(stream, "data 8\nAdd note\n{from}M 100644 inline docs/note-{number}.md\ndata {}\n{note}\n", note.len())
            .expect("a text");
    }
    let mut import = tokio::process::Command::new("git")
        .arg("--git-dir")
        .arg(world.github.bare())
        .args(["fast-import", "--quiet"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("git starts");
    let mut stdin = import.stdin.take().expect("a pipe");
    tokio::io::AsyncWriteExt::write_all(&mut stdin, stream.as_bytes()).await.expect("written");
    drop(stdin);
    assert!(import.wait().await.expect("git ends").success());
}
