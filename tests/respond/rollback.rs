//! Taking a landing back: when it is opened, when it is only described, and what is written.

use demo::scenario::Scenario;
use demo::world::{Comment, Settings, World};
use serde_json::{Value, json};

use super::support::*;

const ROLLBACK: &str = "@pagerduty-incident-responder rollback incident #12345";
const BRANCH: &str = "rollback/incident-12345";

async fn ask_for_rollback(world: &World) {
    let event = world.comment(Comment::asking(ROLLBACK));
    expect_code(&respond(world, &event, &[]).await, 0);
}

/// Changes GitHub's record of the pull request that brought the culprit.
fn alter_culprit(world: &World, change: impl Fn(&mut Value)) {
    let number = world.culprit().and_then(|landed| landed.pull).expect("its pull request");
    world.github.records().pull_mut(number).map(change).expect("a record");
}

/// Expects an answer that tells why nothing is opened.
async fn expect_described(world: &World, reason: &str) {
    expect_code(&ask(world).await, 0);
    assert!(own_pulls(world).is_empty() && branches(world).await.is_empty());
    let comment = own_comments(world).pop().expect("an answer").replace(['\u{200b}', '\\'], "");
    assert!(comment.contains("not opened"), "{comment}");
    assert!(comment.contains(reason), "{reason} is missing in\n{comment}");
    assert!(comment.contains("git revert -m 1 "), "{comment}");
}

#[tokio::test]
async fn a_landing_that_breaks_a_report_is_rolled_back() {
    let world = world("traceback").await;
    let answer = ask(&world).await;
    expect_code(&answer, 0);
    let culprit = world.culprit().expect("a culprit").clone();
    assert_eq!(answer.outputs.get("branch").map(String::as_str), Some(BRANCH), "{:?}", answer.outputs);
    assert_eq!(answer.outputs.get("suspect-commit"), Some(&culprit.sha));
    assert_eq!(branches(&world).await, [BRANCH]);

    let pulls = own_pulls(&world);
    assert_eq!(pulls.len(), 1);
    let pull = &pulls[0];
    assert_eq!(text(pull, "title"), "[Incident #12345] Roll back pull request 49 (daily.py)");
    assert_eq!(pull["draft"], true);
    let reviewers: Vec<String> =
        pull["requested_reviewers"].as_array().into_iter().flatten().map(|it| text(it, "login")).collect();
    assert_eq!(reviewers, ["oncall-engineer", "octo-dev"]);
    let body = text(pull, "body");
    for part in ["## Why this landing", "octo-dev", "pull request 49", "## How to land it again", "report/daily.py"] {
        assert!(body.contains(part), "{part} is missing in\n{body}");
    }
    assert!(!body.contains("@octo-dev"), "{body}");

    let message = world.git(&["log", "-1", "--format=%B", BRANCH]).await.expect("a message");
    assert!(message.contains(&format!("This reverts commit {}.", culprit.sha)), "{message}");
    let differs = world.git(&["diff", "--stat", &format!("{}^1", culprit.sha), BRANCH, "--", "report"]).await;
    assert_eq!(differs.expect("a difference"), "", "the report is what it was");
    let files = world.git(&["diff", "--name-only", "main", BRANCH]).await.expect("a difference");
    assert_eq!(files, "report/daily.py");
}

#[tokio::test]
async fn a_second_question_finds_the_rollback_again() {
    let world = world("traceback").await;
    expect_code(&ask(&world).await, 0);
    let answer = ask(&world).await;
    assert_eq!(answer.outputs.get("pull-request-operation").map(String::as_str), Some("unchanged"));
    let number = own_pulls(&world)[0]["number"].as_u64().expect("a number");
    if let Some(pull) = world.github.records().pull_mut(number) {
        pull["state"] = json!("closed");
    }
    world.git(&["update-ref", "-d", &format!("refs/heads/{BRANCH}")]).await.expect("the branch is deleted");
    expect_code(&ask(&world).await, 0);
    assert_eq!(own_pulls(&world).len(), 1, "a person said no");
    assert!(branches(&world).await.is_empty());
}

