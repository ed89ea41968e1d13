//! What a person sees who asked about an incident.

use demo::world::{Comment, Place, Settings};

use super::support::*;

#[tokio::test]
async fn a_comment_ends_as_an_analysis_and_a_draft_pull_request() {
    let world = world("leak").await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("fixed"), "{:?}", answer.outputs);
    assert_eq!(answer.outputs.get("incident-number").map(String::as_str), Some("12345"));
    assert_eq!(answer.outputs.get("commit-verified").map(String::as_str), Some("true"));
    assert_eq!(branches(&world).await, ["fix/incident-12345"]);
    let ahead = world.git(&["rev-list", "--count", "main..fix/incident-12345"]).await.expect("counted");
    assert_eq!(ahead.trim(), "1");

    let pulls = own_pulls(&world);
    assert_eq!(pulls.len(), 1);
    let pull = &pulls[0];
    assert_eq!(text(pull, "title"), "[Incident #12345] Fix memory leak in worker controller");
    assert_eq!(pull["draft"], true);
    assert_eq!(pull["requested_reviewers"][0]["login"], "oncall-engineer", "{pull}");
    let body = text(pull, "body");
    for part in ["worker.c:26", "+        free(buffer);", "@oncall-engineer please review", "## Undo", "Not run:"] {
        assert!(body.contains(part), "{part} is missing in\n{body}");
    }

    let comments = own_comments(&world);
    assert_eq!(comments.len(), 1);
    for part in
        ["HIGH", "worker.c:26", "`process_work` gets `buffer`", "took out `free(buffer)`", "Opened", "oncall-engineer"]
    {
        assert!(comments[0].contains(part), "{part} is missing in\n{}", comments[0]);
    }
    assert!(!comments[0].contains("- [ ]"), "the progress is still shown:\n{}", comments[0]);
}

#[tokio::test]
async fn nothing_that_is_written_wakes_us_again_or_links_a_foreign_issue() {
    let world = world("leak").await;
    let answer = ask(&world).await;
    let pulls = own_pulls(&world);
    let mut written = own_comments(&world);
    written.extend(pulls.iter().map(|pull| text(pull, "body")));
    written.extend([answer.stdout, answer.summary]);
    written.push(world.git(&["log", "-1", "--format=%B", "fix/incident-12345"]).await.expect("a message"));
    for text in written {
        assert!(!text.to_lowercase().contains("@pagerduty-incident-responder"), "{text}");
        assert!(!text.contains("#12345"), "{text}");
        assert!(!text.to_lowercase().contains("fixes:"), "{text}");
    }
}

#[tokio::test]
async fn an_old_bug_is_told_as_one_with_the_landing_that_made_it() {
    let world = world("old-bug").await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let culprit = world.culprit().expect("the scenario has one").sha.clone();
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("existing bug"), "{comment}");
    assert!(comment.contains(&culprit[..10]), "{comment}");
    assert_eq!(answer.outputs.get("suspect-commit"), None, "nobody of the window is accused");
    assert_eq!(own_pulls(&world).len(), 1);
}

#[tokio::test]
async fn the_budget_of_requests_is_kept() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking(COMMAND));
    let before = world.github.requests().total();
    let answer = respond(&world, &event, &[]).await;
    expect_code(&answer, 0);
    let github = world.github.requests().total() - before;
    let pagerduty = world.pagerduty.calls().total();
    assert!(github <= 30, "{github} requests to GitHub:\n{}", world.github.requests().lines().join("\n"));
    assert!(pagerduty <= 20, "{pagerduty} requests to PagerDuty");
    let git = world.github.git_requests().total();
    assert!(git <= 8, "{git} requests of git:\n{}", world.github.git_requests().lines().join("\n"));
    let updates = world.github.requests().count("PATCH /repos/{owner}/{repo}/issues/comments/{id}");
    assert!(updates <= 3, "{updates} updates: two of the progress and the answer");
}

#[tokio::test]
async fn a_second_run_and_a_second_comment_change_nothing() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking(COMMAND));
    expect_code(&respond(&world, &event, &[]).await, 0);
    let head = world.git(&["rev-parse", "fix/incident-12345"]).await.expect("a head");
    let second = respond(&world, &event, &[]).await;
    expect_code(&second, 0);
    assert_eq!(second.outputs.get("pull-request-operation").map(String::as_str), Some("unchanged"));
    let id = world.pagerduty.records().incidents[0]["id"].as_str().expect("an id").to_owned();
    for command in [COMMAND.to_owned(), format!("@pagerduty-incident-responder analyze incident {id}")] {
        let event = world.comment(Comment::asking(&command));
        expect_code(&respond(&world, &event, &[]).await, 0);
    }
    assert_eq!(own_pulls(&world).len(), 1);
    assert_eq!(own_comments(&world).len(), 1, "the comment is updated in place");
    assert_eq!(world.git(&["rev-parse", "fix/incident-12345"]).await.expect("a head"), head);
}

