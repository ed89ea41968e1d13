//! What bad input and broken peers get: one line that says what is wrong, one that says what to do, the right exit code,
//! and nothing half-written.

use std::time::Duration;

use demo::pagerduty::Fault;
use demo::world::{Answer, Comment, World};

use super::support::*;

/// The comment of a failed run is finished and says why.
#[track_caller]
fn assert_failed(world: &World, answer: &Answer, word: &str) {
    expect_code(answer, 1);
    assert!(answer.stdout.contains(word), "{word} is not in\n{}", answer.stdout);
    let comments = own_comments(world);
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("❌") && !comments[0].contains("- [ ]"), "{}", comments[0]);
    assert!(own_pulls(world).is_empty());
}

#[tokio::test]
async fn inputs_that_cannot_work_end_with_code_2_before_anything_is_asked() {
    for (input, value, word) in [
        ("pagerduty-token", "", "pagerduty-token"),
        ("pagerduty-token", "Bearer abc", "scheme"),
        ("github-token", "two words", "github-token"),
        ("mode", "fix", "respond, sweep, report, plan, publish"),
        ("window-hours", "lots", "1 to 720"),
        ("incident", "12 34", "names no incident"),
        ("pagerduty-mcp-url", "http://mcp.example.com/mcp", "http"),
    ] {
        let world = world("leak").await;
        let event = world.comment(Comment::asking(COMMAND));
        let answer = respond(&world, &event, &[(input, value)]).await;
        expect_code(&answer, 2);
        assert!(answer.stdout.contains(word), "{input}={value}: {word} is not in\n{}", answer.stdout);
        assert_eq!(world.github.requests().total(), 0);
        assert_eq!(world.pagerduty.calls().total(), 0);
    }
}

#[tokio::test]
async fn a_wrong_pagerduty_token_is_told_as_such() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking(COMMAND));
    let answer = respond(&world, &event, &[("pagerduty-token", "u+somebodyElsesKey")]).await;
    assert_failed(&world, &answer, "401");
    let said = answer.stdout.lines().filter(|line| !line.starts_with("::add-mask::"));
    assert_eq!(said.filter(|line| line.contains("somebodyElsesKey")).count(), 0, "{}", answer.stdout);
}

#[tokio::test]
async fn broken_answers_of_pagerduty_are_told_apart() {
    for (fault, word) in [
        (Fault::NotJson, "JSON"),
        (Fault::Truncated, "incident"),
        (Fault::Status(403), "403"),
        (Fault::Missing, "incident"),
        (Fault::ToolError("upstream is down (status 500)".to_owned()), "500"),
    ] {
        let world = world("leak").await;
        world.pagerduty.fail("browse_incidents/get", fault.clone());
        let event = world.comment(Comment::asking(COMMAND));
        let answer = respond(&world, &event, &[]).await;
        assert_failed(&world, &answer, word);
    }
}

#[tokio::test]
async fn an_unknown_incident_is_told_as_such() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking("@pagerduty-incident-responder analyze incident #99999"));
    let answer = respond(&world, &event, &[]).await;
    assert_failed(&world, &answer, "99999");
}

#[tokio::test]
async fn an_unreachable_pagerduty_is_told_with_its_address() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking(COMMAND));
    // Port 9 (discard) of loopback has no listener.
    let answer = respond(&world, &event, &[("pagerduty-mcp-url", "http://127.0.0.1:9/mcp")]).await;
    assert_failed(&world, &answer, "127.0.0.1:9");
}

#[tokio::test]
async fn an_optional_part_that_is_slow_or_broken_becomes_a_gap() {
    let world = world("leak").await;
    world.pagerduty.fail("browse_schedules/list_oncalls", Fault::Status(500));
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(own_pulls(&world).len(), 1);
    assert!(answer.summary.contains("nobody could be verified"), "{}", answer.summary);
}

#[tokio::test]
async fn a_configuration_file_with_a_typo_names_line_and_keys() {
    let world = world("leak").await;
    commit(&world, ".github/incident-responder.yml", "services:\n  worker-deployment:\n    pathes: [worker.c]\n").await;
    let answer = ask(&world).await;
    expect_code(&answer, 2);
    assert!(
        answer.stdout.contains("line 3") && answer.stdout.contains("`paths`, `manifests`, `environment`, `prove`"),
        "{}",
        answer.stdout
    );
    assert!(own_comments(&world)[0].contains("line 3"));
}

#[tokio::test]
async fn a_resolved_incident_is_analysed_and_said_to_be_resolved() {
    let world = world("leak").await;
    world.pagerduty.records().incidents[0]["status"] = "resolved".into();
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("resolved"), "{comment}");
}

#[tokio::test]
async fn a_repository_without_c_is_told_as_a_gap() {
    let world = world("leak").await;
    commit(&world, ".github/incident-responder.yml", "services:\n  worker-deployment:\n    paths: [docs/]\n").await;
    commit(&world, "docs/tool.py", "print(1)\n").await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert!(own_pulls(&world).is_empty());
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("no C sources") && comment.contains("1 .py"), "{comment}");
}

#[tokio::test]
async fn a_cancelled_run_leaves_no_unfinished_comment() {
    let world = world("leak").await;
    world.pagerduty.fail("browse_incidents/get", Fault::Slow(Duration::from_secs(60)));
    let event = world.comment(Comment::asking(COMMAND));
    let run = world.respond_and_interrupt(binary(), &event, |world| {
        world.github.requests().count("POST /repos/{owner}/{repo}/issues/{number}/comments") > 0
    });
    let answer = run.await.expect("the responder ran");
    expect_code(&answer, 1);
    let comments = own_comments(&world);
    assert!(comments.len() == 1 && comments[0].contains("interrupted"), "{comments:?}");
}
