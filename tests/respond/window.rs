//! Which landings are searched: what ran, what came with it, what is older, and who says so.

use chrono::TimeDelta;
use demo::history::{Change, Landing, Shape};
use demo::scenario::{Expect, Outcome, Scenario, Worker};
use demo::world::{Settings, World};
use serde_json::{Value, json};

use super::support::*;

/// The answer to a command, as a person reads it.
async fn answered(world: &World) -> String {
    expect_code(&ask(world).await, 0);
    own_comments(world).pop().expect("an answer").replace(['\u{200b}', '\\'], "")
}

#[track_caller]
fn expect_said(comment: &str, parts: &[&str]) {
    for part in parts {
        assert!(comment.contains(part), "{part} is missing in\n{comment}");
    }
}

/// The commit that was the newest so long before the incident.
fn newest(world: &World, before: TimeDelta) -> String {
    let landed = world.landed.iter().rev().find(|landed| landed.at <= world.incident_at - before);
    landed.expect("a landing").sha.clone()
}

/// Makes GitHub and PagerDuty know of these deployments alone.
fn deploy(world: &World, deployments: &[(String, TimeDelta)]) {
    world.pagerduty.records().change_events.clear();
    let mut records = world.github.records();
    records.deployments.clear();
    for (commit, before) in deployments.iter().rev() {
        records.add_deployment(world.github.links(), commit, world.incident_at - *before);
    }
    records.deployments.reverse();
}

/// A scenario of the tests' own.
async fn world_with(landings: fn() -> Vec<Landing>, alert: fn() -> Value) -> World {
    static NOTHING: Expect = Expect { culprit: None, outcome: Outcome::Inconclusive, restored: None, shown: None };
    let scenario = Scenario { name: "own", about: "", landings, worker: Worker::Sound, alert, expect: NOTHING };
    world_of(Settings { scenario: Box::leak(Box::new(scenario)), ..Settings::of("traceback") }).await
}

fn traceback() -> &'static Scenario {
    demo::scenario::find("traceback").expect("a scenario")
}

const CULPRIT: &str = "Report durations in seconds (#49)";

/// The landings of the traceback's scenario, the culprit so many hours before the incident.
fn culprit_at(hours: i64) -> Vec<Landing> {
    let mut landings = (traceback().landings)();
    let place = landings.iter().position(|it| it.subject == CULPRIT).expect("a culprit");
    let mut culprit = landings.remove(place);
    culprit.before = TimeDelta::hours(hours);
    let place = landings.iter().position(|it| it.before < culprit.before).expect("later ones");
    landings.insert(place, culprit);
    landings
}

#[tokio::test]
async fn what_came_with_the_deployment_is_searched_first_however_old_it_is() {
    let world = world_with(|| culprit_at(70), traceback().alert).await;
    let before = [
        (newest(&world, TimeDelta::hours(4)), TimeDelta::hours(4)),
        (newest(&world, TimeDelta::hours(72)), TimeDelta::hours(71)),
    ];
    deploy(&world, &before);
    let comment = answered(&world).await;
    let head = "2 landings in the 24 h before the incident, up to";
    expect_said(&comment, &[head, "GitHub deployed it to `production`", "which replaced", "Merge pull request #49"]);
    assert!(
        comment.contains("deployed: [`"),
        "where no change event tells it, GitHub's deployment stands in the timeline: {comment}"
    );
    // The two newest of the last day landed after the deployment.
    expect_said(&comment, &["2 landings of the branch had not reached production"]);
    assert_eq!(own_pulls(&world).len(), 1, "{comment}");
    assert_eq!(branches(&world).await, ["rollback/incident-12345"]);
}

#[tokio::test]
async fn nothing_is_accused_that_had_not_reached_production() {
    let world = world("traceback").await;
    let former = newest(&world, TimeDelta::days(9));
    deploy(&world, &[(newest(&world, TimeDelta::hours(9)), TimeDelta::hours(8)), (former, TimeDelta::days(9))]);
    let comment = answered(&world).await;
    expect_said(&comment, &["3 landings of the branch had not reached production", "No landing is accused"]);
    assert!(!comment.contains("Merge pull request #49"), "{comment}");
    assert!(own_pulls(&world).is_empty());
}