#[tokio::test]
async fn pull_requests_and_their_diffs_are_answered_where_the_command_stands() {
    for (place, list) in [(Place::PullRequest, "comments"), (Place::Diff, "review_comments")] {
        let world = world("leak").await;
        let event = world.comment(Comment::asking(COMMAND).on(place));
        expect_code(&respond(&world, &event, &[]).await, 0);
        let records = world.github.records();
        let all = if list == "comments" { &records.comments } else { &records.review_comments };
        assert!(all.iter().any(|it| text(it, "body").contains("worker.c:26")), "no answer among the {list}");
    }
}

#[tokio::test]
async fn dispatches_are_answered_by_the_pull_request_and_the_summary() {
    for by_webhook in [true, false] {
        let world = world("leak").await;
        let event = if by_webhook { world.repository_dispatch() } else { world.dispatch() };
        let answer = respond(&world, &event, &[]).await;
        expect_code(&answer, 0);
        assert_eq!(own_pulls(&world).len(), 1);
        assert!(own_comments(&world).is_empty());
        assert!(answer.summary.contains("worker.c:26"), "{}", answer.summary);
    }
}

#[tokio::test]
async fn report_mode_writes_nothing_and_shows_the_plan() {
    let world = world("leak").await;
    let event = world.comment(Comment::asking(COMMAND));
    let answer = respond(&world, &event, &[("mode", "report")]).await;
    expect_code(&answer, 0);
    assert!(own_pulls(&world).is_empty() && own_comments(&world).is_empty());
    assert!(branches(&world).await.is_empty());
    assert!(world.github.records().reactions.is_empty());
    assert!(answer.summary.contains("Create branch fix/incident-12345"), "{}", answer.summary);
}

#[tokio::test]
async fn an_incident_that_is_not_about_memory_is_not_blamed_on_a_leak() {
    let world = world_of(Settings::of("leak")).await;
    {
        let mut records = world.pagerduty.records();
        records.incidents[0]["title"] = "Checkout answers with status 500".into();
        records.incidents[0]["summary"] = "Checkout answers with status 500".into();
        records.alerts.clear();
    }
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    assert!(own_pulls(&world).is_empty());
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("No cause is claimed"), "{comment}");
    assert!(comment.contains("Next:"), "{comment}");
}

#[tokio::test]
async fn every_dialect_of_pagerduty_leads_to_the_same_answer() {
    use demo::pagerduty::Dialect;
    for dialect in [Dialect::Hosted, Dialect::Local0_17, Dialect::Local1_0, Dialect::Local1_1] {
        let world = world_of(Settings::of("leak").with_dialect(dialect)).await;
        let answer = ask(&world).await;
        expect_code(&answer, 0);
        let body = own_pulls(&world).pop().map(|pull| text(&pull, "body")).unwrap_or_default();
        assert!(body.contains("Severity: HIGH"), "{dialect:?}:\n{body}");
        assert!(body.contains("@oncall-engineer please review"), "{dialect:?}:\n{body}");
    }
}

#[tokio::test]
async fn every_shape_of_github_s_addresses_works() {
    use demo::github::Hosts;
    for hosts in [Hosts::Separate, Hosts::Enterprise] {
        let world = world_of(Settings::of("leak").with_hosts(hosts)).await;
        expect_code(&ask(&world).await, 0);
        assert_eq!(own_pulls(&world).len(), 1, "{hosts:?}");
    }
}

#[tokio::test]
async fn three_hundred_landings_in_the_window_are_all_read() {
    let world = world("leak").await;
    land_many(&world, 300).await;
    // Nobody says what was deployed, so that the branch is taken for what ran.
    world.github.records().deployments.clear();
    world.pagerduty.records().change_events.clear();
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("305 landings"), "{comment}");
    assert!(comment.contains("took out `free(buffer)`"), "{comment}");
    let git = world.github.git_requests().total();
    assert!(git <= 8, "{git} requests of git");
}

#[tokio::test]
async fn secrets_in_an_incident_are_not_published() {
    let world = world("leak").await;
    let leaked = format!("OOM Killed, key {} and ghp_{}", demo::world::PAGERDUTY_TOKEN, "a".repeat(36));
    world.pagerduty.records().incidents[0]["title"] = leaked.clone().into();
    world.pagerduty.records().incidents[0]["summary"] = leaked.into();
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let mut written = own_comments(&world);
    written.extend(own_pulls(&world).iter().map(|pull| text(pull, "body")));
    written.push(answer.summary);
    for text in written {
        assert!(text.contains("OOM Killed"), "{text}");
        assert!(!text.contains("demoKeyOfTheStandIn") && !text.contains("ghp_"), "{text}");
    }
}