#[tokio::test]
async fn an_opt_out_a_revert_and_the_cap_are_respected() {
    let world = world("traceback").await;
    alter_culprit(&world, |pull| pull["labels"] = json!([{"name": "no-autorevert"}]));
    expect_described(&world, "the label `no-autorevert`").await;
    alter_culprit(&world, |pull| {
        pull["labels"] = json!([]);
        pull["body"] = json!("Please keep.\n\nNOAUTOREVERT=true");
    });
    expect_described(&world, "opted out").await;
    alter_culprit(&world, |pull| pull["body"] = json!(""));
    let mut revert = world.github.records().pulls[0].clone();
    revert["number"] = json!(60);
    revert["state"] = json!("closed");
    revert["merged_at"] = Value::Null;
    revert["title"] = json!("Revert \"Report durations in seconds\"");
    revert["head"]["ref"] = json!("revert-49-topic");
    revert["created_at"] = json!(world.incident_at.to_rfc3339());
    world.github.records().pulls.push(revert);
    expect_described(&world, "a person closed pull request 60").await;
    world.github.records().pulls.pop();
    commit(&world, ".github/incident-responder.yml", "rollback: {daily-cap: 0}\n").await;
    expect_described(&world, "the cap is 0").await;
}

#[tokio::test]
async fn what_landed_since_and_what_is_protected_hold_a_rollback() {
    let world = world("traceback").await;
    commit(&world, ".github/incident-responder.yml", "protected-paths: [report/]\n").await;
    expect_described(&world, "protected by the pattern `report/`").await;
    commit(&world, ".github/incident-responder.yml", "rollback: {open: asked}\n").await;
    expect_described(&world, "a person to ask").await;
    ask_for_rollback(&world).await;
    assert_eq!(own_pulls(&world).len(), 1, "a person asked");

    let other = self::world("traceback").await;
    let report = other.git(&["show", "main:report/daily.py"]).await.expect("the report");
    commit(&other, "report/daily.py", &format!("{}\n", report.replace("took, from", "took, read from"))).await;
    expect_described(&other, "changed `report/daily.py` since").await;
}

/// The culprit landed 25 hours before the incident, after the deployment of the day before and before that of the same day.
fn a_day_older() -> Vec<demo::history::Landing> {
    let mut landings = (scenario().landings)();
    let place = landings.iter().position(|it| Some(it.subject) == scenario().expect.culprit).expect("a culprit");
    let mut culprit = landings.remove(place);
    culprit.before = chrono::TimeDelta::hours(25);
    let place = landings.iter().position(|it| it.before < culprit.before).expect("later ones");
    landings.insert(place, culprit);
    landings
}

fn scenario() -> &'static Scenario {
    demo::scenario::find("traceback").expect("a scenario")
}

#[tokio::test]
async fn an_older_landing_is_taken_back_where_it_came_with_the_deployment_at_fault() {
    static OLDER: Scenario = Scenario {
        landings: a_day_older,
        alert: || (scenario().alert)(),
        name: "traceback-older",
        about: "",
        worker: demo::scenario::Worker::Sound,
        expect: demo::scenario::Expect {
            culprit: Some("Report durations in seconds (#49)"),
            outcome: demo::scenario::Outcome::PullRequest(BRANCH),
            restored: None,
            shown: None,
        },
    };
    for deployed in [true, false] {
        let settings = Settings { scenario: &OLDER, ..Settings::of("traceback") };
        let world = World::start(settings).await.expect("the world starts");
        world.raise_incident().await.expect("the incident is raised");
        if !deployed {
            world.github.records().deployments.clear();
        }
        let event = world.comment(Comment::asking(COMMAND));
        // Its deployment brings it into the search; without one a longer window does.
        let hours = if deployed { "24" } else { "48" };
        expect_code(&respond(&world, &event, &[("window-hours", hours)]).await, 0);
        let comment = own_comments(&world).pop().expect("an answer");
        assert_eq!(own_pulls(&world).len(), usize::from(deployed), "{comment}");
        assert!(deployed || comment.contains("25 hours before the incident"), "{comment}");
    }
}

#[tokio::test]
async fn a_sweep_offers_a_rollback_as_well() {
    let world = world("traceback").await;
    commit(&world, ".github/incident-responder.yml", "services:\n  worker-deployment: {paths: [report/]}\n").await;
    expect_code(&respond(&world, &world.schedule(), &[]).await, 0);
    assert_eq!(branches(&world).await, [BRANCH]);
    expect_code(&respond(&world, &world.schedule(), &[]).await, 0);
    assert_eq!(own_pulls(&world).len(), 1);
}

#[tokio::test]
async fn where_github_cannot_say_nothing_is_taken_back() {
    let world = world("traceback").await;
    for _ in 0..6 {
        let failing = demo::github::Scripted::new("GET /repos/{owner}/{repo}/pulls/{number}", 403, "no access");
        world.github.records().script.push_back(failing);
    }
    expect_described(&world, "GitHub was asked and failed").await;
}