#[tokio::test]
async fn a_fault_that_had_not_reached_production_is_told_as_such() {
    let world = world("leak").await;
    let former = newest(&world, TimeDelta::days(9));
    deploy(&world, &[(newest(&world, TimeDelta::hours(9)), TimeDelta::hours(8)), (former, TimeDelta::days(9))]);
    let comment = answered(&world).await;
    expect_said(&comment, &["The fault had not reached production", "Something else must have caused this incident"]);
    assert!(!comment.contains("Rollback or fix forward"), "{comment}");
    // The patch is shown, and not offered as this incident's remedy.
    expect_said(&comment, &["+        free(buffer);", "No pull request: the fault came with"]);
    assert!(own_pulls(&world).is_empty());
}

#[tokio::test]
async fn a_deployment_that_failed_or_waits_brought_nothing() {
    let world = world("traceback").await;
    let newest_of_all = newest(&world, TimeDelta::zero());
    let deployed = newest(&world, TimeDelta::hours(9));
    let former = newest(&world, TimeDelta::days(9));
    deploy(
        &world,
        &[
            (newest_of_all.clone(), TimeDelta::hours(1)),
            (newest_of_all, TimeDelta::hours(2)),
            (deployed.clone(), TimeDelta::hours(8)),
            (former, TimeDelta::days(9)),
        ],
    );
    for (index, state) in [(0, "waiting"), (1, "failure")] {
        world.github.records().deployments[index]["statuses"][0]["state"] = json!(state);
    }
    let comment = answered(&world).await;
    expect_said(&comment, &[&format!("up to [`{}`]", &deployed[..10]), "had not reached production"]);
    assert!(own_pulls(&world).is_empty(), "{comment}");
    let asked = world.github.requests().count("GET /repos/{owner}/{repo}/deployments/{id}/statuses");
    assert_eq!(asked, 4);
}

#[tokio::test]
async fn other_environments_say_nothing_unless_the_configuration_names_one() {
    let world = world("traceback").await;
    let deployed = newest(&world, TimeDelta::hours(9));
    deploy(&world, &[(deployed.clone(), TimeDelta::hours(8))]);
    for field in ["environment", "original_environment"] {
        world.github.records().deployments[0][field] = json!("blue");
    }
    world.github.records().deployments[0]["production_environment"] = json!(false);
    let comment = answered(&world).await;
    expect_said(&comment, &["Not looked at: deployments to blue", "nobody says what was deployed"]);
    assert_eq!(own_pulls(&world).len(), 1, "{comment}");

    let mapped = "services:\n  worker-deployment: {paths: [worker.c, report/], environment: blue}\n";
    commit(&world, ".github/incident-responder.yml", mapped).await;
    expect_said(&answered(&world).await, &["GitHub deployed it to `blue`"]);
}

#[tokio::test]
async fn without_the_permission_one_gap_is_told_and_change_events_say_it() {
    let world = world("traceback").await;
    let path = "GET /repos/{owner}/{repo}/deployments";
    let refused = demo::github::Scripted::new(path, 403, "Resource not accessible by integration");
    world.github.records().script.push_back(refused);
    let comment = answered(&world).await;
    assert_eq!(comment.matches("deployments: read").count(), 1, "{comment}");
    expect_said(&comment, &["a change event in PagerDuty says Deployed"]);
    assert_eq!(own_pulls(&world).len(), 1, "{comment}");
    assert_eq!(world.github.requests().count(path), 1);
}

