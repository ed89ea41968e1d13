//! What happens when GitHub says no, or somebody was faster.

use demo::github::{Ability, Access, Scripted};
use demo::world::Comment;
use serde_json::json;

use super::support::*;

const PULLS: &str = "POST /repos/{owner}/{repo}/pulls";

#[tokio::test]
async fn a_repository_without_drafts_gets_a_ready_pull_request() {
    let world = world("leak").await;
    world.github.records().drafts = Ability::Refused;
    expect_code(&ask(&world).await, 0);
    let pull = own_pulls(&world).pop().expect("a pull request");
    assert_eq!(pull["draft"], false);
    let labels: Vec<String> =
        pull["labels"].as_array().into_iter().flatten().map(|label| text(label, "name")).collect();
    assert!(labels.contains(&"draft".to_owned()), "{labels:?}");
    assert!(own_comments(&world)[0].contains("no drafts"));
}

#[tokio::test]
async fn where_workflows_may_not_open_pull_requests_a_person_can_with_one_click() {
    let world = world("leak").await;
    world.github.records().pulls_by_actions = Ability::Refused;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("degraded"));
    assert_eq!(branches(&world).await, ["fix/incident-12345"]);
    assert!(own_comments(&world)[0].contains("quick_pull=1"), "{}", own_comments(&world)[0]);
}

#[tokio::test]
async fn a_read_only_token_degrades_to_the_summary() {
    let world = world("leak").await;
    {
        let mut records = world.github.records();
        records.grants.issues = Access::Read;
        records.grants.pull_requests = Access::Read;
        records.grants.contents = Access::Read;
    }
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("degraded"));
    assert!(answer.summary.contains("worker.c:26") && answer.summary.contains("issues: write"), "{}", answer.summary);
    assert!(own_pulls(&world).is_empty() && own_comments(&world).is_empty());
}

#[tokio::test]
async fn a_pull_request_that_a_person_closed_is_not_opened_again() {
    let world = world("leak").await;
    expect_code(&ask(&world).await, 0);
    let number = own_pulls(&world)[0]["number"].as_u64().expect("a number");
    if let Some(pull) = world.github.records().pull_mut(number) {
        pull["state"] = json!("closed");
    }
    world.git(&["update-ref", "-d", "refs/heads/fix/incident-12345"]).await.expect("the branch is deleted");
    expect_code(&ask(&world).await, 0);
    assert_eq!(own_pulls(&world).len(), 1);
    assert!(branches(&world).await.is_empty());
    assert!(own_comments(&world)[0].contains("not offered again"), "{}", own_comments(&world)[0]);
}

#[tokio::test]
async fn a_branch_with_commits_of_others_is_left_alone() {
    let world = world("leak").await;
    let tree = world.git(&["rev-parse", "main^{tree}"]).await.expect("a tree");
    let theirs = [
        "-c",
        "user.name=octo-dev",
        "-c",
        "user.email=octo-dev@example.com",
        "commit-tree",
        tree.trim(),
        "-p",
        "main",
        "-m",
        "Mine",
    ];
    let commit = world.git(&theirs).await.expect("a commit");
    world.git(&["update-ref", "refs/heads/fix/incident-12345", commit.trim()]).await.expect("a branch");
    expect_code(&ask(&world).await, 0);
    assert!(own_pulls(&world).is_empty());
    assert_eq!(world.git(&["rev-parse", "fix/incident-12345"]).await.expect("a head").trim(), commit.trim());
    assert!(own_comments(&world)[0].contains("commits of others"), "{}", own_comments(&world)[0]);
}

#[tokio::test]
async fn a_branch_of_a_run_that_died_is_taken_over() {
    let world = world("leak").await;
    world.git(&["update-ref", "refs/heads/fix/incident-12345", "main~1"]).await.expect("a branch");
    expect_code(&ask(&world).await, 0);
    assert_eq!(own_pulls(&world).len(), 1);
    let ahead = world.git(&["rev-list", "--count", "main..fix/incident-12345"]).await.expect("counted");
    assert_eq!(ahead.trim(), "1");
}

#[tokio::test]
async fn a_run_that_died_between_commit_and_pull_request_is_continued() {
    let world = world("leak").await;
    world.github.records().script.push_back(Scripted::new(PULLS, 500, "boom"));
    expect_code(&ask(&world).await, 1);
    assert!(own_pulls(&world).is_empty());
    let head = world.git(&["rev-parse", "fix/incident-12345"]).await.expect("a head");
    expect_code(&ask(&world).await, 0);
    assert_eq!(own_pulls(&world).len(), 1);
    assert_eq!(world.git(&["rev-parse", "fix/incident-12345"]).await.expect("a head"), head, "no second commit");
}

#[tokio::test]
async fn writes_are_not_repeated_on_a_server_error_and_reads_are() {
    let world = world("leak").await;
    let permission = "GET /repos/{owner}/{repo}/collaborators/{login}/permission";
    world.github.records().script.push_back(Scripted::new(permission, 502, "bad gateway"));
    world.github.records().script.push_back(Scripted::new(PULLS, 502, "bad gateway"));
    let answer = ask(&world).await;
    expect_code(&answer, 1);
    assert_eq!(world.github.requests().count(permission), 2, "a read is repeated");
    assert_eq!(world.github.requests().count(PULLS), 1, "a write is not");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    let world = world("leak").await;
    let limited = Scripted::new(PULLS, 429, "slow down").with_header("retry-after", "1");
    world.github.records().script.push_back(limited);
    expect_code(&ask(&world).await, 0);
    assert_eq!(own_pulls(&world).len(), 1);
}

#[tokio::test]
async fn a_protected_path_is_described_and_not_touched() {
    let world = world("leak").await;
    commit(&world, ".github/incident-responder.yml", "protected-paths: ['*.c']\n").await;
    let event = world.comment(Comment::asking(COMMAND));
    expect_code(&respond(&world, &event, &[]).await, 0);
    assert!(own_pulls(&world).is_empty() && branches(&world).await.is_empty());
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("protected") && comment.contains("+        free(buffer);"), "{comment}");
}