#[tokio::test]
async fn the_fix_is_preferred_and_a_person_can_have_the_rollback() {
    let world = world("leak").await;
    expect_code(&ask(&world).await, 0);
    let comment = own_comments(&world).pop().expect("an answer");
    assert!(comment.contains("Taking the landing back *is* this fix"), "{comment}");
    assert_eq!(branches(&world).await, ["fix/incident-12345"]);
    ask_for_rollback(&world).await;
    assert_eq!(branches(&world).await, ["fix/incident-12345", BRANCH]);
    let pull = own_pulls(&world).pop().expect("a rollback");
    assert_eq!(text(&pull, "title"), "[Incident #12345] Roll back pull request 31 (worker.c)");
    assert!(text(&pull, "body").contains("asked for in a comment"), "{pull}");
    assert_eq!(own_comments(&world).len(), 1, "the answer is one comment");
    let same = world.git(&["diff", "--stat", "fix/incident-12345", BRANCH]).await.expect("a difference");
    assert_eq!(same, "");
}

#[tokio::test]
async fn a_lowered_limit_is_restored_and_its_landing_is_not_taken_back() {
    let world = world("lowered-limit").await;
    expect_code(&ask(&world).await, 0);
    assert_eq!(branches(&world).await, ["fix/incident-12345"]);
    let difference = world.git(&["diff", "--unified=0", "main", "fix/incident-12345"]).await.expect("a difference");
    let changed: Vec<&str> = difference.lines().filter(|line| line.starts_with(['-', '+'])).skip(2).collect();
    assert_eq!(changed, ["-              memory: \"8Mi\"", "+              memory: \"64Mi\""]);
    let pull = own_pulls(&world).pop().expect("a pull request");
    assert_eq!(text(&pull, "title"), "[Incident #12345] Restore memory limit in deployment");
    let comment = own_comments(&world).pop().expect("an answer").replace('\u{200b}', "");
    assert!(comment.contains("changed `k8s/deployment.yaml` since"), "{comment}");
}

#[tokio::test]
async fn nothing_is_taken_back_where_nothing_is_at_fault() {
    let world = world("no-culprit").await;
    expect_code(&ask(&world).await, 0);
    assert!(own_pulls(&world).is_empty() && branches(&world).await.is_empty());
    assert!(!own_comments(&world)[0].contains("Rollback or fix forward"), "{}", own_comments(&world)[0]);
}

#[tokio::test]
async fn modes_links_and_removed_files_come_back_as_they_were() {
    let world = world("no-culprit").await;
    // The first landing adds a script and a link; the second, the newest, changes all of them.
    let (before, after) = (world.incident_at.timestamp() - 900, world.incident_at.timestamp() - 600);
    let who = |at: i64| format!("committer octo-dev <octo-dev@example.com> {at} +0000\n");
    let stream = format!(
        "commit refs/heads/main\n{}data 9\nAdd tools\nfrom refs/heads/main^0\n\
         M 100755 inline tools/run.sh\ndata 9\necho one\n\nM 120000 inline tools/link\ndata 6\nrun.sh\n\
         M 100644 inline tools/old.txt\ndata 4\nold\n\n\
         commit refs/heads/main\n{}data 23\nRework jobs of incoming\nM 100644 inline tools/run.sh\ndata 9\necho two\n\n\
         D tools/link\nD tools/old.txt\nM 100644 inline tools/new.txt\ndata 4\nnew\n\n",
        who(before),
        who(after)
    );
    demo::git::run(world.github.bare(), &["fast-import", "--quiet", "--date-format=raw"], stream.as_bytes(), &[])
        .await
        .expect("landed");
    // Both came after the scenario's deployment.
    world.github.records().deployments.clear();
    world.pagerduty.records().change_events.clear();
    world.pagerduty.records().incidents[0]["title"] =
        json!("tools/run.sh: jobs of incoming fail, tools/new.txt is wrong");
    ask_for_rollback(&world).await;
    assert_eq!(branches(&world).await, [BRANCH], "{}", own_comments(&world)[0]);
    let tree = async |name: &str| world.git(&["rev-parse", &format!("{name}^{{tree}}")]).await.expect("a tree");
    assert_eq!(tree(BRANCH).await, tree("main^").await, "the inverse of the newest landing is the tree before it");
    assert_eq!(world.github.requests().count("POST /repos/{owner}/{repo}/git/commits"), 1);
    assert_eq!(world.github.requests().count("POST /graphql"), 1, "only the viewer was asked for");
}