#[tokio::test]
async fn change_events_of_the_service_say_what_ran_before() {
    let world = world_with(|| culprit_at(70), traceback().alert).await;
    world.github.records().deployments.clear();
    let mut former = world.pagerduty.records().change_events[0].clone();
    former["id"] = json!("01CHG900");
    former["summary"] = json!("Released an earlier version");
    former["timestamp"] = json!((world.incident_at - TimeDelta::hours(71)).to_rfc3339());
    former["links"] = json!([]);
    former["custom_details"] = json!({"git_sha": newest(&world, TimeDelta::hours(72))});
    world.pagerduty.records().change_events.push(former);
    let comment = answered(&world).await;
    expect_said(&comment, &["a change event in PagerDuty says Deployed", "which replaced"]);
    assert_eq!(own_pulls(&world).len(), 1, "{comment}");
}

#[tokio::test]
async fn an_alert_that_names_its_version_is_believed_before_all_others() {
    for by_tag in [false, true] {
        let world = world("traceback").await;
        let ran = newest(&world, TimeDelta::hours(9));
        let image =
            if by_tag { "registry.example.com/worker:1.4.2".to_owned() } else { format!("worker:main-{}", &ran[..9]) };
        world.git(&["tag", "v1.4.2", &ran]).await.expect("a tag");
        world.pagerduty.records().alerts[0]["body"]["details"]["image"] = json!(image);
        let comment = answered(&world).await;
        expect_said(&comment, &[&format!("an alert says `image: {image}`"), "No landing is accused"]);
        assert!(own_pulls(&world).is_empty(), "{comment}");
        assert!(world.github.git_requests().total() <= 8, "{}", world.github.git_requests().lines().join("\n"));
    }
}

/// Long before, a helper of the report was taken out that another line still asks for; since then only documentation landed.
fn helper_removed() -> Vec<Landing> {
    let mut landings = (traceback().landings)();
    landings.retain(|it| it.subject != CULPRIT);
    let landing = |days: i64, subject: &'static str, changes: Vec<Change>| Landing {
        before: TimeDelta::days(days),
        author: "octo-dev",
        subject,
        body: "",
        changes,
        shape: Shape::Squash,
    };
    let helper = "def parse_header(row):\n    return row\n\n\n";
    let with_helper = format!("{helper}def late(rows):\n    return [parse_header(row) for row in rows]\n");
    let without = with_helper.replace(helper, "");
    let added = landing(80, "Parse what is late (#35)", vec![Change::Write("report/late.py", with_helper)]);
    let removed = landing(40, "Drop a helper (#39)", vec![Change::Write("report/late.py", without)]);
    for new in [added, removed] {
        let place = landings.iter().position(|it| it.before < new.before).expect("later ones");
        landings.insert(place, new);
    }
    landings
}

fn name_error() -> Value {
    let mut alert = (traceback().alert)();
    alert["payload"]["summary"] = json!("the report of what is late fails");
    alert["payload"]["custom_details"]["log"] = json!(
        "Traceback (most recent call last):\n  File \"/app/report/late.py\", line 2, in late\n\
         \x20   return [parse_header(row) for row in rows]\nNameError: name 'parse_header' is not defined\n"
    );
    alert
}

#[tokio::test]
async fn a_frame_leads_further_back_to_who_took_a_name_out_and_who_wrote_its_line() {
    let world = world_with(helper_removed, name_error).await;
    // What came with the deployment is less than what landed in the day before.
    let deployed = [TimeDelta::hours(1), TimeDelta::hours(4)].map(|before| (newest(&world, before), before));
    deploy(&world, &deployed);
    let comment = answered(&world).await;
    expect_said(
        &comment,
        &[
            "1. what came with the last deployment: nothing in there explains it",
            "2. all landings of the 24 h before the incident: nothing in there explains it",
            "3. older landings that wrote or took out what the trail leads to",
            "No landing is accused",
            "it took out a `parse_header` of `report/late.py`, 40 days before",
        ],
    );
    let (removed, wrote) = (comment.find("Drop a helper"), comment.find("Parse what is late"));
    assert!(removed.is_some() && removed < wrote, "{comment}");
    assert!(own_pulls(&world).is_empty(), "an old line is no reason to take anything back");
}
