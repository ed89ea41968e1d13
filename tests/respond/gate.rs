//! Who is answered, and for what.

use demo::world::{Comment, Event};
use serde_json::json;

use super::support::*;

#[tokio::test]
async fn somebody_without_write_access_gets_no_reaction_at_all() {
    for author in ["octo-guest", "stranger"] {
        let world = world("leak").await;
        let event = world.comment(Comment::asking(COMMAND).by(author));
        let answer = respond(&world, &event, &[]).await;
        expect_code(&answer, 0);
        assert_eq!(answer.outputs.get("result").map(String::as_str), Some("skipped"));
        assert!(own_comments(&world).is_empty() && own_pulls(&world).is_empty());
        assert!(world.github.records().reactions.is_empty());
        assert_eq!(world.pagerduty.calls().total(), 0, "PagerDuty is not asked for {author}");
    }
}

#[tokio::test]
async fn a_mention_without_a_command_is_told_the_commands() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking("@pagerduty-incident-responder please help"));
    expect_code(&respond(&world, &event, &[]).await, 0);
    let comments = own_comments(&world);
    assert!(comments.len() == 1 && comments[0].contains("analyze incident 12345"), "{comments:?}");
}

#[tokio::test]
async fn talk_edits_and_other_events_are_skipped() {
    let world = world("leak").await;
    let talk = world.comment(Comment::asking("nothing for a robot"));
    let mut edited = world.comment(Comment::asking(COMMAND));
    edited.payload["action"] = json!("edited");
    for event in [talk, edited, Event::new("push", json!({}))] {
        let answer = respond(&world, &event, &[]).await;
        expect_code(&answer, 0);
        assert_eq!(answer.outputs.get("result").map(String::as_str), Some("skipped"));
    }
    assert_eq!(world.github.requests().total(), 0);
}

#[tokio::test]
async fn events_with_strangers_code_are_refused() {
    let world = world("leak").await;
    for name in ["pull_request_target", "workflow_run"] {
        let answer = respond(&world, &Event::new(name, json!({})), &[]).await;
        expect_code(&answer, 2);
        assert!(answer.stdout.contains("refuses"), "{}", answer.stdout);
    }
}

#[tokio::test]
async fn a_comment_of_five_megabytes_is_read_up_to_its_limit() {
    let world = world("leak").await;
    let mut event = world.comment(Comment::asking(COMMAND));
    event.payload["comment"]["body"] = json!(format!("{}\n{COMMAND}", "é ".repeat(2_500_000)));
    let answer = respond(&world, &event, &[]).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("skipped"));
}

#[tokio::test]
async fn a_dispatch_on_another_branch_writes_nothing() {
    let mut world = world("leak").await;
    world.variables.push(("GITHUB_REF".to_owned(), "refs/heads/experiment".to_owned()));
    let answer = respond(&world, &world.dispatch(), &[]).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("skipped"));
    assert!(own_pulls(&world).is_empty());
}
