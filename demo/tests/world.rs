//! The runner's side of the world: what a program sees that is started on an event, and what is read back from it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use demo::github::Hosts;
use demo::world::{Answer, Comment, Event, PAGERDUTY_TOKEN, Place, Settings, World};
use serde_json::Value;

/// A program that shows what it was given, and leaves what an action leaves.
const SHOW: &str = r#"#!/bin/sh
cat "$GITHUB_EVENT_PATH"
tr '\0' '\n' < /proc/$$/environ >&2
printf 'result<<E\nshown\nE\n' >> "$GITHUB_OUTPUT"
echo "**shown**" >> "$GITHUB_STEP_SUMMARY"
exit 3
"#;

async fn shown(world: &World, event: &Event, inputs: &[(&str, &str)]) -> Answer {
    let program: PathBuf = world.folder().join("show.sh");
    std::fs::write(&program, SHOW).expect("may be written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("may be changed");
    world.respond(&program, event, inputs).await.expect("it runs")
}

#[tokio::test]
async fn a_program_is_started_as_the_runner_would() {
    let world = World::start(Settings::of("leak").with_hosts(Hosts::Enterprise)).await.expect("a world");
    let event = world.comment(Comment::asking("@pagerduty-incident-responder analyze incident #12345"));
    let answer = shown(&world, &event, &[("mode", "report")]).await;
    assert_eq!(answer.exit_code, Some(3));
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("shown"));
    assert_eq!(answer.summary, "**shown**\n");
    let payload: Value = serde_json::from_str(&answer.stdout).expect("the event");
    assert_eq!(payload, event.payload);
    let variables: Vec<&str> = answer.stderr.lines().collect();
    let has = |line: &str| variables.contains(&line);
    assert!(has("GITHUB_EVENT_NAME=issue_comment") && has("GITHUB_REPOSITORY=octo-org/worker"));
    assert!(has("INPUT_MODE=report") && has("INPUT_WINDOW-HOURS=") && has("GITHUB_REF=refs/heads/main"));
    assert!(has(&format!("INPUT_PAGERDUTY-TOKEN={PAGERDUTY_TOKEN}")));
    assert!(has(&format!("INPUT_PAGERDUTY-MCP-URL={}", world.pagerduty.mcp_url())));
    assert!(has(&format!("GITHUB_API_URL={}/api/v3", world.github.links().web)));
    assert!(!variables.iter().any(|v| v.starts_with("CARGO")), "this process's environment stays outside");
}

#[tokio::test]
async fn comments_stand_where_they_were_written() {
    let world = World::start(Settings::of("old-bug")).await.expect("a world");
    let issue = world.comment(Comment::asking("hello"));
    assert_eq!((issue.name.as_str(), &issue.payload["issue"]["pull_request"]), ("issue_comment", &Value::Null));
    assert_eq!(issue.payload["comment"]["author_association"], "COLLABORATOR");
    let again = world.comment(Comment::asking("hello again").by("octo-guest"));
    assert_eq!(again.payload["issue"]["number"], issue.payload["issue"]["number"]);
    assert_eq!(again.payload["comment"]["author_association"], "NONE");
    let pull = world.comment(Comment::asking("hello").on(Place::PullRequest));
    assert_eq!(
        (&pull.payload["issue"]["number"], pull.payload["issue"]["pull_request"].is_object()),
        (&51.into(), true)
    );
    let diff = world.comment(Comment::asking("hello").on(Place::Diff));
    assert_eq!(
        (diff.name.as_str(), &diff.payload["pull_request"]["number"]),
        ("pull_request_review_comment", &51.into())
    );
}

#[tokio::test]
async fn the_past_is_known_to_both_services() {
    let world = World::start(Settings::of("leak")).await.expect("a world");
    let incident = world.raise_incident().await.expect("raised");
    assert_eq!(incident["incident_number"], 12345);
    let culprit = world.culprit().expect("there is one").clone();
    assert_eq!((culprit.pull, culprit.author.as_str()), (Some(31), "octo-dev"));
    let records = world.github.records();
    let merged = records.pulls.iter().find(|p| p["number"] == 31).expect("its pull request");
    assert_eq!((&merged["merge_commit_sha"], &merged["merged"]), (&culprit.sha.as_str().into(), &true.into()));
    assert_eq!(records.deployments.len(), 2);
    let deployed = records.deployments[0]["sha"].clone();
    assert_eq!(world.pagerduty.records().change_events[0]["custom_details"]["sha"], deployed);
    assert_eq!(world.landed.last().map(|l| l.sha.clone().into()), Some(deployed));
}

#[tokio::test]
async fn nothing_is_left_when_the_world_ends() {
    let world = World::start(Settings::of("leak")).await.expect("a world");
    let (folder, url) = (world.folder().to_owned(), world.github.links().api.clone());
    assert!(folder.is_dir());
    drop(world);
    assert!(!folder.exists());
    tokio::task::yield_now().await;
    assert!(reqwest::get(format!("{url}/rate_limit")).await.is_err(), "the server is gone");
}
