//! The responder against PagerDuty's own `pagerduty-mcp`, which reads the demo world's REST API.
//!
//! Runs where `PAGERDUTY_MCP_PYTHON` names interpreters with the package, separated by `;`; `.ci/real-peers` makes them.
//! Elsewhere the tests are ignored, and a line says why.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use libtest_mimic::Trial;

use chrono::{SecondsFormat, TimeDelta};
use demo::world::{Answer, Comment, PAGERDUTY_TOKEN, Settings, World};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::{run, skipped};

/// A test for each way to reach each version; ignored, with the reason beside its name, where the machine has none.
pub(crate) fn trials() -> Vec<Trial> {
    let stdio = "pagerduty_mcp: the published command over stdio";
    let http = "pagerduty_mcp: its tools over streamable HTTP";
    let given = std::env::var("PAGERDUTY_MCP_PYTHON").unwrap_or_default();
    let interpreters: Vec<String> = given.split(';').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if interpreters.is_empty() {
        let why = "PAGERDUTY_MCP_PYTHON names no Python 3.12 with pagerduty-mcp";
        return vec![skipped(stdio, why), skipped(http, why)];
    }
    let both = |python: String| {
        let again = python.clone();
        [
            Trial::test(format!("{stdio}: {python}"), move || run(over_stdio(python))),
            Trial::test(format!("{http}: {again}"), move || run(over_http(again))),
        ]
    };
    interpreters.into_iter().flat_map(both).collect()
}

async fn world() -> World {
    let mut world = World::start(Settings::of("leak")).await.expect("a world");
    world.raise_incident().await.expect("an incident");
    // PagerDuty alone knows what was deployed, and of the incident's change events one is not enough to say what ran before.
    world.github.records().deployments.clear();
    let former =
        world.landed.iter().rev().find(|it| it.at < world.incident_at - TimeDelta::days(1)).expect("a landing");
    let mut change = world.pagerduty.records().change_events[0].clone();
    change["id"] = json!("01CHG900");
    change["timestamp"] = json!((world.incident_at - TimeDelta::hours(25)).to_rfc3339_opts(SecondsFormat::Secs, true));
    change["links"] = json!([]);
    change["custom_details"] = json!({"sha": former.sha, "environment": "production"});
    world.pagerduty.records().change_events.insert(0, change);
    world.variables.push(("PAGERDUTY_API_HOST".to_owned(), world.pagerduty.rest_url()));
    // The peer is on trial here, and running the service takes seconds.
    world.variables.push(("INPUT_PROVE".to_owned(), "off".to_owned()));
    world
}

async fn ask(world: &World, inputs: &[(&str, &str)]) -> Answer {
    let event = world.comment(Comment::asking("@pagerduty-incident-responder analyze incident #12345"));
    let binary = Path::new(env!("CARGO_BIN_EXE_pagerduty-incident-responder"));
    world.respond(binary, &event, inputs).await.expect("the responder runs")
}

/// The answer is the one that the stand-in leads to: urgency, people and details came through the real server.
fn expect_fixed(world: &World, answer: &Answer, from: &str) {
    assert_eq!(answer.exit_code, Some(0), "{from}\n{}\n{}", answer.stdout, answer.stderr);
    assert_eq!(answer.outputs.get("branch").map(String::as_str), Some("fix/incident-12345"), "{from}");
    let culprit = world.culprit().expect("the scenario has one");
    assert_eq!(answer.outputs.get("suspect-commit"), Some(&culprit.sha), "{from}");
    let records = world.github.records();
    let open: Vec<_> = records.pulls.iter().filter(|pull| pull["state"] == "open").collect();
    assert_eq!(open.len(), 1, "{from}");
    assert_eq!(open[0]["requested_reviewers"][0]["login"], "oncall-engineer", "{from}");
    let body = open[0]["body"].as_str().unwrap_or_default();
    assert!(body.contains("HIGH"), "{from}: the urgency was found\n{body}");
    assert!(body.contains("https://octo-org.pagerduty.com/incidents/"), "{from}: so was the address\n{body}");
    let changes = world.pagerduty.rest_requests().count("GET /services/{id}/change_events");
    assert!(changes > 0, "{from}: the service's changes were asked for");
    let comments = records.comments.iter().filter_map(|comment| comment["body"].as_str());
    assert!(comments.into_iter().any(|body| body.contains("which replaced")), "{from}: and understood");
    assert_eq!(world.pagerduty.calls().total(), 0, "{from}: the stand-in's own MCP was not asked");
    assert!(world.pagerduty.rest_requests().count("GET /incidents/{id}") > 0, "{from}: its REST was");
}

async fn over_stdio(python: String) {
    let world = world().await;
    let command = python.replace("/python", "/pagerduty-mcp");
    let answer = ask(&world, &[("pagerduty-mcp-url", ""), ("pagerduty-mcp-command", &command)]).await;
    expect_fixed(&world, &answer, &command);
}

async fn over_http(python: String) {
    let world = world().await;
    let (url, mut server) = serve(&python, &world).await;
    let answer = ask(&world, &[("pagerduty-mcp-url", &url)]).await;
    expect_fixed(&world, &answer, &format!("{python} over HTTP"));
    server.kill().await.expect("it can be ended");
}

/// Starts the launcher and waits until it listens, however long Python takes.
async fn serve(python: &str, world: &World) -> (String, Child) {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pagerduty/fixtures/serve_http.py");
    let mut server = Command::new(python)
        .args([script, &address.port().to_string()])
        .env("PAGERDUTY_USER_API_KEY", PAGERDUTY_TOKEN)
        .env("PAGERDUTY_API_HOST", world.pagerduty.rest_url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Python starts");
    while TcpStream::connect(address).await.is_err() {
        assert_eq!(server.try_wait().expect("a child of ours"), None, "{python} ended before it listened");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (format!("http://{address}/mcp"), server)
}
