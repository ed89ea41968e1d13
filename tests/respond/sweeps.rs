//! The hourly sweep: every open incident of this repository's services, once.

use std::time::Duration;

use chrono::TimeDelta;
use demo::pagerduty::NewIncident;
use demo::world::{Comment, World};

use super::support::*;

const MAPPED: &str = "services:\n  worker-deployment:\n    paths: [worker.c]\n";

fn raise(world: &World, service: &str, status: &str, title: &str, minutes: i64) -> String {
    world.pagerduty.records().add_incident(NewIncident {
        title: title.to_owned(),
        service: service.to_owned(),
        status: status.to_owned(),
        urgency: "high".to_owned(),
        priority: None,
        created_at: world.incident_at - TimeDelta::minutes(minutes),
    })
}

/// Resolves an incident as soon as the sweep has its list and reads the first of them.
async fn resolve_after_the_list(world: &World, id: &str) {
    let before = world.pagerduty.calls().count("browse_incidents/get");
    while world.pagerduty.calls().count("browse_incidents/get") == before {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut records = world.pagerduty.records();
    let incident = records.incidents.iter_mut().find(|incident| incident["id"] == id).expect("it was raised");
    incident["status"] = "resolved".into();
}

#[tokio::test]
async fn exactly_the_right_incidents_are_answered() {
    let world = world("leak").await;
    commit(&world, ".github/incident-responder.yml", MAPPED).await;
    expect_code(&ask(&world).await, 0);
    raise(&world, "PSVC001", "triggered", "worker-deployment OOM Killed again", 5);
    raise(&world, "PSVC001", "acknowledged", "worker-deployment answers slowly", 4);
    raise(&world, "PSVC002", "triggered", "billing OOM Killed", 3);
    raise(&world, "PSVC001", "resolved", "worker-deployment was OOM Killed", 2);
    let gone = raise(&world, "PSVC001", "triggered", "worker-deployment recovers by itself", 1);
    let event = world.schedule();
    let sweep = respond(&world, &event, &[]);
    let (answer, ()) = tokio::join!(sweep, resolve_after_the_list(&world, &gone));
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("swept"));
    let summary = &answer.summary;
    assert!(summary.contains("resolved meanwhile"), "{summary}");
    assert!(summary.contains("answered before"), "{summary}");
    assert!(!summary.contains("billing") && !summary.contains("was OOM"), "{summary}");
    let titles: Vec<String> = own_pulls(&world).iter().map(|pull| text(pull, "title")).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    let issues = own_issues(&world);
    assert_eq!(issues.len(), 1, "the slow one has no patch and gets an issue: {issues:?}");
    assert!(text(&issues[0], "title").starts_with("[PagerDuty "), "{issues:?}");

    let deployments = || {
        let requests = world.github.requests();
        let path = "GET /repos/{owner}/{repo}/deployments";
        (requests.count(path), requests.count(&format!("{path}/{{id}}/statuses")))
    };
    let before = deployments();
    let again = respond(&world, &world.schedule(), &[]).await;
    expect_code(&again, 0);
    let after = deployments();
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 2), "asked once for all incidents of a sweep");
    assert_eq!(own_pulls(&world).len(), 2);
    assert_eq!(own_issues(&world).len(), 1);
    assert_eq!(again.summary.matches("answered before").count(), 3, "{}", again.summary);
}

#[tokio::test]
async fn a_sweep_stops_at_its_limits_and_says_so() {
    let world = world("leak").await;
    commit(&world, ".github/incident-responder.yml", MAPPED).await;
    raise(&world, "PSVC001", "triggered", "worker-deployment OOM Killed again", 5);
    let answer = respond(&world, &world.schedule(), &[("max-incidents", "1")]).await;
    expect_code(&answer, 0);
    assert_eq!(own_pulls(&world).len(), 1);
    assert!(answer.summary.contains("max-incidents"), "{}", answer.summary);
}

#[tokio::test]
async fn without_a_mapping_a_sweep_does_nothing_and_says_why() {
    let world = world("leak").await;
    let answer = respond(&world, &world.schedule(), &[]).await;
    expect_code(&answer, 0);
    assert_eq!(answer.outputs.get("result").map(String::as_str), Some("skipped"));
    assert!(own_pulls(&world).is_empty());
    assert!(answer.stdout.contains("maps none"), "{}", answer.stdout);
}

#[tokio::test]
async fn a_forged_marker_does_not_count_as_an_answer() {
    let world = world("leak").await;
    commit(&world, ".github/incident-responder.yml", MAPPED).await;
    expect_code(&ask(&world).await, 0);
    let body = own_comments(&world).pop().expect("an answer");
    let forged = world.comment(Comment::asking(&body).by("octo-dev"));
    drop(forged);
    world.github.records().comments.retain(|comment| comment["user"]["login"] != "github-actions[bot]");
    world.github.records().pulls.retain(|pull| pull["user"]["login"] != "github-actions[bot]");
    world.github.records().issues.retain(|issue| issue["user"]["login"] != "github-actions[bot]");
    world.git(&["update-ref", "-d", "refs/heads/fix/incident-12345"]).await.expect("the branch is deleted");
    expect_code(&respond(&world, &world.schedule(), &[]).await, 0);
    assert_eq!(own_pulls(&world).len(), 1, "answered anew");
}
